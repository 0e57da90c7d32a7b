//! What an event is about, in the words of people.

use serde_json::Value;

/// Fields of an event's object by which people know what it is about, the best first.
const NAMES: [&str; 9] =
    ["name", "display_name", "displayName", "email", "user_name", "username", "domain", "slug", "token_suffix"];

/// Whom or what an event is about, from its object: by names where it has any, else by ids; empty if it has none.
///
/// Events about two things, such as who came into which group, name both: `Ada Lovelace · eng-ios`.
pub fn subject(data: &Value) -> String {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let texts = |object: &Value, keys: &[&str]| -> Vec<String> {
        keys.iter().filter_map(|key| object.get(*key).and_then(text)).collect()
    };
    let named = |object: &Value| {
        let full = texts(object, &["first_name", "last_name"]).join(" ");
        if full.is_empty() { texts(object, &NAMES).into_iter().next() } else { Some(full) }
    };
    let parts: Vec<String> = ["user", "group"].into_iter().filter_map(|part| data.get(part).and_then(named)).collect();
    if !parts.is_empty() {
        return parts.join(" · ");
    }
    let ids = texts(data, &["organization_membership_id", "group_id"]);
    let found = named(data).or_else(|| Some(ids.join(" · ")).filter(|ids| !ids.is_empty()));
    found.or_else(|| data.get("id").and_then(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_about_what_people_call_it() {
        for (data, told) in [
            (
                json!({"user": {"email": "ada@acme.example"}, "group": {"name": "eng-ios"}}),
                "ada@acme.example · eng-ios",
            ),
            (json!({"id": "u", "first_name": "Ada", "last_name": "Lovelace", "email": "a@x.example"}), "Ada Lovelace"),
            (json!({"id": "org_1", "name": "Acme"}), "Acme"),
            (json!({"group_id": "group_1", "organization_membership_id": "om_1"}), "om_1 · group_1"),
            (json!({"id": "x_1", "name": ""}), "x_1"),
            (json!({}), ""),
            (json!("text"), ""),
        ] {
            assert_eq!(subject(&data), told, "{data}");
        }
    }
}
