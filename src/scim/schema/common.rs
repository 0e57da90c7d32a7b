//! The attributes that every resource has (RFC 7643 sections 3 and 3.1).

use super::Attribute;
use super::build::{complex, date_time, reference, string};

/// `schemas`, `id`, `externalId` and `meta`.
pub(super) fn attributes() -> Vec<Attribute> {
    vec![
        reference("schemas", &["uri"], "The URNs of the schemas that the resource's attributes belong to.")
            .many()
            .required()
            .always_returned(),
        string("id", "The identifier of the resource at this server. It never changes and is never used again.")
            .case_exact()
            .read_only()
            .always_returned()
            .unique(),
        string("externalId", "The identifier of the resource at the identity provider, which alone sets it.")
            .case_exact(),
        complex(
            "meta",
            "What the server records about the resource.",
            vec![
                string("resourceType", "The name of the resource's type, such as User.").case_exact(),
                date_time("created", "When the resource was created here."),
                date_time("lastModified", "When the resource last changed here."),
                reference("location", &["uri"], "The URL of the resource."),
                string("version", "The resource's entity tag: it changes whenever the resource does.").case_exact(),
            ],
        )
        .read_only(),
    ]
}
