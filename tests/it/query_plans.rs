//! Every statement that the main job runs is looked up by an index, as SQLite's planner sees it without
//! statistics: no walk through a table, and none through all rows of an organization.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use muster::store::Db;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _, SqlitePool};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

use super::support::console::Console;
use super::support::native::native;
use super::support::openai::Desk;
use super::support::receiver::Receiver;
use super::support::server::{TestDirectory, TestServer};

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Collects the statements that SQLite is given by a thread.
struct Statements(ThreadId);

#[derive(Default)]
struct Fields {
    engine: String,
    text: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "engine" => self.engine = format!("{value:?}"),
            "text" => self.text = format!("{value:?}"),
            _ => {}
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "muster::sql" && thread::current().id() == self.0 {
            let mut fields = Fields::default();
            event.record(&mut fields);
            if fields.engine == "Sqlite" {
                SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(fields.text);
            }
        }
    }
}

/// Statements that read all of an organization's rows of a table, since that is what they are for.
const WHOLE: [&str; 18] = [
    "COUNT(*)",                                              // totalResults of a list without filter
    "FROM mapping_rules",                                    // the rules: few
    "FROM roles",                                            // the roles: few
    "SELECT group_id, role_id FROM group_roles",             // the roles of groups: few, and kept in memory
    "SELECT id FROM directory_groups WHERE organization_id", // applying a rule looks at every group
    "SELECT id FROM directory_users WHERE organization_id",  // and a rule by people at everybody
    "FROM organization_domains",                             // the domains: few
    "n.email <> u.email",                                    // a domain is verified: who may follow onto it?
    "ORDER BY l.directory_user_id",                          // pages in the order of ids
    "ORDER BY t.id LIMIT",                                   // pages in the order of ids
    "FROM audit_events WHERE 1 = 1 ORDER BY id",
    "FROM audit_events WHERE 1 = 1 AND organization_id = $1 ORDER BY id",
    "ORDER BY g.id",
    "ORDER BY m.id",
    "ORDER BY m.user_id",
    "ORDER BY u.id",
    "WHERE organization_id = $1 LIMIT $2)", // a deleted organization goes a stretch at a time
    "directory_groups g\n         JOIN directories d", // the tour's table of all groups
];

/// Tables that grow with the number of people.
const LARGE: [&str; 17] = [
    "directory_users",
    "directory_user_emails",
    "directory_groups",
    "directory_edges",
    "users",
    "organization_memberships",
    "groups",
    "group_memberships",
    "group_roles",
    "membership_roles",
    "identity_links",
    "origins",
    "parked_effects",
    "events",
    "user_events",
    "webhook_deliveries",
    "audit_events",
];

// On one thread, by which its statements are told from those of other tests.
#[tokio::test]
async fn no_statement_of_the_main_job_walks_through_a_large_table() {
    tracing::subscriber::set_global_default(Registry::default().with(Statements(thread::current().id()))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    exercise(&TestServer::start(&url).await).await;

    let url = format!("sqlite://{}", folder.path().join("plans.db").display());
    Db::open(&url).await.unwrap().close().await;
    let pool = SqlitePool::connect(&url).await.unwrap();
    let statements = SEEN.lock().unwrap().clone();
    assert!(statements.len() > 60, "the statements were seen: {}", statements.len());
    let mut walks = Vec::new();
    for text in statements.iter().filter(|text| !WHOLE.iter().any(|whole| text.contains(whole))) {
        let explained =
            sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all(&pool).await.unwrap();
        for row in explained {
            let step: String = row.get("detail");
            if is_walk(&step, text) {
                walks.push(format!("{step}\n    in: {}", text.split_whitespace().collect::<Vec<_>>().join(" ")));
            }
        }
    }
    assert!(walks.is_empty(), "{} walks:\n{}", walks.len(), walks.join("\n"));
}

/// `SCAN t`, or `SEARCH t USING … (organization_id=?)` and nothing further, of a large table.
fn is_walk(step: &str, text: &str) -> bool {
    let Some(alias) = step.split(' ').nth(1) else { return false };
    let large = LARGE.iter().any(|table| {
        *table == alias || text.contains(&format!("{table} {alias} ")) || text.contains(&format!("{table} {alias}\n"))
    });
    let scans = step.starts_with("SCAN ") && !step.contains("VIRTUAL TABLE");
    large && (scans || step.ends_with("(organization_id=?)"))
}

/// A little of everything that an identity provider and an application ask.
async fn exercise(server: &TestServer) {
    let directory = server.directory().await;
    let organization = &directory.organization;
    let path = format!("/organizations/{organization}/groups");
    let group = server.api("POST", &path, json!({"name": "Everybody"})).await.expect(201).text("/id");
    let mirror = json!([{"mirror_group": {}}, {"grant_role": {"role": "admin"}}]);
    server.rule(organization, "mirror", json!({"group": "displayName sw \"eng\""}), mirror).await;
    let into = json!([{"into_group": {"group_id": group}}]);
    server.rule(organization, "into", json!({"user": "active eq true"}), into).await;

    let ada = directory.user("ada@acme.example").await;
    let bo = directory.user("bo@acme.example").await;
    let inner = directory.group("eng-inner", &[&ada, "ext-1"]).await;
    let outer = directory.group("eng-outer", &[&inner, &bo]).await;
    let late = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "late@acme.example", "externalId": "ext-1",
    });
    directory.scim("POST", "/Users", late).await.expect(201);
    let put = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "eng-outer", "members": [{"value": ada}],
    });
    directory.scim("PUT", &format!("/Groups/{outer}"), put).await.expect(200);
    let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ada}\"]")}]);
    directory.patch(&format!("/Groups/{outer}"), remove).await.expect(204);
    let rename = json!([{"op": "replace", "path": "displayName", "value": "sales"}]);
    directory.patch(&format!("/Groups/{outer}"), rename).await.expect(204);
    for filter in ["userName eq \"ada@acme.example\"", "externalId eq \"ext-1\"", "emails.value eq \"bo@acme.example\""]
    {
        assert_eq!(directory.search("Users", filter).await.expect(200).at("/totalResults"), &json!(1), "{filter}");
    }
    let member = format!("id eq \"{inner}\" and members eq \"{ada}\"");
    assert_eq!(directory.search("Groups", &member).await.expect(200).at("/totalResults"), &json!(1));
    native(server, organization).await;
    rules(server, organization, &directory.id, &[&inner, &outer]).await;
    decisions(server, &directory, &ada, &outer).await;
    let owner = Console::owner(server).await;
    pages_of_operators(server, &owner, &directory).await;
    pages_of_rules_and_people(&owner, organization, &group).await;
    for list in ["/directory_users?directory=", "/directory_groups?directory="] {
        server.api("GET", &format!("{list}{}", directory.id), Value::Null).await.expect(200);
    }
    let own = format!("/directories/{}", directory.id);
    let requests = server.api("GET", &format!("{own}/requests"), Value::Null).await.expect(200);
    for path in [
        own.clone(),
        format!("{own}/requests/{}", requests.text("/data/0/id")),
        format!("{own}/sync_status"),
        format!("{own}/groups_status?search=a"),
        format!("{own}/groups_status?state=bound"),
        format!("{own}/groups_status?state=unmatched"),
        "/metrics".to_owned(),
    ] {
        server.api("GET", &path, Value::Null).await.expect(200);
    }
    roles(server, organization, &group).await;
    for about in ["membership=true".to_owned(), "role_slug=admin".to_owned(), format!("group_id={group}")] {
        for user in [&ada, &bo] {
            let path = format!("/explain?directory_user_id={user}&{about}");
            server.api("GET", &path, Value::Null).await.expect(200);
        }
    }
    changes(server, organization, &group).await;
    let names = "events=group.created,user.created,dsync.user.created";
    let first =
        server.api("GET", &format!("/events?{names}&limit=1"), Value::Null).await.expect(200).text("/data/0/id");
    for rest in ["", "&order=desc", "&range_start=2026-01-01T00:00:00Z&range_end=2090-01-01T00:00:00Z"] {
        for scope in [String::new(), format!("&organization_id={organization}")] {
            server.api("GET", &format!("/events?{names}{rest}{scope}"), Value::Null).await.expect(200);
        }
    }
    for side in ["after", "before"] {
        server.api("GET", &format!("/events?{names}&{side}={first}"), Value::Null).await.expect(200);
    }
    webhooks(server, organization).await;
    pages_of_directories(&owner, &directory, &ada, &inner).await;
    let run = server.begin_run(organization, "reconcile").await;
    server.run_in(&run, "succeeded").await;
    directory.scim("DELETE", &format!("/Groups/{inner}"), Value::Null).await.expect(204);
    directory.scim("DELETE", &format!("/Users/{bo}"), Value::Null).await.expect(204);
}

/// The console's pages of directories and activity.
async fn pages_of_directories(owner: &Console, directory: &TestDirectory, person: &str, group: &str) {
    let one = format!("/directories/{}", directory.id);
    for page in [
        "/directories?q=a".to_owned(),
        one.clone(),
        format!("{one}/setup"),
        format!("{one}/remove"),
        format!("{one}/users"),
        format!("{one}/users?link=linked"),
        format!("{one}/users?link=pending&active=no"),
        format!("{one}/users?active=no"),
        format!("{one}/users?q=a"),
        format!("{one}/users/{person}"),
        format!("{one}/groups?state=pending"),
        format!("{one}/groups/{group}"),
        "/activity".to_owned(),
        "/activity?status=refused&q=a".to_owned(),
        format!("/activity?directory={}&method=POST&status=done", directory.id),
    ] {
        owner.get(&format!("/console/{}{page}", directory.organization)).await.expect(200);
    }
}

/// The console's pages of rules, runs, native groups and people.
async fn pages_of_rules_and_people(owner: &Console, organization: &str, group: &str) {
    let at = |page: &str| format!("/console/{organization}{page}");
    // But for the picture of who flows where, which counts everybody, and is a page of its own for that.
    for page in ["", "/rules", "/rules/new", "/runs", "/verification", "/people?status=active"] {
        owner.get(&at(page)).await.expect(200);
    }
    owner.get(&at("/groups?q=a")).await.expect(200);
    owner.get(&at(&format!("/groups/{group}"))).await.expect(200);
    let person = owner.get(&at("/people")).await.expect(200).path_in(&at("/people/om_"));
    owner.get(&format!("{person}?why={group}")).await.expect(200);
}

/// Webhooks: sent, looked at, asked for again.
async fn webhooks(server: &TestServer, organization: &str) {
    let receiver = Receiver::start().await;
    for scope in [None, Some(organization)] {
        let endpoint = server.endpoint(scope, &receiver.url).await;
        server.group_named(organization, "Told").await;
        let told = server.deliveries(&endpoint.id, |all| all.len() == 1).await;
        let path = format!("/webhook_endpoints/{}", endpoint.id);
        let event = told[0]["event_id"].as_str().unwrap();
        server.api("GET", &format!("{path}/deliveries?state=delivered"), Value::Null).await.expect(200);
        server.api("POST", &format!("{path}/deliveries/{event}/redeliver"), Value::Null).await.expect(200);
        server.deliveries(&endpoint.id, |all| all[0]["attempts"] == 2).await;
        server.api("POST", &format!("{path}/replay"), json!({"from": event})).await.expect(200);
        server.deliveries(&endpoint.id, |all| all[0]["attempts"] == 3).await;
        server.api("DELETE", &path, Value::Null).await.expect(204);
    }
}

/// What an application does with roles, and with people by their user ids.
async fn roles(server: &TestServer, organization: &str, group: &str) {
    let desk = Desk::of(server, organization).await;
    let (role, own) = (desk.role("Deployer").await, desk.group("Own").await);
    let user = desk.user("bo@acme.example").await;
    desk.post(&format!("/groups/{group}/roles"), json!({"role_id": role})).await;
    desk.post(&format!("/groups/{own}/users"), json!({"user_id": user})).await;
    desk.post(&format!("/users/{user}/roles"), json!({"role_id": role})).await;
    for path in [
        format!("/groups?after={own}"),
        format!("/groups/{group}/users?limit=1"),
        format!("/groups/{group}/users?after={user}"),
        format!("/groups/{group}/users/{user}"),
        format!("/groups/{group}/roles?after={role}"),
        format!("/groups/{group}/roles/{role}"),
        format!("/roles?after={role}"),
        format!("/roles/{role}"),
        "/users".to_owned(),
        format!("/users?after={user}"),
        format!("/users/{user}"),
        format!("/users/{user}/roles"),
        format!("/users/{user}/roles/{role}"),
    ] {
        desk.get(&path).await;
    }
    desk.post(&format!("/roles/{role}"), json!({"role_name": "Releaser"})).await;
    let gone = desk.role("Gone").await;
    desk.delete(&format!("/roles/{gone}")).await;
}

/// What an admin asks about rules.
async fn rules(server: &TestServer, organization: &str, directory: &str, groups: &[&str]) {
    let pinned: Vec<String> = groups.iter().map(|id| (*id).to_owned()).collect();
    let when = json!({"group": "displayName sw \"eng\"", "group_ids": pinned, "user": "active eq true",
        "except_group": "displayName eq \"sales\""});
    let body = json!({"organization_id": organization, "key": "pinned", "directory_id": directory, "when": when,
        "then": [{"mirror_group": {}}]});
    for path in ["/mapping_rules/lint", "/mapping_rules/preview"] {
        server.api("POST", path, body.clone()).await.expect(200);
    }
    let rule = server.api("POST", "/mapping_rules", body).await.expect(201).text("/id");
    let order = json!({"organization_id": organization, "rules": [rule, "into", "mirror"], "apply": true});
    server.api("POST", "/mapping_rules/reorder", order).await.expect(200);
    server.api("GET", &format!("/mapping_rules/{rule}/versions"), Value::Null).await.expect(200);
    server.api("GET", &format!("/mapping_rules/{rule}?version=1"), Value::Null).await.expect(200);
}

/// What an application changes by hand, up to a whole organization.
async fn changes(server: &TestServer, organization: &str, group: &str) {
    let users = "/user_management/users";
    let body = json!({"email": "hand@acme.example", "external_id": "crm-1"});
    let user = server.api("POST", users, body).await.expect(201).text("/id");
    let body = json!({"organization_id": organization, "user_id": user, "role_slug": "admin"});
    let member = server.api("POST", "/user_management/organization_memberships", body).await.expect(201).text("/id");
    let member = format!("/user_management/organization_memberships/{member}");
    server.api("PUT", &member, json!({"role_slugs": ["member"]})).await.expect(200);
    for decision in ["deactivate", "reactivate"] {
        server.api("PUT", &format!("{member}/{decision}"), Value::Null).await.expect(200);
    }
    let groups = format!("/organizations/{organization}/groups");
    let made = server.api("POST", &groups, json!({"name": "By hand"})).await.expect(201).text("/id");
    let members = format!("{groups}/{made}/organization-memberships");
    let id = member.rsplit('/').next().unwrap();
    server.api("PATCH", &members, json!({"add": [id]})).await.expect(204);
    server.api("GET", &members, Value::Null).await.expect(200);
    server.api("DELETE", &format!("{members}/{id}"), Value::Null).await.expect(204);
    server.api("PATCH", &format!("{groups}/{made}"), json!({"name": "Other"})).await.expect(200);
    server.api("DELETE", &format!("{groups}/{made}"), Value::Null).await.expect(204);
    server.api("PUT", &format!("{users}/{user}"), json!({"email": "foot@acme.example"})).await.expect(200);
    server.api("DELETE", &format!("{users}/{user}"), Value::Null).await.expect(200);
    server.api("DELETE", &format!("{groups}/{group}"), Value::Null).await.expect(409);

    let other = server.directory().await;
    let path = format!("/organizations/{}", other.organization);
    other.group("Eng", &[&other.user("eve@other.example").await]).await;
    server.api("PUT", &path, json!({"external_id": "crm-2", "stripe_customer_id": "cus_2"})).await.expect(200);
    server.api("DELETE", &path, Value::Null).await.expect(200);
}

/// What people decide: links, domains, and names of mirrors.
async fn decisions(server: &TestServer, directory: &TestDirectory, person: &str, renamed: &str) {
    let organization = &directory.organization;
    let body = json!({"organization_id": organization, "domain": "acme.example", "state": "verified"});
    server.api("POST", "/organization_domains", body).await.expect(201);
    let links = format!("/identity_links?organization_id={organization}");
    for filter in ["", "&state=pending", "&state=linked&search=ada"] {
        server.api("GET", &format!("{links}{filter}"), Value::Null).await.expect(200);
    }
    let user = |email: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email,
        })
    };
    directory.scim("PUT", &format!("/Users/{person}"), user("ada.byron@acme.example")).await.expect(200);
    directory.scim("PUT", &format!("/Users/{person}"), user("ada@acme.example")).await.expect(200);
    for decision in ["unlink", "confirm"] {
        server.api("POST", &format!("/identity_links/{person}/{decision}"), Value::Null).await.expect(200);
    }
    let rules = server.api("GET", &format!("/mapping_rules?organization_id={organization}"), Value::Null).await;
    let mirrors = rules.at("/data").as_array().unwrap().iter().find(|rule| rule["key"] == "mirror").unwrap();
    let bindings = format!("/mapping_rules/{}/bindings", mirrors["id"].as_str().unwrap());
    let bound = server.api("GET", &bindings, Value::Null).await.expect(200).text("/data/0/id");
    assert_ne!(bound, renamed, "it is bound no more");
    let resolve = format!("{bindings}/{bound}/resolve");
    server.api("POST", &resolve, json!({"name": "Chosen"})).await.expect(200);
}

/// What operators look at in the console, and for.
async fn pages_of_operators(server: &TestServer, owner: &Console, directory: &TestDirectory) {
    let organization = &directory.organization;
    for query in ["", "&action=createGroup", "&actor=root", "&actor=root&action=createGroup"] {
        server.api("GET", &format!("/audit_events?limit=5{query}"), Value::Null).await.expect(200);
        let of_one = format!("/audit_events?organization_id={organization}{query}");
        server.api("GET", &of_one, Value::Null).await.expect(200);
    }
    let made = server.api("POST", &format!("/organizations/{organization}/groups"), json!({"name": "Seen"})).await;
    let request = made.expect(201).headers["x-request-id"].to_str().unwrap().to_owned();
    for page in [
        "/events",
        "/events?name=group.created",
        &format!("/events?request={request}"),
        "/search?q=ada",
        "/search?q=ada@acme.example",
        "/webhooks",
        "/keys",
        "/audit?check=yes",
    ] {
        owner.get(&format!("/console/{organization}{page}")).await.expect(200);
    }
    for id in ["request_01ARZ3NDEKTSV4RRFFQ69G5FAV", "directory_user_01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        owner.get(&format!("/console/{organization}/search?q={id}")).await;
    }
    for page in ["/keys", "/webhooks", "/operators", "/audit"] {
        owner.get(&format!("/console{page}")).await.expect(200);
    }
}
