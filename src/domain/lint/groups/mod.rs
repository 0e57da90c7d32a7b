//! What a rule makes of the directory groups that are there now: which it takes, what their mirrors are called.
//!
//! What lives here: looking. What is odd about what was seen is in `findings`.

mod findings;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::directory::DirectoryGroup;
use crate::domain::id::{DirectoryGroupId, DirectoryId};
use crate::domain::native::name_key;
use crate::domain::rule::Rule;
use crate::domain::template::Fault;
use crate::scim::filter::{Op, Operand, ResolvedFilter, ResolvedTest};
use crate::scim::text::distance;

/// How many matched groups are kept to be shown.
const SHOWN: usize = 20;

/// A directory group that the rule matches, to be shown.
#[derive(Debug, Clone)]
pub struct ShownGroup {
    /// The group.
    pub id: DirectoryGroupId,
    /// Where it comes from.
    pub directory: DirectoryId,
    /// What it is called there.
    pub display_name: String,
    /// Its people are out, for this rule.
    pub excepted: bool,
    /// The name of its mirror, or why there is none; where the rule mirrors.
    pub mirror: Option<Result<String, String>>,
}

/// Groups whose mirrors want one name.
#[derive(Debug, Default)]
struct Wanted {
    /// The name as the first of them renders it.
    name: String,
    /// What they are called; no more than a message lists.
    sources: Vec<String>,
    count: usize,
}

/// What was seen of the groups so far; groups are shown to it one by one.
#[derive(Debug)]
pub struct Look<'r> {
    rule: &'r Rule,
    seen: usize,
    selected: usize,
    matched: usize,
    excepting: BTreeSet<DirectoryGroupId>,
    matched_and_excepted: usize,
    shown: Vec<ShownGroup>,
    /// By what is wrong: how many, the names of some, and why for the first.
    nameless: BTreeMap<Fault, (usize, Vec<String>, String)>,
    wanted: HashMap<String, Wanted>,
    /// Names that `when.group` asks for, each with the nearest that there is.
    asked_for: Vec<(String, Option<(usize, String)>)>,
    complete: bool,
}

impl<'r> Look<'r> {
    /// A look at nothing yet.
    pub fn new(rule: &'r Rule) -> Self {
        let asked_for = rule.group_filter().map(names_asked_for).unwrap_or_default();
        Look {
            rule,
            seen: 0,
            selected: 0,
            matched: 0,
            excepting: BTreeSet::new(),
            matched_and_excepted: 0,
            shown: Vec::new(),
            nameless: BTreeMap::new(),
            wanted: HashMap::new(),
            asked_for: asked_for.into_iter().map(|name| (name, None)).collect(),
            complete: true,
        }
    }

    /// Looks at one more group.
    pub fn at(&mut self, group: &DirectoryGroup) {
        self.seen += 1;
        let name = group.text("displayName").unwrap_or_default();
        for (asked, nearest) in &mut self.asked_for {
            let far = distance(asked, name);
            if nearest.as_ref().is_none_or(|(near, _)| far < *near) {
                *nearest = Some((far, name.to_owned()));
            }
        }
        let view = self.rule.views_group(group);
        self.selected += usize::from(view.selected);
        if view.excepted {
            self.excepting.insert(group.id);
        }
        if !view.matched {
            return;
        }
        self.matched += 1;
        self.matched_and_excepted += usize::from(view.excepted);
        match &view.mirror {
            Some(Ok(mirror)) => self.want(mirror, name),
            Some(Err(error)) => {
                let (count, names, _) =
                    self.nameless.entry(error.fault).or_insert_with(|| (0, Vec::new(), error.message.clone()));
                *count += 1;
                keep(names, name);
            }
            None => {}
        }
        if self.shown.len() < SHOWN {
            self.shown.push(ShownGroup {
                id: group.id,
                directory: group.directory,
                display_name: name.to_owned(),
                excepted: view.excepted,
                mirror: view.mirror.map(|mirror| mirror.map_err(|error| error.message)),
            });
        }
    }

    fn want(&mut self, mirror: &str, source: &str) {
        let wanted = self.wanted.entry(name_key(mirror)).or_default();
        if wanted.count == 0 {
            mirror.clone_into(&mut wanted.name);
        }
        wanted.count += 1;
        keep(&mut wanted.sources, source);
    }

    /// There are more groups, which were not looked at.
    pub fn stop(&mut self) {
        self.complete = false;
    }

    /// Whether every group was looked at.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many groups were looked at.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// How many of them the rule matches.
    pub fn matched(&self) -> usize {
        self.matched
    }

    /// The first of those that it matches.
    pub fn shown(&self) -> &[ShownGroup] {
        &self.shown
    }

    /// The groups whose people are out.
    pub fn excepting(&self) -> &BTreeSet<DirectoryGroupId> {
        &self.excepting
    }

    /// The keys of the names that mirrors would have, to see which are taken.
    pub fn wanted_names(&self) -> impl Iterator<Item = &str> {
        self.wanted.keys().map(String::as_str)
    }
}

/// Keeps a name if there is room.
fn keep(names: &mut Vec<String>, name: &str) {
    if names.len() < super::NAMED {
        names.push(name.to_owned());
    }
}

/// The names that a filter asks for by `displayName eq`; at most three.
fn names_asked_for(filter: &ResolvedFilter) -> Vec<String> {
    let parts = filter.disjuncts().iter().flat_map(ResolvedFilter::conjuncts);
    let names = parts.filter_map(|part| match part {
        ResolvedFilter::Is(target, ResolvedTest::Compare(Op::Equal, Operand::Text { raw, .. }))
            if target.extension.is_none() && target.name == "displayName" =>
        {
            Some(raw.clone())
        }
        _ => None,
    });
    names.take(3).collect()
}
