//! A population whose every attribute follows from a number, so that a test can tell what a query finds.

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::scim::{ENTERPRISE, user};
use super::server::TestDirectory;

/// How many people there are.
pub const PEOPLE: usize = 30;

/// A person, as a test knows them.
#[derive(Debug, Clone)]
pub struct Person {
    pub n: usize,
    pub id: String,
    pub user_name: String,
    pub external_id: Option<String>,
    pub given_name: Option<&'static str>,
    pub family_name: Option<&'static str>,
    pub title: Option<&'static str>,
    pub active: Option<bool>,
    /// `value`, `type`, `primary`
    pub emails: Vec<(String, &'static str, bool)>,
    pub department: Option<&'static str>,
    pub manager: Option<&'static str>,
    pub created: String,
    pub modified: String,
}

const NAMES: [&str; 6] = ["Ada", "bob", "Çelik", "100%", "under_score", "back\\slash"];
const TITLES: [Option<&str>; 5] =
    [Some("Engineer"), Some("engineer II"), Some("Countess"), None, Some("Chef de \"Café\"")];

impl Person {
    fn new(n: usize) -> Self {
        let work = (format!("P{n}@Work.example"), "work", n % 3 == 1);
        let home = (format!("p{n}@home.example"), "home", true);
        Person {
            n,
            id: String::new(),
            user_name: format!("{}-{n:02}", NAMES[n % 6]),
            external_id: n
                .is_multiple_of(3)
                .then(|| format!("{}{}", if n.is_multiple_of(2) { "X" } else { "x" }, n / 6)),
            given_name: (n % 4 != 3).then_some("Ada"),
            family_name: [Some("Byron"), Some("byron"), Some("Øst"), None][n % 4],
            title: TITLES[n % 5],
            active: [Some(true), Some(true), Some(false), None][n % 4],
            emails: match n % 3 {
                0 => vec![],
                1 => vec![work],
                _ => vec![work, home],
            },
            department: [Some("Ops"), Some("ops & more"), None, None][n % 4],
            manager: n.is_multiple_of(10).then_some("boss"),
            created: String::new(),
            modified: String::new(),
        }
    }

    fn body(&self) -> Value {
        let emails: Vec<Value> = self
            .emails
            .iter()
            .map(|(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary}))
            .collect();
        user(
            &self.user_name,
            json!({
                "externalId": self.external_id,
                "name": {"givenName": self.given_name, "familyName": self.family_name},
                "title": self.title,
                "active": self.active,
                "emails": emails,
                ENTERPRISE: {"department": self.department, "manager": {"value": self.manager}},
            }),
        )
    }
}

/// Creates everybody.
pub async fn people(directory: &TestDirectory) -> Vec<Person> {
    let create = |n: usize| async move {
        let mut person = Person::new(n);
        let made = directory.scim("POST", "/Users", person.body()).await.expect(201);
        person.id = made.text("/id");
        person.created = made.text("/meta/created");
        person.modified = made.text("/meta/lastModified");
        if person.active.is_none() {
            let gone = json!([{"op": "remove", "path": "active"}]);
            let patched = directory.patch(&format!("/Users/{}", person.id), gone).await.expect(200);
            person.modified = patched.text("/meta/lastModified");
        }
        person
    };
    // One after another, so that ids are in the order of numbers.
    let all: Vec<Person> = stream::iter(0..PEOPLE).then(create).collect().await;
    assert!(all.windows(2).all(|pair| pair[0].created <= pair[1].created));
    all
}
