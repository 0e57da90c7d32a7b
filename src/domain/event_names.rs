//! The names of events that applications may ask for.
//!
//! The list is the vendor's, so that a client which subscribes to everything it knows is not refused, and what
//! Muster tells beside. Muster emits those of its own matter only; the others never come.

/// What the vendor's SDKs know and what Muster emits, in alphabetical order.
const KNOWN: [&str; 115] = [
    "agent.blueprint.created",
    "agent.blueprint.deleted",
    "agent.blueprint.updated",
    "agent.instance.created",
    "agent.instance.deleted",
    "agent.instance.session.created",
    "agent.instance.session.revoked",
    "agent.registration.claim.attempt.created",
    "agent.registration.claim.completed",
    "agent.registration.created",
    "agent.registration.credential.issued",
    "agent.registration.deleted",
    "agent.registration.expired",
    "agent.registration.organization.switched",
    "agent.registration.refreshed",
    "agent.registration.revoked",
    "api_key.created",
    "api_key.revoked",
    "api_key.updated",
    "authentication.email_verification_succeeded",
    "authentication.magic_auth_failed",
    "authentication.magic_auth_succeeded",
    "authentication.mfa_succeeded",
    "authentication.oauth_failed",
    "authentication.oauth_succeeded",
    "authentication.passkey_failed",
    "authentication.passkey_succeeded",
    "authentication.password_failed",
    "authentication.password_succeeded",
    "authentication.radar_risk_detected",
    "authentication.reauthentication_succeeded",
    "authentication.sso_failed",
    "authentication.sso_started",
    "authentication.sso_succeeded",
    "authentication.sso_timed_out",
    "connection.activated",
    "connection.deactivated",
    "connection.deleted",
    "connection.saml_certificate_renewal_required",
    "connection.saml_certificate_renewed",
    "dsync.activated",
    "dsync.deleted",
    "dsync.group.created",
    "dsync.group.deleted",
    "dsync.group.updated",
    "dsync.group.user_added",
    "dsync.group.user_removed",
    "dsync.token.created",
    "dsync.token.revoked",
    "dsync.user.created",
    "dsync.user.deleted",
    "dsync.user.updated",
    "email_verification.created",
    "feature_flags.flag.created",
    "feature_flags.flag.deleted",
    "feature_flags.flag.updated",
    "feature_flags.flag_rule.created",
    "feature_flags.flag_rule.deleted",
    "feature_flags.flag_rule.updated",
    "feature_flags.flag_target.created",
    "feature_flags.flag_target.deleted",
    "flag.created",
    "flag.deleted",
    "flag.rule_updated",
    "flag.updated",
    "group.created",
    "group.deleted",
    "group.member_added",
    "group.member_removed",
    "group.updated",
    "invitation.accepted",
    "invitation.created",
    "invitation.resent",
    "invitation.revoked",
    "magic_auth.created",
    "organization.created",
    "organization.deleted",
    "organization.updated",
    "organization_domain.created",
    "organization_domain.deleted",
    "organization_domain.updated",
    "organization_domain.verification_failed",
    "organization_domain.verified",
    "organization_membership.created",
    "organization_membership.deleted",
    "organization_membership.updated",
    "organization_role.created",
    "organization_role.deleted",
    "organization_role.updated",
    "password_reset.created",
    "password_reset.succeeded",
    "permission.created",
    "permission.deleted",
    "permission.updated",
    "pipes.account_connection.add_failed",
    "pipes.account_connection.connected",
    "pipes.account_connection.connection_failed",
    "pipes.account_connection.disconnected",
    "pipes.account_connection.reauthorization_needed",
    "pipes.connected_account.connected",
    "pipes.connected_account.connection_failed",
    "pipes.connected_account.disconnected",
    "pipes.connected_account.reauthorization_needed",
    "radar.challenge_created",
    "role.created",
    "role.deleted",
    "role.updated",
    "session.created",
    "session.revoked",
    "user.created",
    "user.deleted",
    "user.updated",
    "waitlist_user.approved",
    "waitlist_user.created",
    "waitlist_user.denied",
];

/// The first words of what Muster emits. All others are about things that it does not have.
const FAMILIES: [&str; 9] = [
    "dsync.",
    "group.",
    "organization.",
    "organization_domain.",
    "organization_membership.",
    "organization_role.",
    "permission.",
    "role.",
    "user.",
];

/// Whether this is the name of an event: the list's own text, if so.
pub fn known(name: &str) -> Option<&'static str> {
    KNOWN.binary_search(&name).ok().and_then(|at| KNOWN.get(at).copied())
}

/// Every name that may ever be emitted.
pub fn emitted() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter().filter(|name| may_be_emitted(name))
}

/// Whether an event of this name may ever be emitted.
pub fn may_be_emitted(name: &str) -> bool {
    FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether events of this name are about native users, who belong to no organization.
pub fn of_users(name: &str) -> bool {
    name.starts_with("user.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_binary_search() {
        assert!(KNOWN.is_sorted());
        assert_eq!(known("user.created"), Some("user.created"));
        for wrong in ["", "*", "user", "user.Created", "user.created "] {
            assert_eq!(known(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_about_other_things_is_known_but_never_emitted() {
        assert!(known("authentication.sso_failed").is_some() && !may_be_emitted("authentication.sso_failed"));
        assert!(emitted().count() < 60 && emitted().all(|name| known(name).is_some()));
        assert!(of_users("user.deleted") && !of_users("dsync.user.deleted"));
    }
}
