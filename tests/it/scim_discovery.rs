//! What a directory says it can do (RFC 7644 section 4), and that it is true.

use serde_json::{Value, json};

use super::support::scim::{ENTERPRISE, GROUP, LIST, USER};
use super::support::server::on_each_server;

#[tokio::test]
async fn the_configuration_tells_the_truth() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let config = directory.get("/ServiceProviderConfig").await.expect(200);
        assert_eq!(config.header("content-type"), "application/scim+json");
        assert_eq!(config.at("/schemas"), &json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
        assert_eq!(config.text("/meta/location"), format!("{}/ServiceProviderConfig", directory.base_url));
        for supported in ["patch", "bulk", "filter", "sort", "etag"] {
            assert_eq!(config.at(&format!("/{supported}/supported")), true, "{supported}");
        }
        assert_eq!(config.at("/changePassword/supported"), false);
        assert_eq!(config.at("/authenticationSchemes/0/type"), "oauthbearertoken");
        assert!(!config.body.to_string().contains("null"), "clients fail on null");
        let pagination = config.at("/pagination").clone();
        assert_eq!(pagination["defaultPaginationMethod"], "index");
        directory.users("u", 101).await;
        let page = directory.get("/Users").await.expect(200);
        assert_eq!(page.at("/itemsPerPage"), &pagination["defaultPageSize"]);
        assert_eq!(config.at("/filter/maxResults"), &pagination["maxPageSize"]);
    })
    .await;
}

#[tokio::test]
async fn resource_types_and_schemas_are_listed_and_found_one_by_one() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let types = directory.get("/ResourceTypes").await.expect(200);
        assert_eq!(types.at("/schemas"), &json!([LIST]));
        assert_eq!(types.column("/name"), ["User", "Group"]);
        assert_eq!(types.at("/totalResults"), 2);
        for one in types.resources() {
            let name = one["name"].as_str().unwrap();
            assert_eq!(one["meta"]["location"], format!("{}/ResourceTypes/{name}", directory.base_url));
            assert_eq!(&directory.get(&format!("/ResourceTypes/{name}")).await.expect(200).body, one);
            directory.get(one["endpoint"].as_str().unwrap()).await.expect(200);
            directory.get(&format!("/Schemas/{}", one["schema"].as_str().unwrap())).await.expect(200);
        }
        assert_eq!(types.at("/Resources/0/schemaExtensions"), &json!([{"schema": ENTERPRISE, "required": false}]));

        let schemas = directory.get("/Schemas").await.expect(200);
        assert_eq!(schemas.column("/id"), [USER, GROUP, ENTERPRISE]);
        for one in schemas.resources() {
            let urn = one["id"].as_str().unwrap();
            assert_eq!(one["meta"]["location"], format!("{}/Schemas/{urn}", directory.base_url));
            for spelling in [urn.to_owned(), urn.to_lowercase(), urn.to_uppercase(), urn.replace(':', "%3A")] {
                assert_eq!(&directory.get(&format!("/Schemas/{spelling}")).await.expect(200).body, one);
            }
        }
        for missing in ["/Schemas/urn:nothing", "/Schemas/User", "/ResourceTypes/Nothing", "/ResourceTypes/Users"] {
            directory.get(missing).await.refused(404, "", missing);
        }
    })
    .await;
}

#[tokio::test]
async fn every_attribute_is_published_with_all_its_characteristics() {
    on_each_server(|server| async move {
        let directory = server.directory().await;
        let schemas = directory.get("/Schemas").await.expect(200);
        let mut seen = 0;
        let mut attributes: Vec<&Value> =
            schemas.resources().iter().flat_map(|schema| schema["attributes"].as_array().unwrap()).collect();
        while let Some(attribute) = attributes.pop() {
            seen += 1;
            for text in ["name", "type", "description", "mutability", "returned", "uniqueness"] {
                assert!(attribute[text].as_str().is_some_and(|text| !text.is_empty()), "{text} of {attribute}");
            }
            for boolean in ["multiValued", "required", "caseExact"] {
                assert!(attribute[boolean].is_boolean(), "{boolean} of {attribute}");
            }
            let complex = attribute["type"] == "complex";
            assert_eq!(attribute.get("subAttributes").is_some(), complex, "{attribute}");
            attributes.extend(attribute["subAttributes"].as_array().map(|parts| parts.iter()).into_iter().flatten());
        }
        assert!(seen > 80, "{seen}");
        let find = |schema: usize, name: &str| {
            let all = schemas.resources()[schema]["attributes"].as_array().unwrap();
            all.iter().find(|attribute| attribute["name"] == name).cloned().unwrap_or_else(|| panic!("no {name}"))
        };
        let user_name = find(0, "userName");
        assert_eq!((&user_name["required"], &user_name["uniqueness"]), (&json!(true), &json!("server")));
        assert_eq!(user_name["caseExact"], false);
        let password = find(0, "password");
        assert_eq!((&password["mutability"], &password["returned"]), (&json!("writeOnly"), &json!("never")));
        assert_eq!(find(0, "groups")["mutability"], "readOnly");
        assert_eq!(find(1, "displayName")["required"], true);
        assert_eq!(find(1, "members")["subAttributes"][0]["mutability"], "immutable");
    })
    .await;
}
