//! The names in `rules.toml`, turned into ids by asking the server.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;

use super::document::{Act, Conditions, Placed};
use crate::cli::client::{Client, text};
use crate::cli::source::{Mistakes, Source};
use crate::domain::id::{DirectoryGroupId, DirectoryId, GroupId};
use crate::domain::rule::{Action, RuleDocument, When};

/// How many candidates a message about an ambiguous name lists.
const LISTED: usize = 5;

/// The documents of the file's rules, as the server keeps them.
///
/// # Errors
///
/// [`Mistakes`] naming every name that is nobody's, or several's; other errors if the server does not answer.
pub async fn resolve(
    client: &Client,
    organization: &str,
    source: &Source,
    rules: &[Placed],
) -> anyhow::Result<Vec<RuleDocument>> {
    let directories = client.all("/directories", &[("organization_id", organization)]).await?;
    let mut names = Names {
        client,
        organization,
        source,
        directories: listed(&directories)?,
        directory_groups: None,
        native_groups: HashMap::new(),
        mistakes: Mistakes::default(),
    };
    let mut documents = Vec::new();
    for rule in rules {
        documents.extend(names.rule(rule).await?);
    }
    if names.mistakes.0.is_empty() { Ok(documents) } else { Err(names.mistakes.into()) }
}

/// Something with an id and a name.
type Named = (String, String);

fn listed(rows: &[Value]) -> anyhow::Result<Vec<Named>> {
    rows.iter().map(|row| Ok((text(row, "id")?, text(row, "name")?))).collect()
}

struct Names<'a> {
    client: &'a Client,
    organization: &'a str,
    source: &'a Source,
    directories: Vec<Named>,
    /// All directory groups with their directories; asked for when first needed.
    directory_groups: Option<Vec<(String, Named)>>,
    /// The native groups of each name that was asked for.
    native_groups: HashMap<String, Vec<Named>>,
    mistakes: Mistakes,
}

impl Names<'_> {
    /// One rule; `None` if a name in it is wrong, which is noted.
    async fn rule(&mut self, rule: &Placed) -> anyhow::Result<Option<RuleDocument>> {
        let before = self.mistakes.0.len();
        let entry = &rule.entry;
        let directory_id = entry.directory.as_ref().and_then(|directory| self.directory(directory));
        let when = self.when(entry.when.get_ref(), directory_id).await?;
        let mut then = Vec::new();
        for act in &entry.then {
            then.extend(self.action(act.get_ref()).await?);
        }
        let state = entry.state.as_ref().map(|state| *state.get_ref()).unwrap_or_default();
        let document = RuleDocument { directory_id, position: rule.position, state, when, then };
        Ok((self.mistakes.0.len() == before).then_some(document))
    }

    async fn when(&mut self, when: &Conditions, directory: Option<DirectoryId>) -> anyhow::Result<When> {
        let plain = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.get_ref().clone());
        let mut group_ids = Vec::new();
        for id in &when.group_ids {
            group_ids.extend(self.id::<DirectoryGroupId>(id, "directory group", "directory_group_01J…"));
        }
        for name in &when.groups {
            group_ids.extend(self.directory_group(name, directory).await?);
        }
        Ok(When {
            group: plain(&when.group),
            group_ids,
            capture: plain(&when.capture),
            user: plain(&when.user),
            except_group: plain(&when.except_group),
        })
    }

    async fn action(&mut self, act: &Act) -> anyhow::Result<Option<Action>> {
        Ok(match act {
            Act::EnsureMembership {} => Some(Action::EnsureMembership {}),
            Act::MirrorGroup { name, on_collision, on_delete } => {
                Some(Action::MirrorGroup { name: name.clone(), on_collision: *on_collision, on_delete: *on_delete })
            }
            Act::IntoGroup { group } => self.native_group(group).await?.map(|group_id| Action::IntoGroup { group_id }),
            Act::GrantRole { role } => Some(Action::GrantRole { role: role.clone() }),
            Act::Exclude { group: None, role } => Some(Action::Exclude { group_id: None, role: role.clone() }),
            Act::Exclude { group: Some(group), role } => {
                let found = self.native_group(group).await?;
                found.map(|group_id| Action::Exclude { group_id: Some(group_id), role: role.clone() })
            }
        })
    }

    fn directory(&mut self, wanted: &Spanned<String>) -> Option<DirectoryId> {
        let text = wanted.get_ref();
        let found: Vec<Named> =
            self.directories.iter().filter(|(id, name)| id == text || name == text).cloned().collect();
        self.only(&found, "directory", text, wanted.span())
    }

    async fn directory_group(
        &mut self,
        wanted: &Spanned<String>,
        directory: Option<DirectoryId>,
    ) -> anyhow::Result<Option<DirectoryGroupId>> {
        if self.directory_groups.is_none() {
            let mut all = Vec::new();
            for (directory, _) in &self.directories {
                let rows = self.client.all("/directory_groups", &[("directory", directory)]).await?;
                all.extend(listed(&rows)?.into_iter().map(|group| (directory.clone(), group)));
            }
            self.directory_groups = Some(all);
        }
        let directory = directory.map(|id| id.to_string());
        let here = |of: &String| directory.as_ref().is_none_or(|directory| directory == of);
        let groups = self.directory_groups.iter().flatten().filter(|(of, _)| here(of));
        let found: Vec<Named> =
            groups.filter(|(_, (_, name))| name == wanted.get_ref()).map(|(_, group)| group.clone()).collect();
        Ok(self.only(&found, "directory group", wanted.get_ref(), wanted.span()))
    }

    async fn native_group(&mut self, wanted: &Spanned<String>) -> anyhow::Result<Option<GroupId>> {
        let text = wanted.get_ref();
        if let Ok(id) = text.parse() {
            return Ok(Some(id));
        }
        if !self.native_groups.contains_key(text) {
            let path = format!("/organizations/{}/groups", self.organization);
            let rows = self.client.all(&path, &[("search", text)]).await?;
            let same = listed(&rows)?.into_iter().filter(|(_, name)| name == text).collect();
            self.native_groups.insert(text.clone(), same);
        }
        let found = self.native_groups.get(text).cloned().unwrap_or_default();
        Ok(self.only(&found, "native group", text, wanted.span()))
    }

    /// The id of the only one that was found.
    fn only<T: std::str::FromStr>(&mut self, found: &[Named], kind: &str, name: &str, span: Range<usize>) -> Option<T> {
        let message = match found {
            [(id, _)] => match id.parse() {
                Ok(id) => return Some(id),
                Err(_) => format!("the server calls the {kind} \"{name}\" {id}, which is no id"),
            },
            [] => format!("there is no {kind} \"{name}\" in this organization; correct the name, or make it first"),
            several => {
                let ids: Vec<&str> = several.iter().take(LISTED).map(|(id, _)| id.as_str()).collect();
                let count = several.len();
                format!("{count} {kind}s are called \"{name}\"; write the id of the one you mean: {}", ids.join(", "))
            }
        };
        self.mistakes.0.push(self.source.mistake(span, &message));
        None
    }

    fn id<T: std::str::FromStr>(&mut self, text: &Spanned<String>, kind: &str, example: &str) -> Option<T> {
        let parsed = text.get_ref().parse().ok();
        if parsed.is_none() {
            let message = format!("\"{}\" is no id of a {kind}, such as {example}", text.get_ref());
            self.mistakes.0.push(self.source.mistake(text.span(), &message));
        }
        parsed
    }
}
