//! Who changes something by hand: the actor of events, of manual origins and of the audit log.

use serde::{Deserialize, Serialize};

/// Somebody who acts, as it is written down for good: it names them even when they are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The id of a key, an operator or a portal link, or `root`.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// How they came in.
    pub source: Source,
}

/// How an actor came in; the words of the vendor's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// With a key of the APIs.
    Api,
    /// An operator, signed in to the console.
    Dashboard,
    /// A guest of one organization, by a portal link.
    AdminPortal,
    /// The program itself.
    System,
}

impl Source {
    /// The word, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Api => "api",
            Source::Dashboard => "dashboard",
            Source::AdminPortal => "admin_portal",
            Source::System => "system",
        }
    }
}

impl Actor {
    /// Somebody with a key.
    pub fn key(id: impl Into<String>, name: impl Into<String>) -> Self {
        Actor { id: id.into(), name: name.into(), source: Source::Api }
    }

    /// The program itself.
    pub fn muster() -> Self {
        Actor { id: "muster".to_owned(), name: "Muster".to_owned(), source: Source::System }
    }
}

/// What somebody may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Look at everything.
    Read,
    /// Change everything but who may come in.
    Admin,
    /// Decide who may come in, too.
    Owner,
}

impl Rank {
    /// Every rank, the least first.
    pub const ALL: [Rank; 3] = [Rank::Read, Rank::Admin, Rank::Owner];

    /// The word of the `role` of keys and operators.
    pub fn as_str(self) -> &'static str {
        match self {
            Rank::Read => "read",
            Rank::Admin => "admin",
            Rank::Owner => "owner",
        }
    }

    /// The rank with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rank| rank.as_str() == text)
    }
}
