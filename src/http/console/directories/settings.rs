//! The settings of a directory: every field of `DirectorySettings` with what it is for.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::providers::PROVIDERS;
use super::{directory, path};
use crate::app::App;
use crate::domain::directory::Directory;
use crate::domain::{Error, Result};
use crate::http::console::failure::PageFailure;
use crate::http::console::form::Form;
use crate::http::console::frame::{Frame, Section, page};
use crate::http::console::view::sentence;
use crate::http::console::viewer::Place;
use crate::service::directories::{self, DirectoryFields};

/// One setting, as the form has it.
struct Setting {
    /// The name in the API; `guard.minimum` is within `guard`.
    name: &'static str,
    label: &'static str,
    help: &'static str,
    kind: Kind,
}

/// How a setting is entered.
enum Kind {
    /// A box.
    Flag,
    /// One of these words, each with what it means; the first is the default.
    Choice(&'static [(&'static str, &'static str)]),
    /// A whole number from here to there.
    Number(i64, i64),
    /// JSON.
    Json,
}

/// Settings that belong together.
struct Chapter {
    title: &'static str,
    about: &'static str,
    settings: &'static [Setting],
}

static CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "The guard",
        about: "How much the directory may take away within an hour before somebody has to approve it. Suspensions never wait.",
        settings: &[
            Setting {
                name: "guard.enabled",
                label: "Park removals beyond the allowance",
                help: "Without it a mistake at the identity provider empties groups at once.",
                kind: Kind::Flag,
            },
            Setting {
                name: "guard.minimum",
                label: "People who may always lose something",
                help: "So many pass without approval, however small the directory is. Default: 20.",
                kind: Kind::Number(0, 4_294_967_295),
            },
            Setting {
                name: "guard.percent",
                label: "Percent of the people mapped",
                help: "So many percent pass, too, if that is more. Default: 10.",
                kind: Kind::Number(0, 100),
            },
            Setting {
                name: "deleted_people",
                label: "When the directory deletes somebody",
                help: "What becomes of their membership.",
                kind: Kind::Choice(&[
                    ("deactivate", "It becomes inactive; what was given by hand stays on record"),
                    ("delete", "It is deleted, unless something else speaks for it"),
                ]),
            },
        ],
    },
    Chapter {
        title: "How it may speak",
        about: "The defaults suit a conformant client. Change one if the identity provider shows an error that this would solve.",
        settings: &[
            Setting {
                name: "bare_token",
                label: "Accept the token without the word Bearer",
                help: "Some applications of Okta's catalogue send it so.",
                kind: Kind::Flag,
            },
            Setting {
                name: "unique_group_names",
                label: "Refuse a second group of the same name",
                help: "Microsoft's validator expects 409 there.",
                kind: Kind::Flag,
            },
            Setting {
                name: "lenient_filters",
                label: "Accept filter values without quotes",
                help: "Ping's default filter is userName eq jane.",
                kind: Kind::Flag,
            },
            Setting {
                name: "pending_members",
                label: "Members of groups who are not known yet",
                help: "Okta does not repeat a push that was rejected: keep them.",
                kind: Kind::Choice(&[
                    ("keep", "Keep them until the person arrives"),
                    ("drop", "Leave them out, silently"),
                    ("reject", "Refuse the request"),
                ]),
            },
            Setting {
                name: "unknown_attributes",
                label: "Attributes that no schema has",
                help: "A client that is refused them usually stops.",
                kind: Kind::Choice(&[("ignore", "Ignore them"), ("reject", "Refuse the request")]),
            },
            Setting {
                name: "put_omitted_extension",
                label: "Extensions that a PUT leaves out",
                help: "Okta's own applications may leave out department and manager, which the standard takes for a removal.",
                kind: Kind::Choice(&[("clear", "Clear them, as the standard has it"), ("keep", "Keep them")]),
            },
            Setting {
                name: "patch_response",
                label: "What a PATCH answers",
                help: "Entra ID prefers an empty answer.",
                kind: Kind::Choice(&[
                    ("default", "Users with the user, groups with nothing"),
                    ("body", "Always with the resource"),
                    ("none", "Always with nothing"),
                ]),
            },
        ],
    },
    Chapter {
        title: "What the log keeps",
        about: "Secrets are never kept. Bodies hold personal data.",
        settings: &[
            Setting {
                name: "log_bodies",
                label: "Bodies of requests",
                help: "All of them help while you connect an identity provider.",
                kind: Kind::Choice(&[("errors", "Of those that were refused"), ("none", "None"), ("all", "All")]),
            },
            Setting {
                name: "log_days",
                label: "Days for which requests are kept",
                help: "1 to 365. Default: 30.",
                kind: Kind::Number(1, 365),
            },
        ],
    },
    Chapter {
        title: "Schemas of your own",
        about: "Attributes and resource types beyond those of the standard.",
        settings: &[Setting {
            name: "custom",
            label: "Schemas and resource types, as JSON",
            help: "An object with schemas and resource_types. Leave it empty if there are none.",
            kind: Kind::Json,
        }],
    },
];

#[derive(Template)]
#[template(path = "console/directory_settings.html")]
struct Settings {
    frame: Frame,
    directory: Directory,
    tab: &'static str,
    chapters: &'static [Chapter],
    kinds: Vec<&'static str>,
    form: Form,
    /// The field that is wrong, and why.
    problem: Option<(String, String)>,
}

impl Settings {
    /// What a field holds.
    fn value(&self, name: &str) -> &str {
        self.form.raw(name)
    }

    /// Whether the problem is with this field.
    fn wrong(&self, name: &str) -> bool {
        self.problem.as_ref().is_some_and(|(field, _)| {
            let field = field.strip_prefix("settings.").unwrap_or(field);
            field == name || (name == "custom" && field.starts_with("custom"))
        })
    }
}

/// `GET /console/{organization}/directories/{directory}/settings`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let form = stored(&directory)?;
    again(&app, &place, directory, form, None)
}

fn again(
    app: &App,
    place: &Place,
    directory: Directory,
    form: Form,
    problem: Option<(String, String)>,
) -> Result<Response, PageFailure> {
    let code = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut kinds: Vec<&'static str> = PROVIDERS.iter().map(|provider| provider.kind).collect();
    kinds.extend(["gsuite directory", "pingfederate scim v2.0", "rippling scim v2.0"]);
    let frame = place.frame(app, Section::Directories, format!("Settings of {}", directory.name));
    let mut response = page(&Settings { frame, directory, tab: "settings", chapters: CHAPTERS, kinds, form, problem })?;
    *response.status_mut() = code;
    Ok(response)
}

/// What is stored, as the form would send it.
fn stored(directory: &Directory) -> Result<Form> {
    let all = serde_json::to_value(&directory.settings).map_err(|error| Error::Internal(Box::new(error)))?;
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    fields.append_pair("name", &directory.name).append_pair("type", &directory.kind);
    for setting in CHAPTERS.iter().flat_map(|chapter| chapter.settings) {
        let pointer = format!("/{}", setting.name.replace('.', "/"));
        match all.pointer(&pointer) {
            Some(Value::String(text)) => fields.append_pair(setting.name, text),
            Some(Value::Bool(true)) => fields.append_pair(setting.name, "yes"),
            Some(Value::Null | Value::Bool(false)) | None => &mut fields,
            Some(value @ Value::Object(_)) => {
                fields.append_pair(setting.name, &serde_json::to_string_pretty(value).unwrap_or_default())
            }
            Some(value) => fields.append_pair(setting.name, &value.to_string()),
        };
    }
    Ok(Form::parse(fields.finish().as_bytes()))
}

/// The settings that a form asks for.
fn wanted(form: &Form) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for setting in CHAPTERS.iter().flat_map(|chapter| chapter.settings) {
        let value = entered(setting, form)?;
        match setting.name.split_once('.') {
            None => {
                all.insert(setting.name.to_owned(), value);
            }
            Some((whole, part)) => {
                let whole = all.entry(whole).or_insert_with(|| json!({}));
                whole[part] = value;
            }
        }
    }
    Ok(all)
}

fn entered(setting: &Setting, form: &Form) -> Result<Value> {
    let text = form.text(setting.name);
    let wrong = |message: String| Error::invalid(setting.name, "invalid_setting", message);
    Ok(match setting.kind {
        Kind::Flag => form.ticked(setting.name).into(),
        Kind::Choice(_) | Kind::Json if text.is_empty() => Value::Null,
        Kind::Choice(_) => text.into(),
        Kind::Json => serde_json::from_str(text).map_err(|error| wrong(format!("this is no JSON: {error}")))?,
        Kind::Number(from, to) => {
            let number = text.parse::<i64>().ok().filter(|number| (from..=to).contains(number));
            number.ok_or_else(|| wrong(format!("“{}” is a whole number from {from} to {to}", setting.label)))?.into()
        }
    })
}

/// `POST /console/{organization}/directories/{directory}/settings`
pub async fn save(State(app): State<App>, place: Place, form: Form) -> Result<Response, PageFailure> {
    let directory = directory(&app, &place).await?;
    let saved = match wanted(&form) {
        Ok(settings) => {
            let name = Some(form.text("name").to_owned());
            let fields = DirectoryFields { name, kind: Some(form.text("type").to_owned()), settings: Some(settings) };
            directories::update(&app, &place.access, directory.id, fields).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => Ok(place.go(&path(&directory, "/settings"), "saved")),
        Err(Error::Invalid { field, message, .. }) => {
            again(&app, &place, directory, form, Some((field, sentence(&message))))
        }
        Err(Error::Conflict { message, .. }) => {
            again(&app, &place, directory, form, Some(("custom".to_owned(), sentence(&message))))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::directory::DirectorySettings;

    use super::*;

    #[test]
    fn the_form_has_every_setting() {
        let Ok(Value::Object(all)) = serde_json::to_value(DirectorySettings::default()) else { panic!() };
        let shown: Vec<&str> = CHAPTERS
            .iter()
            .flat_map(|chapter| chapter.settings)
            .map(|setting| setting.name.split('.').next().unwrap())
            .collect();
        for name in all.keys() {
            assert!(shown.contains(&name.as_str()), "{name}");
        }
        assert!(shown.iter().all(|name| all.contains_key(*name)));
    }

    #[test]
    fn what_is_not_a_number_is_named() {
        let form = Form::parse(b"guard.minimum=many");
        let error = wanted(&form).unwrap_err();
        assert!(matches!(error, Error::Invalid { field, .. } if field == "guard.minimum"));
    }
}
