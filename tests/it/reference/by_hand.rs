//! What people decide natively: given, taken and deactivated by hand.

use muster::domain::Error;
use muster::domain::id::{GroupId, MembershipId};
use muster::domain::origin::{Kind, Origin, Target as OriginTarget};
use muster::service::converge::{Scope, converge};
use muster::store::{groups, memberships, origins};

use super::model::Target;
use super::operations::{Gift, nth};
use super::stage::Stage;

impl Stage {
    pub(super) async fn give(&self, membership: usize, what: &Gift) -> Result<(), String> {
        let Some(membership) = self.membership(membership) else { return Ok(()) };
        let target = match what {
            Gift::Membership => Some(OriginTarget::Membership),
            // Managed groups refuse members by hand.
            Gift::Group(at) => {
                let mirrors: Vec<GroupId> = self.world.decisions.mirrors.values().filter_map(|m| m.group).collect();
                let free: Vec<GroupId> =
                    self.world.groups.keys().filter(|group| !mirrors.contains(group)).copied().collect();
                nth(&free, *at).map(OriginTarget::Group)
            }
            Gift::Role(at) => {
                nth(&self.world.decisions.roles.keys().copied().collect::<Vec<_>>(), *at).map(OriginTarget::Role)
            }
        };
        let Some(target) = target else { return Ok(()) };
        let origin = Origin { target, kind: Kind::Manual, rule: None, directory_group: None, directory_user: None };
        self.change(move |change| {
            Box::pin(async move {
                // Another replica may have ended what is given to, or what is given, since we looked.
                let member = memberships::find(change.tx, Some(change.organization), membership).await?.is_some();
                let group = match target {
                    OriginTarget::Group(id) => groups::find(change.tx, change.organization, id).await?.is_some(),
                    OriginTarget::Membership | OriginTarget::Role(_) => true,
                };
                if !(member && group) {
                    return Err(Error::not_found("organization membership or group", membership));
                }
                let placed = [(membership, origin)];
                let made = origins::Made { cause: None, actor: "test", at: change.now };
                origins::insert(change.tx, change.organization, &placed, |_| 0, &made).await?;
                converge(change, Scope::of_memberships([membership])).await
            })
        })
        .await
    }

    pub(super) async fn take(&self, gift: usize) -> Result<(), String> {
        let all: Vec<(MembershipId, Target)> = self.world.decisions.manual.iter().copied().collect();
        let Some((membership, target)) = nth(&all, gift) else { return Ok(()) };
        let target = match target {
            Target::Membership => OriginTarget::Membership,
            Target::Group(group) => OriginTarget::Group(group),
            Target::Role(role) => OriginTarget::Role(role),
        };
        let origin = Origin { target, kind: Kind::Manual, rule: None, directory_group: None, directory_user: None };
        self.change(move |change| {
            Box::pin(async move {
                origins::delete(change.tx, change.organization, &[(membership, origin)]).await?;
                converge(change, Scope::of_memberships([membership])).await
            })
        })
        .await
    }

    /// Turns the decision to deactivate a membership on or off.
    pub(super) async fn deactivate(&self, membership: usize) -> Result<(), String> {
        let Some(membership) = self.membership(membership) else { return Ok(()) };
        self.change(move |change| {
            Box::pin(async move {
                let mut stored = memberships::by_ids(change.tx, change.organization, [membership]).await?;
                for one in &mut stored {
                    one.deactivated = !one.deactivated;
                }
                memberships::update(change.tx, change.organization, &stored).await?;
                converge(change, Scope::of_memberships([membership])).await
            })
        })
        .await
    }
}
