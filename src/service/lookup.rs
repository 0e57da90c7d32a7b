//! The search of the console: something by a few letters of its name, or by its id.

use std::collections::{BTreeSet, HashMap};

use crate::app::App;
use crate::domain::id::{GroupId, MembershipId, RequestId};
use crate::domain::native::Group;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::scim::text::fold;
use crate::service::mapping::rules;
use crate::service::organizations;
use crate::store::lookup;
use crate::store::rules::StoredRule;
use crate::store::{Order, PageRequest, groups};

pub use crate::store::lookup::{FoundAccount, FoundGroup, FoundPerson};

/// The longest text that is looked for, in characters.
const LONGEST: usize = 256;

/// What was found, up to so many of each kind.
#[derive(Debug, Default)]
pub struct Found {
    /// People of directories.
    pub people: Vec<FoundPerson>,
    /// The account with exactly this address, if none of those people is it.
    pub account: Option<FoundAccount>,
    /// Native groups.
    pub groups: Vec<Group>,
    /// Directory groups.
    pub directory_groups: Vec<FoundGroup>,
    /// Mapping rules, by their keys.
    pub rules: Vec<StoredRule>,
}

impl Found {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
            && self.account.is_none()
            && self.groups.is_empty()
            && self.directory_groups.is_empty()
            && self.rules.is_empty()
    }
}

/// What has these letters in its name.
///
/// # Errors
///
/// [`Error::Invalid`] for a text of more than 256 characters; [`Error::NotFound`].
pub async fn by_text(app: &App, scope: OrganizationScope, text: &str, limit: i64) -> Result<Found> {
    if text.chars().count() > LONGEST {
        return Err(Error::invalid("q", "too_long", format!("what is looked for has {LONGEST} characters at most")));
    }
    let organization = scope.organization();
    let mut tx = app.db.read().await?;
    organizations::require(&mut tx, scope).await?;
    let people = lookup::people(&mut tx, organization, text, limit).await?;
    let account = if text.contains('@') { lookup::account(&mut tx, organization, text).await? } else { None };
    let known = |account: &FoundAccount| people.iter().any(|person| person.membership == Some(account.membership_id));
    let account = account.filter(|account| !known(account));
    let page = PageRequest { after: None, before: None, limit, order: Order::Ascending };
    let groups = groups::list(&mut tx, organization, Some(text), &page).await?.rows;
    let directory_groups = lookup::directory_groups(&mut tx, organization, text, limit).await?;
    drop(tx);
    let most = usize::try_from(limit).unwrap_or_default();
    let key = fold(text.trim());
    let rules = rules::list(app, scope).await?.into_iter().filter(|rule| fold(&rule.key).contains(&key)).take(most);
    Ok(Found { people, account, groups, directory_groups, rules: rules.collect() })
}

/// Whether an identity provider sent this request; others are of keys and operators.
pub async fn is_of_identity_provider(app: &App, scope: OrganizationScope, id: RequestId) -> Result<bool> {
    lookup::is_logged(&mut app.db.read().await?, scope.organization(), id).await
}

/// What groups and people are called today, by the ids that events name them by.
#[derive(Debug, Default)]
pub struct Names {
    /// Native groups.
    pub groups: HashMap<GroupId, String>,
    /// Memberships, by the addresses of their people.
    pub memberships: HashMap<MembershipId, String>,
}

/// The names of these native groups and memberships, as far as they still exist.
pub async fn names(
    app: &App,
    scope: OrganizationScope,
    groups: BTreeSet<GroupId>,
    memberships: BTreeSet<MembershipId>,
) -> Result<Names> {
    let (mut names, mut tx) = (Names::default(), app.db.read().await?);
    if !groups.is_empty() {
        names.groups = groups::names(&mut tx, scope.organization(), groups).await?;
    }
    if !memberships.is_empty() {
        names.memberships = lookup::membership_names(&mut tx, scope.organization(), memberships).await?;
    }
    Ok(names)
}
