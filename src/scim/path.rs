//! Paths of PATCH operations (RFC 7644 section 3.5.2, figure 7), looked up in a resource type.
//!
//! A path is only ever a name that a schema has, or one under a URN that no schema has: what a client
//! writes never becomes a key at the top level of a document.

use std::fmt::{self, Display, Formatter};

use super::dialect::{Strictness, Tolerance, Tolerances};
use super::error::{ScimError, ScimType};
use super::filter::{AttrPath, FilterError, PathText, ResolvedFilter, closest_attribute, parse_path, resolve_within};
use super::resource::is_urn;
use super::schema::{Attribute, Kind, ResourceDefinition};

/// The longest path, in bytes.
pub const MAX_PATH: usize = 1_024;

/// What a path names.
#[derive(Debug, Clone, PartialEq)]
pub enum Path {
    /// An attribute that a schema has, or a part of it.
    Attribute(AttributePath),
    /// All attributes of a schema: its URN alone.
    Schema {
        /// The extension; `None` for the core schema.
        extension: Option<String>,
    },
    /// Something that no schema has, under a URN.
    Unknown(UnknownPath),
}

/// A known attribute, or a part of it, in the schema's spelling.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributePath {
    /// The extension that holds it; `None` at the top level.
    pub extension: Option<String>,
    /// The attribute.
    pub name: String,
    /// Which of its values are meant; `None` for all.
    pub filter: Option<ResolvedFilter>,
    /// Which sub-attribute is meant; `None` for the whole.
    pub sub: Option<String>,
}

impl Display for AttributePath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.extension {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        if self.filter.is_some() {
            f.write_str("[…]")?;
        }
        self.sub.iter().try_for_each(|sub| write!(f, ".{sub}"))
    }
}

/// A name under a URN that no schema here explains. Whether the last segment is part of an extension's URN
/// or an attribute in it, the text does not tell: see [`UnknownPath::whole`].
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownPath {
    /// The path as it was written, which may be an extension as a whole.
    pub whole: String,
    /// What stood before the last colon, or the known extension.
    pub urn: String,
    /// What stood behind it: the name of an attribute, if `whole` is no extension.
    pub name: String,
    /// What stood behind the first full stop after the name.
    pub sub: Option<String>,
    /// Whether `urn` is an extension that the resource type has.
    pub known_urn: bool,
}

impl Path {
    /// Reads a path and looks it up in a resource type.
    ///
    /// The error is 400 `invalidPath`, with the column: for a text that is no path, and for a name that
    /// neither a schema has nor a URN stands before.
    pub fn parse(
        text: &str,
        definition: &ResourceDefinition,
        strictness: Strictness,
        tolerances: &mut Tolerances,
    ) -> Result<Path, ScimError> {
        let written = parse_path(text, MAX_PATH, strictness, tolerances).map_err(FilterError::into_path_error)?;
        Lookup { definition, strictness, tolerances, written: &written.path }.path(&written)
    }
}

/// The error for a path that names nothing.
fn unknown(path: &AttrPath, message: &str) -> ScimError {
    ScimError::bad(ScimType::InvalidPath, format!("path error at column {}: {message}", path.place.column))
}

struct Lookup<'a> {
    definition: &'a ResourceDefinition,
    strictness: Strictness,
    tolerances: &'a mut Tolerances,
    written: &'a AttrPath,
}

impl Lookup<'_> {
    fn path(&mut self, text: &PathText) -> Result<Path, ScimError> {
        let whole = self.written.to_string();
        let (urn, local) = match &self.written.urn {
            None => (None, whole.as_str()),
            Some(_) => match self.definition.qualified(&whole) {
                None => return self.elsewhere(text, whole),
                Some(found) => {
                    if found.legacy {
                        self.tolerances.note(Tolerance::LegacyUrn);
                    }
                    let extension = found.extension.then(|| found.schema.id.clone());
                    if found.rest.is_empty() {
                        return self.schema(text, extension);
                    }
                    (Some(found.schema.id.as_str()), found.rest)
                }
            },
        };
        let (name, sub) = match local.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (local, None),
        };
        match (self.definition.locate(urn, name), urn) {
            (Some(located), _) => self.attribute(text, located.extension, name, located.attribute, sub),
            (None, Some(urn)) if self.definition.extension(urn).is_some() => {
                let path = UnknownPath {
                    whole: whole.clone(),
                    urn: urn.to_owned(),
                    name: name.to_owned(),
                    sub: sub.map(str::to_owned),
                    known_urn: true,
                };
                self.kept(text, path)
            }
            _ => Err(self.no_attribute(name)),
        }
    }

    fn no_attribute(&self, name: &str) -> ScimError {
        let hint = closest_attribute(self.definition, name);
        unknown(self.written, &format!("{} has no attribute {}{hint}", self.definition.name, self.written))
    }

    /// `urn:…:User` alone
    fn schema(&self, text: &PathText, extension: Option<String>) -> Result<Path, ScimError> {
        if text.filter.is_some() {
            return Err(unknown(self.written, "a schema has no values that a filter could select; name an attribute"));
        }
        Ok(Path::Schema { extension })
    }

    /// A name under a URN that the resource type does not have
    fn elsewhere(&self, text: &PathText, whole: String) -> Result<Path, ScimError> {
        let AttrPath { urn, name, sub, .. } = self.written;
        match urn {
            Some(urn) if is_urn(urn) => {
                let path =
                    UnknownPath { whole, urn: urn.clone(), name: name.clone(), sub: sub.clone(), known_urn: false };
                self.kept(text, path)
            }
            _ => Err(self.no_attribute(name)),
        }
    }

    fn kept(&self, text: &PathText, path: UnknownPath) -> Result<Path, ScimError> {
        if text.filter.is_some() || self.strictness.reject_unknown_attributes {
            return Err(self.no_attribute(&path.name));
        }
        Ok(Path::Unknown(path))
    }

    fn attribute(
        &mut self,
        text: &PathText,
        extension: Option<&str>,
        name: &str,
        attribute: &Attribute,
        sub: Option<&str>,
    ) -> Result<Path, ScimError> {
        self.note_case(name, attribute);
        let filter = text.filter.as_ref().map(|filter| {
            if !attribute.multi_valued || sub.is_some() {
                let message = format!("{} has one value; only among several can a filter select", self.written);
                return Err(unknown(self.written, &message));
            }
            resolve_within(filter, attribute, self.tolerances).map_err(FilterError::into_path_error)
        });
        let filter = filter.transpose()?;
        let sub = match text.sub.as_deref().or(sub) {
            Some(sub) => self.sub(attribute, sub)?,
            None => None,
        };
        let extension = extension.map(str::to_owned);
        Ok(Path::Attribute(AttributePath { extension, name: attribute.name.clone(), filter, sub }))
    }

    fn sub(&mut self, attribute: &Attribute, sub: &str) -> Result<Option<String>, ScimError> {
        // A value without parts is its own `value` (RFC 7643 section 2.4).
        if attribute.multi_valued && attribute.kind != Kind::Complex && sub.eq_ignore_ascii_case("value") {
            return Ok(None);
        }
        let Some(part) = attribute.sub_attribute(sub) else {
            return Err(unknown(self.written, &format!("{} has no sub-attribute {sub}", attribute.name)));
        };
        self.note_case(sub, part);
        Ok(Some(part.name.clone()))
    }

    fn note_case(&mut self, written: &str, attribute: &Attribute) {
        if written != attribute.name {
            self.tolerances.note(Tolerance::NameCase);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scim::schema::{Catalogue, ENTERPRISE_URN};

    fn read(text: &str) -> Result<Path, ScimError> {
        let catalogue = Catalogue::built_in();
        let user = Arc::clone(catalogue.resource("User").expect("it is built in"));
        Path::parse(text, &user, Strictness::default(), &mut Tolerances::default())
    }

    /// Read as a known attribute, shown as extension, name, whether there is a filter, and part.
    #[track_caller]
    fn names(text: &str, extension: Option<&str>, name: &str, filtered: bool, sub: Option<&str>) {
        match read(text) {
            Ok(Path::Attribute(path)) => {
                let shown = (path.extension.as_deref(), path.name.as_str(), path.filter.is_some(), path.sub.as_deref());
                assert_eq!(shown, (extension, name, filtered, sub), "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn paths_name_attributes_their_values_and_parts() {
        names("userName", None, "userName", false, None);
        names("NAME.familyname", None, "name", false, Some("familyName"));
        names("emails[type eq \"work\"]", None, "emails", true, None);
        names("emails[type eq \"work\" and not (value pr)].Value", None, "emails", true, Some("value"));
        names("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", None, "name", false, Some("givenName"));
        names(&format!("{ENTERPRISE_URN}:manager.$ref"), Some(ENTERPRISE_URN), "manager", false, Some("$ref"));
        names("urn:scim:schemas:extension:enterprise:1.0:department", Some(ENTERPRISE_URN), "department", false, None);
    }

    #[test]
    fn a_urn_alone_names_the_schema() {
        let extension = Some(ENTERPRISE_URN.to_owned());
        assert_eq!(read(ENTERPRISE_URN), Ok(Path::Schema { extension: extension.clone() }));
        assert_eq!(read("urn:scim:schemas:extension:enterprise:1.0"), Ok(Path::Schema { extension }));
        assert_eq!(read("urn:ietf:params:scim:schemas:core:2.0:User"), Ok(Path::Schema { extension: None }));
    }

    #[test]
    fn what_no_schema_has_is_kept_only_under_a_urn() {
        let kept = |text: &str| match read(text) {
            Ok(Path::Unknown(path)) => (path.urn, path.name, path.sub, path.known_urn),
            other => panic!("{text}: {other:?}"),
        };
        let owned = str::to_owned;
        assert_eq!(
            kept("urn:acme:1.0:User:badge.no"),
            (owned("urn:acme:1.0:User"), owned("badge"), Some(owned("no")), false)
        );
        assert_eq!(kept(&format!("{ENTERPRISE_URN}:badge")), (owned(ENTERPRISE_URN), owned("badge"), None, true));
        for text in [
            "__proto__",
            "constructor.prototype",
            "toString.x",
            "acme:badge",
            "urn:ietf:params:scim:schemas:core:2.0:User:x",
        ] {
            assert_eq!(read(text).expect_err(text).scim_type, Some(ScimType::InvalidPath), "{text}");
        }
        let error = read("dispalyName").expect_err("no such attribute");
        assert_eq!(
            error.detail,
            "path error at column 1: User has no attribute dispalyName; did you mean displayName?"
        );
    }

    #[test]
    fn malformed_and_monstrous_paths_are_refused() {
        let deep = format!("emails[{}type pr{}]", "(".repeat(400), ")".repeat(400));
        let negated = format!("emails[{}", "not (".repeat(150));
        let brackets = "emails[".repeat(140);
        let segments = vec!["a"; 20_000].join(".");
        let long = "x".repeat(MAX_PATH + 1);
        let malformed = [
            "",
            " ",
            ".",
            "[",
            "]",
            "emails[",
            "emails[]",
            "emails]",
            "emails[type]",
            "emails[type eq]",
            "emails[type eq ]",
            "emails[type eq work]",
            "emails[type eq \"work\"",
            "emails[type eq \"work]",
            "emails[type eq \"work\"].",
            "emails[type eq \"work\"].value.x",
            "emails[type eq \"work\"]value",
            "emails[type eq \"work\"][primary eq true]",
            "emails[type is \"work\"]",
            "emails[foo eq \"x\"]",
            "emails[type gt true]",
            "name..givenName",
            "name.",
            ".name",
            "name.givenName.x",
            "name.nick",
            "name[givenName eq \"x\"]",
            "name givenName",
            "name/givenName",
            "$.name",
            "emails.value[type eq \"work\"]",
            "title.x",
            "urn:",
            "urn:ietf:params:scim:schemas:core:2.0:User:",
            "å",
            "userName eq \"x\"",
            "emails[type eq \"a\u{0}\"]",
            "emails[emails[type pr]]",
            &deep,
            &negated,
            &brackets,
            &segments,
            &long,
        ];
        for text in malformed {
            let error = read(text).expect_err(text);
            assert_eq!(error.scim_type, Some(ScimType::InvalidPath), "{text}: {error}");
            assert!(error.detail.contains("column") || error.detail.contains("bytes"), "{text}: {error}");
        }
    }
}
