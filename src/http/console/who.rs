//! Who did something, by name: what pages have of them is an id.

use std::collections::{BTreeSet, HashMap};

use super::viewer::Place;
use crate::app::App;
use crate::domain::Result;
use crate::service::audit;

/// The names of some actors.
#[derive(Debug, Default)]
pub struct Who(HashMap<String, String>);

impl Who {
    /// Looks up what the audit log calls them.
    pub async fn of(app: &App, place: &Place, mut ids: BTreeSet<String>) -> Result<Self> {
        // Causes may also be requests and runs, which have pages of their own.
        ids.retain(|id| !id.starts_with("request_") && !id.starts_with("run_") && id != "root" && id != "muster");
        Ok(Who(audit::actor_names(app, place.scope, ids).await?))
    }

    /// The name, or the id of somebody who is not in the log.
    pub fn name<'w>(&'w self, id: &'w str) -> &'w str {
        match id {
            "root" => "the root key",
            "muster" => "Muster",
            id => self.0.get(id).map_or(id, String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_without_a_name_is_told_by_their_id() {
        let who = Who(HashMap::from([("operator_1".to_owned(), "Olivia Owner".to_owned())]));
        let told = ["operator_1", "operator_2", "root", "muster"].map(|id| who.name(id));
        assert_eq!(told, ["Olivia Owner", "operator_2", "the root key", "Muster"]);
    }
}
