//! Places for answers that go on for long: so many in a process, and so many for one organization, so that none takes
//! all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::id::OrganizationId;
use crate::domain::{Error, Result};

/// How many streams a process serves at a time: each asks the database once a second.
const AT_ONCE: usize = 256;
/// How many of them may belong to keys of one organization.
const OF_ONE_ORGANIZATION: usize = 32;

/// Who has streams, and how many. `None`: keys of the environment.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<Option<OrganizationId>, usize>>);

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    streams: Arc<Streams>,
    owner: Option<OrganizationId>,
}

impl Streams {
    /// Takes a place for a key that is limited to `owner`, or for one of the environment.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if there is none.
    pub fn enter(self: &Arc<Self>, owner: Option<OrganizationId>) -> Result<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_owner = taken.get(&owner).copied().unwrap_or_default();
        let all: usize = taken.values().sum();
        if all >= AT_ONCE || (owner.is_some() && of_owner >= OF_ONE_ORGANIZATION) {
            let most = if all >= AT_ONCE { AT_ONCE } else { OF_ONE_ORGANIZATION };
            let message = format!("there are {most} streams already; end one first, or try again later");
            return Err(Error::Busy { message, retry_after: 10 });
        }
        taken.insert(owner, of_owner + 1);
        Ok(Place { streams: Arc::clone(self), owner })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn no_organization_takes_all_places_and_those_that_are_left_are_free_again() {
        let streams = Arc::new(Streams::default());
        let (one, other) = (OrganizationId::mint(DateTime::UNIX_EPOCH), OrganizationId::mint(DateTime::UNIX_EPOCH));
        let mut places: Vec<Place> = (0..OF_ONE_ORGANIZATION).map(|_| streams.enter(Some(one)).unwrap()).collect();
        assert!(matches!(streams.enter(Some(one)), Err(Error::Busy { .. })));
        places.extend((OF_ONE_ORGANIZATION..AT_ONCE).map(|_| streams.enter(None).unwrap()));
        assert!(streams.enter(Some(other)).is_err() && streams.enter(None).is_err());
        places.remove(0);
        places.push(streams.enter(Some(other)).unwrap());
        drop(places);
        assert!(streams.0.lock().unwrap().is_empty());
    }
}
