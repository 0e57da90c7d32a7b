//! What an explanation is made of: the person, the groups that they are in, and the rules that could matter.

use std::collections::{HashMap, HashSet};

use super::Wanted;
use super::people::{People, link_state, relevant};
use crate::domain::Result;
use crate::domain::directory::{Directory, DirectoryGroup, DirectoryUser};
use crate::domain::explanation::{Named, RuleRef, TargetRef, UserRef};
use crate::domain::group_roles::GroupRoles;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, OrganizationId, RuleId, RunId};
use crate::domain::nesting::Nesting;
use crate::domain::origin::{Kind, Origin, Target, excluded};
use crate::domain::rule::{Rule, RuleState};
use crate::domain::verdict::{Asked, Bound, LinkState, Person, Way, excludes, way};
use crate::scim::schema::Catalogue;
use crate::store::explain::person::{self, PersonLink, Source, Subject};
use crate::store::explain::reasons::Reason;
use crate::store::rules::{self, StoredRule};
use crate::store::{Tx, directory_groups, directory_users, edges, group_roles};

/// The person's own groups that are looked at to say why they do not match.
const MAX_OWN_GROUPS: usize = 10;
/// Groups that are named as those that would do.
const MAX_SOURCES: i64 = 5;

/// A directory user of the person.
#[derive(Debug)]
pub(super) struct Known {
    /// Their id.
    pub(super) id: DirectoryUserId,
    /// What the directory says of them; `None` if it has removed them.
    pub(super) user: Option<DirectoryUser>,
    /// Their link.
    pub(super) link: LinkState,
    /// The groups that they are in.
    pub(super) nesting: Nesting,
}

/// A rule that could give or take what is asked for.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The rule at the version in force.
    pub(super) rule: Rule,
    /// How it would give it; `None` if it can only take it.
    pub(super) way: Option<Way>,
    /// Whether it takes it.
    pub(super) excludes: bool,
    /// Whether it is being deleted.
    pub(super) leaving: bool,
    /// The run that still brings it into effect.
    pub(super) run: Option<RunId>,
    /// Some directory groups that would do.
    pub(super) sources: Vec<Source>,
}

/// Everything that is known.
pub(super) struct Facts {
    pub(super) organization: OrganizationId,
    pub(super) subject: Option<Subject>,
    pub(super) asked_user: Option<DirectoryUserId>,
    pub(super) links: Vec<PersonLink>,
    pub(super) people: Vec<Known>,
    pub(super) wanted: Wanted,
    pub(super) reasons: Vec<Reason>,
    /// For a role: which roles native groups have.
    pub(super) group_roles: GroupRoles,
    /// For a role: the names of the native groups that have it.
    pub(super) role_groups: HashMap<GroupId, String>,
    /// The rules that matter, by position.
    pub(super) candidates: Vec<Candidate>,
    /// The names and positions of all rules in force.
    rules: HashMap<RuleId, (String, i64)>,
    directories: HashMap<DirectoryId, Directory>,
    /// The names of all groups that the person is in.
    pub(super) names: HashMap<DirectoryGroupId, String>,
    groups: HashMap<DirectoryGroupId, DirectoryGroup>,
    bindings: HashMap<DirectoryGroupId, Vec<Bound>>,
}

impl Facts {
    /// Reads what rules see of the person, and the rules.
    pub(super) async fn load(tx: &mut Tx, who: People, wanted: Wanted, reasons: Vec<Reason>) -> Result<Self> {
        let organization = who.organization;
        let mut facts = Facts {
            organization,
            subject: who.subject,
            asked_user: who.asked_user,
            people: Vec::new(),
            links: who.links,
            wanted,
            reasons,
            group_roles: GroupRoles::default(),
            role_groups: HashMap::new(),
            candidates: Vec::new(),
            rules: HashMap::new(),
            directories: HashMap::new(),
            names: HashMap::new(),
            groups: HashMap::new(),
            bindings: HashMap::new(),
        };
        let directories = person::directories_of(tx, organization).await?;
        facts.directories = directories.into_iter().map(|directory| (directory.id, directory)).collect();
        facts.load_group_roles(tx).await?;
        facts.load_people(tx).await?;
        facts.load_rules(tx).await?;
        Ok(facts)
    }

    async fn load_group_roles(&mut self, tx: &mut Tx) -> Result<()> {
        if let TargetRef::Role { id, .. } = &self.wanted.target {
            self.group_roles = group_roles::all(tx, self.organization).await?;
            let groups = group_roles::of_role(tx, self.organization, *id).await?;
            self.role_groups = groups.into_iter().map(|group| (group.group_id, group.group_name)).collect();
        }
        Ok(())
    }

    /// Whether an origin gives somebody a role now, or the group that it is of does. Nobody who is suspended is in a
    /// group.
    pub(super) fn counts_for_roles(&self, origin: &Origin) -> bool {
        let active = self.subject.as_ref().is_some_and(|subject| subject.status == "active");
        let all = || self.reasons.iter().map(|reason| reason.origin).collect::<Vec<_>>();
        let live = origin.kind == Kind::Manual || (origin.kind != Kind::Exclude && !excluded(&all(), origin.target));
        live && (active || !matches!(origin.target, Target::Group(_)))
    }

    async fn load_people(&mut self, tx: &mut Tx) -> Result<()> {
        let relevant: Vec<(DirectoryUserId, LinkState)> =
            relevant(&self.links).into_iter().map(|link| (link.directory_user_id, link_state(link))).collect();
        let ids = || relevant.iter().map(|(id, _)| *id);
        let users = directory_users::by_ids(tx, self.organization, ids()).await?;
        let mut users: HashMap<_, _> = users.into_iter().map(|user| (user.id, user)).collect();
        let memberships = edges::groups_of(tx, self.organization, ids()).await?;
        self.names = memberships.iter().map(|group| (group.group_id, group.display_name.clone())).collect();
        let edges = person::edges_between(tx, self.organization, self.names.keys().copied()).await?;
        for (id, link) in relevant {
            let direct = memberships.iter().filter(|group| group.user_id == id && group.direct);
            let nesting = Nesting::new(direct.map(|group| group.group_id), &edges);
            self.people.push(Known { id, user: users.remove(&id), link, nesting });
        }
        let nearest = self.people.iter().flat_map(|known| known.nesting.nearest().iter().take(MAX_OWN_GROUPS).copied());
        let nearest: HashSet<DirectoryGroupId> = nearest.collect();
        let groups = directory_groups::by_ids(tx, self.organization, nearest).await?;
        self.groups = groups.into_iter().map(|group| (group.id, group)).collect();
        for bound in person::bindings(tx, self.organization, self.names.keys().copied()).await? {
            self.bindings.entry(bound.group).or_default().push(bound);
        }
        Ok(())
    }

    async fn load_rules(&mut self, tx: &mut Tx) -> Result<()> {
        let mirrored = match &self.wanted.asked {
            Asked::Group { id, name_key } => {
                person::sources_of_mirror(tx, self.organization, *id, name_key, MAX_SOURCES).await?
            }
            Asked::Membership | Asked::Role { .. } => Vec::new(),
        };
        for stored in rules::applied(tx, self.organization).await? {
            if stored.document.state == RuleState::Draft {
                continue;
            }
            self.rules.insert(stored.id, (stored.key.clone(), stored.document.position));
            let mirrors_it = mirrored.iter().any(|source| source.rule_id == stored.id);
            let way = way(&stored.document, &self.wanted.asked, mirrors_it);
            let excludes = excludes(&stored.document, &self.wanted.asked);
            if way.is_some() || excludes {
                let (leaving, run) = (stored.leaving.is_some(), stored.run_id);
                let rule = self.compiled(stored)?;
                self.candidates.push(Candidate { rule, way, excludes, leaving, run, sources: Vec::new() });
            }
        }
        self.candidates.sort_by_key(|candidate| (candidate.rule.document.position, candidate.rule.id));
        let by_group =
            self.candidates.iter().filter(|candidate| candidate.way.is_some() && candidate.rule.is_by_group());
        let by_group: Vec<RuleId> = by_group.map(|candidate| candidate.rule.id).collect();
        let sources = person::sources_of_rules(tx, self.organization, by_group, MAX_SOURCES).await?;
        let about_group = matches!(self.wanted.asked, Asked::Group { .. });
        for candidate in &mut self.candidates {
            let only_these = if candidate.way == Some(Way::Mirror) && about_group { &mirrored } else { &sources };
            let of_rule = only_these.iter().filter(|source| source.rule_id == candidate.rule.id);
            candidate.sources = of_rule.cloned().collect();
        }
        Ok(())
    }

    /// A rule that was checked when it was saved; one for a directory with schemas of its own needs those.
    fn compiled(&self, stored: StoredRule) -> Result<Rule> {
        let version = stored.applied_version.unwrap_or(stored.version);
        let directory = stored.document.directory_id.and_then(|id| self.directories.get(&id));
        let catalogue = match directory {
            Some(directory) => directory.catalogue()?,
            None => Catalogue::built_in(),
        };
        Rule::compile(stored.id, &stored.key, version, stored.document, &catalogue)
    }

    /// A directory user with all that rules look at, if the directory still has them.
    pub(super) fn person<'a>(&'a self, known: &'a Known) -> Option<Person<'a>> {
        let nearest = known.nesting.nearest();
        Some(Person {
            user: known.user.as_ref()?,
            link: known.link,
            groups: nearest.iter().take(MAX_OWN_GROUPS).filter_map(|id| self.groups.get(id)).collect(),
            bindings: nearest.iter().filter_map(|id| self.bindings.get(id)).flatten().collect(),
            names: &self.names,
        })
    }

    /// The rule, at `version`; `key` is used if it is not in force.
    pub(super) fn rule_ref(&self, id: RuleId, version: i64, key: Option<&str>) -> RuleRef {
        let in_force = self.rules.get(&id);
        RuleRef {
            id,
            key: in_force.map(|(key, _)| key.clone()).or(key.map(str::to_owned)),
            version,
            position: in_force.map(|(_, position)| *position),
        }
    }

    /// The directory user; `name` is used if they are none of the person's.
    pub(super) fn user_ref(&self, id: DirectoryUserId, name: Option<&str>) -> UserRef {
        let user = self.people.iter().find(|known| known.id == id).and_then(|known| known.user.as_ref());
        let user_name = user.and_then(|user| user.text("userName")).or(name);
        UserRef { id, user_name: user_name.map(str::to_owned) }
    }

    /// The directory.
    pub(super) fn directory_ref(&self, id: DirectoryId) -> Named<DirectoryId> {
        Named { id, name: self.directories.get(&id).map(|directory| directory.name.clone()) }
    }

    /// The directory, if it is there.
    pub(super) fn directory(&self, id: DirectoryId) -> Option<&Directory> {
        self.directories.get(&id)
    }

    /// A directory group that the person is in.
    pub(super) fn group_ref(&self, id: DirectoryGroupId) -> Named<DirectoryGroupId> {
        Named { id, name: self.names.get(&id).cloned() }
    }

    /// The groups from `group` down to one that has the directory user as a member.
    pub(super) fn path(&self, user: DirectoryUserId, group: DirectoryGroupId) -> Vec<Named<DirectoryGroupId>> {
        let known = self.people.iter().find(|known| known.id == user);
        let path = known.map(|known| known.nesting.path(group)).unwrap_or_default();
        path.into_iter().map(|id| self.group_ref(id)).collect()
    }

    /// The nearest group of a directory user by which a rule is about them.
    pub(super) fn nearest_source(&self, user: DirectoryUserId, rule: RuleId) -> Option<DirectoryGroupId> {
        let known = self.people.iter().find(|known| known.id == user)?;
        let bound = |id: &&DirectoryGroupId| {
            self.bindings.get(*id).into_iter().flatten().any(|bound| bound.rule == rule && bound.matched)
        };
        known.nesting.nearest().iter().find(bound).copied()
    }
}
