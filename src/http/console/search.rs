//! The search: people, groups and rules by a few letters, and anything that has an id by its id.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::failure::PageFailure;
use super::frame::{Frame, Section, page};
use super::paging;
use super::viewer::Place;
use crate::app::App;
use crate::domain::id::{
    DirectoryGroupId, DirectoryId, DirectoryUserId, GroupId, MembershipId, PlanId, RequestId, RuleId, RunId, UserId,
    WebhookEndpointId,
};
use crate::domain::{Error, Result};
use crate::service::lookup::{self, Found, FoundAccount};
use crate::service::native::memberships::{self, Query};

/// Of each kind at the most.
const MOST: i64 = 10;

#[derive(Template)]
#[template(path = "console/search.html")]
struct SearchPage {
    frame: Frame,
    text: String,
    /// The same, for addresses.
    encoded: String,
    found: Found,
    problem: Option<String>,
}

impl SearchPage {
    /// Whether so many were found as are shown, so that there may be more.
    fn full(count: usize) -> bool {
        i64::try_from(count).unwrap_or(i64::MAX) >= MOST
    }

    /// The name of an account.
    fn name(account: &FoundAccount) -> String {
        let parts = [account.first_name.as_deref(), account.last_name.as_deref()];
        let name = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if name.is_empty() { account.email.clone() } else { name }
    }
}

/// `GET /console/{organization}/search`
pub async fn show(State(app): State<App>, place: Place) -> Result<Response, PageFailure> {
    let text = place.asked("q").to_owned();
    if let Some(path) = by_id(&app, &place, &text).await? {
        return Ok(Redirect::to(&place.path(&path)).into_response());
    }
    let searched =
        if text.is_empty() { Ok(Found::default()) } else { lookup::by_text(&app, place.scope, &text, MOST).await };
    let (found, problem) = match searched {
        Ok(found) => (found, None),
        Err(Error::Invalid { message, .. }) => (Found::default(), Some(super::view::sentence(&message))),
        Err(error) => return Err(error.into()),
    };
    let encoded = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    page(&SearchPage { frame: place.frame(&app, Section::None, "Search"), text, encoded, found, problem })
}

/// The page of what has this id; `None` if the text is no id that has one.
async fn by_id(app: &App, place: &Place, text: &str) -> Result<Option<String>> {
    let (scope, operator) = (place.scope, !place.viewer.is_guest());
    if let Ok(id) = text.parse::<RequestId>() {
        let logged = lookup::is_of_identity_provider(app, scope, id).await?;
        return Ok(match (logged, operator) {
            (true, _) => Some(format!("/activity/{id}")),
            (false, true) => Some(format!("/events?request={id}")),
            (false, false) => None,
        });
    }
    if let Ok(user) = text.parse::<UserId>() {
        let of_user = Query { organization: Some(scope), user: Some(user), statuses: Vec::new() };
        let found = memberships::list(app, &place.access, of_user, &paging::up_to(1)).await?;
        return Ok(found.rows.first().map(|listed| format!("/people/{}", listed.membership.id)));
    }
    let straight = [
        ("/runs", text.parse::<RunId>().is_ok()),
        ("/plans", text.parse::<PlanId>().is_ok()),
        ("/rules", text.parse::<RuleId>().is_ok()),
        ("/groups", text.parse::<GroupId>().is_ok()),
        ("/people", text.parse::<MembershipId>().is_ok()),
        ("/directory-users", text.parse::<DirectoryUserId>().is_ok()),
        ("/directory-groups", text.parse::<DirectoryGroupId>().is_ok()),
        ("/directories", text.parse::<DirectoryId>().is_ok()),
        ("/webhooks", operator && text.parse::<WebhookEndpointId>().is_ok()),
    ];
    Ok(straight.into_iter().find(|(_, is)| *is).map(|(page, _)| format!("{page}/{text}")))
}
