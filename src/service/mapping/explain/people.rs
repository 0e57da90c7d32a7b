//! Who is asked about: the membership, and the directory users who are or were linked to it.

use super::Whom;
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryUserId, OrganizationId};
use crate::domain::verdict::LinkState;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::store::explain::person::{self, PersonLink, Subject};
use crate::store::{Tx, directory_users};

/// Directory users of one person that are looked at, at the most.
pub(super) const MAX_PEOPLE: usize = 10;
/// Links that have ended or that wait, at the most.
const MAX_UNLINKED: usize = 3;
/// Who is asked about.
pub(super) struct People {
    pub(super) organization: OrganizationId,
    pub(super) subject: Option<Subject>,
    /// The directory user, if it was asked about one.
    pub(super) asked_user: Option<DirectoryUserId>,
    /// All links of the membership, or the one of the directory user.
    pub(super) links: Vec<PersonLink>,
}

/// Finds who is asked about, as far as the caller reaches.
pub(super) async fn people(tx: &mut Tx, access: &Access, whom: Whom) -> Result<People> {
    let (membership, asked_user, reach) = match whom {
        Whom::Membership(id) => (Some(id), None, access.only()),
        Whom::DirectoryUser(id) => {
            let found = directory_users::find_in(tx, access.only(), id).await?;
            let found = found.ok_or_else(|| Error::not_found("directory user", id))?;
            let link = person::link_of(tx, found.organization, id).await?;
            let linked = link.as_ref().filter(|link| link.state == "linked").and_then(|link| link.membership_id);
            if linked.is_none() {
                let links = vec![link.unwrap_or_else(|| unlinked(&found.value))];
                let organization = found.organization;
                return Ok(People { organization, subject: None, asked_user: Some(id), links });
            }
            (linked, Some(id), Some(found.organization))
        }
    };
    let membership = membership.ok_or_else(|| Error::internal("nobody is asked about"))?;
    let subject = person::subject(tx, reach, membership).await?;
    let subject = subject.ok_or_else(|| Error::not_found("organization membership", membership))?;
    let organization = subject.organization_id;
    let links = person::links(tx, organization, subject.id, &subject.email).await?;
    Ok(People { organization, subject: Some(subject), asked_user, links })
}

/// The link of somebody who has none.
fn unlinked(user: &DirectoryUser) -> PersonLink {
    PersonLink {
        directory_user_id: user.id,
        directory_id: user.directory,
        membership_id: None,
        state: "never".to_owned(),
        method: String::new(),
        active: user.active,
    }
}

/// The state of a link.
pub(super) fn link_state(link: &PersonLink) -> LinkState {
    match (link.state.as_str(), link.method.as_str()) {
        ("linked", _) => LinkState::Linked,
        ("pending", "no_email") => LinkState::PendingWithoutEmail,
        ("pending", _) => LinkState::Pending,
        ("refused", _) => LinkState::Refused,
        ("ended", _) => LinkState::Ended,
        _ => LinkState::Never,
    }
}

/// The links whose people are looked at: those in force, and some that wait; if there is none, the last that ended.
pub(super) fn relevant(links: &[PersonLink]) -> Vec<&PersonLink> {
    let of = |wanted: &'static [LinkState], most: usize| {
        links.iter().rev().filter(move |link| wanted.contains(&link_state(link))).take(most)
    };
    let mut relevant: Vec<&PersonLink> = of(&[LinkState::Linked], MAX_PEOPLE).collect();
    let waiting = [LinkState::Never, LinkState::Pending, LinkState::PendingWithoutEmail, LinkState::Refused].as_slice();
    relevant.extend(links.iter().filter(|link| waiting.contains(&link_state(link))).take(MAX_UNLINKED));
    if relevant.is_empty() {
        relevant.extend(of(&[LinkState::Ended], MAX_UNLINKED));
    }
    relevant.sort_by_key(|link| link.directory_user_id);
    relevant
}
