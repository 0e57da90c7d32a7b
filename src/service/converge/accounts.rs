//! From directory users to accounts: the link ladder, new native users and memberships, profiles that follow.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Map;

use super::Ground;
use crate::domain::Result;
use crate::domain::directory::DirectoryUser;
use crate::domain::event::Event;
use crate::domain::id::{DirectoryUserId, MembershipId, OrganizationId, UserId};
use crate::domain::link::{Account, Decision, Method, decide, domain_of};
use crate::domain::native::User;
use crate::scim::text::fold;
use crate::service::change::Change;
use crate::store::links::Link;
use crate::store::memberships::StoredMembership;
use crate::store::{Tx, events, is_unique_violation, links, memberships, organizations, users};

/// What linking did.
pub(super) struct Linked {
    /// The links of the people who were unlinked, linked or pending.
    pub(super) links: Vec<Link>,
    /// Memberships that were just made and are still to be settled.
    pub(super) new_memberships: Vec<MembershipId>,
}

/// Climbs the ladder for people without a link in force, and makes the accounts and memberships they need.
pub(super) async fn link(
    change: &mut Change<'_>,
    ground: &Ground,
    people: &[&DirectoryUser],
    known: &HashMap<DirectoryUserId, Link>,
) -> Result<Linked> {
    let mut decisions = climb(change.tx, change.organization, people, known).await?;
    make_accounts(change, people, &mut decisions).await?;

    let accounts: BTreeSet<UserId> = decisions.values().filter_map(|(user, _)| *user).collect();
    let mut members = memberships::ids_by_users(change.tx, change.organization, accounts.iter().copied()).await?;
    let role = ground.default_role()?;
    let new: Vec<StoredMembership> = accounts
        .iter()
        .filter(|user| !members.contains_key(user))
        .map(|user| StoredMembership::new(*user, role, change.now))
        .collect();
    memberships::insert(change.tx, change.organization, &new).await?;
    members.extend(new.iter().map(|membership| (membership.user_id, membership.id)));

    let links: Vec<Link> = people
        .iter()
        .filter_map(|person| {
            let (user_id, method) = *decisions.get(&person.id)?;
            Some(Link {
                directory_user_id: person.id,
                directory_id: person.directory,
                user_id,
                membership_id: user_id.and_then(|user| members.get(&user).copied()),
                state: if user_id.is_some() { "linked" } else { "pending" }.to_owned(),
                method: method.as_str().to_owned(),
                external_id: person.text("externalId").map(str::to_owned),
                active: person.active,
            })
        })
        .collect();
    let changed: Vec<Link> =
        links.iter().filter(|link| known.get(&link.directory_user_id) != Some(link)).cloned().collect();
    links::put(change.tx, change.organization, &changed, change.now).await?;
    for (_, method) in decisions.values() {
        *change.trace.linked.entry(method.as_str()).or_default() += 1;
    }
    Ok(Linked { links, new_memberships: new.into_iter().map(|membership| membership.id).collect() })
}

/// The account of each person, if one was decided, and by which rung.
pub(crate) type Decisions = HashMap<DirectoryUserId, (Option<UserId>, Method)>;

/// The ladder's decisions; `Create` comes out as the method `NewAccount` without an account yet.
pub(crate) async fn climb(
    tx: &mut Tx,
    organization: OrganizationId,
    people: &[&DirectoryUser],
    known: &HashMap<DirectoryUserId, Link>,
) -> Result<Decisions> {
    let returned = links::ended_by_external_id(tx, organization, people.iter().copied()).await?;
    let emails: BTreeSet<String> = people.iter().filter_map(|person| person.email().map(fold)).collect();
    let accounts = users::by_emails(tx, organization, emails).await?;
    let verified: HashSet<String> = organizations::verified_domains(tx, organization).await?.into_iter().collect();

    let mut taken: HashSet<UserId> = HashSet::new();
    let mut decisions = Decisions::new();
    for person in people {
        // What somebody decided stands above every rung.
        if let Some(user) = known.get(&person.id).and_then(Link::confirmed_account) {
            decisions.insert(person.id, (Some(user), Method::Confirmed));
            continue;
        }
        let email = person.email().map(fold);
        let returned = returned
            .get(&person.id)
            .copied()
            // Of two people with one externalId, the first gets the account.
            .filter(|user| taken.insert(*user));
        let account = email.as_ref().and_then(|email| accounts.get(email)).map(|account| Account {
            user: account.id,
            domain_verified: domain_of(&account.email_key).is_some_and(|domain| verified.contains(domain)),
            ours_alone: account.made_by_organization == Some(organization) && !account.member_elsewhere,
            member_here: account.member_here,
        });
        let decision = match decide(returned, email.is_some(), account) {
            Decision::Link(user, method) => (Some(user), method),
            Decision::Create => (None, Method::NewAccount),
            Decision::Pending(reason) => (None, reason),
        };
        decisions.insert(person.id, decision);
    }
    Ok(decisions)
}

/// Makes the accounts that were decided to be made. Two people with one address share one.
async fn make_accounts(change: &mut Change<'_>, people: &[&DirectoryUser], decisions: &mut Decisions) -> Result<()> {
    let mut by_email: HashMap<String, User> = HashMap::new();
    for person in people {
        let creates = matches!(decisions.get(&person.id), Some((None, Method::NewAccount)));
        if let Some(email) = person.email().filter(|_| creates) {
            by_email.entry(fold(email)).or_insert_with(|| new_account(change, person, email));
        }
    }
    let new: Vec<User> = by_email.values().cloned().collect();
    let stored = users::insert(change.tx, &new).await?;
    let events = new
        .iter()
        .filter(|user| stored.contains(&user.id))
        .map(|user| (user.id, Event { name: "user.created", data: user.json(), rules: Vec::new() }));
    let context = change.cause.context().to_string();
    let events: Vec<_> = events.collect();
    events::insert_of_users(change.tx, events, &context, change.now).await?;
    for person in people {
        let Some(decision) = decisions.get_mut(&person.id) else { continue };
        if *decision != (None, Method::NewAccount) {
            continue;
        }
        let account = person.email().and_then(|email| by_email.get(&fold(email)));
        *decision = match account {
            Some(user) if stored.contains(&user.id) => (Some(user.id), Method::NewAccount),
            // Another organization made the account a moment ago: it is theirs.
            _ => (None, Method::ForeignAccount),
        };
    }
    Ok(())
}

fn new_account(change: &Change<'_>, person: &DirectoryUser, email: &str) -> User {
    User {
        id: UserId::mint(change.now),
        email: email.to_owned(),
        email_verified: false,
        first_name: person.name_part("givenName").map(str::to_owned),
        last_name: person.name_part("familyName").map(str::to_owned),
        external_id: None,
        metadata: Map::new(),
        made_by_organization: Some(change.organization),
        created_at: change.now,
        updated_at: change.now,
    }
}

/// Names of accounts that this organization's directories made follow the directory; their e-mail does so
/// only onto a domain that the organization has verified, and never onto somebody else's address.
///
/// Of several directory users with one account it follows the oldest.
pub(super) async fn follow_profiles(
    change: &mut Change<'_>,
    people: &[DirectoryUser],
    links: &HashMap<DirectoryUserId, Link>,
) -> Result<()> {
    let account_of = |person: &DirectoryUser| links.get(&person.id).filter(|l| l.is_linked()).and_then(|l| l.user_id);
    let ids: BTreeSet<UserId> = people.iter().filter_map(account_of).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut accounts = users::by_ids(change.tx, ids).await?;
    let mut verified: Option<Vec<String>> = None;
    for person in people {
        let Some(account) = account_of(person).and_then(|id| accounts.get_mut(&id)) else { continue };
        if account.made_by_organization != Some(change.organization) {
            continue;
        }
        let mut wanted = account.clone();
        if let Some(given) = person.name_part("givenName") {
            wanted.first_name = Some(given.to_owned());
        }
        if let Some(family) = person.name_part("familyName") {
            wanted.last_name = Some(family.to_owned());
        }
        if let Some(email) = person.email().filter(|email| *email != account.email) {
            if verified.is_none() {
                verified = Some(organizations::verified_domains(change.tx, change.organization).await?);
            }
            let domain = domain_of(email).map(str::to_lowercase);
            let theirs = verified.as_ref().is_some_and(|verified| domain.is_some_and(|d| verified.contains(&d)));
            let key = fold(email);
            let free = fold(&account.email) == key
                || users::by_emails(change.tx, change.organization, [key]).await?.is_empty();
            if theirs && free {
                email.clone_into(&mut wanted.email);
            }
        }
        if wanted == *account || !leads(change, person, links).await? {
            continue;
        }
        wanted.updated_at = change.now;
        match users::update_profile(change.tx, &wanted).await {
            Ok(()) => {}
            // Taken between the look and the write by another organization; PostgreSQL ends the transaction.
            Err(error) if is_unique_violation(&error) => {
                return Err(crate::domain::Error::Busy {
                    message: "an address was taken at the same moment; send the request again".to_owned(),
                    retry_after: 1,
                });
            }
            Err(error) => return Err(error),
        }
        if fold(&wanted.email) != fold(&account.email) {
            change.freed_addresses.insert(fold(&account.email));
        }
        let event = Event { name: "user.updated", data: wanted.json(), rules: Vec::new() };
        let context = change.cause.context().to_string();
        events::insert_of_users(change.tx, vec![(wanted.id, event)], &context, change.now).await?;
        *account = wanted;
    }
    Ok(())
}

/// Whether the account follows this person, and not another who is linked to it too.
async fn leads(
    change: &mut Change<'_>,
    person: &DirectoryUser,
    known: &HashMap<DirectoryUserId, Link>,
) -> Result<bool> {
    let Some(membership) = known.get(&person.id).and_then(|link| link.membership_id) else { return Ok(true) };
    let people = links::people_of_membership(change.tx, change.organization, membership).await?;
    Ok(people.first() == Some(&person.id))
}
