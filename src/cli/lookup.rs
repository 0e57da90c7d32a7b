//! Things that people call by name, and scripts by id.

use anyhow::bail;
use serde_json::Value;

use super::client::{Client, Connection, segment};
use super::output::at;

/// The organization: by the argument, else as the connection says.
pub async fn organization(connection: &Connection, client: &Client, named: Option<String>) -> anyhow::Result<Value> {
    let connection = Connection { organization: named.or(connection.organization.clone()), ..connection.clone() };
    let id = connection.organization(client).await?;
    client.get(&format!("/organizations/{}", segment(&id)), &[]).await
}

/// The directory of this id, or of this name in the organization.
pub async fn directory(connection: &Connection, client: &Client, wanted: &str) -> anyhow::Result<Value> {
    if wanted.starts_with("directory_") {
        return client.get(&format!("/directories/{}", segment(wanted)), &[]).await;
    }
    let organization = connection.organization(client).await?;
    let query = [("organization_id", organization.as_str()), ("search", wanted)];
    let id = only(client.all("/directories", &query).await?, wanted, "directory", "directories")?;
    client.get(&format!("/directories/{}", at(&id, "/id")), &[]).await
}

/// The directories that a command is about: the one that is named, or all of the organization.
pub async fn directories(connection: &Connection, client: &Client, wanted: Option<&str>) -> anyhow::Result<Vec<Value>> {
    if let Some(wanted) = wanted {
        return Ok(vec![directory(connection, client, wanted).await?]);
    }
    let organization = connection.organization(client).await?;
    client.all("/directories", &[("organization_id", &organization)]).await
}

/// The native group of this id or name.
pub async fn group(client: &Client, organization: &str, wanted: &str) -> anyhow::Result<Value> {
    let path = format!("/organizations/{}/groups", segment(organization));
    if wanted.starts_with("group_") {
        return client.get(&format!("{path}/{}", segment(wanted)), &[]).await;
    }
    only(client.all(&path, &[("search", wanted)]).await?, wanted, "group", "groups")
}

/// The one with this name.
pub fn only(found: Vec<Value>, name: &str, kind: &str, kinds: &str) -> anyhow::Result<Value> {
    let mut same: Vec<Value> = found.into_iter().filter(|one| at(one, "/name") == name).collect();
    match (same.len(), same.pop()) {
        (1, Some(only)) => Ok(only),
        (_, None) => bail!("there is no {kind} \"{name}\""),
        (many, Some(last)) => {
            let ids: Vec<&str> = same.iter().chain([&last]).map(|one| at(one, "/id")).collect();
            bail!("{many} {kinds} are called \"{name}\"; give the id of one: {}", ids.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_that_several_have_is_answered_with_their_ids() {
        let found = || vec![json!({"id": "a", "name": "Okta"}), json!({"id": "b", "name": "Okta EMEA"})];
        assert_eq!(only(found(), "Okta", "directory", "directories").unwrap()["id"], "a");
        assert_eq!(
            only(found(), "Entra", "directory", "directories").unwrap_err().to_string(),
            "there is no directory \"Entra\""
        );
        let twice = [found(), found()].concat();
        let error = only(twice, "Okta", "directory", "directories").unwrap_err().to_string();
        assert!(error.contains("2 directories are called \"Okta\"; give the id of one: a, a"), "{error}");
    }
}
