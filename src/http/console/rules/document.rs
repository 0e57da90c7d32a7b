//! A rule as the fields of a form, and back.

use serde_json::{Map, Value, json};

use crate::domain::rule::{Action, OnCollision, OnDelete, RuleDocument};
use crate::http::console::form::Form;

/// What the fields of the editor hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// The handle.
    pub key: String,
    /// The directory; empty for all.
    pub directory: String,
    /// `when.group`.
    pub group: String,
    /// `when.group_ids`, with spaces between.
    pub group_ids: String,
    /// `when.capture`.
    pub capture: String,
    /// `when.user`.
    pub user: String,
    /// `when.except_group`.
    pub except_group: String,
    /// Whether the rule only makes people members.
    pub membership: bool,
    /// Whether it mirrors groups.
    pub mirror: bool,
    /// The template of their names.
    pub mirror_name: String,
    /// What happens when another group has the name.
    pub on_collision: String,
    /// What becomes of the native group with its directory group.
    pub on_delete: String,
    /// Native groups that people join: ids.
    pub into_groups: Vec<String>,
    /// Slugs of roles.
    pub roles: Vec<String>,
    /// Exclusions: `everything`, the id of a native group, or `role:` and a slug.
    pub excludes: Vec<String>,
}

impl Fields {
    /// What was typed.
    pub fn typed(form: &Form) -> Self {
        let filled = |name: &str| -> Vec<String> {
            form.all(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
        };
        let text = |name: &str| form.text(name).to_owned();
        Fields {
            key: text("key"),
            directory: text("directory"),
            group: text("group"),
            group_ids: text("group_ids"),
            capture: text("capture"),
            user: text("user"),
            except_group: text("except_group"),
            membership: form.ticked("membership"),
            mirror: form.ticked("mirror"),
            mirror_name: text("mirror_name"),
            on_collision: text("on_collision"),
            on_delete: text("on_delete"),
            into_groups: filled("into_group"),
            roles: filled("role"),
            excludes: filled("exclude"),
        }
    }

    /// The fields of a rule that is there.
    pub fn of(key: &str, document: &RuleDocument) -> Self {
        let when = &document.when;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let ids: Vec<String> = when.group_ids.iter().map(ToString::to_string).collect();
        let mut fields = Fields {
            key: key.to_owned(),
            directory: document.directory_id.map(|id| id.to_string()).unwrap_or_default(),
            group: text(&when.group),
            group_ids: ids.join(" "),
            capture: text(&when.capture),
            user: text(&when.user),
            except_group: text(&when.except_group),
            ..Fields::default()
        };
        for action in &document.then {
            fields.take(action);
        }
        fields
    }

    fn take(&mut self, action: &Action) {
        match action {
            Action::EnsureMembership {} => self.membership = true,
            Action::MirrorGroup { name, on_collision, on_delete } => {
                self.mirror = true;
                self.mirror_name = name.clone().unwrap_or_default();
                let collision = match on_collision {
                    OnCollision::Park => "park",
                    OnCollision::Suffix => "suffix",
                    OnCollision::Adopt => "adopt",
                };
                collision.clone_into(&mut self.on_collision);
                if *on_delete == OnDelete::Keep { "keep" } else { "delete" }.clone_into(&mut self.on_delete);
            }
            Action::IntoGroup { group_id } => self.into_groups.push(group_id.to_string()),
            Action::GrantRole { role } => self.roles.push(role.clone()),
            Action::Exclude { group_id: Some(group), .. } => self.excludes.push(group.to_string()),
            Action::Exclude { role: Some(role), .. } => self.excludes.push(format!("role:{role}")),
            Action::Exclude { .. } => self.excludes.push("everything".to_owned()),
        }
    }

    /// The fields of the document, as the API takes them, and for each action the field of the form that it is of.
    pub fn document(&self) -> (Map<String, Value>, Vec<&'static str>) {
        let mut when = Map::new();
        let texts = [
            ("group", &self.group),
            ("capture", &self.capture),
            ("user", &self.user),
            ("except_group", &self.except_group),
        ];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            when.insert(name.to_owned(), json!(text));
        }
        let ids: Vec<&str> =
            self.group_ids.split([' ', ',', '\n', '\r', '\t']).filter(|text| !text.is_empty()).collect();
        if !ids.is_empty() {
            when.insert("group_ids".to_owned(), json!(ids));
        }
        let (then, of): (Vec<Value>, Vec<&'static str>) = self.actions().into_iter().unzip();
        let mut document = Map::new();
        let directory = Some(&self.directory).filter(|id| !id.is_empty());
        document.insert("directory_id".to_owned(), json!(directory));
        document.insert("when".to_owned(), Value::Object(when));
        document.insert("then".to_owned(), Value::Array(then));
        (document, of)
    }

    fn actions(&self) -> Vec<(Value, &'static str)> {
        let mut then = Vec::new();
        if self.membership {
            then.push((json!({"ensure_membership": {}}), "membership"));
        }
        if self.mirror {
            let mut mirror = Map::new();
            let texts =
                [("name", &self.mirror_name), ("on_collision", &self.on_collision), ("on_delete", &self.on_delete)];
            for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
                mirror.insert(name.to_owned(), json!(text));
            }
            then.push((json!({"mirror_group": mirror}), "mirror_name"));
        }
        then.extend(self.into_groups.iter().map(|id| (json!({"into_group": {"group_id": id}}), "into_group")));
        then.extend(self.roles.iter().map(|role| (json!({"grant_role": {"role": role}}), "role")));
        then.extend(self.excludes.iter().map(|exclude| {
            let reach = match exclude.strip_prefix("role:") {
                Some(role) => json!({"role": role}),
                None if exclude == "everything" => json!({}),
                None => json!({"group_id": exclude}),
            };
            (json!({"exclude": reach}), "exclude")
        }));
        then
    }
}

/// The field of the form that a field of the document is shown in.
pub fn field_of(path: &str, actions: &[&'static str]) -> &'static str {
    if let Some(at) = path.strip_prefix("then[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok()) {
        return actions.get(at).copied().unwrap_or_default();
    }
    match path {
        "key" => "key",
        "directory_id" => "directory",
        "when.group" | "when" => "group",
        "when.capture" => "capture",
        "when.user" => "user",
        "when.except_group" => "except_group",
        path if path.starts_with("when.group_ids") => "group_ids",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_survives_the_form() {
        let document = json!({"position": 10, "directory_id": null,
            "when": {"group": "displayName sw \"eng-\"", "capture": "^eng-(?<team>.+)$", "user": "active eq true",
                "except_group": "displayName eq \"hold\""},
            "then": [{"ensure_membership": {}}, {"mirror_group": {"name": "{{ team }}", "on_collision": "adopt", "on_delete": "keep"}},
                {"into_group": {"group_id": "group_01ARZ3NDEKTSV4RRFFQ69G5FAV"}}, {"grant_role": {"role": "member"}},
                {"exclude": {}}, {"exclude": {"role": "admin"}}]});
        let document = RuleDocument::parse(document.as_object().unwrap().clone()).unwrap();
        let fields = Fields::of("engineers", &document);
        let (mut back, of) = fields.document();
        back.insert("position".to_owned(), json!(10));
        assert_eq!(RuleDocument::parse(back).unwrap(), document);
        assert_eq!(of, ["membership", "mirror_name", "into_group", "role", "exclude", "exclude"]);
        assert_eq!(field_of("then[1].mirror_group.name", &of), "mirror_name");
        assert_eq!((field_of("when.group", &of), field_of("then[9]", &of)), ("group", ""));
    }
}
