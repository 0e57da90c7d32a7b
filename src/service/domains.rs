//! Domains of an organization: claimed, proved by the DNS, given up.
//!
//! A verified domain opens the link ladder (`domain::link`): people with addresses on it are linked to accounts
//! that exist. So only a key of the environment may vouch for one; everybody else proves it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::access::Access;
use super::change::{Change, Outcome};
use super::converge::{Scope, converge};
use super::organizations::MAX_DOMAINS;
use crate::app::App;
use crate::domain::event::Cause;
use crate::domain::id::{DirectoryUserId, DomainId, OrganizationId};
use crate::domain::link::domain_of;
use crate::domain::native::{Domain, VERIFICATION_PREFIX};
use crate::domain::scope::OrganizationScope;
use crate::domain::secret::{Secret, digest};
use crate::domain::{Error, Result};
use crate::scim::text::fold;
use crate::store::{Lane, Tx, domains, is_unique_violation, links, organizations};

/// How many people are converged in the transaction that verifies a domain.
const AT_ONCE: usize = 500;

/// What an attempt to verify a domain came to.
#[derive(Debug, Clone)]
pub enum Verification {
    /// The token was found, and the domain is verified.
    Verified(Domain),
    /// The DNS does not hold the token; the domain stays as it was.
    Unproved(Domain, Unproved),
    /// The token was found, but another organization has verified the domain.
    Elsewhere,
}

/// Why a domain is not proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproved {
    /// There is no TXT record of the name.
    NotFound,
    /// There are TXT records of the name, none of which is the token.
    Differs,
    /// The DNS did not answer.
    NoAnswer,
}

impl Unproved {
    /// A stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Unproved::NotFound => "record_not_found",
            Unproved::Differs => "record_differs",
            Unproved::NoAnswer => "no_answer",
        }
    }

    /// A sentence that says what to do.
    pub fn message(self, domain: &Domain) -> String {
        let (name, token) = (record_name(domain), &domain.verification_token);
        match self {
            Unproved::NotFound => format!(
                "there is no TXT record of {name}; make one with the value {token} and try again once it is published"
            ),
            Unproved::Differs => {
                format!("the TXT records of {name} do not hold the token; one of them must be {token} and nothing else")
            }
            Unproved::NoAnswer => {
                format!("the DNS did not answer for {name}; the domain stays as it was, try again later")
            }
        }
    }
}

/// Where the TXT record of a domain belongs.
fn record_name(domain: &Domain) -> String {
    format!("{VERIFICATION_PREFIX}.{}", domain.domain.to_lowercase())
}

/// Claims a domain for an organization; `verified` if the caller vouches for it.
///
/// # Errors
///
/// [`Error::Invalid`] for what is no domain name; [`Error::Conflict`] `domain_already_exists` if the
/// organization has it, or if it is to be verified and another organization has verified it;
/// [`Error::Forbidden`] for `verified` without a key of the environment.
pub async fn create(
    app: &App,
    access: &Access,
    scope: OrganizationScope,
    domain: String,
    verified: bool,
) -> Result<Outcome<Domain>> {
    if verified {
        access.environment()?;
    }
    check_name("domain", &domain)?;
    let now = app.clock.now();
    let domain = claimed(scope.organization(), domain, verified, now);
    let cause = access.cause();
    app.db
        .write(Lane::Organization(scope.organization()), move |tx| {
            let (domain, cause) = (domain.clone(), cause.clone());
            Box::pin(async move {
                let mut change = Change::begin(tx, domain.organization, now, &cause).await?;
                claim(&mut change, &domain).await?;
                Ok(Outcome { value: domain, revision: change.finish().await? })
            })
        })
        .await
}

/// A domain as it is when it is claimed; `verified` if somebody vouches for it.
pub(super) fn claimed(organization: OrganizationId, domain: String, verified: bool, now: DateTime<Utc>) -> Domain {
    Domain {
        id: DomainId::mint(now),
        organization,
        domain,
        state: if verified { "verified" } else { "pending" }.to_owned(),
        verification_token: Secret::mint("").reveal().to_owned(),
        created_at: now,
        updated_at: now,
    }
}

/// Stores a new claim.
pub(super) async fn claim(change: &mut Change<'_>, domain: &Domain) -> Result<()> {
    if let Some(known) = domains::find_by_name(change.tx, change.organization, &domain.domain).await? {
        let message = format!("the organization has {} already, as {}", known.domain, known.id);
        return Err(Error::conflict("domain_already_exists", message));
    }
    if organizations::domains_of(change.tx, change.organization).await?.len() >= MAX_DOMAINS {
        let message = format!("an organization has {MAX_DOMAINS} domains at most; give one up first");
        return Err(Error::conflict("too_many_domains", message));
    }
    let verified = domain.state == "verified";
    if verified && domains::verifier(change.tx, &domain.domain).await?.is_some() {
        return Err(elsewhere());
    }
    organizations::insert_domain(change.tx, domain).await.map_err(faster)?;
    change.emit("organization_domain.created", domain.json());
    if verified {
        change.emit("organization_domain.verified", domain.json());
        climb_again(change, &domain.domain).await?;
    }
    Ok(())
}

/// 409 for a domain that another organization has verified.
pub fn elsewhere() -> Error {
    let message = "another organization has verified this domain; ask the operator whose it is";
    Error::conflict("domain_already_exists", message)
}

/// Another organization verified the domain, or another replica stored the claim, a moment ago.
fn faster(error: Error) -> Error {
    if is_unique_violation(&error) { elsewhere() } else { error }
}

/// The domain with this id, if the caller reaches it.
pub async fn get(app: &App, access: &Access, id: DomainId) -> Result<Domain> {
    found(&mut app.db.read().await?, access.only(), id).await
}

async fn found(tx: &mut Tx, organization: Option<OrganizationId>, id: DomainId) -> Result<Domain> {
    domains::find(tx, organization, id).await?.ok_or_else(|| Error::not_found("organization domain", id))
}

/// Looks for the token in the DNS. Once it is there the domain is verified, and everybody who waited for that
/// is linked in the same commit.
///
/// # Errors
///
/// [`Error::Invalid`] `domain_already_verified`; [`Error::NotFound`].
pub async fn verify(app: &App, access: &Access, id: DomainId) -> Result<Outcome<Verification>> {
    let domain = get(app, access, id).await?;
    check_unverified(&domain)?;
    // Asked before the transaction: nobody waits for the DNS with a lock in hand.
    let problem = match app.dns.txt(&record_name(&domain)).await {
        Ok(records) if proves(&records, &domain.verification_token) => None,
        Ok(records) if records.is_empty() => Some(Unproved::NotFound),
        Ok(_) => Some(Unproved::Differs),
        Err(error) => {
            tracing::warn!(domain = %domain.domain, %error, "a domain could not be looked up");
            Some(Unproved::NoAnswer)
        }
    };
    let (now, cause) = (app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(domain.organization), move |tx| {
            let (cause, organization): (Cause, _) = (cause.clone(), domain.organization);
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let domain = found(change.tx, Some(organization), id).await?;
                check_unverified(&domain)?;
                let value = match problem {
                    Some(problem) => Verification::Unproved(domain, problem),
                    None => prove(&mut change, domain).await?,
                };
                Ok(Outcome { value, revision: change.finish().await? })
            })
        })
        .await
}

fn check_unverified(domain: &Domain) -> Result<()> {
    if domain.state != "verified" {
        return Ok(());
    }
    Err(Error::invalid("", "domain_already_verified", format!("{} is verified already", domain.domain)))
}

/// Whether a record is the token. Digests are compared, so that the time it takes tells nothing of the token.
fn proves(records: &[String], token: &str) -> bool {
    let wanted = digest(token);
    records.iter().any(|record| digest(record.trim()) == wanted)
}

/// The domain was proved: it is the organization's, unless another one has it.
async fn prove(change: &mut Change<'_>, mut domain: Domain) -> Result<Verification> {
    domain.updated_at = change.now;
    if domains::verifier(change.tx, &domain.domain).await?.is_some() {
        if domain.state != "failed" {
            "failed".clone_into(&mut domain.state);
            domains::set_state(change.tx, &domain, change.now).await?;
            let data = serde_json::json!({
                "reason": "domain_verified_by_other_organization",
                "organization_domain": domain.json(),
            });
            change.emit("organization_domain.verification_failed", data);
        }
        return Ok(Verification::Elsewhere);
    }
    set_verified(change, domain).await.map(Verification::Verified)
}

/// Somebody vouches for a domain: it is the organization's, unless another one has it.
pub(super) async fn vouch(change: &mut Change<'_>, mut domain: Domain) -> Result<()> {
    if domains::verifier(change.tx, &domain.domain).await?.is_some() {
        return Err(elsewhere());
    }
    domain.updated_at = change.now;
    set_verified(change, domain).await.map(drop)
}

async fn set_verified(change: &mut Change<'_>, mut domain: Domain) -> Result<Domain> {
    "verified".clone_into(&mut domain.state);
    domains::set_state(change.tx, &domain, change.now).await.map_err(faster)?;
    change.emit("organization_domain.verified", domain.json());
    climb_again(change, &domain.domain).await?;
    Ok(domain)
}

/// Gives a domain up. Links that were made by it stay; new ones are not made by it any more.
pub(super) async fn give_up(change: &mut Change<'_>, domain: &Domain) -> Result<()> {
    domains::delete(change.tx, change.organization, domain.id).await?;
    change.emit("organization_domain.deleted", domain.json());
    Ok(())
}

/// Converges everybody for whom it matters that the domain is verified now: those who wait with an address on
/// it, and those whose accounts may take such an address now. Many are left to a run.
async fn climb_again(change: &mut Change<'_>, domain: &str) -> Result<()> {
    let domain = domain.to_lowercase();
    let waiting = links::waiting_with_addresses(change.tx, change.organization).await?;
    let behind = links::behind_their_addresses(change.tx, change.organization).await?;
    let on_domain = |address: &str| domain_of(&fold(address)) == Some(domain.as_str());
    let users: BTreeSet<DirectoryUserId> =
        waiting.into_iter().chain(behind).filter(|(_, address)| on_domain(address)).map(|(id, _)| id).collect();
    change.budget = AT_ONCE;
    converge(change, Scope { users, ..Scope::default() }).await
}

/// Gives a domain up, at the request of whoever reaches it. Answers the revision.
pub async fn delete(app: &App, access: &Access, id: DomainId) -> Result<i64> {
    let organization = get(app, access, id).await?.organization;
    let (now, cause) = (app.clock.now(), access.cause());
    app.db
        .write(Lane::Organization(organization), move |tx| {
            let cause = cause.clone();
            Box::pin(async move {
                let mut change = Change::begin(tx, organization, now, &cause).await?;
                let domain = found(change.tx, Some(organization), id).await?;
                give_up(&mut change, &domain).await?;
                change.finish().await
            })
        })
        .await
}

/// Refuses what is no domain name; an internationalised one is written in its ASCII form (`xn--…`).
pub(super) fn check_name(field: &str, domain: &str) -> Result<()> {
    let fine = domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
    if fine {
        return Ok(());
    }
    let message = format!("'{}' is not a domain name", domain.chars().take(80).collect::<String>());
    Err(Error::invalid(field, "invalid_domain", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_proves_a_domain_if_it_is_the_token_and_nothing_else() {
        let records = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(proves(&records(&["v=spf1 -all", " t0ken "]), "t0ken"));
        assert!(!proves(&records(&["t0ken and more", "T0KEN", ""]), "t0ken"));
        assert!(!proves(&[], "t0ken"));
    }

    #[test]
    fn a_domain_name_has_labels_and_dots() {
        for fine in ["acme.example", "xn--bcher-kva.example", "a.b-c.d"] {
            assert!(check_name("domain", fine).is_ok(), "{fine}");
        }
        for bad in ["", "acme", "acme..example", ".example", "acme.example.", "a b.example", "bücher.example", "a@b.c"]
        {
            assert!(check_name("domain", bad).is_err(), "{bad}");
        }
    }
}
