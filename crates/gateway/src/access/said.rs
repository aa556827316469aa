use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::Time;

/// Milliseconds in which it is said once.
const PAUSE: u64 = 10 * 60_000;
/// Keys and addresses that are remembered; then all are forgotten.
const KEPT: usize = 4_096;

/// Which access keys were audited, and from where: they log in with each request, which is worth a line now and then.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<BTreeMap<Place, BTreeMap<String, Time>>>);

/// `None`: this machine.
type Place = Option<IpAddr>;

impl Said {
    /// Whether this is to be said now.
    pub(crate) fn is_new(&self, now: Time, key: &str, address: Option<IpAddr>) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = said.get_mut(&address).and_then(|keys| keys.get_mut(key)) {
            let again = now.since(*before) >= PAUSE;
            if again {
                *before = now;
            }
            return again;
        }
        if said.values().map(BTreeMap::len).sum::<usize>() >= KEPT {
            said.clear();
        }
        said.entry(address).or_default().insert(key.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_in_a_while_for_each_key_from_each_address() {
        let (said, here) = (Said::default(), Some(IpAddr::from([127, 0, 0, 1])));
        let now = Time(1_000);
        assert!(said.is_new(now, "a", here) && !said.is_new(now, "a", here));
        assert!(said.is_new(now, "b", here) && said.is_new(now, "a", None));
        assert!(!said.is_new(now.plus(PAUSE - 1), "a", here));
        assert!(said.is_new(now.plus(PAUSE), "a", here) && !said.is_new(now.plus(PAUSE + 1), "a", here));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let said = Said::default();
        for number in 0..3 * KEPT {
            assert!(said.is_new(Time(1), &number.to_string(), None));
        }
        assert!(said.0.lock().unwrap().values().map(BTreeMap::len).sum::<usize>() <= KEPT);
    }
}
