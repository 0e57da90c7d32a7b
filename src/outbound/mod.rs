//! What the program asks of others: the DNS, receivers of webhooks, the OpenID provider of operators.
//!
//! What lives here: clients of other people's servers, each with its limits and with a form that tests can state.
//! What does not: what an answer means (that is `service`).

pub mod dns;
pub mod oidc;
pub mod webhook;
