use std::sync::Arc;

use arc_swap::ArcSwap;
use model::{Action, Guard, Protected};

use super::authority::{Authority, State};
use super::cache::Cache;
use super::decide::Prepared;
use super::scope::Conditions;
use crate::Identity;

/// One connection's user, as the broker asks for its rights. It follows every change of the policy and of the users.
#[derive(Debug)]
pub struct Subject {
    authority: Arc<Authority>,
    /// As it was at the login.
    identity: Identity,
    conditions: Conditions,
    prepared: ArcSwap<Seat>,
}

/// What was found out for one version of policy and users.
#[derive(Debug)]
struct Seat {
    version: u64,
    /// `None`: the user may not be connected any more.
    standing: Option<Prepared>,
    cache: Cache,
}

impl Subject {
    pub fn new(authority: Arc<Authority>, identity: Identity, conditions: Conditions) -> Self {
        // Clients' names may lie in the buffer they were read into.
        let conditions = Conditions { client: conditions.client.detached(), ..conditions };
        let seat = Seat::new(&authority.now(), &identity, &conditions);
        authority.counts(&identity);
        Self { authority, identity, conditions, prepared: ArcSwap::from_pointee(seat) }
    }

    /// Who logged in.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    fn with_seat<T>(&self, ask: impl FnOnce(&Seat) -> T) -> T {
        let state = self.authority.now();
        let seat = self.prepared.load();
        if seat.version == state.version {
            return ask(&seat);
        }
        let seat = Arc::new(Seat::new(&state, &self.identity, &self.conditions));
        self.prepared.store(seat.clone());
        ask(&seat)
    }
}

impl Seat {
    fn new(state: &State, identity: &Identity, conditions: &Conditions) -> Self {
        let standing = state.roster.now(identity).map(|now| Prepared::new(&state.policy, &now, conditions));
        Self { version: state.version, standing, cache: Cache::default() }
    }
}

impl Guard for Subject {
    fn user(&self) -> &str {
        &self.identity.name
    }

    fn stands(&self) -> bool {
        self.authority.counts(&self.identity) && self.with_seat(|seat| seat.standing.is_some())
    }

    fn is_unlimited(&self) -> bool {
        let unlimited = |seat: &Seat| seat.standing.as_ref().is_some_and(Prepared::is_unlimited);
        self.authority.counts(&self.identity) && self.with_seat(unlimited)
    }

    fn allows(&self, action: Action, protected: &Protected<'_>) -> bool {
        if !self.authority.counts(&self.identity) {
            return false;
        }
        self.with_seat(|seat| {
            let Some(prepared) = &seat.standing else { return false };
            if prepared.is_simple() {
                return prepared.decide(action, protected).allowed;
            }
            seat.cache.answer(action, protected, || prepared.decide(action, protected).allowed)
        })
    }
}
