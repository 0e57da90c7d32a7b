//! Live reasons in words.

use std::collections::{BTreeSet, HashMap};

use super::facts::Facts;
use crate::domain::Result;
use crate::domain::clock::timestamp;
use crate::domain::explanation::{CauseRef, Named, ParkedRef, PrimaryRole, RequestRef, TargetRef, Why};
use crate::domain::id::{GroupId, RequestId};
use crate::domain::origin::{Kind, Origin, Target, excluded};
use crate::store::explain::reasons::{self, ParkedRow, Reason};
use crate::store::{Tx, roles};

/// Reasons that are listed at the most.
pub(super) const MAX_REASONS: usize = 50;

/// What made the origins, as far as it is on record.
pub(super) struct Causes {
    requests: HashMap<RequestId, RequestRef>,
    parked: Option<ParkedRow>,
    primary_slug: Option<String>,
}

impl Causes {
    /// Looks up the requests that made the reasons, the removal that is held back, and the primary role.
    pub(super) async fn load(tx: &mut Tx, facts: &Facts) -> Result<Self> {
        let target = facts.wanted.target.target();
        let shown = || facts.reasons.iter().filter(|reason| concerns(facts, reason));
        let ids: BTreeSet<RequestId> = shown().filter_map(|reason| reason.cause.as_ref()?.parse().ok()).collect();
        let mut requests = HashMap::new();
        if !ids.is_empty() {
            for request in reasons::requests(tx, facts.organization, ids).await? {
                let (request_id, created_at) = (request.id, timestamp(request.created_at));
                let found = RequestRef { request_id, method: request.method, path: request.path, created_at };
                requests.insert(request_id, found);
            }
        }
        let held = shown().any(|reason| reason.origin.kind == Kind::Held);
        let parked = match &facts.subject {
            Some(subject) if held => reasons::parked(tx, facts.organization, subject.id, target).await?,
            _ => None,
        };
        let primary_slug = match (&facts.wanted.target, &facts.subject) {
            (TargetRef::Role { .. }, Some(subject)) => {
                let all = roles::all(tx, facts.organization).await?;
                all.into_iter().find(|role| role.id == subject.role_id).map(|role| role.slug)
            }
            _ => None,
        };
        Ok(Causes { requests, parked, primary_slug })
    }
}

/// Whether a reason speaks for the target, or takes it.
fn concerns(facts: &Facts, reason: &Reason) -> bool {
    let Origin { target: of, kind, .. } = reason.origin;
    facts.group_roles.gives(of, facts.wanted.target.target()) || (kind == Kind::Exclude && of == Target::Membership)
}

/// Every live reason: by hand first, then by the position of the rule and the length of the way; exclusions last.
pub(super) fn all(facts: &Facts, causes: &Causes) -> Vec<Why> {
    let concerning = facts.reasons.iter().filter(|reason| concerns(facts, reason));
    let mut all: Vec<Why> = concerning.map(|reason| why(facts, causes, reason)).collect();
    let origins: Vec<Origin> = facts.reasons.iter().map(|reason| reason.origin).collect();
    let live = |origin: &Origin| origin.kind == Kind::Manual || !excluded(&origins, origin.target);
    let other = origins.iter().any(|o| facts.group_roles.gives_a_role(o.target) && facts.counts_for_roles(o));
    let member = origins.iter().any(|o| o.kind != Kind::Exclude && o.target == Target::Membership && live(o));
    if facts.wanted.is_default && member && !other {
        all.push(bare("default"));
    }
    let place = |why: &Why| match why.kind {
        "manual" => 0,
        "group" => 2,
        "default" => 3,
        "exclude" => 4,
        _ => 1,
    };
    all.sort_by_key(|why| {
        let position = why.rule.as_ref().and_then(|rule| rule.position);
        (place(why), position.is_none(), position, why.path.is_empty(), why.path.len())
    });
    all
}

/// A reason of which nothing is known but its kind.
fn bare(kind: &'static str) -> Why {
    Why {
        kind,
        group: None,
        rule: None,
        directory: None,
        directory_group: None,
        path: Vec::new(),
        directory_user: None,
        cause: None,
        actor: None,
        parked: None,
        since: None,
    }
}

fn why(facts: &Facts, causes: &Causes, reason: &Reason) -> Why {
    let origin = reason.origin;
    let (user, rule) = (origin.directory_user, origin.rule);
    // The membership has one origin per rule; the groups by which the rule gives it are known from its bindings.
    let by_rule = || user.zip(rule).and_then(|(user, rule)| facts.nearest_source(user, rule));
    let group = origin.directory_group.or_else(by_rule);
    let request = reason.cause.as_ref().and_then(|cause| cause.parse().ok()).and_then(|id| causes.requests.get(&id));
    let parked = causes.parked.as_ref().filter(|_| origin.kind == Kind::Held);
    let through = through(facts, &origin);
    let kind = if through.is_some() { "group" } else { origin.kind.as_str() };
    Why {
        group: through,
        rule: rule.map(|id| facts.rule_ref(id, reason.rule_version, reason.rule_key.as_deref())),
        directory: reason.directory.map(|id| facts.directory_ref(id)),
        directory_group: group
            .map(|id| Named { id, name: facts.group_ref(id).name.or(reason.directory_group.clone()) }),
        path: user.zip(group).map(|(user, group)| facts.path(user, group)).unwrap_or_default(),
        directory_user: user.map(|id| facts.user_ref(id, reason.user_name.as_deref())),
        cause: reason.cause.as_ref().map(|id| CauseRef { id: id.clone(), request: request.cloned() }),
        actor: reason.actor.clone(),
        parked: parked.map(|row| ParkedRef { id: row.id, run_id: row.run_id, state: row.state.clone() }),
        since: Some(timestamp(reason.created_at)),
        ..bare(kind)
    }
}

/// The native group with which the role comes, if it comes with one. An exclusion of the group is told as what it is.
fn through(facts: &Facts, origin: &Origin) -> Option<Named<GroupId>> {
    let Target::Group(id) = origin.target else { return None };
    let name = facts.role_groups.get(&id).filter(|_| origin.kind != Kind::Exclude)?;
    Some(Named { id, name: Some(name.clone()) })
}

/// Whether the role is the primary one, and what decided that.
pub(super) fn primary_role(facts: &Facts, causes: &Causes) -> Option<PrimaryRole> {
    let TargetRef::Role { id, .. } = &facts.wanted.target else { return None };
    let primary = facts.subject.as_ref()?.role_id;
    let origins: Vec<Origin> = facts.reasons.iter().map(|reason| reason.origin).collect();
    let speaking = facts.reasons.iter().filter(|reason| {
        let origin = reason.origin;
        let live = origin.kind == Kind::Manual || (origin.kind != Kind::Exclude && !excluded(&origins, origin.target));
        live && origin.target == Target::Role(primary)
    });
    let speaking: Vec<&Reason> = speaking.collect();
    let by_hand = speaking.iter().any(|reason| reason.origin.kind == Kind::Manual);
    let rules = speaking.iter().filter_map(|reason| {
        let rule = reason.origin.rule?;
        Some(facts.rule_ref(rule, reason.rule_version, reason.rule_key.as_deref()))
    });
    let first = rules.min_by_key(|rule| (rule.position.is_none(), rule.position, rule.id)).filter(|_| !by_hand);
    let of_group = |origin: &Origin| facts.group_roles.gives(origin.target, Target::Role(primary));
    let by_group = origins.iter().any(|origin| of_group(origin) && facts.counts_for_roles(origin));
    let decided_by = match (by_hand, speaking.is_empty(), by_group) {
        (true, ..) => "manual",
        (false, false, _) => "rule",
        (false, true, true) => "group",
        (false, true, false) => "default",
    };
    let slug = causes.primary_slug.clone().unwrap_or_default();
    Some(PrimaryRole { primary: *id == primary, slug, decided_by, rule: first })
}
