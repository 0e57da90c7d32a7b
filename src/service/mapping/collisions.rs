//! Mirrors whose name somebody else has, and what an admin decides about them: adopt that group, or take another
//! name. The decision is stored with the binding, and converge honours it before the rule's own name.

use std::collections::{BTreeSet, HashMap};

use crate::app::App;
use crate::domain::id::{DirectoryGroupId, GroupId, OrganizationId, RuleId};
use crate::domain::native::{Group, name_key};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Scope, converge};
use crate::service::native::groups::check_name;
use crate::store::bindings::{self, StoredBinding};
use crate::store::collisions::{self, ListedBinding, MirrorState};
use crate::store::{Lane, Page, PageRequest, Tx, edges, groups, rules};

/// A binding, its native group, and the group that is in its way.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The organization.
    pub organization: OrganizationId,
    /// The binding.
    pub listed: ListedBinding,
    /// The native group that it became.
    pub mirror: Option<Group>,
    /// Who has the name that the mirror wants and has not.
    pub holder: Option<Holder>,
    /// How many people are in the directory group, directly or through nested groups.
    pub people: i64,
}

/// The native group that has a wanted name.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The group.
    pub group: Group,
    /// The rule that mirrors it, and the rule's key; an ordinary group has none.
    pub rule: Option<(RuleId, String)>,
}

/// What an admin decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The group that has the name becomes the mirror.
    Adopt,
    /// The mirror has this name, whatever the rule says.
    Name(String),
    /// The rule decides again.
    Clear,
}

/// A page of a rule's bindings.
pub async fn list(
    app: &App,
    scope: OrganizationScope,
    rule: RuleId,
    state: Option<MirrorState>,
    page: &PageRequest,
) -> Result<Page<Shown>> {
    let mut tx = app.db.read().await?;
    let page = collisions::list(&mut tx, scope.organization(), rule, state, page).await?;
    let (has_before, has_after) = (page.has_before, page.has_after);
    let rows = with_groups(&mut tx, scope.organization(), page.rows).await?;
    Ok(Page { rows, has_before, has_after })
}

/// One binding.
pub async fn get(app: &App, scope: OrganizationScope, rule: RuleId, group: DirectoryGroupId) -> Result<Shown> {
    let mut tx = app.db.read().await?;
    let listed = found(&mut tx, scope.organization(), rule, group).await?;
    with_groups(&mut tx, scope.organization(), vec![listed]).await?.pop().ok_or_else(|| missing(group))
}

/// Decides what becomes of a mirror, and makes native state follow.
///
/// # Errors
///
/// [`Error::NotFound`] if the rule is not bound to the group; [`Error::Invalid`] for a bad name, or if the rule
/// does not mirror the group; [`Error::Conflict`] `not_parked` if there is nobody to adopt, `group_managed` if
/// another rule mirrors that group, `name_taken` if the chosen name is.
pub async fn resolve(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    (rule, group): (RuleId, DirectoryGroupId),
    resolution: Resolution,
) -> Result<Outcome<Shown>> {
    if let Resolution::Name(name) = &resolution {
        check_name(name)?;
    }
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let (cause, resolution) = (cause.clone(), resolution.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let listed = found(change.tx, organization, rule, group).await?;
                let decided = decided(&mut change, listed, resolution).await?;
                bindings::put(change.tx, organization, &[decided]).await?;
                converge(&mut change, Scope { groups: [group].into(), ..Scope::default() }).await?;
                let listed = found(change.tx, organization, rule, group).await?;
                let shown = with_groups(change.tx, organization, vec![listed]).await?.pop();
                let value = shown.ok_or_else(|| missing(group))?;
                Ok(Outcome { value, revision: change.finish().await? })
            })
        })
        .await
}

fn missing(group: DirectoryGroupId) -> Error {
    Error::not_found("binding of the rule to directory group", group)
}

async fn found(
    tx: &mut Tx,
    organization: OrganizationId,
    rule: RuleId,
    group: DirectoryGroupId,
) -> Result<ListedBinding> {
    collisions::find(tx, organization, rule, group).await?.ok_or_else(|| missing(group))
}

/// The binding with the decision in it, once nothing stands against it.
async fn decided(change: &mut Change<'_>, listed: ListedBinding, resolution: Resolution) -> Result<StoredBinding> {
    let ListedBinding { mut binding, holder_id, .. } = listed;
    if resolution != Resolution::Clear {
        check_mirrors(change, &binding).await?;
    }
    match resolution {
        Resolution::Adopt => {
            let holder = holder_id.filter(|_| binding.mirror_state.as_deref() == Some("parked")).ok_or_else(|| {
                Error::conflict("not_parked", "the mirror does not wait for a name, so there is no group to adopt")
            })?;
            check_unmanaged(change, holder).await?;
            binding.chosen_group_id = Some(holder);
            binding.chosen_name = None;
        }
        Resolution::Name(name) => {
            let name = name.trim().to_owned();
            check_free(change, &name, binding.mirror_group_id).await?;
            binding.chosen_name = Some(name);
            binding.chosen_group_id = None;
        }
        Resolution::Clear => {
            binding.chosen_name = None;
            binding.chosen_group_id = None;
        }
    }
    Ok(binding)
}

/// Refuses a decision about a mirror that there is not and will not be.
async fn check_mirrors(change: &mut Change<'_>, binding: &StoredBinding) -> Result<()> {
    let in_force = rules::applied(change.tx, change.organization).await?;
    let rule = in_force.into_iter().find(|rule| rule.id == binding.rule_id);
    if binding.matched && rule.is_some_and(|rule| rule.document.mirror().is_some()) {
        return Ok(());
    }
    let message = "the rule in force does not mirror this group, so there is no mirror to decide about";
    Err(Error::invalid("", "not_mirrored", message))
}

async fn check_unmanaged(change: &mut Change<'_>, group: GroupId) -> Result<()> {
    match collisions::mirrored_by(change.tx, change.organization, [group]).await?.remove(&group) {
        None => Ok(()),
        Some((rule, key)) => {
            let message = format!("the group {group} is mirrored by the rule {key} ({rule}) already; choose a name");
            Err(Error::conflict("group_managed", message))
        }
    }
}

async fn check_free(change: &mut Change<'_>, name: &str, mirror: Option<GroupId>) -> Result<()> {
    let holders = groups::holders_of_name(change.tx, change.organization, &name_key(name)).await?;
    match holders.into_iter().find(|holder| Some(*holder) != mirror) {
        None => Ok(()),
        Some(holder) => {
            let message = format!("the group {holder} has the name '{name}' already; choose another");
            Err(Error::conflict("name_taken", message))
        }
    }
}

async fn with_groups(tx: &mut Tx, organization: OrganizationId, rows: Vec<ListedBinding>) -> Result<Vec<Shown>> {
    let ids: BTreeSet<GroupId> =
        rows.iter().flat_map(|row| [row.binding.mirror_group_id, row.holder_id]).flatten().collect();
    let natives = groups::by_ids(tx, organization, ids.iter().copied()).await?;
    let mirrored_by = collisions::mirrored_by(tx, organization, ids).await?;
    let people = edges::people_counts(tx, organization, rows.iter().map(|row| row.binding.directory_group_id)).await?;
    Ok(rows
        .into_iter()
        .map(|listed| Shown {
            organization,
            mirror: listed.binding.mirror_group_id.and_then(|id| natives.get(&id).cloned()),
            holder: holder(&listed, &natives, &mirrored_by),
            people: people.get(&listed.binding.directory_group_id).copied().unwrap_or_default(),
            listed,
        })
        .collect())
}

/// Who is in the way; nobody, if the mirror has the name that it wants.
fn holder(
    listed: &ListedBinding,
    natives: &HashMap<GroupId, Group>,
    mirrored_by: &HashMap<GroupId, (RuleId, String)>,
) -> Option<Holder> {
    let wanted = listed.binding.mirror_name.as_deref().map(name_key);
    let has = listed.binding.mirror_group_id.and_then(|id| natives.get(&id)).map(|group| name_key(&group.name));
    let group = listed.holder_id.filter(|_| has != wanted).and_then(|id| natives.get(&id))?;
    Some(Holder { group: group.clone(), rule: mirrored_by.get(&group.id).cloned() })
}
