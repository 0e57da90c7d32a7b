//! The command line that watches: requests, events, webhooks, status.

use muster::domain::Clock;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::desk::Desk;
use super::support::events::eventually;
use super::support::receiver::Receiver;
use super::support::server::{TestServer, on_each_server};

#[tokio::test]
async fn requests_are_followed_as_they_come() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        desk.directory.user("ada@acme.example").await;
        desk.muster("requests tail --no-follow").await.expect(0).says("POST   /Users  201  Test directory");
        let tail = desk.follow("requests tail --json -n 0");
        let failures = desk.follow("requests tail --status 4xx");
        // Followed from the first look on; what is there by then is not shown.
        let begun = eventually("the first line", || async {
            desk.directory.user(&format!("bo{}@acme.example", rand::random::<u64>())).await;
            desk.directory.scim("GET", "/Users/nobody", Value::Null).await.expect(404);
            tokio::time::timeout(std::time::Duration::from_secs(2), tail.line_with("\"POST\"")).await.ok()
        });
        let line: Value = serde_json::from_str(&begun.await).unwrap();
        assert_eq!((&line["path"], &line["status"]), (&json!("/Users"), &json!(201)));
        failures.line_with("GET    /Users/nobody  404  Test directory").await;
        assert_eq!((tail.interrupt().await, failures.interrupt().await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn the_last_requests_are_those_of_all_directories_together() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let other = server.directory_in(&desk.directory.organization, json!({})).await;
        for (at, directory) in [&desk.directory, &other, &other, &desk.directory].into_iter().enumerate() {
            directory.user(&format!("user{at}@acme.example")).await;
        }
        let told = desk.muster("requests tail --no-follow --json -n 3").await.expect(0);
        let times: Vec<Value> =
            told.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["created_at"].clone()).collect();
        assert_eq!(times.len(), 3, "{}", told.out);
        assert!(times.is_sorted_by_key(|time| time.as_str().unwrap().to_owned()), "{times:?}");
        let none = desk.muster("requests tail --no-follow -n 0").await.expect(0);
        assert_eq!(none.out, "");
        // What is there already is not news, however lately it came.
        let tail = desk.follow("requests tail --method POST --json -n 1");
        let shown: Value = serde_json::from_str(&tail.line_with("\"POST\"").await).unwrap();
        assert_eq!(shown["created_at"], *times.last().unwrap());
        desk.directory.user("late@acme.example").await;
        let next: Value = serde_json::from_str(&tail.line_with("\"POST\"").await).unwrap();
        assert!(next["created_at"].as_str() > shown["created_at"].as_str(), "{next}");
        assert_eq!(tail.interrupt().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_is_shown_with_its_steps_and_what_it_caused() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({"log_bodies": "all"})).await;
        desk.directory.user("ada@acme.example").await;
        let told = desk.muster("requests tail --no-follow --json -n 1").await.expect(0).json();
        let id = told["id"].as_str().unwrap();
        let shown = desk.muster(&format!("requests show {id}")).await.expect(0);
        shown.says("stored").says("caused      dsync.user.created").says("\"userName\": \"ada@acme.example\"");
        let shown = desk.muster(&format!("requests show {id} --json")).await.expect(0).json();
        assert_eq!(shown["caused"][0]["event"], "dsync.user.created");
        let unknown = desk.muster("requests show request_01ARZ3NDEKTSV4RRFFQ69G5FAV").await;
        unknown.expect(1).says("no directory's log has the request");
        desk.muster("requests tail --since yesterday").await.expect(64);
        desk.muster("requests tail --no-follow --status 4x").await.expect(1).says("a class such as 4xx");
    })
    .await;
}

#[tokio::test]
async fn what_the_log_kept_is_played_again_into_another_directory() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({"log_bodies": "all"})).await;
        let ada = desk.directory.user("ada@acme.example").await;
        let group = desk.directory.group("eng-ios", &[&ada]).await;
        let rename = json!([{"op": "replace", "path": "displayName", "value": "eng-web"}]);
        desk.directory.patch(&format!("/Groups/{group}"), rename).await.expect(204);
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        desk.directory.patch(&format!("/Users/{ada}"), off).await.expect(200);

        desk.muster("requests export -o log.jsonl").await.expect(0).says("Test directory: 4 requests");
        let lines = std::fs::read_to_string(desk.path("log.jsonl")).unwrap();
        let made_before = desk.files();
        desk.muster("requests export --format conversation -o none.json --status 5xx").await.expect(1);
        assert_eq!(desk.files(), made_before, "nothing is left of an export that failed");
        // What was there keeps who may read it, and is followed where it leads.
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(desk.path("log.jsonl"), private).unwrap();
        std::os::unix::fs::symlink("log.jsonl", desk.path("link.jsonl")).unwrap();
        desk.muster("requests export -o link.jsonl").await.expect(0);
        assert!(desk.path("link.jsonl").is_symlink());
        let mode = std::os::unix::fs::PermissionsExt::mode(&desk.path("log.jsonl").metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let methods = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["method"].clone());
        assert_eq!(methods.collect::<Vec<_>>(), ["POST", "POST", "PATCH", "PATCH"], "oldest first");
        desk.muster("requests export --format conversation -o log.json").await.expect(0).says("4 requests");

        let fresh = server.directory_in(&desk.directory.organization, json!({})).await;
        let replay = format!("replay log.json --base-url {} --token {}", fresh.base_url, fresh.token);
        desk.muster(&replay).await.expect(0).says("4 steps passed");
        let people = fresh.search("Users", "active eq false").await.expect(200);
        assert_eq!(people.text("/Resources/0/userName"), "ada@acme.example");
        let groups = fresh.search("Groups", "displayName eq \"eng-web\"").await.expect(200);
        assert_eq!(groups.at("/Resources/0/members/0/value"), people.at("/Resources/0/id"));
        desk.muster("requests export --format conversation").await.expect(1).says("give --directory");
    })
    .await;
}

#[tokio::test]
async fn an_export_says_which_bodies_were_not_kept() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        desk.directory.user("ada@acme.example").await;
        let again = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@acme.example"});
        desk.directory.scim("POST", "/Users", again).await.expect(409);
        let told = eventually("both requests", || async {
            let told = desk.muster("requests export --bodies").await.expect(0);
            (told.out.lines().count() == 2).then_some(told)
        });
        let told = told.await.says("1 of 2 have no body: the directory keeps bodies of refused requests only");
        let bodies: Vec<Value> =
            told.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].clone()).collect();
        assert!(bodies[0].is_null() && bodies[1].is_string(), "{bodies:?}");
    })
    .await;
}

#[tokio::test]
async fn events_are_followed_from_where_one_says() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let organization = desk.directory.organization.clone();
        server.group_named(&organization, "One").await;
        server.group_named(&organization, "Two").await;
        let names = async |words: &str| {
            let told = desk.muster(&format!("events tail --no-follow --event group.created --json {words}")).await;
            let rows: Vec<Value> = told.expect(0).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            rows
        };
        let all = names("").await;
        assert_eq!(all.iter().map(|event| event["data"]["name"].as_str().unwrap()).collect::<Vec<_>>(), ["One", "Two"]);
        let first = all[0]["id"].as_str().unwrap();
        assert_eq!(names(&format!("--after {first}")).await, all[1..]);
        assert_eq!(names("--since 1h -n 1").await, all[..1]);

        // Followed: what is there, then what comes, until so many were seen.
        let mut tail = desk.follow(&format!("events tail --event group.created --after {first} -n 2"));
        tail.line_with("group.created                     Two").await;
        server.group_named(&organization, "Three").await;
        tail.line_with("Three").await;
        assert_eq!(tail.ended().await, 0);
        let quiet = desk.follow("events tail --event group.created");
        let begun = eventually("news", || async {
            server.group_named(&organization, "More").await;
            tokio::time::timeout(std::time::Duration::from_secs(2), quiet.line_with("More")).await.ok()
        });
        assert!(begun.await.contains("Root key"), "who did it is told");
        assert_eq!(quiet.interrupt().await, 0);
        desk.muster("events tail --event group.exploded").await.expect(1).says("group.exploded");
        desk.muster("events tail --after event_01ARZ3NDEKTSV4RRFFQ69G5FAV").await.expect(1);
    })
    .await;
}

#[tokio::test]
async fn followers_wait_for_a_server_that_starts_again() {
    on_each_database(|url| async move {
        let server = TestServer::start(&url).await;
        let address = server.server.address;
        let desk = Desk::set(&server, json!({})).await;
        let directory = desk.directory.clone();
        server.group_named(&directory.organization, "Before").await;
        desk.directory.user("ada@acme.example").await;
        let events = desk.follow("events tail --event group.created --since 1h --json");
        let requests = desk.follow("requests tail --json");
        events.line_with("Before").await;
        requests.line_with("/Users").await;

        server.server.stop().await;
        let server = TestServer::start_with(&url, Clock::System, |args| args.listen = address).await;
        server.group_named(&directory.organization, "After").await;
        directory.group("eng-ios", &[]).await;
        // The next line, so that what was told before is not told again.
        let event: Value = serde_json::from_str(&events.line_with("").await).unwrap();
        assert_eq!(event["data"]["name"], "After");
        let request: Value = serde_json::from_str(&requests.line_with("").await).unwrap();
        assert_eq!((&request["path"], &request["method"]), (&json!("/Groups"), &json!("POST")));
        assert_eq!((events.interrupt().await, requests.interrupt().await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn webhooks_are_made_watched_and_sent_again() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let receiver = Receiver::start().await;
        let made = desk.muster(&format!("webhooks create {} --event group.created --json", receiver.url)).await;
        let made = made.expect(0).json();
        let id = made["id"].as_str().unwrap();
        assert_eq!(made["organization_id"].as_str(), Some(desk.directory.organization.as_str()));
        server.group_named(&desk.directory.organization, "One").await;
        let delivered = eventually("a delivery", || async {
            let rows =
                desk.muster(&format!("webhooks deliveries {id} --state delivered --json")).await.expect(0).json();
            rows.get(0).cloned()
        });
        let event = delivered.await["event_id"].as_str().unwrap().to_owned();
        desk.muster(&format!("webhooks deliveries {id}")).await.expect(0).says("delivered").says("200, ");
        desk.muster(&format!("webhooks redeliver {id} {event}")).await.expect(0).says(&event);
        desk.muster(&format!("webhooks replay {id} --from {event}")).await.expect(0).says("gets everything from there");
        desk.muster(&format!("webhooks replay {id}")).await.expect(64);
        let rotated = desk.muster(&format!("webhooks rotate {id} --overlap 0 --json")).await.expect(0).json();
        assert_ne!(rotated["secret"], made["secret"]);
        desk.muster("webhooks list").await.expect(0).says(id).says("enabled");
        desk.muster(&format!("webhooks show {id}")).await.expect(0).says(rotated["secret"].as_str().unwrap());
        desk.muster(&format!("webhooks delete {id}")).await.expect(1).says("nothing was done");
        desk.muster(&format!("webhooks delete {id} --yes")).await.expect(0);
        desk.muster("webhooks list").await.expect(0).says("There is no webhook endpoint.");
    })
    .await;
}

#[tokio::test]
async fn a_status_that_is_watched_is_told_again_and_again() {
    on_each_server(|server| async move {
        let desk = Desk::set(&server, json!({})).await;
        let watch = desk.follow("status --watch --interval 1s --max-age 1h --json");
        let line: Value = serde_json::from_str(&watch.line_with("exit_code").await).unwrap();
        assert_eq!((&line["directories"][0]["name"], &line["exit_code"]), (&json!("Test directory"), &json!(2)));
        desk.directory.user("ada@acme.example").await;
        watch.line_with("\"exit_code\":0").await;
        assert_eq!(watch.interrupt().await, 0);
        let people = desk.follow("status --watch --interval 1s");
        people.line_with("Test directory").await;
        people.line_with("Test directory").await;
        desk.muster("status --interval 5s").await.expect(64);
    })
    .await;
}
