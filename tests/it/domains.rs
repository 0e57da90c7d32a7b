//! Domains of an organization: claimed, proved by the DNS, vouched for, given up, and what follows for people.

use std::sync::Arc;

use muster::outbound::dns::Stated;
use serde_json::{Value, json};

use super::support::database::on_each_database;
use super::support::native::native;
use super::support::scim::user;
use super::support::server::{Answer, TestServer, on_each_server};

const NONE: Value = Value::Null;
const RECORD: &str = "muster-domain-verification.acme.example";

/// Runs `test` on each database with a server that finds the stated records in the DNS.
async fn with_dns<F, Fut>(test: F)
where
    F: Fn(TestServer, Arc<Stated>) -> Fut,
    Fut: Future<Output = ()>,
{
    let test = &test;
    on_each_database(|url| async move {
        let dns = Arc::new(Stated::default());
        test(TestServer::start_with_dns(&url, dns.clone()).await, dns).await;
    })
    .await;
}

async fn claim(server: &TestServer, key: &str, organization: &str, domain: &str) -> Answer {
    let body = json!({"organization_id": organization, "domain": domain});
    server.api_with(key, "POST", "/organization_domains", body).await
}

async fn verify(server: &TestServer, key: &str, domain: &Answer) -> Answer {
    let path = format!("/organization_domains/{}/verify", domain.text("/id"));
    server.api_with(key, "POST", &path, NONE).await
}

#[tokio::test]
async fn a_domain_is_proved_by_its_token_in_the_dns_and_by_nothing_else() {
    with_dns(|server, dns| async move {
        let organization = server.organization("Acme").await;
        let key = server.organization_key(&organization, "admin").await;
        let domain = claim(&server, &key, &organization, "Acme.example").await.expect(201);
        assert_eq!(domain.text("/state"), "pending");
        assert_eq!(domain.text("/verification_prefix"), "muster-domain-verification");
        let token = domain.text("/verification_token");
        let events = server.event_names(&organization).await;

        let attempt = async |code: &str| {
            let answer = verify(&server, &key, &domain).await.expect(201);
            assert_eq!(answer.text("/state"), "pending", "{code}");
            assert_eq!(answer.text("/verification_error/code"), code);
            answer.text("/verification_error/message")
        };
        let message = attempt("record_not_found").await;
        assert!(message.contains(RECORD) && message.contains(&token), "says what to do: {message}");
        dns.set("acme.example", &[&token]);
        attempt("record_not_found").await;
        dns.set(RECORD, &["v=spf1 -all", &token[1..], &token.to_uppercase()]);
        attempt("record_differs").await;
        dns.break_off(RECORD);
        attempt("no_answer").await;
        assert_eq!(server.event_names(&organization).await, events, "an attempt that proves nothing changes nothing");

        dns.set(RECORD, &["v=spf1 -all", &token]);
        let verified = verify(&server, &key, &domain).await.expect(201);
        assert_eq!((verified.text("/state"), verified.at("/verification_error")), ("verified".to_owned(), &NONE));
        assert_eq!(server.event_names(&organization).await.last().unwrap(), "organization_domain.verified");
        let again = verify(&server, &key, &domain).await.expect(400);
        assert_eq!(again.text("/code"), "domain_already_verified");
        let path = format!("/organization_domains/{}", domain.text("/id"));
        assert_eq!(server.api_with(&key, "GET", &path, NONE).await.expect(200).text("/state"), "verified");
    })
    .await;
}

#[tokio::test]
async fn a_domain_is_verified_by_one_organization_at_a_time() {
    with_dns(|server, dns| async move {
        let (one, other) = (server.organization("One").await, server.organization("Other").await);
        let keys = [server.organization_key(&one, "admin").await, server.organization_key(&other, "admin").await];
        let first = claim(&server, &keys[0], &one, "acme.example").await.expect(201);
        let second = claim(&server, &keys[1], &other, "ACME.example").await.expect(201);
        assert_ne!(first.text("/verification_token"), second.text("/verification_token"));
        dns.set(RECORD, &[&second.text("/verification_token")]);
        let cheat = verify(&server, &keys[0], &first).await.expect(201);
        assert_eq!(cheat.text("/state"), "pending", "the token of another claim proves nothing");

        dns.set(RECORD, &[&first.text("/verification_token"), &second.text("/verification_token")]);
        assert_eq!(verify(&server, &keys[0], &first).await.expect(201).text("/state"), "verified");
        for _ in 0..2 {
            let refused = verify(&server, &keys[1], &second).await.expect(409);
            assert_eq!(refused.text("/code"), "domain_already_exists");
        }
        let failed = server.event_names(&other).await;
        let failures = failed.iter().filter(|name| *name == "organization_domain.verification_failed").count();
        assert_eq!(failures, 1, "said once: {failed:?}");

        let path = format!("/organization_domains/{}", first.text("/id"));
        server.api_with(&keys[1], "DELETE", &path, NONE).await.expect(404);
        server.api_with(&keys[0], "DELETE", &path, NONE).await.expect(204);
        server.api_with(&keys[0], "DELETE", &path, NONE).await.expect(404);
        assert_eq!(server.event_names(&one).await.last().unwrap(), "organization_domain.deleted");
        assert_eq!(verify(&server, &keys[1], &second).await.expect(201).text("/state"), "verified", "it is free now");
    })
    .await;
}

#[tokio::test]
async fn only_a_key_of_the_environment_vouches_for_a_domain() {
    on_each_server(|server| async move {
        let organization = server.organization("Acme").await;
        let key = server.organization_key(&organization, "admin").await;
        let body = json!({"organization_id": organization, "domain": "acme.example", "state": "verified"});
        server.api_with(&key, "POST", "/organization_domains", body.clone()).await.expect(403);
        let made = server.api("POST", "/organization_domains", body.clone()).await.expect(201);
        assert_eq!(made.text("/state"), "verified");
        let events = server.event_names(&organization).await;
        assert!(
            events.ends_with(&["organization_domain.created".to_owned(), "organization_domain.verified".to_owned()])
        );
        let again = server.api("POST", "/organization_domains", body).await.expect(409);
        assert_eq!(again.text("/code"), "domain_already_exists");
        let elsewhere = server.organization("Elsewhere").await;
        let body = json!({"organization_id": elsewhere, "domain": "acme.example", "state": "verified"});
        assert_eq!(
            server.api("POST", "/organization_domains", body).await.expect(409).text("/code"),
            "domain_already_exists"
        );
        let listed = server.api("GET", &format!("/organizations/{organization}"), NONE).await.expect(200);
        assert_eq!(listed.at("/domains/0"), &made.body);
    })
    .await;
}

#[tokio::test]
async fn bad_claims_are_refused_and_domains_of_others_do_not_exist() {
    on_each_server(|server| async move {
        let (mine, theirs) = (server.organization("Mine").await, server.organization("Theirs").await);
        let key = server.organization_key(&mine, "admin").await;
        for bad in [json!("acme"), json!("a b.example"), json!(""), json!(7), NONE, json!("x".repeat(300) + ".example")]
        {
            let body = json!({"organization_id": mine, "domain": bad});
            let refused = server.api_with(&key, "POST", "/organization_domains", body).await.expect(422);
            assert_eq!(refused.text("/errors/0/field"), "domain", "{bad}");
        }
        let body = json!({"organization_id": mine, "domain": "a.example", "state": "failed"});
        server.api_with(&key, "POST", "/organization_domains", body).await.expect(422);
        claim(&server, &key, &theirs, "acme.example").await.expect(404);
        claim(&server, &key, "org_01ARZ3NDEKTSV4RRFFQ69G5FAV", "acme.example").await.expect(404);
        claim(&server, super::support::server::ROOT_KEY, "org_01ARZ3NDEKTSV4RRFFQ69G5FAV", "a.example")
            .await
            .expect(404);

        let domain = claim(&server, super::support::server::ROOT_KEY, &theirs, "acme.example").await.expect(201);
        let path = format!("/organization_domains/{}", domain.text("/id"));
        let missing = "/organization_domains/org_domain_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        for (method, end) in [("GET", ""), ("DELETE", ""), ("POST", "/verify")] {
            let seen = server.api_with(&key, method, &format!("{path}{end}"), NONE).await.expect(404);
            let unseen = server.api_with(&key, method, &format!("{missing}{end}"), NONE).await.expect(404);
            assert_eq!(seen.text("/code"), unseen.text("/code"));
        }
        let reader = server.organization_key(&theirs, "read").await;
        server.api_with(&reader, "GET", &path, NONE).await.expect(200);
        server.api_with(&reader, "DELETE", &path, NONE).await.expect(403);
        verify(&server, &reader, &domain).await.expect(403);
        claim(&server, &reader, &theirs, "b.example").await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_a_domain_is_linked_in_the_commit_that_verifies_it() {
    with_dns(|server, dns| async move {
        let elsewhere = server.directory().await;
        let everybody = json!({"user": "active eq true"});
        server.rule(&elsewhere.organization, "all", everybody.clone(), json!([{"ensure_membership": {}}])).await;
        for name in ["ada@acme.example", "bo@acme.example", "cy@sub.acme.example"] {
            elsewhere.user(name).await;
        }
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", everybody, json!([{"ensure_membership": {}}])).await;
        for name in ["ADA@Acme.Example", "bo@acme.example", "cy@sub.acme.example"] {
            directory.user(name).await;
        }
        assert!(native(&server, organization).await.people().is_empty(), "they wait");

        let key = server.organization_key(organization, "admin").await;
        let domain = claim(&server, &key, organization, "acme.example").await.expect(201);
        dns.set(RECORD, &[&domain.text("/verification_token")]);
        let verified = verify(&server, &key, &domain).await.expect(201);
        assert_eq!(
            native(&server, organization).await.people(),
            ["ada@acme.example active member", "bo@acme.example active member"]
        );
        let events = server.events(organization).await.to_string();
        assert_eq!(verified.header("muster-revision"), events, "nothing came after the answer");
    })
    .await;
}

#[tokio::test]
async fn an_account_takes_the_address_of_its_person_once_the_domain_is_verified() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", json!({"user": "active eq true"}), json!([{"ensure_membership": {}}])).await;
        let ada = directory.user("ada@old.example").await;
        let moved = user("ada@acme.example", json!({"emails": [{"value": "ada@acme.example", "primary": true}]}));
        directory.scim("PUT", &format!("/Users/{ada}"), moved).await.expect(200);
        assert_eq!(native(&server, organization).await.people(), ["ada@old.example active member"]);
        let body = json!({"organization_id": organization, "domain": "acme.example", "state": "verified"});
        server.api("POST", "/organization_domains", body).await.expect(201);
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example active member"]);
    })
    .await;
}

#[tokio::test]
async fn giving_a_domain_up_keeps_the_links_that_it_made_and_makes_no_more() {
    on_each_server(|server| async move {
        let elsewhere = server.directory().await;
        let everybody = json!({"user": "active eq true"});
        server.rule(&elsewhere.organization, "all", everybody.clone(), json!([{"ensure_membership": {}}])).await;
        elsewhere.user("ada@acme.example").await;
        elsewhere.user("bo@acme.example").await;
        let directory = server.directory().await;
        let organization = &directory.organization;
        server.rule(organization, "all", everybody, json!([{"ensure_membership": {}}])).await;
        let body = json!({"organization_id": organization, "domain": "acme.example", "state": "verified"});
        let domain = server.api("POST", "/organization_domains", body).await.expect(201).text("/id");
        directory.user("ada@acme.example").await;
        server.api("DELETE", &format!("/organization_domains/{domain}"), NONE).await.expect(204);
        directory.user("bo@acme.example").await;
        assert_eq!(native(&server, organization).await.people(), ["ada@acme.example active member"]);
    })
    .await;
}
