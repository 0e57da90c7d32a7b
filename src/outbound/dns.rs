//! TXT records, by the resolver that the operating system is configured with (RFC 1035 section 3.3.14).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;

/// How long a look-up takes at the most, all attempts together.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long one server may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// The DNS did not answer; the sentence says why, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the DNS did not answer: {0}")]
pub struct NoAnswer(String);

/// Who answers questions for TXT records.
pub trait TxtRecords: Send + Sync {
    /// The TXT records of `name`, the parts of each joined; none if the name does not exist or has none.
    ///
    /// `name` is taken as a whole: no search domain is added to it.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`] if it is not known whether there are any.
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, NoAnswer>>;
}

/// A resolver that can be shared.
pub type Dns = Arc<dyn TxtRecords>;

/// The resolver of the operating system's configuration (`/etc/resolv.conf` where there is one).
pub fn system() -> Dns {
    Arc::new(System)
}

struct System;

impl TxtRecords for System {
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, NoAnswer>> {
        async move {
            let lookup = tokio::time::timeout(PATIENCE, look_up(name)).await;
            lookup.map_err(|_| NoAnswer(format!("nothing came within {} s", PATIENCE.as_secs())))?
        }
        .boxed()
    }
}

/// Asked anew each time, without a cache: whoever asks has just added the record, or repaired the resolver.
async fn look_up(name: &str) -> Result<Vec<String>, NoAnswer> {
    let failed = |error: NetError| NoAnswer(error.to_string());
    let mut builder = TokioResolver::builder_tokio().map_err(failed)?;
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = ANSWER;
    options.attempts = 1;
    let resolver = builder.build().map_err(failed)?;
    match resolver.txt_lookup(format!("{}.", name.trim_end_matches('.'))).await {
        Ok(found) => {
            let records = found.answers().iter().filter_map(|record| match &record.data {
                RData::TXT(txt) => Some(txt.txt_data.iter().flat_map(|part| part.iter().copied()).collect()),
                _ => None,
            });
            Ok(records.map(|bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned()).collect())
        }
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

/// Records that are stated rather than asked for: names in lower case, without a dot at the end.
#[derive(Debug, Default)]
pub struct Stated(Mutex<BTreeMap<String, Result<Vec<String>, NoAnswer>>>);

impl Stated {
    /// States the records of a name; whoever asks for another finds none.
    pub fn set(&self, name: &str, records: &[&str]) {
        let records = records.iter().map(|record| (*record).to_owned()).collect();
        self.put(name, Ok(records));
    }

    /// States that the DNS does not answer for a name.
    pub fn break_off(&self, name: &str) {
        self.put(name, Err(NoAnswer("it was stated so".to_owned())));
    }

    fn put(&self, name: &str, answer: Result<Vec<String>, NoAnswer>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_lowercase(), answer);
    }
}

impl TxtRecords for Stated {
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, NoAnswer>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = known.get(&name.to_lowercase()).cloned().unwrap_or_else(|| Ok(Vec::new()));
        futures::future::ready(answer).boxed()
    }
}
