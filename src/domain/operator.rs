//! People who run Muster, and who of them is signed in.

use chrono::{DateTime, Duration, Utc};

use super::actor::Rank;
use super::id::{OperatorId, OrganizationId, SessionId};

/// Somebody who may sign in to the console.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator {
    /// Their id.
    pub id: OperatorId,
    /// Their address, as it was written; they sign in with it.
    pub email: String,
    /// Their name; empty if none was given.
    pub name: String,
    /// What they may do.
    pub role: Rank,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// When they were invited.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

impl Operator {
    /// The name, or else the address.
    pub fn shown_name(&self) -> &str {
        if self.name.is_empty() { &self.email } else { &self.name }
    }
}

/// Who a session is of.
#[derive(Debug, Clone, PartialEq)]
pub enum Holder {
    /// An operator.
    Operator(Operator),
    /// A guest of one organization.
    Guest {
        /// The organization.
        organization: OrganizationId,
        /// Where they go when they are done.
        return_url: Option<String>,
    },
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who it is of.
    pub holder: Holder,
    /// The browser, as it names itself.
    pub agent: String,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When they last did something, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends, whatever they do.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// After how long without a sign of life a session is over.
    pub const IDLE: Duration = Duration::minutes(30);

    /// Whether it still opens anything.
    pub fn lives(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at && now - self.seen_at < Self::IDLE
    }
}

/// How many mistakes an account is forgiven.
pub const MISTAKES_OF_ACCOUNT: i64 = 5;
/// How many mistakes a network address is forgiven: more, since a whole office may be behind one, or a proxy.
pub const MISTAKES_OF_ADDRESS: i64 = 50;

/// How long somebody waits who failed to sign in this often; `None` while they need not.
///
/// So many mistakes are free; then half a minute, doubled each time, up to a quarter of an hour.
pub fn sign_in_delay(failures: i64, free: i64) -> Option<Duration> {
    const LONGEST: i64 = 15 * 60;
    let over = u32::try_from(failures - free).ok()?;
    Some(Duration::seconds(30_i64.checked_shl(over.min(16)).unwrap_or(LONGEST).min(LONGEST)))
}

/// The shortest password, in characters.
pub const SHORTEST_PASSWORD: usize = 12;
/// The longest password, in characters.
pub const LONGEST_PASSWORD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_mistakes_are_free_and_the_wait_has_an_end() {
        let seconds = |failures| sign_in_delay(failures, 5).map(|delay| delay.num_seconds());
        assert_eq!([0, 4].map(seconds), [None, None]);
        assert_eq!([5, 6, 7, 9, 10, 5_000].map(seconds), [30, 60, 120, 480, 900, 900].map(Some));
    }
}
