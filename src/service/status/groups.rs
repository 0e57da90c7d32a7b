//! Directory group by directory group: which rules bind it and to what; or what keeps it out, and what might be done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::app::App;
use crate::domain::directory::{Directory, DirectoryGroup};
use crate::domain::group_verdict::{KeptOut, kept_out};
use crate::domain::id::{DirectoryGroupId, DirectoryId, GroupId, RuleId};
use crate::domain::native::name_key;
use crate::domain::rule::{Action, Rule, RuleDocument};
use crate::domain::suggestion::{Suggestion, prefixes, suggest};
use crate::domain::{Error, Result};
use crate::service::access::Access;
use crate::service::converge::Ground;
use crate::service::directories;
use crate::store::group_status::{self, ListedGroup, NamedBinding};
use crate::store::{Page, PageRequest, Tx, directory_groups, groups};

pub use crate::store::group_status::Standing;

/// Rules that are said to keep a group out, at the most.
const SHOWN_RULES: usize = 10;
/// Unmatched groups whose names are looked through for a pattern, at the most.
const NAMES: i64 = 10_000;

/// A directory group and what became of it.
#[derive(Debug, Clone)]
pub struct GroupStatus {
    /// The directory group.
    pub group: ListedGroup,
    /// The rules that are bound to it.
    pub rules: Vec<NamedBinding>,
    /// The native groups that its people are in by rules, with their names.
    pub native_groups: BTreeMap<GroupId, String>,
    /// What might be done, if no rule has to do with it.
    pub suggestion: Option<Suggestion>,
    /// Why not, for up to ten rules in force, if no rule has to do with it.
    pub kept_out_by: Vec<(RuleId, String, KeptOut)>,
}

/// Which groups are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<'a> {
    /// Only those that stand so.
    pub standing: Option<Standing>,
    /// Only those with this as part of their name.
    pub search: Option<&'a str>,
}

impl GroupStatus {
    /// `parked`, `bound`, `excepted` or `unmatched`: the first that is true.
    pub fn state(&self) -> &'static str {
        let any = |is: fn(&NamedBinding) -> bool| self.rules.iter().any(is);
        if any(|rule| rule.mirror_state.as_deref() == Some("parked")) {
            "parked"
        } else if any(|rule| rule.matched) {
            "bound"
        } else if any(|rule| rule.excepted) {
            "excepted"
        } else {
            "unmatched"
        }
    }
}

/// A page of a directory's groups, if the caller reaches it.
pub async fn list(
    app: &App,
    access: &Access,
    id: DirectoryId,
    query: Query<'_>,
    page: &PageRequest,
) -> Result<Page<GroupStatus>> {
    let directory = directories::get(app, access, id).await?;
    let organization = directory.organization;
    let mut tx = app.db.snapshot().await?;
    let page = group_status::list(&mut tx, organization, id, query.standing, query.search, page).await?;
    let Page { rows, has_before, has_after } = page;
    Ok(Page { rows: described(&mut tx, &directory, rows).await?, has_before, has_after })
}

/// One group of a directory, if the caller reaches it.
pub async fn get(app: &App, access: &Access, id: DirectoryId, group: DirectoryGroupId) -> Result<GroupStatus> {
    let directory = directories::get(app, access, id).await?;
    let missing = || Error::not_found("directory group", group);
    let mut tx = app.db.snapshot().await?;
    let owned = directory_groups::find_in(&mut tx, Some(directory.organization), group).await?;
    owned.filter(|owned| owned.value.directory == id).ok_or_else(missing)?;
    let found = group_status::find(&mut tx, directory.organization, group).await?.ok_or_else(missing)?;
    described(&mut tx, &directory, vec![found]).await?.pop().ok_or_else(missing)
}

/// These groups of a directory, each with what became of it.
async fn described(tx: &mut Tx, directory: &Directory, rows: Vec<ListedGroup>) -> Result<Vec<GroupStatus>> {
    let organization = directory.organization;
    let ground = Ground::load(tx, organization).await?;
    let mut bound: HashMap<DirectoryGroupId, Vec<NamedBinding>> = HashMap::new();
    for binding in group_status::bindings(tx, organization, rows.iter().map(|group| group.id)).await? {
        bound.entry(binding.directory_group_id).or_default().push(binding);
    }
    let targets = Targets::load(tx, &ground).await?;
    let described = rows.into_iter().map(|group| {
        let rules = bound.remove(&group.id).unwrap_or_default();
        GroupStatus { native_groups: targets.of(&rules), rules, group, suggestion: None, kept_out_by: Vec::new() }
    });
    let mut described: Vec<GroupStatus> = described.collect();
    explain_unmatched(tx, directory, &ground.rules, &mut described).await?;
    Ok(described)
}

/// Native groups that rules put people into by name.
struct Targets {
    by_rule: HashMap<RuleId, Vec<GroupId>>,
    names: HashMap<GroupId, String>,
}

impl Targets {
    async fn load(tx: &mut Tx, ground: &Ground) -> Result<Self> {
        let in_force = ground.rules.iter().chain(ground.resting.values().map(|resting| &resting.rule));
        let by_rule: HashMap<RuleId, Vec<GroupId>> =
            in_force.map(|rule| (rule.id, into_groups(&rule.document))).collect();
        let wanted: BTreeSet<GroupId> = by_rule.values().flatten().copied().collect();
        let found = groups::by_ids(tx, ground.organization, wanted).await?;
        Ok(Targets { by_rule, names: found.into_iter().map(|(id, group)| (id, group.name)).collect() })
    }

    /// Where these rules put the people of a group that they matched.
    fn of(&self, rules: &[NamedBinding]) -> BTreeMap<GroupId, String> {
        let matched = || rules.iter().filter(|rule| rule.matched && !rule.excepted);
        let named = |id: &GroupId| Some((*id, self.names.get(id)?.clone()));
        let into = matched().filter_map(|rule| self.by_rule.get(&rule.rule_id)).flatten().filter_map(named);
        let mirrored = matched().filter_map(|rule| Some((rule.mirror_group_id?, rule.mirror_name.clone()?)));
        into.chain(mirrored).collect()
    }
}

fn into_groups(document: &RuleDocument) -> Vec<GroupId> {
    let into = document.then.iter().filter_map(|action| match action {
        Action::IntoGroup { group_id } => Some(*group_id),
        _ => None,
    });
    into.collect()
}

/// Says of groups that no rule has to do with why that is, and what might be done.
async fn explain_unmatched(tx: &mut Tx, directory: &Directory, rules: &[Rule], rows: &mut [GroupStatus]) -> Result<()> {
    let unmatched: Vec<DirectoryGroupId> =
        rows.iter().filter(|row| row.state() == "unmatched").map(|row| row.group.id).collect();
    if unmatched.is_empty() {
        return Ok(());
    }
    let organization = directory.organization;
    let documents = directory_groups::by_ids(tx, organization, unmatched).await?;
    let documents: HashMap<DirectoryGroupId, DirectoryGroup> = documents.into_iter().map(|g| (g.id, g)).collect();
    let keys: BTreeSet<String> = rows.iter().map(|row| name_key(&row.group.display_name)).collect();
    let namesakes = group_status::namesakes(tx, organization, keys).await?;
    // The oldest of a name comes last, and so stays.
    let namesakes: HashMap<String, (GroupId, String)> =
        namesakes.into_iter().map(|(key, id, name)| (key, (id, name))).collect();
    let names = group_status::unmatched_names(tx, organization, directory.id, NAMES).await?;
    let prefixes = prefixes(names.iter().map(String::as_str));
    for row in rows {
        let Some(group) = documents.get(&row.group.id) else { continue };
        let name = &row.group.display_name;
        row.suggestion = suggest(name, namesakes.get(&name_key(name)).cloned(), rules, &prefixes);
        let out = rules.iter().filter_map(|rule| Some((rule.id, rule.key.clone(), kept_out(rule, group)?)));
        row.kept_out_by = out.take(SHOWN_RULES).collect();
    }
    Ok(())
}
