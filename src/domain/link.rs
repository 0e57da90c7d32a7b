//! The ladder from a directory user to an account, as a pure decision.
//!
//! Nothing from an identity provider is ever compared with an account's id or `external_id`; a display
//! name never links anybody.

use super::id::UserId;

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
            Method::ForeignAccount => "foreign_account",
            Method::NoEmail => "no_email",
        }
    }
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
    fn nobody_with_the_address_means_a_new_account_and_no_address_means_waiting() {
        assert_eq!(decide(None, true, None), Decision::Create);
        assert_eq!(decide(None, false, None), Decision::Pending(Method::NoEmail));
        let back = Some(Id::nil());
        assert_eq!(decide(back, false, None), Decision::Link(Id::nil(), Method::ReturnedByExternalId));
    }
}
