//! What may be kept of a request body: everything but secrets, cut to a size.
//!
//! What is never returned (RFC 7643 section 7) is never kept either, and neither is what looks like a password, a
//! token or a key, whatever name it goes by. In doubt it is left out.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::schema::{Attribute, Catalogue, Returned};

/// The most that is kept of a body, in bytes.
pub const MAX_KEPT: usize = 8 * 1024;
/// A body larger than this is not even looked at, in bytes.
pub const MAX_READ: usize = 1 << 20;
/// What stands where something was left out.
const REDACTED: &str = "[redacted]";

/// Names that contain one of these, without case and separators, are secret.
const SECRET: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "authorization",
    "credential",
    "apikey",
    "privatekey",
];
/// Texts that hold a token, whatever their name: our own kinds, and `Bearer` with what follows.
static TELLTALE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(^|[^a-z0-9])((scim|sk|whsec)_[a-z0-9_]{16,}|bearer\s+\S{16,})").ok());

/// The text of a body without its secrets, at most [`MAX_KEPT`] bytes of it.
///
/// Where it was cut it ends in `…`. A body that is no JSON is not kept, since nobody can tell what is secret in
/// it: only its length is.
pub fn redacted(body: &[u8], catalogue: &Catalogue) -> String {
    if body.len() > MAX_READ {
        return format!("({} bytes: too large to keep)", body.len());
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return format!("({} bytes that are not JSON)", body.len());
    };
    let mut never = Vec::new();
    for resource in &catalogue.resources {
        never_returned(&resource.core.attributes, &mut never);
        for extension in &resource.extensions {
            never_returned(&extension.schema.attributes, &mut never);
        }
    }
    Redaction { never }.value(&mut value);
    cut(value.to_string())
}

/// Leaves secrets out of any document.
pub fn hide(value: &mut Value) {
    Redaction { never: Vec::new() }.value(value);
}

/// The names of attributes that are never returned, plain.
fn never_returned(attributes: &[Attribute], names: &mut Vec<String>) {
    for attribute in attributes {
        if attribute.returned == Returned::Never {
            names.push(plain(&attribute.name));
        }
        never_returned(&attribute.sub_attributes, names);
    }
}

/// A name as it is compared here: without case and separators.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `text`, or its beginning and `…`, in at most [`MAX_KEPT`] bytes.
fn cut(mut text: String) -> String {
    const MORE: char = '…';
    if text.len() > MAX_KEPT {
        let mut end = MAX_KEPT - MORE.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push(MORE);
    }
    text
}

struct Redaction {
    /// Names of attributes that are never returned, plain.
    never: Vec<String>,
}

impl Redaction {
    fn value(&self, value: &mut Value) {
        match value {
            Value::Object(object) => self.object(object),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::String(text) if is_telltale(text) => REDACTED.clone_into(text),
            _ => {}
        }
    }

    fn object(&self, object: &mut Map<String, Value>) {
        // A PATCH operation names the attribute in its path, and perhaps a value of it in a filter there.
        let is_path = |key: &str| key.eq_ignore_ascii_case("path");
        let about_a_secret =
            object.iter().any(|(key, value)| is_path(key) && value.as_str().is_some_and(|path| self.names_one(path)));
        for (key, value) in object {
            if self.is_secret(key) || about_a_secret && key.eq_ignore_ascii_case("value") {
                *value = Value::String(REDACTED.to_owned());
                continue;
            }
            match value {
                Value::String(path) if is_path(key) && about_a_secret => redact_path(path),
                // A filter of a search names attributes and values in one text.
                Value::String(filter) if key.eq_ignore_ascii_case("filter") && self.names_one(filter) => {
                    REDACTED.clone_into(filter);
                }
                value => self.value(value),
            }
        }
    }

    /// Whether a path or filter mentions a secret attribute.
    fn names_one(&self, text: &str) -> bool {
        let word = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
        text.split(word).any(|word| self.is_secret_word(word))
    }

    /// Whether a key names a secret: plain, behind a URN, or as a path.
    fn is_secret(&self, key: &str) -> bool {
        key.split([':', '.', '[', ']']).any(|word| self.is_secret_word(word))
    }

    fn is_secret_word(&self, word: &str) -> bool {
        let word = plain(word);
        SECRET.iter().any(|secret| word.contains(secret)) || self.never.contains(&word)
    }
}

/// What a path about a secret compares with goes.
fn redact_path(path: &mut String) {
    if let (Some(from), Some(to)) = (path.find('['), path.rfind(']'))
        && from < to
    {
        path.replace_range(from..=to, &format!("[{REDACTED}]"));
    }
    if is_telltale(path) {
        REDACTED.clone_into(path);
    }
}

fn is_telltale(text: &str) -> bool {
    // The pattern is a constant that a test compiles; should it fail all the same, nothing is kept.
    TELLTALE.as_ref().is_none_or(|telltale| telltale.is_match(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::scim::schema::{CustomSchemas, USER_URN};

    fn kept(body: &Value) -> String {
        redacted(body.to_string().as_bytes(), &Catalogue::built_in())
    }

    #[test]
    fn secrets_go_by_whatever_name_and_path_and_the_rest_stays() {
        let urn_key = format!("{USER_URN}:PassWord");
        for body in [
            json!({"password": "hunter2"}),
            json!({"PASSWORD": {"value": "hunter2"}}),
            json!({urn_key: ["hunter2"]}),
            json!({"urn:acme:2.0:User": {"api_key": "hunter2", "Private-Key": "hunter2"}}),
            json!({"Operations": [{"op": "replace", "path": "password", "value": "hunter2"}]}),
            json!({"Operations": [{"op": "Replace", "PATH": format!("{USER_URN}:password"), "Value": "hunter2"}]}),
            json!({"Operations": [{"op": "remove", "path": "secrets[value eq \"hunter2\"].value"}]}),
            json!({"Operations": [{"op": "add", "value": {"password": "hunter2"}}]}),
            json!({"Operations": [{"method": "POST", "path": "/Users", "data": {"password": "hunter2"}}]}),
            json!({"filter": "password eq \"hunter2\""}),
            json!({"Authorization": "hunter2", "access_token": "hunter2", "x": "Bearer hunter2hunter2hunter2"}),
            json!({"note": "use scim_hunter2hunter2hunter2"}),
        ] {
            let text = kept(&body);
            assert!(!text.contains("hunter2") && text.contains(REDACTED), "{body} is kept as {text}");
        }
        let harmless =
            json!({"userName": "task_force", "Operations": [{"op": "add", "path": "members[value eq \"7\"]"}]});
        assert_eq!(kept(&harmless), harmless.to_string());
    }

    #[test]
    fn what_a_schema_never_returns_is_never_kept() {
        let custom: CustomSchemas = serde_json::from_value(json!({"schemas": [{"id": "urn:acme:2.0:Badge",
            "name": "Badge", "attributes": [{"name": "pinCode", "type": "string", "returned": "never"}]}],
            "extensions": [{"resource_type": "User", "schema": "urn:acme:2.0:Badge"}]}))
        .unwrap();
        let catalogue = Catalogue::with_custom(&custom).unwrap();
        for body in [
            json!({"urn:acme:2.0:Badge": {"pincode": "4711"}}),
            json!({"urn:acme:2.0:Badge:pinCode": "4711"}),
            json!({"Operations": [{"op": "add", "path": "urn:acme:2.0:Badge:PINCODE", "value": "4711"}]}),
        ] {
            let text = redacted(body.to_string().as_bytes(), &catalogue);
            assert!(!text.contains("4711"), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_or_too_large_is_not_kept() {
        assert_eq!(redacted(b"password=hunter2", &Catalogue::built_in()), "(16 bytes that are not JSON)");
        let large = vec![b' '; MAX_READ + 1];
        assert_eq!(redacted(&large, &Catalogue::built_in()), "(1048577 bytes: too large to keep)");
    }

    proptest! {
        #[test]
        fn a_kept_text_is_bounded_and_whole_characters(text in "\\PC{0,40}", times in 1_usize..600) {
            let body = json!({"displayName": text.repeat(times)});
            let (whole, kept) = (body.to_string(), kept(&body));
            prop_assert!(kept.len() <= MAX_KEPT);
            prop_assert!(kept == whole || kept.ends_with('…') || kept.contains(REDACTED));
        }
    }
}
