//! The last answers for one login, so that a publisher's address is not matched against all rules for each message.
//!
//! Each question has one place, where its answer takes that of another; questions are compared whole, byte by byte.

use core::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use foldhash::fast::FixedState;
use model::{Action, Exchange, Name, Protected, What};

/// Answers that are kept for one login.
const PLACES: usize = 16;
/// Longest names that are kept, in bytes.
const MAX_NAME: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Cache {
    places: [ArcSwapOption<Answer>; PLACES],
}

#[derive(Debug)]
struct Answer {
    action: Action,
    namespace: Name,
    what: Kept,
    allowed: bool,
}

#[derive(Debug)]
enum Kept {
    Queue(Name),
    Exchange(Exchange),
    Address(Exchange, Name),
}

impl Cache {
    /// The answer that is kept, or that `decide` gives.
    pub(super) fn answer(&self, action: Action, protected: &Protected<'_>, decide: impl FnOnce() -> bool) -> bool {
        let Some(place) = place(action, protected) else { return decide() };
        let place = &self.places[place];
        if let Some(answer) = &*place.load()
            && answer.is_of(action, protected)
        {
            return answer.allowed;
        }
        let allowed = decide();
        if let Some(what) = kept(&protected.what) {
            let namespace = protected.namespace.detached();
            place.store(Some(Arc::new(Answer { action, namespace, what, allowed })));
        }
        allowed
    }
}

/// `None` if the answer is not kept: it is quickly found again, or its names are long.
fn place(action: Action, protected: &Protected<'_>) -> Option<usize> {
    let (exchange, name) = match protected.what {
        What::Queue(name) => (&[][..], name.as_bytes()),
        What::Address(Exchange::Named(exchange), name) => (exchange.as_bytes(), name.as_bytes()),
        What::Address(_, name) => (&[][..], name.as_bytes()),
        What::Exchange(Exchange::Named(exchange)) => (exchange.as_bytes(), &[][..]),
        What::Exchange(_) => (&[][..], &[][..]),
        What::Broker | What::Namespace | What::Temporary => return None,
    };
    if exchange.len() + name.len() + protected.namespace.as_bytes().len() > MAX_NAME {
        return None;
    }
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_u8(action as u8);
    hasher.write(exchange);
    hasher.write(name);
    usize::try_from(hasher.finish() % PLACES as u64).ok()
}

fn kept(what: &What<'_>) -> Option<Kept> {
    match *what {
        What::Queue(name) => Some(Kept::Queue(name.detached())),
        What::Exchange(exchange) => Some(Kept::Exchange(detached(exchange))),
        What::Address(exchange, name) => Some(Kept::Address(detached(exchange), name.detached())),
        What::Broker | What::Namespace | What::Temporary => None,
    }
}

fn detached(exchange: &Exchange) -> Exchange {
    match exchange {
        Exchange::Named(name) => Exchange::Named(name.detached()),
        other => other.clone(),
    }
}

impl Answer {
    fn is_of(&self, action: Action, protected: &Protected<'_>) -> bool {
        self.action == action
            && match (&self.what, &protected.what) {
                (Kept::Queue(own), What::Queue(name)) => own == *name,
                (Kept::Exchange(own), What::Exchange(exchange)) => own == *exchange,
                (Kept::Address(own, name), What::Address(exchange, key)) => own == *exchange && name == *key,
                _ => false,
            }
            && self.namespace == *protected.namespace
    }
}
