//! What an admin does at each identity provider. The same is told at length in `docs/connect-*.md`; a test below sees to
//! it that both name the same fields.

use std::collections::BTreeMap;

use crate::domain::identity_provider::recognised;

/// An identity provider, as the guide knows it.
pub struct Provider {
    /// Its word in addresses.
    pub word: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The type of a directory of it.
    pub kind: &'static str,
    /// What to do there first.
    pub first: &'static [&'static str],
    /// What to fill in.
    pub fields: &'static [(&'static str, Field)],
    /// How to test the connection, and what comes of it.
    pub test: &'static str,
    /// What to do then, so that people and groups come.
    pub then: &'static [&'static str],
    /// What is good to know.
    pub know: &'static [&'static str],
}

/// What goes into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The address of the directory.
    BaseUrl,
    /// The token.
    Token,
    /// This text.
    Text(&'static str),
}

/// All of them; the last is for every other.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        word: "okta",
        name: "Okta",
        kind: "okta scim v2.0",
        first: &[
            "Open the application in the Okta admin console: General, App Settings, Edit. Set Provisioning to SCIM and save.",
            "Open Provisioning, Integration, Edit, and fill in the fields below.",
        ],
        fields: &[
            ("SCIM connector base URL", Field::BaseUrl),
            ("Unique identifier field for users", Field::Text("userName")),
            ("Supported provisioning actions", Field::Text("Push New Users, Push Profile Updates, Push Groups")),
            ("Authentication Mode", Field::Text("HTTP Header")),
            ("Authorization (Bearer)", Field::Token),
        ],
        test: "Press Test Connector Configuration. It asks for two users and for groups; empty lists are a success.",
        then: &[
            "Provisioning, To App: enable Create Users, Update User Attributes and Deactivate Users.",
            "Assignments: assign people or groups. Okta now creates these people.",
            "Push Groups: choose the groups whose members Okta is to keep up to date here. Assigning a group does not push it.",
        ],
        know: &[
            "An application of the catalogue has Provisioning, Configure API Integration instead: Base URL and API Token. Some \
             of these send the token without the word Bearer: paste \"Bearer\", a space and the token, or allow it in the \
             settings of the directory.",
            "Okta never deletes people. Unassigning somebody sets their membership inactive at once.",
        ],
    },
    Provider {
        word: "entra",
        name: "Microsoft Entra ID",
        kind: "azure scim v2.0",
        first: &[
            "Enterprise applications, New application, Create your own application, \"Integrate any other application you \
             don't find in the gallery\".",
            "Provisioning, Get started (or New configuration), mode Automatic. Fill in the admin credentials below.",
        ],
        fields: &[("Tenant URL", Field::BaseUrl), ("Secret Token", Field::Token)],
        test: "Press Test Connection. Entra asks for a user with a random name; an empty list is the success. Then save.",
        then: &[
            "Mappings, Provision Microsoft Entra ID Users: map externalId to objectId rather than to mailNickname, since the \
             object id never changes.",
            "Mappings, Provision Microsoft Entra ID Groups: leave it enabled if you want groups.",
            "Users and groups: assign whom you want, with the scope \"Sync only assigned users and groups\".",
            "Provision on demand pushes one person at once: try it with yourself. Then Start provisioning.",
        ],
        know: &[
            "A cycle takes about 40 minutes. Be patient, or provision on demand.",
            "A nested group comes as one member. Assign the inner groups, too, so that they are known here.",
        ],
    },
    Provider {
        word: "onelogin",
        name: "OneLogin",
        kind: "onelogin scim v2.0",
        first: &["Add an application with \"SCIM Provisioner\" and open its Configuration."],
        fields: &[("SCIM Base URL", Field::BaseUrl), ("SCIM Bearer Token", Field::Token)],
        test: "Enable the API connection. OneLogin asks who is there; an empty list is a success.",
        then: &[
            "Provisioning: enable it for users who are created, updated and deleted.",
            "When users are deleted: choose Suspend, if their memberships are to return as they were.",
        ],
        know: &["The body is a template that you can edit. Its old default works here, too."],
    },
    Provider {
        word: "jumpcloud",
        name: "JumpCloud",
        kind: "jump cloud scim v2.0",
        first: &["Make a custom application and open Identity Management."],
        fields: &[("Base URL", Field::BaseUrl), ("Token Key", Field::Token)],
        test: "Give an e-mail for the test user and activate. JumpCloud really creates a user and a group, and deletes both \
               again: you see them come and go below.",
        then: &["User groups: bind the groups whose people are to come. JumpCloud pushes them and their members."],
        know: &["The base URL has no slash at its end."],
    },
    Provider {
        word: "generic",
        name: "Any SCIM 2.0 client",
        kind: "generic scim v2.0",
        first: &[
            "Look for SCIM or provisioning in the settings of the application at your identity provider. Google Workspace, \
             PingOne, PingFederate and Rippling have it, too.",
        ],
        fields: &[
            ("Base URL", Field::BaseUrl),
            ("Authorization", Field::Text("Bearer")),
            ("bearer token", Field::Token),
        ],
        test: "Test the connection, if there is a button for it. Resources are below the base URL at /Users and /Groups.",
        then: &["Assign people and groups, and start provisioning."],
        know: &[
            "Bodies are application/scim+json or application/json. Discovery is at /ServiceProviderConfig, behind the token.",
        ],
    },
];

/// The identity provider of a directory's type.
pub fn of_kind(kind: &str) -> &'static Provider {
    let exact = PROVIDERS.iter().find(|provider| provider.kind == kind);
    let none = BTreeMap::new();
    let named = || PROVIDERS.iter().find(|provider| provider.word == recognised(kind, &none, &none));
    exact.or_else(named).unwrap_or_else(other)
}

/// What the guide has for every other.
fn other() -> &'static Provider {
    &PROVIDERS[PROVIDERS.len() - 1]
}

/// The name of an identity provider that was recognised by how it speaks; `None` for `unknown`.
pub fn seen(verdict: &str) -> Option<&'static str> {
    match verdict {
        "okta" => Some("Okta"),
        "entra" => Some("Microsoft Entra ID"),
        "onelogin" => Some("OneLogin"),
        "jumpcloud" => Some("JumpCloud"),
        "google" => Some("Google Workspace"),
        "ping" => Some("Ping"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_and_the_documentation_name_the_same_fields() {
        let okta = include_str!("../../../../docs/connect-okta.md");
        let entra = include_str!("../../../../docs/connect-entra.md");
        let others = include_str!("../../../../docs/connect-others.md");
        for provider in PROVIDERS {
            let page = match provider.word {
                "okta" => okta,
                "entra" => entra,
                _ => others,
            };
            assert!(page.contains(provider.kind), "{}", provider.kind);
            for (field, value) in provider.fields {
                assert!(page.contains(field), "{}: {field}", provider.name);
                if let Field::Text(text) = value {
                    assert!(page.contains(text), "{}: {text}", provider.name);
                }
            }
        }
    }

    #[test]
    fn a_directory_has_the_guide_of_its_type() {
        assert_eq!(of_kind("jump cloud scim v2.0").word, "jumpcloud");
        assert_eq!(of_kind("Okta (custom)").word, "okta");
        assert_eq!(of_kind("gsuite directory").word, "generic");
    }
}
