//! The state of one organization as the database has it, in the reference's types.

use std::collections::{BTreeMap, BTreeSet};

use muster::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, OrganizationId, RoleId, RuleId, UserId,
};
use muster::domain::rule::{RuleDocument, RuleState};
use muster::store::{Db, Tx, sql};
use serde_json::{Map, Value};

use super::model::{
    Binding, Decisions, Edge, Facts, Link, Mirror, Native, Person, Reason, Role, Source, Standing, Target,
};

/// Everything that is stored of one organization, as far as mapping goes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct World {
    /// What identity providers said.
    pub facts: Facts,
    /// What depends on history.
    pub decisions: Decisions,
    /// What the engine made of it.
    pub native: Native,
    /// The native groups and their names.
    pub groups: BTreeMap<GroupId, String>,
    /// Whose each membership is.
    pub accounts: BTreeMap<MembershipId, UserId>,
    /// The handles of all rules.
    pub keys: BTreeMap<RuleId, String>,
    /// Runs that are neither over nor a guard's.
    pub unfinished: i64,
    /// The position of the organization's last event.
    pub position: i64,
    /// How many events of native users there are, of all organizations.
    pub user_events: i64,
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("a stored document is a JSON object")
}

/// All rows of a statement whose only parameter is the organization.
macro_rules! rows {
    ($tx:expr, $organization:expr, $text:expr) => {
        $tx.fetch_all(sql($text).bind($organization)).await.expect($text)
    };
}

impl World {
    /// Reads all of it, in one snapshot.
    pub async fn read(db: &Db, organization: OrganizationId) -> World {
        let mut tx = db.snapshot().await.expect("a snapshot");
        let mut world = World {
            facts: facts(&mut tx, organization).await,
            decisions: decisions(&mut tx, organization).await,
            ..World::default()
        };
        native(&mut tx, organization, &mut world).await;
        let head: Vec<(i64,)> = rows!(tx, organization, "SELECT event_position FROM organizations WHERE id = $1");
        world.position = head[0].0;
        let count: (i64,) = tx.fetch_one(sql("SELECT COUNT(*) FROM user_events")).await.expect("a count");
        world.user_events = count.0;
        let unfinished: Vec<(i64,)> = rows!(
            tx,
            organization,
            "SELECT COUNT(*) FROM sync_runs WHERE organization_id = $1
             AND (state = 'running' OR (state = 'awaiting_approval' AND kind <> 'guard'))"
        );
        world.unfinished = unfinished[0].0;
        let keys: Vec<(RuleId, String)> =
            rows!(tx, organization, "SELECT id, key FROM mapping_rules WHERE organization_id = $1 AND leaving IS NULL");
        world.keys = keys.into_iter().collect();
        world.keep();
        world
    }

    /// Takes what is a decision out of the stored reasons and bindings.
    fn keep(&mut self) {
        let World { facts, decisions, native, .. } = self;
        let waits = |user: DirectoryUserId| {
            let directory = decisions.links.get(&user).map(|link| link.directory);
            directory.is_some_and(|directory| decisions.paused.contains(&directory))
        };
        let frozen = |reason: &Reason| {
            let of_frozen = reason.rule.is_some_and(|rule| decisions.frozen.contains_key(&rule));
            of_frozen && ["frozen", "exclude"].contains(&reason.kind)
        };
        let kept = native.reasons.iter().filter(|(_, reason)| {
            reason.kind == "held" || frozen(reason) || (reason.kind != "manual" && reason.user.is_some_and(waits))
        });
        decisions.kept = kept.copied().collect();
        let held: BTreeSet<Target> = native
            .reasons
            .iter()
            .filter(|(_, reason)| reason.kind == "held")
            .map(|(_, reason)| reason.target)
            .collect();
        for (key, binding) in &native.bindings {
            let mirror = &decisions.mirrors[key];
            let frozen = decisions.frozen.contains_key(&key.0) && facts.groups.contains_key(&key.1);
            let ended = mirror.state.as_deref() == Some("ended")
                && mirror.group.is_some_and(|group| held.contains(&Target::Group(group)));
            if frozen || ended || decisions.paused.contains(&mirror.directory) {
                decisions.kept_bindings.insert(*key, binding.clone());
            }
        }
    }
}

type EdgeRow = (DirectoryGroupId, Option<DirectoryUserId>, Option<DirectoryGroupId>, Option<String>);
type LinkRow = (DirectoryUserId, DirectoryId, Option<UserId>, Option<MembershipId>, String, String, bool);

async fn facts(tx: &mut Tx, organization: OrganizationId) -> Facts {
    let users: Vec<(DirectoryUserId, DirectoryId, bool, String)> = rows!(
        tx,
        organization,
        "SELECT id, directory_id, active, document FROM directory_users WHERE organization_id = $1"
    );
    let groups: Vec<(DirectoryGroupId, DirectoryId, String)> =
        rows!(tx, organization, "SELECT id, directory_id, document FROM directory_groups WHERE organization_id = $1");
    let edges: Vec<EdgeRow> = rows!(
        tx,
        organization,
        "SELECT group_id, user_id, subgroup_id, value FROM directory_edges WHERE organization_id = $1"
    );
    Facts {
        users: users
            .into_iter()
            .map(|(id, directory, active, document)| (id, Person { directory, active, document: object(&document) }))
            .collect(),
        groups: groups
            .into_iter()
            .map(|(id, directory, document)| (id, Source { directory, document: object(&document) }))
            .collect(),
        edges: edges
            .into_iter()
            .map(|(group, user, subgroup, value)| {
                let edge = match (user, subgroup) {
                    (Some(user), _) => Edge::User(user),
                    (None, Some(group)) => Edge::Group(group),
                    (None, None) => Edge::Pending(value.expect("a pending edge has its text")),
                };
                (group, edge)
            })
            .collect(),
    }
}

async fn decisions(tx: &mut Tx, organization: OrganizationId) -> Decisions {
    let rules: Vec<(RuleId, String)> = rows!(
        tx,
        organization,
        "SELECT v.rule_id, v.document FROM mapping_rule_versions v JOIN mapping_rules m
         ON m.organization_id = v.organization_id AND m.id = v.rule_id AND m.applied_version = v.version
         WHERE v.organization_id = $1 AND m.leaving IS NULL"
    );
    let rules = rules.into_iter().map(|(id, text)| {
        let document: RuleDocument = serde_json::from_str(&text).expect("a rule document");
        (id, document)
    });
    let (active, resting): (BTreeMap<_, _>, BTreeMap<_, _>) =
        rules.filter(|(_, rule)| rule.state != RuleState::Draft).partition(|(_, rule)| rule.state == RuleState::Active);
    let paused: Vec<(DirectoryId,)> =
        rows!(tx, organization, "SELECT id FROM directories WHERE organization_id = $1 AND paused_at IS NOT NULL");
    let parked: Vec<(MembershipId, String, GroupId, String)> = rows!(
        tx,
        organization,
        "SELECT membership_id, target, target_id, state FROM parked_effects
         WHERE organization_id = $1 AND state IN ('parked', 'rejected')"
    );
    let links: Vec<LinkRow> = rows!(
        tx,
        organization,
        "SELECT directory_user_id, directory_id, user_id, membership_id, state, method, active
         FROM identity_links WHERE organization_id = $1"
    );
    let roles: Vec<(RoleId, String, bool)> =
        rows!(tx, organization, "SELECT id, slug, is_default FROM roles WHERE organization_id = $1");
    Decisions {
        rules: active,
        frozen: resting,
        paused: paused.into_iter().map(|(id,)| id).collect(),
        parked: parked.into_iter().map(|(id, target, of, state)| ((id, target_of(&target, of)), state)).collect(),
        links: links
            .into_iter()
            .map(|(id, directory, user, membership, state, method, active)| {
                (id, Link { directory, active, user, membership, state, method })
            })
            .collect(),
        roles: roles.into_iter().map(|(id, slug, is_default)| (id, Role { slug, is_default })).collect(),
        ..Decisions::default()
    }
}

fn target_of(word: &str, id: GroupId) -> Target {
    match word {
        "membership" => Target::Membership,
        "group" => Target::Group(id),
        "role" => Target::Role(RoleId::from_uuid(id.uuid())),
        other => panic!("an origin for a '{other}'"),
    }
}

type BindingRow = (RuleId, DirectoryGroupId, DirectoryId, bool, bool, Option<String>, Option<String>, Option<GroupId>);
type OriginRow = (MembershipId, String, GroupId, String, RuleId, DirectoryGroupId, DirectoryUserId);

async fn native(tx: &mut Tx, organization: OrganizationId, world: &mut World) {
    let bindings: Vec<BindingRow> = rows!(
        tx,
        organization,
        "SELECT rule_id, directory_group_id, directory_id, matched, excepted, mirror_name, mirror_state,
            mirror_group_id
         FROM bindings WHERE organization_id = $1"
    );
    for (rule, source, directory, matched, excepted, name, state, group) in bindings {
        let binding = Binding { matched, excepted, mirror_name: name.clone() };
        world.native.bindings.insert((rule, source), binding);
        world.decisions.mirrors.insert((rule, source), Mirror { directory, name, state, group });
    }
    let origins: Vec<OriginRow> = rows!(
        tx,
        organization,
        "SELECT membership_id, target, target_id, kind, rule_id, directory_group_id, directory_user_id
         FROM origins WHERE organization_id = $1"
    );
    for (membership, target, id, kind, rule, group, user) in origins {
        let target = target_of(&target, id);
        let kinds = ["manual", "rule", "exclude", "frozen", "held"];
        let kind = kinds.into_iter().find(|known| *known == kind).expect("a kind in use");
        if kind == "manual" {
            world.decisions.manual.insert((membership, target));
        }
        let (rule, group, user) = (rule.non_nil(), group.non_nil(), user.non_nil());
        world.native.reasons.insert((membership, Reason { target, kind, rule, group, user }));
    }
    let memberships: Vec<(MembershipId, UserId, String, bool, RoleId)> = rows!(
        tx,
        organization,
        "SELECT id, user_id, status, deactivated, role_id FROM organization_memberships WHERE organization_id = $1"
    );
    for (id, user, status, deactivated, primary) in memberships {
        world.accounts.insert(id, user);
        world.decisions.memberships.insert(id, deactivated);
        let standing = Standing { active: status == "active", primary, roles: BTreeSet::new() };
        world.native.memberships.insert(id, standing);
    }
    let held: Vec<(MembershipId, RoleId)> =
        rows!(tx, organization, "SELECT membership_id, role_id FROM membership_roles WHERE organization_id = $1");
    for (membership, role) in held {
        world.native.memberships.get_mut(&membership).expect("a membership").roles.insert(role);
    }
    let members: Vec<(GroupId, MembershipId)> =
        rows!(tx, organization, "SELECT group_id, membership_id FROM group_memberships WHERE organization_id = $1");
    world.native.members = members.into_iter().collect();
    let groups: Vec<(GroupId, String)> =
        rows!(tx, organization, "SELECT id, name FROM groups WHERE organization_id = $1");
    world.groups = groups.into_iter().collect();
}
