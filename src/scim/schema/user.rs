//! The core user (RFC 7643 sections 4.1 and 8.7.1).

use super::build::{binary, boolean, complex, list, reference, string};
use super::{Attribute, Schema, USER_URN};

/// The schema of `User`.
pub(super) fn schema() -> Schema {
    let mut attributes = singular();
    attributes.extend(plural());
    Schema {
        id: USER_URN.to_owned(),
        name: "User".to_owned(),
        description: "A person's account".to_owned(),
        attributes,
    }
}

/// RFC 7643 section 4.1.1.
fn singular() -> Vec<Attribute> {
    vec![
        string(
            "userName",
            "The name the person signs in with. No two users of a directory share one, whatever its case.",
        )
        .required()
        .unique(),
        complex(
            "name",
            "The person's name, in parts and as a whole.",
            vec![
                string("formatted", "The full name as it is to be shown, such as Dr. Ada K. Byron."),
                string("familyName", "The family name, or last name in most Western languages."),
                string("givenName", "The given name, or first name in most Western languages."),
                string("middleName", "The middle names."),
                string("honorificPrefix", "What stands before the name, such as Dr."),
                string("honorificSuffix", "What stands behind the name, such as III."),
            ],
        ),
        string("displayName", "The name under which the person is shown to others."),
        string("nickName", "What the person is called in everyday life, such as Bob instead of Robert."),
        reference("profileUrl", &["external"], "The address of a page about the person."),
        string("title", "The job title, such as Vice President."),
        string("userType", "How the person relates to the organization, such as Employee or Contractor."),
        string("preferredLanguage", "The languages the person prefers, as in an Accept-Language header."),
        string("locale", "How dates, numbers and currencies are shown to the person, such as en-US."),
        string("timezone", "The person's time zone, named as in the IANA database: Europe/Stockholm."),
        boolean("active", "Whether the person may use the account. Set to false, every access ends at once."),
        string(
            "password",
            "A password in clear text. It is accepted for compatibility and discarded: nothing stores it.",
        )
        .case_exact()
        .write_only(),
    ]
}

/// RFC 7643 section 4.1.2.
fn plural() -> Vec<Attribute> {
    vec![
        values("emails", "E-mail addresses.", string("value", "The address."), &["work", "home", "other"]),
        values(
            "phoneNumbers",
            "Telephone numbers.",
            string("value", "The number, best as a tel: URI of RFC 3966."),
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        values(
            "ims",
            "Instant messaging addresses.",
            string("value", "The address."),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        values(
            "photos",
            "Addresses of pictures of the person.",
            reference("value", &["external"], "The URL of the picture. It is stored and never fetched."),
            &["photo", "thumbnail"],
        ),
        addresses(),
        groups(),
        values("entitlements", "What the person is entitled to.", string("value", "The entitlement."), &[]),
        values("roles", "What the person is, such as Student or Faculty.", string("value", "The role."), &[]),
        values(
            "x509Certificates",
            "Certificates issued to the person.",
            binary("value", "The certificate, DER in base64."),
            &[],
        ),
    ]
}

/// A list whose elements have the usual parts (RFC 7643 section 2.4).
fn values(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let parts = vec![
        value,
        string("display", "The value as it is to be shown."),
        string("type", "What the value is used for.").suggesting(types),
        boolean("primary", "Whether this is the preferred value. Only one can be."),
    ];
    list(name, description, parts)
}

fn addresses() -> Attribute {
    list(
        "addresses",
        "Postal addresses.",
        vec![
            string("formatted", "The whole address as it is to be shown; it may have several lines."),
            string("streetAddress", "Street, house number, box, apartment; it may have several lines."),
            string("locality", "The city or place."),
            string("region", "The state or region."),
            string("postalCode", "The postal code."),
            string("country", "The country, as a code of ISO 3166-1 alpha-2."),
            string("type", "What the address is used for.").suggesting(&["work", "home", "other"]),
            boolean("primary", "Whether this is the preferred address. Only one can be."),
        ],
    )
}

fn groups() -> Attribute {
    list(
        "groups",
        "The groups the person belongs to. They change through the groups' members only.",
        vec![
            string("value", "The id of the group.").case_exact(),
            reference("$ref", &["User", "Group"], "The URL of the group."),
            string("display", "The name of the group."),
            string("type", "Whether the person is a member itself or through another group.")
                .suggesting(&["direct", "indirect"]),
        ],
    )
    .read_only()
}
