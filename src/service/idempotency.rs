//! Requests that are repeated under an `Idempotency-Key`: one effect, and the first answer again.
//!
//! A request claims its key with its first write, in the same transaction (`store::idempotency`). So a request that
//! was refused claims nothing and is simply evaluated again; one that had an effect is never done twice, even if the
//! program died before the answer was kept.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::domain::secret::{digest, digest_of};
use crate::domain::{Error, Result};
use crate::store::Lane;
use crate::store::idempotency::{self, Answer};
pub use crate::store::idempotency::{Claim, Kept};

/// The longest key.
const MAX_KEY: usize = 255;
/// For how long a repetition waits for the answer of the request that it repeats.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first look for the answer is put off; later ones a little longer each.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// After how long an answer that is still not there will never be.
const GIVEN_UP: chrono::Duration = chrono::Duration::minutes(2);

/// What becomes of the answer of a request that had an effect.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is kept for repetitions.
    Kept {
        /// The status.
        status: u16,
        /// The body; empty if there is none.
        body: String,
        /// The revision, if there is one.
        revision: Option<i64>,
        /// The run that goes on with it, if there is one.
        run: Option<String>,
    },
    /// It shows a secret, and is not kept.
    Withheld,
    /// The request failed half-way: nobody knows what a repetition should be told.
    Unknown,
}

/// Checks a key.
///
/// # Errors
///
/// [`Error::Invalid`] unless it is 1 to 255 printable ASCII characters.
pub fn check_key(key: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(key).ok();
    text.filter(|text| (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b)))
        .ok_or_else(|| {
            Error::invalid(
                "Idempotency-Key",
                "invalid_header",
                format!("Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters"),
            )
        })
}

/// The claim of a request: `caller` asks under `key` for what `place` (method and path) and `content` (everything else
/// that matters) say.
pub fn claim(app: &App, caller: &str, key: &str, place: &str, content: &[&[u8]]) -> Arc<Claim> {
    // Digests have one length, so that no two contents look alike.
    let fingerprint: String = content.iter().map(|part| digest_of(part)).collect();
    Claim::new(digest(&format!("{caller}\n{place}\n{key}")), digest(&fingerprint), app.clock.now())
}

/// What was answered to the request with this claim; `None` if it had no effect yet.
///
/// # Errors
///
/// [`Error::Invalid`] `idempotency_key_reused` if something else was asked for; [`Error::Conflict`]
/// `idempotency_not_repeatable`, `idempotency_outcome_unknown`, and `idempotency_in_progress` if the answer does not come
/// soon.
pub async fn answered(app: &App, claim: &Claim) -> Result<Option<Kept>> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let kept = idempotency::find(&mut app.db.read().await?, &claim.id).await?;
        let Some(kept) = kept else { return Ok(None) };
        if kept.fingerprint != claim.fingerprint {
            return Err(reused());
        }
        match kept.state.as_str() {
            "answered" => return Ok(Some(kept)),
            "withheld" => return Err(withheld()),
            "unknown" => return Err(unknown()),
            _ if app.clock.now() - kept.claimed_at >= GIVEN_UP => return Err(unknown()),
            _ if tokio::time::Instant::now() >= until => return Err(in_progress()),
            _ => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Keeps what a request with an effect was answered.
pub async fn keep(app: &App, claim: &Claim, outcome: Outcome) -> Result<()> {
    let nothing = |state| Answer { state, status: None, body: None, revision: None, run: None };
    let answer = match outcome {
        Outcome::Kept { status, body, revision, run } => {
            let body = Some(body).filter(|body| !body.is_empty());
            Answer { state: "answered", status: Some(i64::from(status)), body, revision, run }
        }
        Outcome::Withheld => nothing("withheld"),
        Outcome::Unknown => nothing("unknown"),
    };
    let id = claim.id.clone();
    let work = app.db.write(Lane::Environment, move |tx| {
        let (id, answer) = (id.clone(), answer.clone());
        Box::pin(async move { idempotency::answer(tx, &id, &answer).await })
    });
    idempotency::aside(work).await
}

fn reused() -> Error {
    let message = "this Idempotency-Key came with another query or body before; use a new key for a new request";
    Error::invalid("Idempotency-Key", "idempotency_key_reused", message)
}

fn withheld() -> Error {
    let message = "the request was done, and its answer showed a secret that is not kept: if you did not get it, read what \
                   was made, or remove it and make another with a new key";
    Error::conflict("idempotency_not_repeatable", message)
}

fn unknown() -> Error {
    let message = "the request was begun and its answer is not known: look at what it was about before you send it \
                   again with a new key";
    Error::conflict("idempotency_outcome_unknown", message)
}

/// The answer that repetitions get while the first request is under way.
pub fn in_progress() -> Error {
    let message = "a request with this Idempotency-Key is still under way; repeat this one later";
    Error::conflict("idempotency_in_progress", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_1_to_255_printable_characters() {
        for fine in ["a", "retry-0b1c", &"x".repeat(255), "with space ~"] {
            assert_eq!(check_key(fine.as_bytes()).unwrap(), fine);
        }
        for bad in ["", &"x".repeat(256), "tab\t", "ünicode", "\u{7f}"] {
            assert!(check_key(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(check_key(&[0xff]).is_err());
    }
}
