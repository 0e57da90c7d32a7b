//! Recorded conversations of identity providers, played against a server.
//!
//! A *conversation* is a JSON file under `fixtures/`: the requests that an identity provider makes, one
//! after the other, each with the answer that is due and the values that later steps need. The tests
//! play them against a server of their own, `muster replay` against any SCIM server, and `muster demo`
//! plays the two tours. `fixtures/README.md` describes the format for those who write one.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use muster::replay::{Conversation, Player};
//!
//! let conversation = Conversation::load("fixtures/okta/connect.json".as_ref())?;
//! let player = Player::new("http://127.0.0.1:8080/scim/v2/directory_01J", "scim_token")?;
//! let report = player.play(&conversation, |_| ()).await;
//! assert!(report.passed(), "{report}");
//! # Ok(())
//! # }
//! ```

mod format;
mod matcher;
mod report;
mod run;
mod template;

pub use format::{Authorization, Conversation, Expectation, Grade, LoadError, Method, Source, Step, find};
pub use report::{Difference, Outcome, Report, StepReport};
pub use run::{Event, Player};
