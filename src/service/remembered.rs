//! What was counted, until something changes: counting everything of a large organization is dear, and pages that follow
//! what happens ask for it again and again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::Result;
use crate::domain::id::OrganizationId;
use crate::store::Tx;
use crate::store::news::{self, Mark};

/// How long a count is believed at the most. Whatever changes what was counted is logged or told, so that the mark
/// changes with it; but many requests at once may be logged out of their order.
const BELIEVED: Duration = Duration::from_mins(1);
/// Counting that takes longer than this is dear.
const DEAR: Duration = Duration::from_millis(500);
/// Counts that are kept at the most.
const MOST: usize = 10_000;

/// Counts, each under a key.
#[derive(Debug)]
pub struct Remembered<K, V>(Mutex<HashMap<K, Count<V>>>);

#[derive(Debug)]
struct Count<V> {
    mark: Mark,
    at: Instant,
    dear: bool,
    value: V,
}

// Written out because `derive` would demand the same of what is counted.
impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Remembered(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// What is remembered under `key`, or else what `count` makes of one state of the organization. What was dear to
    /// count and is for the eye only may be `old`: then it is believed although something has changed.
    pub async fn or_count(
        &self,
        tx: &mut Tx,
        organization: OrganizationId,
        key: K,
        old: bool,
        count: impl AsyncFnOnce(&mut Tx) -> Result<V>,
    ) -> Result<V> {
        let mark = news::mark(tx, organization).await?;
        if let Some(known) = self.known(&key, &mark, old) {
            return Ok(known);
        }
        let begun = Instant::now();
        let value = count(tx).await?;
        let counted = Count { mark, at: Instant::now(), dear: begun.elapsed() > DEAR, value: value.clone() };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(key, counted);
        Ok(value)
    }

    fn known(&self, key: &K, mark: &Mark, old: bool) -> Option<V> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.get(key).filter(|count| count.at.elapsed() < BELIEVED)?;
        (count.mark == *mark || (old && count.dear)).then(|| count.value.clone())
    }
}
