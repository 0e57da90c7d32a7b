//! Effects of plans, removals that wait, and differences that verifications found, as lines for people.

use std::fmt;

use serde_json::Value;

/// An effect in a line: `+ ada@acme.example  group "Design"  (teams)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `+` for what is given, `-` for what is taken, `~` for what becomes another, `!` for what is wrong.
    pub sign: char,
    /// Whom or what it happens to.
    pub subject: String,
    /// What happens.
    pub predicate: String,
    /// The rules by which it does; empty if none.
    pub because: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}  {}", self.sign, self.subject, self.predicate)?;
        if self.because.is_empty() { Ok(()) } else { write!(f, "  ({})", self.because) }
    }
}

/// The line of an effect, from its object of the API.
pub fn line(effect: &Value) -> Line {
    let kind = at(effect, "/kind");
    let (sign, subject, predicate) = described(kind, effect);
    let rules: Vec<&str> = effect["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(effect.get("rule"))
        .filter_map(|rule| rule["key"].as_str())
        .collect();
    let because = if kind.starts_with("rule_") { String::new() } else { rules.join(", ") };
    Line { sign, subject, predicate, because }
}

/// The text at a JSON pointer; a dash if there is none.
fn at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("–")
}

fn described(kind: &str, effect: &Value) -> (char, String, String) {
    let who = person(effect);
    let name = at(effect, "/name");
    let rule = at(effect, "/rule/key");
    let target = target(effect);
    let native = |text: &str| format!("group \"{text}\"");
    let source = at(effect, "/directory_group/name");
    let version = &effect["rule"]["version"];
    let of_rule = || format!("rule {rule}");
    let of_directory = || format!("directory {}", at(effect, "/directory_id"));
    let who = || who.to_owned();
    match kind {
        "rule_saved" => ('~', of_rule(), format!("is saved as version {version}")),
        "rule_applied" => ('~', of_rule(), format!("is in force as version {version}")),
        "rule_deleted" => ('-', of_rule(), "goes".to_owned()),
        "directory_resumed" => ('~', of_directory(), "is resumed".to_owned()),
        "directory_removed" => ('-', of_directory(), "goes".to_owned()),
        "group_created" => ('+', native(name), format!("is made for the directory group \"{source}\"")),
        "group_adopted" => ('~', native(name), format!("is adopted for the directory group \"{source}\"")),
        "group_renamed" => ('~', native(at(effect, "/from")), format!("is renamed to \"{name}\"")),
        "group_deleted" => ('-', native(name), "goes".to_owned()),
        "group_kept" => ('~', native(name), "stays as an ordinary group".to_owned()),
        "mirror_parked" => (
            '!',
            format!("directory group \"{source}\""),
            format!("gets no native group: the name \"{name}\" is taken"),
        ),
        "membership_created" => ('+', who(), "becomes a member".to_owned()),
        "membership_activated" => ('+', who(), "is a member again".to_owned()),
        "membership_deactivated" => ('-', who(), "is a member no more".to_owned()),
        "member_added" | "role_added" => ('+', who(), target),
        "member_removed" | "role_removed" => ('-', who(), target),
        "primary_role_changed" => ('~', who(), format!("{target} is the primary one")),
        "origin_handed_over" => ('~', who(), format!("{target} is as if given by hand")),
        "origin_missing" => ('!', who(), format!("{target} lacks a reason")),
        "origin_unfounded" => ('!', who(), format!("{target} has a reason that should not be there")),
        other => ('~', other.replace('_', " "), who()),
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
        assert_eq!(line(&effect).to_string(), "+ ada@acme.example  group \"Design\"  (teams)");
        let effect = json!({"kind": "role_removed", "person": {"email": null, "directory_user_id": "directory_user_1"},
            "target": {"type": "role", "slug": "admin"}, "rules": []});
        assert_eq!(line(&effect).to_string(), "- directory_user_1  role admin");
        let effect = json!({"kind": "rule_applied", "rule": {"key": "teams", "version": 3}});
        assert_eq!(line(&effect).to_string(), "~ rule teams  is in force as version 3");
        let effect = json!({"kind": "group_created", "name": "Ios", "rule": {"key": "teams"},
            "directory_group": {"name": "eng-ios"}});
        assert_eq!(line(&effect).to_string(), "+ group \"Ios\"  is made for the directory group \"eng-ios\"  (teams)");
    }
}
