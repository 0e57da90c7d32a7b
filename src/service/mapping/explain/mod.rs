//! Why somebody has something, why not, and why no longer: one answer from one snapshot.
//!
//! `people` finds the person, `facts` reads the rest, `why` puts live reasons into words, `why_not` asks every rule that could
//! give it, `ended` tells what spoke for it last. The number of statements does not grow with rules, groups or people.

mod ended;
mod facts;
mod people;
mod why;
mod why_not;

use crate::app::App;
use crate::domain::explanation::{Explanation, InactiveUser, Member, TargetRef, UserRef};
use crate::domain::id::{DirectoryUserId, GroupId, MembershipId, OrganizationId};
use crate::domain::native::name_key;
use crate::domain::origin::Origin;
use crate::domain::outcome::{Outcome, outcome};
use crate::domain::sentence::sentence;
use crate::domain::verdict::Asked;
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::store::explain::person::Subject;
use crate::store::explain::reasons::{self, Reason};
use crate::store::{Tx, groups, roles};
use facts::Facts;

/// Whom it is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Whom {
    /// The person of a membership.
    Membership(MembershipId),
    /// A directory user; their membership, if they are linked to one.
    DirectoryUser(DirectoryUserId),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub enum What {
    /// Belonging to a native group.
    Group(GroupId),
    /// Holding a role, by its slug.
    Role(String),
    /// The membership itself.
    Membership,
}

/// What is asked for, found.
struct Wanted {
    target: TargetRef,
    asked: Asked,
    is_default: bool,
}

/// Explains.
///
/// # Errors
///
/// [`Error::NotFound`] for a person, group or role that does not exist or that the caller does not reach.
pub async fn explain(app: &App, access: &Access, whom: Whom, what: What) -> Result<Explanation> {
    let mut tx = app.db.snapshot().await?;
    let people = people::people(&mut tx, access, whom).await?;
    let wanted = wanted(&mut tx, people.organization, what).await?;
    let reasons = match &people.subject {
        Some(subject) => {
            let group = if let TargetRef::Group { id, .. } = &wanted.target { Some(*id) } else { None };
            reasons::reasons(&mut tx, people.organization, subject.id, group).await?
        }
        None => Vec::new(),
    };
    let facts = Facts::load(&mut tx, people, wanted, reasons).await?;
    let causes = why::Causes::load(&mut tx, &facts).await?;
    let ended = ended::ended(&mut tx, &facts).await?;
    let all = why::all(&facts, &causes);
    let mut explanation = Explanation {
        organization_id: facts.organization,
        organization_membership: facts.subject.as_ref().map(member),
        directory_user: facts.asked_user.as_ref().map(|id| facts.user_ref(*id, None)),
        target: facts.wanted.target.clone(),
        verdict: facts.outcome(),
        suspended_by: None,
        inactive_directory_users: Vec::new(),
        primary_role: why::primary_role(&facts, &causes),
        why_total: all.len(),
        why: all.into_iter().take(why::MAX_REASONS).collect(),
        why_not: why_not::all(&facts),
        ended,
        sentence: String::new(),
    };
    if explanation.verdict == Outcome::Suspended {
        suspended(&facts, &mut explanation);
    }
    explanation.sentence = sentence(&explanation);
    Ok(explanation)
}

/// Finds what is asked for in the organization.
async fn wanted(tx: &mut Tx, organization: OrganizationId, what: What) -> Result<Wanted> {
    match what {
        What::Membership => {
            Ok(Wanted { target: TargetRef::Membership {}, asked: Asked::Membership, is_default: false })
        }
        What::Group(id) => {
            let found = groups::find(tx, organization, id).await?;
            let name = found.ok_or_else(|| Error::not_found("group", id))?.name;
            let asked = Asked::Group { id, name_key: name_key(&name) };
            Ok(Wanted { target: TargetRef::Group { id, name }, asked, is_default: false })
        }
        What::Role(slug) => {
            let found = roles::all(tx, organization).await?.into_iter().find(|role| role.slug == slug);
            let role = found.ok_or_else(|| Error::not_found("role", slug.chars().take(80).collect::<String>()))?;
            let asked = Asked::Role { slug: slug.clone() };
            Ok(Wanted {
                target: TargetRef::Role { id: role.id, slug, name: role.name },
                asked,
                is_default: role.is_default,
            })
        }
    }
}

fn member(subject: &Subject) -> Member {
    let names: Vec<&str> =
        [&subject.first_name, &subject.last_name].into_iter().flatten().map(String::as_str).collect();
    Member {
        id: subject.id,
        status: subject.status.clone(),
        email: subject.email.clone(),
        name: (!names.is_empty()).then(|| names.join(" ")),
    }
}

/// Says who holds the membership back.
fn suspended(facts: &Facts, explanation: &mut Explanation) {
    if facts.subject.as_ref().is_some_and(|subject| subject.deactivated) {
        explanation.suspended_by = Some("deactivated");
        return;
    }
    explanation.suspended_by = Some("directory");
    let held_back = facts.links.iter().filter_map(|link| {
        let user =
            facts.people.iter().find(|known| known.id == link.directory_user_id).and_then(|known| known.user.as_ref());
        let state = match link.state.as_str() {
            "ended" => "deleted",
            "linked" if !link.active || user.is_some_and(|user| !user.active) => "inactive",
            _ => return None,
        };
        let UserRef { id, user_name } = facts.user_ref(link.directory_user_id, None);
        Some(InactiveUser { id, user_name, directory: facts.directory_ref(link.directory_id), state })
    });
    explanation.inactive_directory_users = held_back.take(people::MAX_PEOPLE).collect();
}

impl Facts {
    /// Whether the person has what is asked for.
    fn outcome(&self) -> Outcome {
        let Some(subject) = &self.subject else { return Outcome::No };
        let origins: Vec<Origin> = self.reasons.iter().map(|reason: &Reason| reason.origin).collect();
        let (active, is_default) = (subject.status == "active", self.wanted.is_default);
        outcome(self.wanted.target.target(), &origins, &self.group_roles, active, is_default)
    }
}
