//! Rules that name something which somebody wants to delete.

use serde_json::{Map, json};

use crate::domain::id::OrganizationId;
use crate::domain::rule::Action;
use crate::domain::{Error, Result};
use crate::store::{Tx, rules};

/// Refuses while a rule is about `what`, in force or as it was last saved: it would point at nothing. `names` tells
/// whether an action is about it.
pub(super) async fn refuse_if_named(
    tx: &mut Tx,
    organization: OrganizationId,
    code: &'static str,
    what: &str,
    names: impl Fn(&Action) -> bool,
) -> Result<()> {
    let mut all = rules::applied(tx, organization).await?;
    all.extend(rules::all(tx, organization).await?);
    let Some(rule) = all.into_iter().find(|rule| rule.document.then.iter().any(&names)) else { return Ok(()) };
    let message = format!("the rule '{}' ({}) names {what}: change or delete the rule first", rule.key, rule.id);
    let details = Map::from_iter([("rule_id".to_owned(), json!(rule.id)), ("rule_key".to_owned(), json!(rule.key))]);
    Err(Error::refused(code, message, details))
}
