use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use model::Time;

use super::rules::Policy;
use crate::Identity;

/// Who users are now, whatever they were when they logged in. Asked once for each login after each change.
pub trait Roster: Send + Sync + fmt::Debug {
    /// `identity` with its groups and rights as of now; `None` if it may not be connected any more.
    fn now(&self, identity: &Identity) -> Option<Identity>;
}

/// Where users stay what they were at their login.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unchanging;

impl Roster for Unchanging {
    fn now(&self, identity: &Identity) -> Option<Identity> {
        Some(identity.clone())
    }
}

/// The policy and the users that are in force. Whoever holds a [`Subject`](super::Subject) follows each change at once;
/// what is going on ends when the broker asks again (`Command::Reconsider`).
#[derive(Debug)]
pub struct Authority {
    now: ArcSwap<State>,
    time: AtomicU64,
    /// When the first of the logins ends that are known to end.
    next_end: AtomicU64,
}

#[derive(Clone, Debug)]
pub(super) struct State {
    /// Higher after each change.
    pub(super) version: u64,
    pub(super) policy: Policy,
    pub(super) roster: Arc<dyn Roster>,
}

impl Authority {
    pub fn new(policy: Policy, roster: Arc<dyn Roster>) -> Self {
        Self {
            now: ArcSwap::from_pointee(State { version: 1, policy, roster }),
            time: AtomicU64::new(0),
            next_end: AtomicU64::new(u64::MAX),
        }
    }

    pub fn set_policy(&self, policy: Policy) {
        self.now.rcu(|state| State {
            version: state.version + 1,
            policy: policy.clone(),
            roster: state.roster.clone(),
        });
    }

    /// Also to say that the same roster would answer differently now.
    pub fn set_roster(&self, roster: Arc<dyn Roster>) {
        self.now.rcu(|state| State {
            version: state.version + 1,
            roster: roster.clone(),
            policy: state.policy.clone(),
        });
    }

    /// Tells what time it is, for logins that end by themselves. True if one has: then the broker has to ask again
    /// (`Command::Reconsider`), and by that the next end becomes known.
    #[must_use]
    pub fn set_time(&self, now: Time) -> bool {
        self.time.fetch_max(now.0, Ordering::Relaxed);
        let end = self.next_end.swap(u64::MAX, Ordering::Relaxed);
        if end <= now.0 {
            return true;
        }
        self.next_end.fetch_min(end, Ordering::Relaxed);
        false
    }

    /// Whether this login counts still; if so, when it ends is kept in mind.
    pub(super) fn counts(&self, identity: &Identity) -> bool {
        let Some(until) = identity.valid_until else { return true };
        let counts = identity.is_valid(Time(self.time.load(Ordering::Relaxed)));
        if counts && self.next_end.load(Ordering::Relaxed) > until.0 {
            self.next_end.fetch_min(until.0, Ordering::Relaxed);
        }
        counts
    }

    pub fn policy(&self) -> Policy {
        self.now.load().policy.clone()
    }

    pub(super) fn now(&self) -> Guard<Arc<State>> {
        self.now.load()
    }
}
