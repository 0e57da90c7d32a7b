//! A filter → a WHERE condition that over-approximates it: every match is selected, perhaps with others.
//!
//! SQL only narrows, the evaluator decides: one semantics on two engines. A condition that is `exact`
//! needs no second look.

use uuid::Uuid;

use super::search::Table;
use super::statement::Param;
use crate::domain::id::{DirectoryGroupId, DirectoryResourceId, DirectoryUserId};
use crate::scim::filter::{Op, Operand, ResolvedFilter, ResolvedTest, Target};
use crate::scim::text::fold;

/// A condition over the table's alias, with its parameters; `?` stands for each in turn.
#[derive(Debug, Clone)]
pub struct Narrowed {
    pub(super) text: String,
    pub(super) params: Vec<Param>,
    /// Whether it selects exactly the matches.
    pub exact: bool,
}

impl Narrowed {
    fn new(text: impl Into<String>, params: Vec<Param>, exact: bool) -> Self {
        Narrowed { text: text.into(), params, exact }
    }

    /// The text with `$n` for each `?`, counted on from `bound` parameters.
    pub(super) fn numbered(&self, bound: usize) -> String {
        let mut number = bound;
        let mut text = String::with_capacity(self.text.len() + 8);
        for c in self.text.chars() {
            if c == '?' {
                number += 1;
                text.push_str(&format!("${number}"));
            } else {
                text.push(c);
            }
        }
        text
    }
}

/// The condition for a filter over resources of `table`; `None` if nothing of it can be narrowed by.
pub fn narrow(filter: &ResolvedFilter, table: Table) -> Option<Narrowed> {
    match filter {
        ResolvedFilter::And(parts) => {
            let narrowed: Vec<Narrowed> = parts.iter().filter_map(|part| narrow(part, table)).collect();
            let exact = narrowed.len() == parts.len() && narrowed.iter().all(|part| part.exact);
            joined(narrowed, " AND ", exact)
        }
        ResolvedFilter::Or(parts) => {
            let narrowed: Option<Vec<Narrowed>> = parts.iter().map(|part| narrow(part, table)).collect();
            let narrowed = narrowed?;
            let exact = narrowed.iter().all(|part| part.exact);
            joined(narrowed, " OR ", exact)
        }
        ResolvedFilter::Is(target, ResolvedTest::Compare(op, operand)) => comparison(target, *op, operand, table),
        ResolvedFilter::AnyValue(target, inner) => within_value(target, inner, table),
        // A negation of what over-approximates would leave matches out; presence has no index.
        ResolvedFilter::Not(_) | ResolvedFilter::Is(..) => None,
    }
}

fn joined(parts: Vec<Narrowed>, with: &str, exact: bool) -> Option<Narrowed> {
    if parts.is_empty() {
        return None;
    }
    let text = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(with);
    let params = parts.into_iter().flat_map(|part| part.params).collect();
    Some(Narrowed::new(format!("({text})"), params, exact))
}

/// `emails[… value eq "x" …]` and `members[value eq "x"]`: narrowed by the value alone.
fn within_value(target: &Target, inner: &ResolvedFilter, table: Table) -> Option<Narrowed> {
    let parts = inner.conjuncts();
    let (_, raw) = parts
        .iter()
        .filter_map(ResolvedFilter::text_equality)
        .find(|(part, _)| part.name == "value" && part.sub.is_none())?;
    let mut narrowed = by_value(target, raw, table)?;
    narrowed.exact &= parts.len() == 1;
    Some(narrowed)
}

fn by_value(target: &Target, raw: &str, table: Table) -> Option<Narrowed> {
    match (table, target.name.as_str(), target.extension.as_ref()) {
        (Table::Users, "emails", None) => Some(Narrowed::new(
            "t.id IN (SELECT m.directory_user_id FROM directory_user_emails m
                WHERE m.organization_id = $1 AND m.directory_id = $2 AND m.value_key = ?)",
            vec![fold(raw).into()],
            true,
        )),
        (Table::Groups, "members", None) => Some(by_member(raw)),
        _ => None,
    }
}

/// A member is named by its id or by the reference that was sent.
fn by_member(raw: &str) -> Narrowed {
    let user = raw.parse().unwrap_or_else(|_| DirectoryUserId::nil());
    let group = raw.parse().unwrap_or_else(|_| DirectoryGroupId::nil());
    Narrowed::new(
        "t.id IN (SELECT e.group_id FROM directory_edges e WHERE e.organization_id = $1 AND e.user_id = ?
          UNION ALL SELECT e.group_id FROM directory_edges e WHERE e.organization_id = $1 AND e.subgroup_id = ?
          UNION ALL SELECT e.group_id FROM directory_edges e WHERE e.organization_id = $1 AND e.value = ?)",
        vec![user.into(), group.into(), raw.into()],
        true,
    )
}

fn comparison(target: &Target, op: Op, operand: &Operand, table: Table) -> Option<Narrowed> {
    if target.extension.is_some() {
        return None;
    }
    match (operand, target.name.as_str(), target.sub.as_deref()) {
        (Operand::Text { raw, .. }, "id", None) if op == Op::Equal => Some(by_id(raw, table)),
        (Operand::Text { raw, .. }, "externalId", None) if op == Op::Equal => {
            Some(Narrowed::new("t.external_id = ?", vec![raw.as_str().into()], true))
        }
        (Operand::Text { raw, .. }, "emails" | "members", Some("value")) if op == Op::Equal => {
            by_value(target, raw, table)
        }
        (Operand::Text { key, .. }, "userName", None) if table == Table::Users => by_key("t.user_name_key", op, key),
        (Operand::Text { key, .. }, "displayName", None) if table != Table::Custom => {
            by_key("t.display_name_key", op, key)
        }
        // A document without `active` matches neither, the column says what is in effect: not exact.
        (Operand::Boolean(value), "active", None) if table == Table::Users && op == Op::Equal => {
            Some(Narrowed::new("t.active = ?", vec![(*value).into()], false))
        }
        (Operand::Instant(at), "meta", Some(part @ ("created" | "lastModified"))) => {
            let column = if part == "created" { "t.created_at" } else { "t.updated_at" };
            let sign = match op {
                Op::Equal => "=",
                Op::Greater => ">",
                Op::GreaterOrEqual => ">=",
                Op::Less => "<",
                Op::LessOrEqual => "<=",
                _ => return None,
            };
            Some(Narrowed::new(format!("{column} {sign} ?"), vec![(*at).into()], true))
        }
        _ => None,
    }
}

fn by_id(raw: &str, table: Table) -> Narrowed {
    let id: Option<Uuid> = match table {
        Table::Users => raw.parse::<DirectoryUserId>().ok().map(DirectoryUserId::uuid),
        Table::Groups => raw.parse::<DirectoryGroupId>().ok().map(DirectoryGroupId::uuid),
        Table::Custom => raw.parse::<DirectoryResourceId>().ok().map(DirectoryResourceId::uuid),
    };
    match id {
        Some(id) => Narrowed::new("t.id = ?", vec![Param::Id(Some(id))], true),
        None => Narrowed::new("1 = 0", Vec::new(), true),
    }
}

fn by_key(column: &str, op: Op, key: &str) -> Option<Narrowed> {
    let escaped = key.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = match op {
        Op::Equal => return Some(Narrowed::new(format!("{column} = ?"), vec![key.into()], true)),
        Op::StartsWith => format!("{escaped}%"),
        Op::EndsWith => format!("%{escaped}"),
        Op::Contains => format!("%{escaped}%"),
        _ => return None,
    };
    // SQLite's LIKE ignores the case of ASCII, which folded keys do not have: exact on both.
    Some(Narrowed::new(format!("{column} LIKE ? ESCAPE '\\'"), vec![pattern.into()], false))
}
