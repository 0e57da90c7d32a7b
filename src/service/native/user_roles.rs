//! Roles of people, one by one: given and taken by hand, and where those come from that they hold.

use std::collections::{BTreeMap, BTreeSet};

use super::roles::find as find_role;
use super::{by_hand, membership_changes, people};
use crate::app::App;
use crate::domain::id::{GroupId, MembershipId, OrganizationId, RoleId, UserId};
use crate::domain::native::Role;
use crate::domain::origin::{Kind, Origin, Target, excluded};
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::change::{Change, Outcome};
use crate::service::converge::{Scope, converge};
use crate::store::memberships::{self, WithUser};
use crate::store::{Lane, Page, PageRequest, Tx, group_roles, origins, roles};

/// A role that somebody holds.
#[derive(Debug, Clone)]
pub struct HeldRole {
    /// The role.
    pub role: Role,
    /// Whether it is theirs whatever groups they are in: by hand, by a rule, or as the default role.
    pub direct: bool,
    /// The groups that have it and that they are in.
    pub groups: BTreeSet<GroupId>,
}

/// Gives somebody a role by hand. One that they have by hand already stays.
///
/// # Errors
///
/// [`Error::NotFound`] for a user or role that the organization does not have.
pub async fn assign(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    user: UserId,
    role: RoleId,
) -> Result<Outcome<(WithUser, Role)>> {
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let (membership, _) = people::find(change.tx, organization, user).await?;
                let role = find_role(change.tx, organization, role).await?;
                by_hand::give(&mut change, [(membership.id, Target::Role(role.id))]).await?;
                converge(&mut change, Scope::of_memberships([membership.id])).await?;
                let person = people::find(change.tx, organization, user).await?;
                Ok(Outcome { revision: change.finish().await?, value: (person, role) })
            })
        })
        .await
}

/// Takes a role that somebody was given by hand. Answers the revision.
///
/// # Errors
///
/// [`Error::NotFound`] for a user who does not exist or a role that they do not hold; [`Error::Conflict`] for one that
/// they hold otherwise only.
pub async fn unassign(app: &App, access: &Access, scope: OrganizationScope, user: UserId, role: RoleId) -> Result<i64> {
    let (now, cause, organization) = (app.clock.now(), access.cause(), scope.organization());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let (membership, _) = people::find(change.tx, organization, user).await?;
                let (id, target) = (membership.id, Target::Role(role));
                let stored = origins::of_memberships(change.tx, organization, [id]).await?.remove(&id);
                let manual = |origin: &Origin| origin.kind == Kind::Manual && origin.target == target;
                if !stored.unwrap_or_default().iter().any(manual) {
                    return Err(not_by_hand(change.tx, organization, id, role).await?);
                }
                by_hand::take(&mut change, &[id], |given| given == target).await?;
                converge(&mut change, Scope::of_memberships([id])).await?;
                change.finish().await
            })
        })
        .await
}

/// Why a role cannot be taken that nobody gave by hand.
async fn not_by_hand(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    role: RoleId,
) -> Result<Error> {
    let Some(held) = held(tx, organization, membership, role).await? else {
        return Ok(Error::not_found("role of the user", role));
    };
    let message = match (held.direct, held.groups.first()) {
        (false, Some(group)) => {
            format!("the role comes with the group {group}: take it from the group, or the user out of it")
        }
        _ => "the role is held by a mapping rule or as the default role: change the rule, or give another role"
            .to_owned(),
    };
    Ok(Error::conflict("role_not_assigned_directly", message))
}

/// The one role that somebody is to be given by hand.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// The role with this id.
    Id(RoleId),
    /// The role with this slug, which every organization has.
    Slug(&'static str),
}

/// Gives somebody one role by hand, instead of all that they were given so before.
///
/// # Errors
///
/// [`Error::NotFound`] for a user or role that the organization does not have.
pub async fn set(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    user: UserId,
    wanted: Wanted,
) -> Result<Outcome<WithUser>> {
    let mut tx = app.db.read().await?;
    let (membership, _) = people::find(&mut tx, scope.organization(), user).await?;
    let role = match wanted {
        Wanted::Id(id) => id,
        Wanted::Slug(slug) => {
            let all = roles::all(&mut tx, scope.organization()).await?;
            all.into_iter().find(|role| role.slug == slug).ok_or_else(|| Error::not_found("role", slug))?.id
        }
    };
    drop(tx);
    let Outcome { value, revision } =
        membership_changes::set_roles(app, access, scope, membership.id, vec![role]).await?;
    Ok(Outcome { value: (value.membership, value.user), revision })
}

/// A page of the roles that somebody holds.
pub async fn list(app: &App, scope: OrganizationScope, user: UserId, page: &PageRequest) -> Result<Page<HeldRole>> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    let (membership, _) = people::find(&mut tx, organization, user).await?;
    let page = roles::list_of_membership(&mut tx, organization, membership.id, page).await?;
    let sources = Sources::load(&mut tx, organization, membership.id).await?;
    Ok(page.map(|role| sources.of(role)))
}

/// A role that somebody holds.
pub async fn get(app: &App, scope: OrganizationScope, user: UserId, role: RoleId) -> Result<HeldRole> {
    let (mut tx, organization) = (app.db.snapshot().await?, scope.organization());
    let (membership, _) = people::find(&mut tx, organization, user).await?;
    held(&mut tx, organization, membership.id, role).await?.ok_or_else(|| Error::not_found("role of the user", role))
}

/// A role, if the membership holds it.
async fn held(
    tx: &mut Tx,
    organization: OrganizationId,
    membership: MembershipId,
    role: RoleId,
) -> Result<Option<HeldRole>> {
    let held = memberships::roles_of(tx, organization, [membership]).await?.remove(&membership).unwrap_or_default();
    let found = roles::find(tx, organization, role).await?.filter(|role| held.contains(&role.id));
    let Some(role) = found else { return Ok(None) };
    Ok(Some(Sources::load(tx, organization, membership).await?.of(role)))
}

/// Where the roles of a membership come from.
struct Sources {
    /// Those that something speaks for by itself.
    direct: BTreeSet<RoleId>,
    /// Those that come with groups.
    by_group: BTreeMap<RoleId, BTreeSet<GroupId>>,
}

impl Sources {
    async fn load(tx: &mut Tx, organization: OrganizationId, id: MembershipId) -> Result<Self> {
        let stored = origins::of_memberships(tx, organization, [id]).await?.remove(&id).unwrap_or_default();
        let live = |o: &&Origin| o.kind == Kind::Manual || (o.kind != Kind::Exclude && !excluded(&stored, o.target));
        let role = |origin: &Origin| match origin.target {
            Target::Role(role) => Some(role),
            Target::Membership | Target::Group(_) => None,
        };
        let direct = stored.iter().filter(live).filter_map(role).collect();
        let mut by_group: BTreeMap<RoleId, BTreeSet<GroupId>> = BTreeMap::new();
        for (role, group) in group_roles::of_membership(tx, organization, id).await? {
            by_group.entry(role).or_default().insert(group);
        }
        Ok(Sources { direct, by_group })
    }

    /// A role that the membership holds. One that nothing speaks for is the default role.
    fn of(&self, role: Role) -> HeldRole {
        let groups = self.by_group.get(&role.id).cloned().unwrap_or_default();
        HeldRole { direct: groups.is_empty() || self.direct.contains(&role.id), groups, role }
    }
}
