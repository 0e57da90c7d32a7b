//! The ladder from a directory user to an account, as a pure decision.
//!
//! Nothing from an identity provider is ever compared with an account's id or `external_id`; a display
//! name never links anybody.

use super::id::UserId;

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Somebody is to decide, or the person is to be given something.
    Pending,
    /// Somebody decided that there is to be none.
    Refused,
    /// In force.
    Linked,
    /// The directory deleted the person.
    Ended,
}

impl LinkState {
    /// The word in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            LinkState::Pending => "pending",
            LinkState::Refused => "refused",
            LinkState::Linked => "linked",
            LinkState::Ended => "ended",
        }
    }

    /// The state with this word.
    pub fn from_word(text: &str) -> Option<Self> {
        let all = [LinkState::Pending, LinkState::Refused, LinkState::Linked, LinkState::Ended];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// What is known of the account that has the person's e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub user: UserId,
    /// This organization has verified the domain of the address.
    pub domain_verified: bool,
    /// A directory of this organization made the account, and it has no membership elsewhere.
    pub ours_alone: bool,
    /// The account has a membership of this organization already.
    pub member_here: bool,
}

/// What the ladder decides for a person who has no live link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Link to this account, by this method.
    Link(UserId, Method),
    /// Make a new account.
    Create,
    /// Wait for somebody to confirm; the reason is the method's word.
    Pending(Method),
}

/// Which rung decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The person was deleted in the same directory and came back with the same `externalId`.
    ReturnedByExternalId,
    /// The address is on a domain that the organization has verified.
    VerifiedDomain,
    /// The account was made by this organization's directories and belongs nowhere else.
    OwnAccount,
    /// The account is a member of this organization already; the link governs that membership alone.
    ExistingMembership,
    /// Nobody had the address: the account is new.
    NewAccount,
    /// Somebody confirmed it.
    Confirmed,
    /// Pending: somebody reopened it, and the ladder has not been climbed since.
    Reopened,
    /// Pending: the address belongs to an account that the organization does not own.
    ForeignAccount,
    /// Pending: the person has no address.
    NoEmail,
}

impl Method {
    /// The word in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::ReturnedByExternalId => "returned_by_external_id",
            Method::VerifiedDomain => "verified_domain",
            Method::OwnAccount => "own_account",
            Method::ExistingMembership => "existing_membership",
            Method::NewAccount => "new_account",
            Method::Confirmed => "confirmed",
            Method::Reopened => "reopened",
            Method::ForeignAccount => "foreign_account",
            Method::NoEmail => "no_email",
        }
    }
}

/// Why a link stands as it does, in a sentence for an admin: by its state and its method's word.
pub fn reason(state: &str, method: &str) -> &'static str {
    match (LinkState::from_word(state), method) {
        (Some(LinkState::Refused), _) => "somebody refused the link; it stays so until it is reopened or confirmed",
        (Some(LinkState::Ended), _) => "the directory deleted the person",
        (_, "foreign_account") => {
            "the address belongs to an account that this organization does not own; verify the domain, or have the \
             operator confirm the link"
        }
        (_, "no_email") => "the directory sent no address; confirm the link with a user_id, or send an address",
        (Some(LinkState::Pending), "confirmed") => {
            "somebody confirmed the account; the link is made once the person is active and a rule gives them something"
        }
        (Some(LinkState::Pending), _) => {
            "the ladder is climbed once the person is active and a rule gives them something"
        }
        (_, "returned_by_external_id") => {
            "the directory deleted the person and made them again with the same externalId"
        }
        (_, "verified_domain") => "the organization has verified the domain of the address",
        (_, "own_account") => "the organization's directories made the account, and it belonged nowhere else",
        (_, "existing_membership") => "the account was a member of the organization; the link governs that membership",
        (_, "new_account") => "nobody had the address, so an account was made",
        (_, "confirmed") => "somebody confirmed the link",
        _ => "the reason is not known to this version",
    }
}

/// The domain of an address, in the spelling of the address; `None` if it has none.
pub fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// Climbs the ladder. `returned` is the account of the ended link of a deleted person of the same
/// directory with the same `externalId`, unless somebody else holds it now.
pub fn decide(returned: Option<UserId>, has_email: bool, account: Option<Account>) -> Decision {
    if let Some(user) = returned {
        return Decision::Link(user, Method::ReturnedByExternalId);
    }
    if !has_email {
        return Decision::Pending(Method::NoEmail);
    }
    let Some(account) = account else { return Decision::Create };
    if account.domain_verified {
        Decision::Link(account.user, Method::VerifiedDomain)
    } else if account.ours_alone {
        Decision::Link(account.user, Method::OwnAccount)
    } else if account.member_here {
        Decision::Link(account.user, Method::ExistingMembership)
    } else {
        Decision::Pending(Method::ForeignAccount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Id;

    #[test]
    fn an_account_that_the_organization_does_not_own_is_never_taken() {
        let foreign = Account { user: Id::nil(), domain_verified: false, ours_alone: false, member_here: false };
        assert_eq!(decide(None, true, Some(foreign)), Decision::Pending(Method::ForeignAccount));
        let verified = Account { domain_verified: true, ..foreign };
        assert_eq!(decide(None, true, Some(verified)), Decision::Link(Id::nil(), Method::VerifiedDomain));
        let ours = Account { ours_alone: true, ..foreign };
        assert_eq!(decide(None, true, Some(ours)), Decision::Link(Id::nil(), Method::OwnAccount));
        let here = Account { member_here: true, ..foreign };
        assert_eq!(decide(None, true, Some(here)), Decision::Link(Id::nil(), Method::ExistingMembership));
    }

    #[test]
    fn every_state_and_method_has_a_reason() {
        use Method::{Confirmed, ExistingMembership, ForeignAccount, NewAccount, NoEmail, OwnAccount, Reopened};
        use Method::{ReturnedByExternalId, VerifiedDomain};
        let linked = [ReturnedByExternalId, VerifiedDomain, OwnAccount, ExistingMembership, NewAccount, Confirmed];
        let pending = [ForeignAccount, NoEmail, Confirmed, Reopened];
        let unknown = reason("linked", "?");
        assert!(linked.iter().all(|method| reason("linked", method.as_str()) != unknown));
        assert!(pending.iter().all(|method| reason("pending", method.as_str()) != unknown));
        assert_ne!(reason("pending", "confirmed"), reason("linked", "confirmed"));
        assert_ne!(reason("refused", "new_account"), reason("ended", "new_account"));
    }

    #[test]
    fn nobody_with_the_address_means_a_new_account_and_no_address_means_waiting() {
        assert_eq!(decide(None, true, None), Decision::Create);
        assert_eq!(decide(None, false, None), Decision::Pending(Method::NoEmail));
        let back = Some(Id::nil());
        assert_eq!(decide(back, false, None), Decision::Link(Id::nil(), Method::ReturnedByExternalId));
    }
}
