//! Time as a parameter: the system's in production, the test's in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};

/// Where the time comes from. Cheap to clone; clones of a manual clock share their time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until it is moved. Holds milliseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at` until [`Clock::advance`] moves it.
    pub fn manual(at: DateTime<Utc>) -> Self {
        Clock::Manual(Arc::new(AtomicI64::new(at.timestamp_millis())))
    }

    /// The time now, in whole milliseconds, which is what both databases keep.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            // The one place that may: everybody else takes the time from here.
            #[expect(clippy::disallowed_methods)]
            Clock::System => Utc::now().trunc_subsecs(3),
            Clock::Manual(milliseconds) => {
                DateTime::from_timestamp_millis(milliseconds.load(Ordering::SeqCst)).unwrap_or_default()
            }
        }
    }

    /// Moves a manual clock forward; the system's does not move.
    pub fn advance(&self, by: chrono::Duration) {
        if let Clock::Manual(milliseconds) = self {
            milliseconds.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
        }
    }
}

/// RFC 3339 in UTC with milliseconds and `Z`, the only form in which times leave the program.
pub fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
