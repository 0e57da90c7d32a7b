//! How a directory stands, as a whole and group by group.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::Error;
use crate::domain::clock::timestamp;
use crate::domain::id::DirectoryGroupLabel;
use crate::domain::suggestion::Suggestion;
use crate::http::caller::ApiCaller;
use crate::http::workos::answer::ok;
use crate::http::workos::error::ApiFailure;
use crate::http::workos::path::{Segments, id};
use crate::http::workos::query::Query;
use crate::service::status::groups::{self, GroupStatus, Standing};
use crate::service::status::{self, Attention, Freshness, Status, WINDOW};
use crate::store::group_status::NamedBinding;
use crate::store::verifications::Verification;

/// `GET /directories/{directory}/sync_status`
pub async fn sync_status(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(directory): Segments<String>,
) -> Result<Response, ApiFailure> {
    let status = status::of_directory(&app, &access, id(&directory)?).await?;
    Ok(ok(json(&status)))
}

/// `GET /directories/{directory}/groups_status`
pub async fn groups_status(
    State(app): State<App>,
    ApiCaller(access): ApiCaller,
    Segments(directory): Segments<String>,
    query: Query,
) -> Result<Response, ApiFailure> {
    let standing = query.one("state").map(standing).transpose()?;
    let paging = query.paging::<DirectoryGroupLabel>()?;
    let wanted = groups::Query { standing, search: query.search("search")? };
    let page = groups::list(&app, &access, id(&directory)?, wanted, &paging.request).await?;
    Ok(ok(paging.envelope(page, |group| group_json(&group))))
}

fn standing(word: &str) -> Result<Standing, Error> {
    match word {
        "bound" => Ok(Standing::Bound),
        "unmatched" => Ok(Standing::Unmatched),
        "parked" => Ok(Standing::Parked),
        "excepted" => Ok(Standing::Excepted),
        "pending" => Ok(Standing::Pending),
        _ => Err(Error::invalid("state", "invalid_state", "state is bound, unmatched, parked, excepted or pending")),
    }
}

fn group_json(status: &GroupStatus) -> Value {
    let group = &status.group;
    let native = status.native_groups.iter().map(|(id, name)| json!({"id": id, "name": name}));
    let kept_out = status.kept_out_by.iter().map(|(rule, key, out)| {
        json!({
            "rule": {"id": rule, "key": key},
            "clause": out.clause,
            "written": out.written,
            "message": out.message,
        })
    });
    json!({
        "object": "directory_group_status",
        "id": group.id,
        "directory_group": {"id": group.id, "name": group.display_name, "members": group.members, "pending": group.pending},
        "state": status.state(),
        "rules": status.rules.iter().map(binding).collect::<Vec<_>>(),
        "native_groups": native.collect::<Vec<_>>(),
        "suggestion": status.suggestion.as_ref().map(suggestion),
        "kept_out_by": kept_out.collect::<Vec<_>>(),
    })
}

fn binding(binding: &NamedBinding) -> Value {
    let mirror = binding
        .mirror_state
        .as_ref()
        .map(|state| json!({"state": state, "group_id": binding.mirror_group_id, "name": binding.mirror_name}));
    json!({
        "rule": {"id": binding.rule_id, "key": binding.rule_key},
        "matched": binding.matched,
        "excepted": binding.excepted,
        "mirror": mirror,
    })
}

fn suggestion(suggestion: &Suggestion) -> Value {
    match suggestion {
        Suggestion::IntoGroup { group, name } => json!({
            "type": "into_group",
            "group_id": group,
            "name": name,
            "message": format!("There is a native group of the same name, '{name}': a rule could put people into it"),
        }),
        Suggestion::EditRule { rule, key, wanted } => json!({
            "type": "edit_rule",
            "rule": {"id": rule, "key": key},
            "wanted": wanted,
            "message": format!("The rule '{key}' wants '{wanted}', which is almost this name: correct one of them"),
        }),
        Suggestion::MirrorGroup { filter, groups } => json!({
            "type": "mirror_group",
            "filter": filter,
            "groups": groups,
            "message": format!("{groups} unmatched groups begin alike: one rule with this filter could mirror them"),
        }),
    }
}

fn json(status: &Status) -> Value {
    let mirrors = |state: &str| status.mirrors.get(state).copied().unwrap_or(0);
    let rate = (status.requests > 0).then(|| (status.refused as f64 / status.requests as f64 * 1e4).round() / 1e4);
    json!({
        "object": "sync_status",
        "directory_id": status.directory.id,
        "organization_id": status.directory.organization,
        "state": status.state,
        "paused_at": status.directory.paused_at.map(timestamp),
        "backlog": status.directory.backlog,
        "freshness": freshness(&status.freshness),
        "users": {
            "total": status.users.active_users + status.users.inactive_users,
            "active": status.users.active_users,
            "inactive": status.users.inactive_users,
        },
        "groups": {
            "total": status.groups.total,
            "bound": status.groups.bound,
            "excepted": status.groups.excepted,
            "unmatched": status.groups.total - status.groups.bound - status.groups.excepted,
        },
        "edges": status.edges,
        "pending_edges": status.pending_edges,
        "unlinked": {
            "pending": status.unlinked.pending,
            "refused": status.unlinked.refused,
            "by_reason": status.unlinked.by_reason,
        },
        "parked_effects": status.parked_effects,
        "parked_run_id": status.parked_run,
        "mirrors": {"made": mirrors("made"), "adopted": mirrors("adopted"), "parked": mirrors("parked")},
        "frozen_origins": status.frozen_origins,
        "running_runs": status.running_runs,
        "errors": {
            "window_hours": WINDOW.num_hours(),
            "requests": status.requests,
            "refused": status.refused,
            "rate": rate,
        },
        "dialect": {
            "verdict": status.dialect.verdict,
            "evidence": {"tolerances": status.dialect.tolerances, "user_agents": status.dialect.user_agents},
        },
        "tokens": {
            "count": status.tokens.total,
            "valid": status.tokens.living,
            "next_expiry": status.tokens.next_expiry.map(timestamp),
        },
        "drift": status.verification.as_ref().map(drift),
        "attention": status.attention.iter().map(attention).collect::<Vec<_>>(),
    })
}

fn drift(found: &Verification) -> Value {
    json!({
        "rows": found.drift,
        "run_id": found.run,
        "verified_at": timestamp(found.verified_at),
        "left_out": found.left_out,
    })
}

fn freshness(freshness: &Freshness) -> Value {
    json!({
        "last_request_at": freshness.last_request_at.map(timestamp),
        "last_write_at": freshness.last_write_at.map(timestamp),
        "usual_gap_seconds": freshness.usual_gap,
        "silent_for_seconds": freshness.silent_for,
        "verdict": freshness.verdict.as_str(),
        "sentence": freshness.sentence,
    })
}

fn attention(attention: &Attention) -> Value {
    json!({
        "code": attention.code,
        "severity": attention.severity.as_str(),
        "message": attention.message,
        "link": attention.link,
    })
}
