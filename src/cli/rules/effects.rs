//! Effects of plans, and differences that verifications found, as lines for people.

use serde_json::Value;

use crate::cli::output::at;

/// An effect in a line: `+ ada@acme.example  group "Design"  (teams)`.
pub fn line(effect: &Value) -> String {
    let kind = at(effect, "/kind");
    let (sign, what) = described(kind, effect);
    let rules: Vec<&str> = effect["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(effect.get("rule"))
        .filter_map(|rule| rule["key"].as_str())
        .collect();
    let because =
        if rules.is_empty() || kind.starts_with("rule_") { String::new() } else { format!("  ({})", rules.join(", ")) };
    format!("{sign} {what}{because}")
}

fn described(kind: &str, effect: &Value) -> (char, String) {
    let who = person(effect);
    let name = at(effect, "/name");
    let rule = at(effect, "/rule/key");
    let target = target(effect);
    match kind {
        "rule_saved" => ('~', format!("rule {rule}  is saved as version {}", effect["rule"]["version"])),
        "rule_applied" => ('~', format!("rule {rule}  is in force as version {}", effect["rule"]["version"])),
        "rule_deleted" => ('-', format!("rule {rule}  goes")),
        "directory_resumed" => ('~', format!("directory {}  is resumed", at(effect, "/directory_id"))),
        "directory_removed" => ('-', format!("directory {}  goes", at(effect, "/directory_id"))),
        "group_created" => (
            '+',
            format!("group \"{name}\"  is made for the directory group \"{}\"", at(effect, "/directory_group/name")),
        ),
        "group_adopted" => (
            '~',
            format!("group \"{name}\"  is adopted for the directory group \"{}\"", at(effect, "/directory_group/name")),
        ),
        "group_renamed" => ('~', format!("group \"{}\"  is renamed to \"{name}\"", at(effect, "/from"))),
        "group_deleted" => ('-', format!("group \"{name}\"  goes")),
        "group_kept" => ('~', format!("group \"{name}\"  stays as an ordinary group")),
        "mirror_parked" => {
            let source = at(effect, "/directory_group/name");
            ('!', format!("directory group \"{source}\"  gets no native group: the name \"{name}\" is taken"))
        }
        "membership_created" => ('+', format!("{who}  becomes a member")),
        "membership_activated" => ('+', format!("{who}  is a member again")),
        "membership_deactivated" => ('-', format!("{who}  is a member no more")),
        "member_added" | "role_added" => ('+', format!("{who}  {target}")),
        "member_removed" | "role_removed" => ('-', format!("{who}  {target}")),
        "primary_role_changed" => ('~', format!("{who}  {target} is the primary one")),
        "origin_handed_over" => ('~', format!("{who}  {target} is as if given by hand")),
        "origin_missing" => ('!', format!("{who}  {target} lacks a reason")),
        "origin_unfounded" => ('!', format!("{who}  {target} has a reason that should not be there")),
        other => ('~', format!("{}  {who}", other.replace('_', " "))),
    }
}

fn person(effect: &Value) -> &str {
    let email = effect.pointer("/person/email").and_then(Value::as_str).or(effect["person"].as_str());
    let id = || effect.pointer("/person/directory_user_id").or(effect.get("organization_membership_id"));
    email.or_else(|| id()?.as_str()).unwrap_or("–")
}

fn target(effect: &Value) -> String {
    match at(effect, "/target/type") {
        "role" => format!("role {}", at(effect, "/target/slug")),
        "group" => format!("group \"{}\"", at(effect, "/target/name")),
        "membership" => "the membership".to_owned(),
        // Parked effects carry the name alone.
        _ => effect["target"].as_str().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_effect_names_person_target_and_rules() {
        let effect = json!({"kind": "member_added", "person": {"email": "ada@acme.example"},
            "target": {"type": "group", "name": "Design"}, "rules": [{"key": "teams"}]});
        assert_eq!(line(&effect), "+ ada@acme.example  group \"Design\"  (teams)");
        let effect = json!({"kind": "role_removed", "person": {"email": null, "directory_user_id": "directory_user_1"},
            "target": {"type": "role", "slug": "admin"}, "rules": []});
        assert_eq!(line(&effect), "- directory_user_1  role admin");
        let effect = json!({"kind": "rule_applied", "rule": {"key": "teams", "version": 3}});
        assert_eq!(line(&effect), "~ rule teams  is in force as version 3");
        let effect = json!({"kind": "group_created", "name": "Ios", "rule": {"key": "teams"},
            "directory_group": {"name": "eng-ios"}});
        assert_eq!(line(&effect), "+ group \"Ios\"  is made for the directory group \"eng-ios\"  (teams)");
    }
}
