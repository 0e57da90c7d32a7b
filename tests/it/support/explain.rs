//! Asking for explanations, and making by hand what there is no API for.

use std::sync::Arc;

use muster::domain::Error;
use muster::domain::event::Cause;
use muster::domain::id::{DirectoryId, MembershipId, OrganizationId};
use muster::domain::origin::{Kind, Origin, Target};
use muster::service::change::Change;
use muster::service::converge::{Scope, converge};
use muster::store::{Lane, directories, memberships, origins};
use serde_json::{Value, json};

use super::scim::{over, user, with_query};
use super::server::{Answer, TestServer};

/// Asks for an explanation.
pub async fn explain(server: &TestServer, parameters: &[(&str, &str)]) -> Answer {
    server.api("GET", &with_query("/explain", parameters), Value::Null).await
}

/// The explanation of a membership and one more parameter.
pub async fn why(server: &TestServer, membership: &str, name: &str, value: &str) -> Answer {
    explain(server, &[("organization_membership_id", membership), (name, value)]).await.expect(200)
}

/// The id of the membership of the account with this address.
pub async fn membership(server: &TestServer, organization: &str, email: &str) -> String {
    let path =
        format!("/user_management/organization_memberships?organization_id={organization}&statuses=active,inactive");
    let all = server.api("GET", &path, Value::Null).await.expect(200);
    let all = all.at("/data").as_array().unwrap().clone();
    let found = all.iter().find(|one| one["user"]["email"] == email).unwrap_or_else(|| panic!("no {email} in {all:?}"));
    found["id"].as_str().unwrap().to_owned()
}

/// The id of the native group of this name.
pub async fn native_group(server: &TestServer, organization: &str, name: &str) -> String {
    let path = format!("/organizations/{organization}/groups?limit=100");
    let all = server.api("GET", &path, Value::Null).await.expect(200);
    let all = all.at("/data").as_array().unwrap().clone();
    let found = all.iter().find(|group| group["name"] == name).unwrap_or_else(|| panic!("no {name} in {all:?}"));
    found["id"].as_str().unwrap().to_owned()
}

/// Makes a native group by hand; answers its id.
pub async fn by_hand(server: &TestServer, organization: &str, name: &str) -> String {
    let path = format!("/organizations/{organization}/groups");
    server.api("POST", &path, json!({"name": name})).await.expect(201).text("/id")
}

/// Gives a target by hand.
pub async fn give(server: &TestServer, organization: &str, membership: &str, target: Target) {
    let (organization, membership): (OrganizationId, MembershipId) =
        (organization.parse().unwrap(), membership.parse().unwrap());
    let origin = Origin { target, kind: Kind::Manual, rule: None, directory_group: None, directory_user: None };
    in_change(server, organization, move |change| {
        Box::pin(async move {
            let placed = [(membership, origin)];
            let made = origins::Made { cause: Some("key_of_the_test"), actor: "key_of_the_test", at: change.now };
            origins::insert(change.tx, organization, &placed, |_| 0, &made).await?;
            converge(change, Scope::of_memberships([membership])).await
        })
    })
    .await;
}

/// Deactivates a membership by API.
pub async fn deactivate(server: &TestServer, organization: &str, membership: &str) {
    let (organization, membership): (OrganizationId, MembershipId) =
        (organization.parse().unwrap(), membership.parse().unwrap());
    in_change(server, organization, move |change| {
        Box::pin(async move {
            let mut stored = memberships::by_ids(change.tx, organization, [membership]).await?;
            for one in &mut stored {
                one.deactivated = true;
            }
            memberships::update(change.tx, organization, &stored).await?;
            converge(change, Scope::of_memberships([membership])).await
        })
    })
    .await;
}

/// Pauses a directory.
pub async fn pause(server: &TestServer, organization: &str, directory: &str) {
    let (organization, directory): (OrganizationId, DirectoryId) =
        (organization.parse().unwrap(), directory.parse().unwrap());
    in_change(server, organization, move |change| {
        Box::pin(async move {
            let found = directories::find(change.tx, Some(organization), directory).await?;
            let mut found = found.ok_or_else(|| Error::not_found("directory", directory))?;
            found.paused_at = Some(change.now);
            directories::update(change.tx, &found).await
        })
    })
    .await;
}

/// Runs a change of an organization.
pub async fn in_change<F>(server: &TestServer, organization: OrganizationId, work: F)
where
    F: for<'c> Fn(&'c mut Change<'_>) -> futures::future::BoxFuture<'c, muster::domain::Result<()>>
        + Send
        + Sync
        + 'static,
{
    let (now, work) = (server.server.app.clock.now(), Arc::new(work));
    let done = server.server.app.db.write(Lane::Organization(organization), move |tx| {
        let work = Arc::clone(&work);
        Box::pin(async move {
            let mut change = Change::begin(tx, organization, now, &Cause::System).await?;
            work(&mut change).await?;
            change.finish().await
        })
    });
    done.await.unwrap();
}

/// A user's body with an address.
pub fn person(user_name: &str, more: Value) -> Value {
    over(user(user_name, json!({"emails": [{"value": user_name, "type": "work", "primary": true}]})), more)
}

/// The names of a list of things with names.
pub fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}
