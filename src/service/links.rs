//! Identity links as people decide them: listed, confirmed, refused, reopened, ended.
//!
//! A decision is stored and is then an input of converge like any other, in the same commit. What the ladder
//! decides by itself is `domain::link`; identity providers notice none of it.

use std::collections::{BTreeSet, HashMap};

use super::access::Access;
use super::change::{Change, Outcome};
use super::converge::{Scope, converge};
use super::organizations::require;
use crate::app::App;
use crate::domain::directory::DirectoryUser;
use crate::domain::id::{DirectoryUserId, OrganizationId, UserId};
use crate::domain::link::Method;
use crate::domain::scope::OrganizationScope;
use crate::domain::{Error, Result};
use crate::scim::text::fold;
use crate::store::links::{self, Link, ListedLink, Search};
use crate::store::users::{self, AccountByEmail};
use crate::store::{Lane, Page, PageRequest, Tx, directories, directory_users};

/// A link, and the account that has the person's address where the link is not in force.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The organization.
    pub organization: OrganizationId,
    /// The link.
    pub listed: ListedLink,
    /// Whom a confirmation without `user_id` would mean.
    pub candidate: Option<UserId>,
}

/// What somebody decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The person is this account; without one, the account that has their address.
    Confirm(Option<UserId>),
    /// The person is to have no account, whatever the rules say.
    Refuse,
    /// The ladder is to be climbed again.
    Reopen,
    /// The link in force is wrong: it ends, and is refused.
    Unlink,
}

/// A page of the organization's links.
pub async fn list(app: &App, scope: OrganizationScope, search: &Search, page: &PageRequest) -> Result<Page<Shown>> {
    let mut tx = app.db.read().await?;
    require(&mut tx, scope).await?;
    let page = links::list(&mut tx, scope.organization(), search, page).await?;
    let addresses = page.rows.iter().filter_map(address).collect::<BTreeSet<_>>();
    let accounts = users::by_emails(&mut tx, scope.organization(), addresses).await?;
    Ok(page.map(|listed| shown(scope.organization(), listed, &accounts)))
}

/// The link of a directory user of the organization; `None` for one who never was to be linked.
pub async fn find(app: &App, scope: OrganizationScope, id: DirectoryUserId) -> Result<Option<Shown>> {
    let mut tx = app.db.read().await?;
    let Some(listed) = links::find(&mut tx, scope.organization(), id).await? else { return Ok(None) };
    let accounts = users::by_emails(&mut tx, scope.organization(), address(&listed)).await?;
    Ok(Some(shown(scope.organization(), listed, &accounts)))
}

/// The folded address by which an account may be found for a link that is not in force.
fn address(listed: &ListedLink) -> Option<String> {
    let open = matches!(listed.link.state.as_str(), "pending" | "refused");
    listed.email.as_deref().filter(|_| open).map(fold)
}

fn shown(organization: OrganizationId, listed: ListedLink, accounts: &HashMap<String, AccountByEmail>) -> Shown {
    let candidate = address(&listed).and_then(|address| accounts.get(&address)).map(|account| account.id);
    Shown { organization, listed, candidate }
}

/// Takes a decision on the link of a directory user, and makes native state follow it.
///
/// # Errors
///
/// [`Error::NotFound`] for somebody whom the caller does not reach, or who never was to be linked;
/// [`Error::Conflict`] if the link in force is in the way, or there is none to end; [`Error::Forbidden`] for an
/// account that the organization does not own, without a key of the environment; [`Error::Invalid`] if no
/// account is named where one has to be, or one that there is not.
pub async fn decide(app: &App, access: &Access, id: DirectoryUserId, decision: Decision) -> Result<Outcome<Shown>> {
    let found = directory_users::find_in(&mut app.db.read().await?, access.only(), id).await?;
    let organization = found.ok_or_else(|| missing(id))?.organization;
    let (now, cause) = (app.clock.now(), access.cause());
    let environment = access.environment().is_ok();
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                take(&mut change, environment, id, decision).await?;
                let value = one(change.tx, organization, id).await?;
                Ok(Outcome { value, revision: change.finish().await? })
            })
        })
        .await
}

fn missing(id: DirectoryUserId) -> Error {
    Error::not_found("identity link", id)
}

async fn one(tx: &mut Tx, organization: OrganizationId, id: DirectoryUserId) -> Result<Shown> {
    let listed = links::find(tx, organization, id).await?.ok_or_else(|| missing(id))?;
    let accounts = users::by_emails(tx, organization, address(&listed)).await?;
    Ok(shown(organization, listed, &accounts))
}

async fn take(change: &mut Change<'_>, environment: bool, id: DirectoryUserId, decision: Decision) -> Result<()> {
    let person = directory_users::by_ids(change.tx, change.organization, [id]).await?.pop();
    let link = links::of_users(change.tx, change.organization, [id]).await?.remove(&id);
    let (Some(person), Some(link)) = (person, link) else { return Err(missing(id)) };
    match decision {
        Decision::Confirm(named) => confirm(change, environment, &person, link, named).await,
        Decision::Refuse => refuse(change, link).await,
        Decision::Reopen => reopen(change, link).await,
        Decision::Unlink => unlink(change, link).await,
    }
}

/// The link is made by converge, if rules give the person anything; otherwise the decision waits for that.
async fn confirm(
    change: &mut Change<'_>,
    environment: bool,
    person: &DirectoryUser,
    link: Link,
    named: Option<UserId>,
) -> Result<()> {
    if link.is_linked() {
        return if named.is_some() && named == link.user_id { Ok(()) } else { Err(in_force(&link)) };
    }
    let account = match named {
        Some(id) => named_account(change, environment, id).await?,
        None => candidate(change, environment, person).await?,
    };
    let external_id = person.text("externalId").map(str::to_owned);
    put(change, Link { user_id: Some(account), external_id, ..open(link, "pending", Method::Confirmed.as_str()) }).await
}

/// An account that the caller names: any, for a key of the environment; otherwise one of a member of the
/// organization, or one that the organization owns. Whether there are others is not told.
async fn named_account(change: &mut Change<'_>, environment: bool, id: UserId) -> Result<UserId> {
    let unknown = || {
        let message = if environment {
            format!("there is no user {id}")
        } else {
            format!("this organization has no member {id}; only a key of the environment may name other accounts")
        };
        Error::invalid("user_id", "unknown_user", message)
    };
    let user = users::by_ids(change.tx, [id]).await?.remove(&id).ok_or_else(unknown)?;
    let accounts = users::by_emails(change.tx, change.organization, [fold(&user.email)]).await?;
    let within_reach = environment || accounts.values().any(|account| owns(change.organization, account));
    if within_reach { Ok(id) } else { Err(unknown()) }
}

/// The account that has the person's address.
async fn candidate(change: &mut Change<'_>, environment: bool, person: &DirectoryUser) -> Result<UserId> {
    let Some(address) = person.email() else {
        let message = "the directory sent no address to find an account by; name the account";
        return Err(Error::invalid("user_id", "required", message));
    };
    let accounts = users::by_emails(change.tx, change.organization, [fold(address)]).await?;
    match accounts.into_values().next() {
        None => {
            let message = "no account has the person's address; name one, or reopen the link to have one made";
            Err(Error::invalid("user_id", "required", message))
        }
        Some(account) if environment || owns(change.organization, &account) => Ok(account.id),
        Some(_) => {
            let message = "the address belongs to an account that this organization does not own: verify the domain \
                           of the address (POST /organization_domains), or ask the operator to confirm the link";
            Err(Error::Forbidden(message.to_owned()))
        }
    }
}

/// Whether the organization may link its people to the account by its own decision.
fn owns(organization: OrganizationId, account: &AccountByEmail) -> bool {
    account.member_here || (account.made_by_organization == Some(organization) && !account.member_elsewhere)
}

async fn refuse(change: &mut Change<'_>, link: Link) -> Result<()> {
    if link.is_linked() {
        return Err(in_force(&link));
    }
    let method = link.method.clone();
    put(change, open(link, "refused", &method)).await
}

async fn reopen(change: &mut Change<'_>, link: Link) -> Result<()> {
    if link.is_linked() {
        return Err(in_force(&link));
    }
    put(change, open(link, "pending", Method::Reopened.as_str())).await
}

/// What the rules gave by the link ends first, while it still says where; then the account is forgotten, so
/// that nobody is taken for the person returned.
async fn unlink(change: &mut Change<'_>, link: Link) -> Result<()> {
    let (Some(account), true) = (link.user_id, link.is_linked()) else {
        let message =
            format!("the link of {} is {}; there is none in force to end", link.directory_user_id, link.state);
        return Err(Error::conflict("not_linked", message));
    };
    let directory = directories::find(change.tx, Some(change.organization), link.directory_id).await?;
    if directory.is_some_and(|directory| directory.policy().paused) {
        let message =
            format!("the directory {} is paused, so nothing would follow; resume it first", link.directory_id);
        return Err(Error::conflict("directory_paused", message));
    }
    let mut users = BTreeSet::from([link.directory_user_id]);
    if let Some(membership) = link.membership_id {
        // The account follows the oldest of those who are left.
        users.extend(links::people_of_membership(change.tx, change.organization, membership).await?);
    }
    let refused = Link { state: "refused".to_owned(), ..link };
    links::put(change.tx, change.organization, std::slice::from_ref(&refused), change.now).await?;
    converge(change, Scope { users, ..Scope::default() }).await?;
    if let Some(external_id) = &refused.external_id {
        links::forget_returned(change.tx, change.organization, refused.directory_id, external_id, account).await?;
    }
    let method = refused.method.clone();
    let forgotten = open(refused, "refused", &method);
    links::put(change.tx, change.organization, &[forgotten], change.now).await
}

/// 409: there is a link in force.
fn in_force(link: &Link) -> Error {
    let account = link.user_id.map_or_else(String::new, |user| format!(" to {user}"));
    let message = format!("{} is linked{account}; end that link first, by unlink", link.directory_user_id);
    Error::conflict("already_linked", message)
}

/// The link without an account.
fn open(link: Link, state: &str, method: &str) -> Link {
    Link { user_id: None, membership_id: None, state: state.to_owned(), method: method.to_owned(), ..link }
}

/// Stores a decision, if it is one, and makes native state follow it.
async fn put(change: &mut Change<'_>, link: Link) -> Result<()> {
    let id = link.directory_user_id;
    let before = links::of_users(change.tx, change.organization, [id]).await?.remove(&id);
    if before.as_ref() == Some(&link) {
        return Ok(());
    }
    links::put(change.tx, change.organization, &[link], change.now).await?;
    converge(change, Scope { users: [id].into(), ..Scope::default() }).await
}
