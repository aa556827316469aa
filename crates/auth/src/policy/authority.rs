use core::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

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
        Self { now: ArcSwap::from_pointee(State { version: 1, policy, roster }) }
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

    pub fn policy(&self) -> Policy {
        self.now.load().policy.clone()
    }

    pub(super) fn now(&self) -> Guard<Arc<State>> {
        self.now.load()
    }
}
