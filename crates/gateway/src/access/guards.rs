//! Guards of those who say with every request who they are: each is made once, so that the broker need not be told anew.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use auth::policy::Conditions;
use auth::{Identity, Source};
use model::Guard;

/// Guards that are kept; then all are forgotten.
const KEPT: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Guards(Mutex<Kept>);

type Kept = BTreeMap<Key, (Identity, Arc<dyn Guard>)>;
type Key = (String, Option<IpAddr>, bool);

impl Guards {
    /// The guard of this login; a new one for all but users of access keys.
    pub(crate) fn get<G: Guard + 'static>(
        &self,
        identity: &Identity,
        conditions: &Conditions,
        make: impl FnOnce() -> Arc<G>,
    ) -> Arc<dyn Guard> {
        if identity.source != Source::Key {
            return make();
        }
        let key = (identity.name.clone(), conditions.address, conditions.secure);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, guard)) = kept.get(&key)
            && before == identity
        {
            return guard.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let guard: Arc<dyn Guard> = make();
        kept.insert(key, (identity.clone(), guard.clone()));
        guard
    }
}
