//! The portal: a customer's own admin enters the console of one organization, by a link of short life.

use chrono::Duration;
use url::Url;

use super::access::Access;
use super::sessions::{self, Begun, Proof, Visitor, used_up};
use crate::app::App;
use crate::domain::id::OrganizationId;
use crate::domain::native::Organization;
use crate::domain::operator::Holder;
use crate::domain::secret::{Secret, digest};
use crate::domain::{Error, Result};
use crate::store::operators::{EntryLink, Purpose};
use crate::store::{Lane, operators, organizations};

/// How long a link lasts.
const LINK: Duration = Duration::minutes(5);

/// Makes a link to the portal of an organization. It works once, and for five minutes.
///
/// # Errors
///
/// [`Error::Invalid`] for a `return_url` that is not one of the web; [`Error::NotFound`].
pub async fn generate_link(
    app: &App,
    access: &Access,
    organization: OrganizationId,
    return_url: Option<String>,
) -> Result<String> {
    let scope = access.organization(organization)?;
    if let Some(url) = &return_url {
        check(url)?;
    }
    let (now, secret) = (app.clock.now(), Secret::mint("portal_"));
    let link = EntryLink {
        purpose: Purpose::Portal { organization, return_url },
        made_by: access.key().to_owned(),
        created_at: now,
        expires_at: now + LINK,
    };
    let digest = secret.digest();
    app.db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (digest, link) = (digest.clone(), link.clone());
            Box::pin(async move {
                let found = organizations::find(tx, organization).await?;
                found.ok_or_else(|| Error::not_found("organization", organization))?;
                operators::insert_link(tx, &digest, &link).await
            })
        })
        .await?;
    Ok(format!("{}/portal/{}", app.config.public_url, secret.reveal()))
}

/// Enters by a link, which then works no more.
///
/// # Errors
///
/// [`Error::Unauthorized`] if the link works no more, or leads elsewhere.
pub async fn enter(app: &App, secret: &str, visitor: Visitor) -> Result<Begun> {
    match sessions::look_at_link(app, secret).await?.map(|link| link.purpose) {
        Some(Purpose::Portal { organization, return_url }) => {
            let holder = Holder::Guest { organization, return_url };
            sessions::begin(app, holder, visitor, Proof::Link(digest(secret)), "enterPortal").await
        }
        _ => Err(used_up()),
    }
}

fn check(url: &str) -> Result<()> {
    let fits = url.len() <= 2_048 && Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if fits {
        return Ok(());
    }
    Err(Error::invalid(
        "return_url",
        "invalid_url",
        "return_url must be an address that begins with https:// or http://",
    ))
}

/// The organization that a link leads to, for whoever holds the link.
pub async fn organization_of(app: &App, id: OrganizationId) -> Result<Organization> {
    let found = organizations::find(&mut app.db.read().await?, id).await?;
    found.ok_or_else(|| Error::not_found("organization", id))
}
