//! An organization with two directories on which operations are carried out, in process, and looked at.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use futures::future::BoxFuture;
use muster::app::{App, Config};
use muster::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, OrganizationId, RequestId, RuleId,
};
use muster::domain::origin::Ending;
use muster::domain::scope::OrganizationScope;
use muster::domain::secret::digest;
use muster::domain::{Clock, Error};
use muster::scim::dialect::Tolerances;
use muster::service::access::{self, Access};
use muster::service::change::Change;
use muster::service::converge::{Scope, converge};
use muster::service::directories::{self, DirectoryFields};
use muster::service::keys::{self, ScimAccess};
use muster::service::mapping::rules::{self, RuleFields};
use muster::service::native::groups::{self as native_groups, NewGroup};
use muster::service::organizations::{self, NewOrganization};
use muster::service::provisioning::{Call, Precondition, groups, users};
use muster::service::tokens::{self, NewToken};
use muster::store::events::{self, StoredEvent};
use muster::store::{Db, Lane};
use serde_json::json;

use super::bodies::patch_operations;
use super::checks::Giver;
use super::operations::{NATIVE_NAMES, Operation, Reference, nth};
use super::replay::Replay;
use super::world::World;

const ROOT_KEY: &str = "sk_test_root_key_of_an_application_in_process";

/// A clock that the test moves.
pub fn clock() -> Clock {
    let start: DateTime<Utc> = DateTime::from_timestamp_millis(1_800_000_000_000).expect("a time");
    Clock::manual(start)
}

/// The program on an open database.
pub fn app(db: Db, clock: Clock) -> App {
    let config = Config {
        public_url: "http://localhost".to_owned(),
        root_key_digest: Some(digest(ROOT_KEY)),
        cursor_key: b"cursor".to_vec(),
        requests_per_second: u32::MAX,
        max_body: Config::MAX_BODY,
        converge_budget: Config::CONVERGE_BUDGET,
        verify_hours: 0,
        metrics_key_digest: None,
        vault: muster::domain::sealed::Vault::default(),
        webhooks_allow_private: false,
        webhook_retry: chrono::Duration::seconds(5),
        oidc: None,
    };
    App::new(db, clock, config).0
}

/// An organization under test.
#[derive(Clone)]
pub struct Stage {
    /// The program.
    pub app: App,
    /// The organization.
    pub organization: OrganizationId,
    /// The state after the last operation.
    pub world: World,
    /// What the events so far tell.
    pub replay: Replay,
    /// Other clients are at work: what one does may be overtaken, and runs are for the workers.
    pub racing: bool,
    /// The events since the look before the last one.
    pub news: Vec<StoredEvent>,
    /// Rules and directories that were ever handed over: what waits with a paused directory is so later.
    pub handed_over: BTreeSet<Giver>,
    pub(super) scope: OrganizationScope,
    pub(super) api: Access,
    /// The directories that are there, and both that ever were.
    pub(super) directories: Vec<ScimAccess>,
    pub(super) pair: [DirectoryId; 2],
    pub(super) rules: Vec<RuleId>,
    pub(super) domain: String,
}

/// What came of an operation.
#[derive(Debug, Clone)]
pub struct Step {
    pub operation: Operation,
    pub before: World,
    pub after: World,
    /// The events that it caused.
    pub news: Vec<StoredEvent>,
    pub done: Done,
}

/// What an operation did beside changing the state.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Rules and directories whose origins became manual.
    pub handed_over: BTreeSet<Giver>,
    /// Effects that were approved.
    pub approved: bool,
    /// What became of a plan: `applied`, `approved`, `rejected` or `stale`.
    pub plan: Option<&'static str>,
    /// What is wrong with how a plan, a run or a verification went.
    pub faults: Vec<String>,
    /// The events that were looked at on the way.
    pub news: Vec<StoredEvent>,
}

/// A refusal is an answer; a failure of the program is not.
pub(super) fn answered<T>(result: Result<T, Error>) -> Result<Option<T>, String> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Internal(_) | Error::TooManyRequests { .. }) => {
            Err(format!("the program failed: {}", result.err().expect("an error")))
        }
        Err(_) => Ok(None),
    }
}

impl Stage {
    /// An organization with two directories; the second one deletes the memberships of deleted people.
    pub async fn new(app: &App) -> Stage {
        let header = format!("Bearer {ROOT_KEY}");
        let api = access::authenticate_api(app, Some(&header)).await.expect("the root key");
        let new = NewOrganization { name: "Acme".to_owned(), ..NewOrganization::default() };
        let organization = organizations::create(app, &api, new).await.expect("an organization").value.id;
        let scope = api.organization(organization).expect("the root key reaches it");
        let mut directories = Vec::new();
        for settings in [json!({}), json!({"deleted_people": "delete"})] {
            app.clock.advance(Duration::milliseconds(1));
            let settings = settings.as_object().cloned();
            let fields = DirectoryFields { name: Some("Directory".to_owned()), settings, ..DirectoryFields::default() };
            let directory = directories::create(app, &api, scope, fields).await.expect("a directory").value.id;
            let new = NewToken { name: "test".to_owned(), expires_at: None, allowed_ips: Vec::new() };
            let (_, secret) = tokens::create_token(app, &api, scope, directory, new).await.expect("a token");
            let header = format!("Bearer {}", secret.reveal());
            let access = keys::authenticate_scim(app, &directory.to_string(), Some(&header), None).await;
            directories.push(access.expect("the token opens the directory"));
        }
        // Accounts are of the environment: organizations must not meet by their addresses.
        let domain = format!("{}.example", organization.uuid().simple());
        let mut stage = Stage {
            app: app.clone(),
            organization,
            world: World::default(),
            replay: Replay::default(),
            news: Vec::new(),
            handed_over: BTreeSet::new(),
            racing: false,
            scope,
            api,
            pair: [directories[0].directory.id, directories[1].directory.id],
            directories,
            rules: Vec::new(),
            domain,
        };
        stage.look().await;
        stage
    }

    /// The same organization, seen through another replica.
    pub fn through(&self, app: &App) -> Stage {
        Stage { app: app.clone(), racing: true, ..self.clone() }
    }

    /// The directories, the first one first.
    pub fn directories(&self) -> Vec<DirectoryId> {
        self.pair.to_vec()
    }

    /// Reads the state and the events since the last look.
    pub async fn look(&mut self) {
        self.world = World::read(&self.app.db, self.organization).await;
        let mut tx = self.app.db.read().await.expect("a connection");
        let news = events::after(&mut tx, self.organization, self.replay.position, 100_000).await.expect("events");
        self.replay.take(&news);
        self.news = news;
    }

    /// Carries out an operation and tells what came of it.
    pub async fn perform(&mut self, operation: &Operation) -> Result<Step, String> {
        let before = self.world.clone();
        self.app.clock.advance(Duration::milliseconds(1));
        let mut done = Done::default();
        self.apply(operation, &mut done).await.map_err(|error| format!("{operation:?}: {error}"))?;
        let mut news = std::mem::take(&mut done.news);
        self.look().await;
        news.append(&mut self.news);
        self.handed_over.extend(&done.handed_over);
        Ok(Step { operation: operation.clone(), before, after: self.world.clone(), news, done })
    }

    /// Invariant 5: a repeated request changes nothing and emits nothing.
    pub async fn repeat(&mut self, operation: &Operation) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let repeatable = match operation {
            Operation::ReplaceUser { .. } | Operation::ReplaceGroup { .. } => true,
            // One that adds and removes the same member under two names, or removes by an externalId that two
            // resources have, says something else the second time.
            Operation::PatchMembers { add, remove, .. } => {
                let by_id = remove.iter().all(|reference| !matches!(reference, Reference::External(_)));
                by_id && (add.is_empty() || remove.is_empty())
            }
            _ => false,
        };
        if repeatable {
            self.app.clock.advance(Duration::milliseconds(1));
            self.apply(operation, &mut Done::default()).await?;
            self.expect_unchanged("repeating it", &mut found).await;
        }
        Ok(found)
    }

    /// Property: converging everything changes nothing and emits nothing.
    pub async fn reconverge(&mut self) -> Result<(), String> {
        let scope = Scope {
            users: self.world.facts.users.keys().copied().collect(),
            groups: self.world.facts.groups.keys().copied().collect(),
            memberships: self.world.accounts.keys().map(|id| (*id, false)).collect(),
            ..Scope::default()
        };
        self.app.clock.advance(Duration::milliseconds(1));
        self.change(move |change| {
            let scope = scope.clone();
            Box::pin(async move { converge(change, scope).await })
        })
        .await?;
        let mut found = Vec::new();
        self.expect_unchanged("converging everything again", &mut found).await;
        if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
    }

    pub(super) async fn expect_unchanged(&mut self, what: &str, found: &mut Vec<String>) {
        let before = self.world.clone();
        self.look().await;
        if self.world != before {
            found.push(format!("{what} changed something:\n  before {before:?}\n  after  {:?}", self.world));
        }
    }

    /// A write of the test's own, in the organization's lane.
    pub(super) async fn change<F>(&self, work: F) -> Result<(), String>
    where
        F: for<'c> Fn(&'c mut Change<'_>) -> BoxFuture<'c, Result<(), Error>> + Send + Sync + Clone + 'static,
    {
        let (organization, now, cause) = (self.organization, self.app.clock.now(), self.api.cause());
        let done = self.app.db.write(Lane::Organization(organization), move |tx| {
            let (work, cause) = (work.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                work(&mut change).await?;
                change.finish().await.map(drop)
            })
        });
        answered(done.await).map(drop)
    }

    /// The way to a directory; to the other one, if that one was removed.
    pub(super) fn access(&self, second: bool) -> Option<&ScimAccess> {
        let wanted = self.directories.iter().find(|access| access.directory.id == self.pair[usize::from(second)]);
        wanted.or(self.directories.first())
    }

    fn call(&self, access: &ScimAccess, method: &'static str) -> Call {
        Call {
            access: ScimAccess { request: RequestId::mint(self.app.clock.now()), ..access.clone() },
            method,
            path: "/test".to_owned(),
            user_agent: None,
            tolerances: Tolerances::default(),
            status: 200,
            precondition: Precondition::None,
        }
    }

    /// The `at`th directory user, with the way to their directory.
    pub(super) fn user(&self, at: usize) -> Option<(DirectoryUserId, &ScimAccess)> {
        let all: Vec<DirectoryUserId> = self.world.facts.users.keys().copied().collect();
        let id = nth(&all, at)?;
        let directory = self.world.facts.users[&id].directory;
        Some((id, self.directories.iter().find(|access| access.directory.id == directory)?))
    }

    /// The `at`th directory group, with the way to its directory.
    pub(super) fn group(&self, at: usize) -> Option<(DirectoryGroupId, &ScimAccess)> {
        let all: Vec<DirectoryGroupId> = self.world.facts.groups.keys().copied().collect();
        let id = nth(&all, at)?;
        let directory = self.world.facts.groups[&id].directory;
        Some((id, self.directories.iter().find(|access| access.directory.id == directory)?))
    }

    pub(super) fn membership(&self, at: usize) -> Option<MembershipId> {
        nth(&self.world.accounts.keys().copied().collect::<Vec<_>>(), at)
    }

    /// Carries out operations without checking what came of each.
    pub async fn rush(&mut self, operations: &[Operation]) -> Result<(), String> {
        for operation in operations {
            self.app.clock.advance(Duration::milliseconds(1));
            let mut done = Done::default();
            self.apply(operation, &mut done).await.map_err(|error| format!("{operation:?}: {error}"))?;
            if !self.racing && !done.faults.is_empty() {
                return Err(format!("{operation:?}: {:?}", done.faults));
            }
            self.look().await;
        }
        Ok(())
    }

    /// Carries out an operation; one that finds nobody to be about does nothing.
    pub(super) async fn apply(&mut self, operation: &Operation, done: &mut Done) -> Result<(), String> {
        let app = self.app.clone();
        match operation {
            Operation::CreateUser { second, person } => {
                let Some(access) = self.access(*second) else { return Ok(()) };
                let call = self.call(access, "POST");
                answered(users::create(&app, call, self.person(person)).await)?;
            }
            Operation::ReplaceUser { user, person } => {
                let Some((id, access)) = self.user(*user) else { return Ok(()) };
                answered(users::replace(&app, self.call(access, "PUT"), id, self.person(person)).await)?;
            }
            Operation::DeleteUser { user } => {
                let Some((id, access)) = self.user(*user) else { return Ok(()) };
                answered(users::delete(&app, self.call(access, "DELETE"), id).await)?;
            }
            Operation::CreateGroup { second, name, external, members } => {
                let Some(access) = self.access(*second) else { return Ok(()) };
                let body = self.source(access, *name, *external, Some(members));
                answered(groups::create(&app, self.call(access, "POST"), body).await)?;
            }
            Operation::ReplaceGroup { group, name, external, members } => {
                let Some((id, access)) = self.group(*group) else { return Ok(()) };
                let body = self.source(access, *name, *external, members.as_ref());
                answered(groups::replace(&app, self.call(access, "PUT"), id, body).await)?;
            }
            Operation::PatchMembers { group, add, remove } => {
                let Some((id, access)) = self.group(*group) else { return Ok(()) };
                let operations = patch_operations(access, &self.members(access, add), &self.members(access, remove));
                answered(groups::patch(&app, self.call(access, "PATCH"), id, operations).await)?;
            }
            Operation::DeleteGroup { group } => {
                let Some((id, access)) = self.group(*group) else { return Ok(()) };
                answered(groups::delete(&app, self.call(access, "DELETE"), id).await)?;
            }
            Operation::CreateNativeGroup { name } => {
                let new = NewGroup { name: NATIVE_NAMES[*name].to_owned(), description: None };
                answered(native_groups::create(&app, &self.api, self.scope, new).await)?;
            }
            Operation::GiveByHand { membership, what } => self.give(*membership, what).await?,
            Operation::TakeByHand { gift } => self.take(*gift).await?,
            Operation::Deactivate { membership } => self.deactivate(*membership).await?,
            Operation::CreateRule { .. }
            | Operation::UpdateRule { .. }
            | Operation::RetargetRule { .. }
            | Operation::ApplyRule { .. }
            | Operation::DeleteRule { .. } => self.apply_to_rules(operation, done).await?,
            Operation::Plan { changes, meanwhile, approve } => {
                self.plan(changes, meanwhile.as_deref(), *approve, done).await?;
            }
            _ => self.apply_trust(operation, done).await?,
        }
        Ok(())
    }

    async fn apply_to_rules(&mut self, operation: &Operation, done: &mut Done) -> Result<(), String> {
        let app = self.app.clone();
        let sources: Vec<DirectoryGroupId> = self.world.facts.groups.keys().copied().collect();
        let natives: Vec<GroupId> = self.world.groups.keys().copied().collect();
        let directories = self.pair;
        match operation {
            Operation::CreateRule { rule, apply } => {
                let document = rule.document(directories, &sources, &natives).fields().expect("an object");
                let key = RequestId::mint(app.clock.now()).to_string();
                let made = rules::create(&app, &self.api, self.scope, key, document, *apply).await;
                self.rules.extend(answered(made)?.map(|outcome| outcome.value.id));
            }
            Operation::UpdateRule { rule, to, apply } => {
                let Some(id) = nth(&self.rules, *rule) else { return Ok(()) };
                let document = to.document(directories, &sources, &natives).fields().expect("an object");
                let fields = RuleFields { document, apply: *apply, ..RuleFields::default() };
                answered(rules::update(&app, &self.api, self.scope, id, fields).await)?;
            }
            Operation::RetargetRule { rule, to } => {
                let Some(id) = nth(&self.rules, *rule) else { return Ok(()) };
                let Some(mut document) = self.world.decisions.rules.get(&id).cloned() else { return Ok(()) };
                document.then = to.document(directories, &sources, &natives).then;
                let document = document.fields().expect("an object");
                let fields = RuleFields { document, apply: true, ..RuleFields::default() };
                answered(rules::update(&app, &self.api, self.scope, id, fields).await)?;
            }
            Operation::ApplyRule { rule } => {
                let Some(id) = nth(&self.rules, *rule) else { return Ok(()) };
                let fields = RuleFields { apply: true, ..RuleFields::default() };
                answered(rules::update(&app, &self.api, self.scope, id, fields).await)?;
            }
            Operation::DeleteRule { rule, hand_over } => {
                let Some(id) = nth(&self.rules, *rule) else { return Ok(()) };
                let origins = if *hand_over { Ending::HandOver } else { Ending::Retract };
                if answered(rules::delete(&app, &self.api, self.scope, id, origins).await)?.is_some() {
                    self.rules.retain(|rule| *rule != id);
                    done.handed_over.extend(hand_over.then_some(Giver::Rule(id)));
                }
            }
            other => unreachable!("not about rules: {other:?}"),
        }
        Ok(())
    }
}
