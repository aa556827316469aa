//! How many connections each user has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by user.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<BTreeMap<String, usize>>>);

/// One connection of a user, counted as long as it lives.
#[derive(Debug)]
pub(crate) struct Place {
    user: String,
    places: Places,
}

impl Places {
    /// `None`: the user has as many already.
    pub(crate) fn take(&self, user: &str, most: Option<usize>) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(user.to_owned()).or_default();
        if most.is_some_and(|most| *count >= most) {
            return None;
        }
        *count += 1;
        Some(Place { user: user.to_owned(), places: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::default();
        let first = places.take("bob", Some(2)).unwrap();
        let _second = places.take("bob", Some(2)).unwrap();
        assert!(places.take("bob", Some(2)).is_none());
        assert!(places.take("eve", Some(2)).is_some());
        drop(first);
        assert!(places.take("bob", Some(2)).is_some());
        assert_eq!(places.0.lock().unwrap().len(), 1);
    }
}
