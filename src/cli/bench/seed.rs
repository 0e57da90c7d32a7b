//! Makes the organization of [`super::shape`] in an empty database, as an identity provider and an admin would: by the
//! same services that requests go through, many at a time.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::shape::{self, Members, Size};
use crate::app::App;
use crate::domain::id::{DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, OrganizationId, RequestId};
use crate::domain::plan::PlanChange;
use crate::domain::run::{Run, RunState};
use crate::domain::scope::OrganizationScope;
use crate::domain::secret::Secret;
use crate::scim::dialect::Tolerances;
use crate::scim::resource::{Normalised, normalise};
use crate::service::access::Access;
use crate::service::directories::DirectoryFields;
use crate::service::keys::{self, ScimAccess};
use crate::service::mapping::{apply, rules};
use crate::service::native::groups::NewGroup;
use crate::service::organizations::NewOrganization;
use crate::service::provisioning::{Call, Precondition, groups, users};
use crate::service::runs::control;
use crate::service::tokens::{self, NewToken};
use crate::service::{directories, native, organizations};
use crate::store::{Order, PageRequest};

/// How many requests are under way at a time, so that they share commits.
const AT_ONCE: usize = 64;
/// How many of those with many members.
const LARGE_AT_ONCE: usize = 8;
/// How many native groups people come into.
const NATIVE_GROUPS: usize = 10;
/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// An organization that was made.
#[derive(Debug)]
pub struct Seeded {
    /// The organization.
    pub organization: OrganizationId,
    /// Its one directory.
    pub directory: DirectoryId,
    /// A SCIM token of the directory.
    pub token: Secret,
    /// The directory users, in the order of their numbers.
    pub users: Vec<DirectoryUserId>,
    /// The directory groups, in the order of their numbers.
    pub groups: Vec<DirectoryGroupId>,
    /// The run that brought the rules into effect.
    pub run: Run,
}

/// A part of the work that is done.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What was made.
    pub what: String,
    /// How many.
    pub count: usize,
    /// How long it took.
    pub took: Duration,
}

/// Makes the organization. `done` is told of each stage.
///
/// The server's workers must be at work: one of them brings the rules into effect. Its budget should be larger than
/// the number of people, so that no group waits for a run while there is nothing to run for.
///
/// # Errors
///
/// If the database has an organization already, or whatever a service answers.
pub async fn fill(app: &App, access: &Access, size: &Size, done: impl Fn(&Stage)) -> anyhow::Result<Seeded> {
    let seeding = Seeding::begin(app, access).await?;
    let told = |what: &str, count: usize, began: Instant| {
        done(&Stage { what: what.to_owned(), count, took: began.elapsed() });
    };
    let began = Instant::now();
    let users = seeding.users(size.people).await?;
    told("directory users", users.len(), began);

    let began = Instant::now();
    let members = shape::members(size);
    let edges: usize = members.iter().map(|members| members.people.len() + members.groups.len()).sum();
    let groups = seeding.groups(&members, &users).await?;
    told(&format!("directory groups with {edges} edges"), groups.len(), began);
    drop(members);

    let began = Instant::now();
    let keys = seeding.rules(size).await?;
    told("mapping rules, saved", keys.len(), began);
    let began = Instant::now();
    let run = seeding.apply(keys.clone()).await?;
    told("mapping rules, brought into effect", keys.len(), began);
    let Seeding { scope, directory, token, .. } = seeding;
    Ok(Seeded { organization: scope.organization(), directory, token, users, groups, run })
}

/// Waits until a run is over.
///
/// # Errors
///
/// If it does not succeed.
pub async fn finished(app: &App, access: &Access, run: Run) -> anyhow::Result<Run> {
    let mut run = run;
    while matches!(run.state, RunState::Running) {
        tokio::time::sleep(LOOK).await;
        run = control::get(app, access, run.id).await?;
    }
    if run.state != RunState::Succeeded {
        bail!("the run {} {}: {}", run.id, control::over(run.state), run.problem.unwrap_or_default());
    }
    Ok(run)
}

struct Seeding<'a> {
    app: &'a App,
    access: &'a Access,
    scope: OrganizationScope,
    directory: DirectoryId,
    token: Secret,
    scim: ScimAccess,
}

impl<'a> Seeding<'a> {
    async fn begin(app: &'a App, access: &'a Access) -> anyhow::Result<Self> {
        let page = PageRequest { after: None, before: None, limit: 1, order: Order::Ascending };
        let there = organizations::list(app, access, None, Vec::new(), &page).await?;
        if let Some(other) = there.rows.first() {
            bail!("the database has the organization {} already; give an empty one", other.id);
        }
        let new = NewOrganization {
            name: "Bench".to_owned(),
            domains: vec![("bench.example".to_owned(), true)],
            ..NewOrganization::default()
        };
        let organization = organizations::create(app, access, new).await?.value;
        let scope = access.organization(organization.id)?;
        let fields = DirectoryFields { name: Some("Bench".to_owned()), ..DirectoryFields::default() };
        let directory = directories::create(app, access, scope, fields).await?.value.id;
        let new = NewToken { name: "Bench".to_owned(), expires_at: None, allowed_ips: Vec::new() };
        let (_, token) = tokens::create_token(app, access, scope, directory, new).await?;
        let header = format!("Bearer {}", token.reveal());
        let scim = keys::authenticate_scim(app, &directory.to_string(), Some(&header), None).await?;
        Ok(Seeding { app, access, scope, directory, token, scim })
    }

    /// A request of the identity provider, as it is when it reaches the service.
    fn request(&self, path: &str, body: Value) -> anyhow::Result<(Call, Normalised)> {
        let access = ScimAccess {
            request: RequestId::mint(self.app.clock.now()),
            noted: std::sync::Arc::default(),
            ..self.scim.clone()
        };
        let resource = if path == "/Users" { "User" } else { "Group" };
        let definition = access.catalogue.resource(resource).context("the catalogue lacks a resource type")?;
        let mut tolerances = Tolerances::default();
        let strictness = access.directory.settings.strictness();
        let body = normalise(body, definition, strictness, &mut tolerances)
            .map_err(|error| anyhow::anyhow!("{}", error.detail))?;
        let call = Call {
            access,
            method: "POST",
            path: path.to_owned(),
            user_agent: Some("muster bench seed".to_owned()),
            tolerances,
            status: 201,
            precondition: Precondition::None,
        };
        Ok((call, body))
    }

    async fn users(&self, count: usize) -> anyhow::Result<Vec<DirectoryUserId>> {
        let made = stream::iter(0..count).map(async |n| -> anyhow::Result<DirectoryUserId> {
            let (call, body) = self.request("/Users", shape::person(n))?;
            Ok(users::create(self.app, call, body).await?.value.id)
        });
        made.buffered(AT_ONCE).try_collect().await
    }

    /// The groups that contain groups come last, since they name the others by their ids.
    async fn groups(&self, members: &[Members], users: &[DirectoryUserId]) -> anyhow::Result<Vec<DirectoryGroupId>> {
        let mut ids: Vec<DirectoryGroupId> = vec![DirectoryGroupId::nil(); members.len()];
        let (plain, nesting): (Vec<usize>, Vec<usize>) =
            (0..members.len()).partition(|n| members[*n].groups.is_empty());
        for some in [plain, nesting] {
            let known = ids.clone();
            let made = stream::iter(some).map(async |n| -> anyhow::Result<(usize, DirectoryGroupId)> {
                let (call, body) = self.request("/Groups", group(n, &members[n], users, &known))?;
                Ok((n, groups::create(self.app, call, body).await?.value.id))
            });
            let made: Vec<_> = made.buffer_unordered(LARGE_AT_ONCE).try_collect().await?;
            for (n, id) in made {
                ids[n] = id;
            }
        }
        Ok(ids)
    }

    /// Saves the rules, none of which is in force. Answers their keys.
    async fn rules(&self, size: &Size) -> anyhow::Result<Vec<String>> {
        let mut native_groups: Vec<GroupId> = Vec::new();
        for n in 0..NATIVE_GROUPS {
            let new = NewGroup { name: format!("Bench group {n}"), description: None };
            native_groups.push(native::groups::create(self.app, self.access, self.scope, new).await?.value.id);
        }
        let mut keys = Vec::new();
        for (key, document) in shape::rules(size, &native_groups) {
            rules::create(self.app, self.access, self.scope, key.clone(), document, false).await?;
            keys.push(key);
        }
        Ok(keys)
    }

    async fn apply(&self, keys: Vec<String>) -> anyhow::Result<Run> {
        let changes = keys.into_iter().map(|rule| PlanChange::Apply { rule }).collect();
        let run = apply::apply_at_once(self.app, self.access, self.scope, changes).await?.value;
        finished(self.app, self.access, run).await
    }
}

fn group(n: usize, members: &Members, users: &[DirectoryUserId], groups: &[DirectoryGroupId]) -> Value {
    let people = members.people.iter().filter_map(|person| users.get(usize::try_from(*person).ok()?));
    let people = people.map(|id| json!({"value": id}));
    let within = members.groups.iter().map(|group| json!({"value": groups[*group], "type": "Group"}));
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": shape::group_name(n),
        "externalId": format!("group-{n}"),
        "members": people.chain(within).collect::<Vec<_>>(),
    })
}
