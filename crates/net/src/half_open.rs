use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Connections of one listener that have not yet come to their protocol: their TLS handshake or PROXY header is not
/// complete. There are only so many; a new one sends the oldest away, so that those who say nothing, however many, keep
/// nobody out who is quick.
#[derive(Clone, Debug)]
pub(crate) struct HalfOpen {
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// In order of arrival.
    leave: BTreeMap<u64, Arc<Notify>>,
}

/// One of them, as long as it lives.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    leave: Arc<Notify>,
    waiting: Arc<Mutex<Waiting>>,
}

impl HalfOpen {
    /// `most`: at least 1.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), waiting: Arc::default() }
    }

    /// One more; whether another one had to go for it.
    pub(crate) fn enter(&self) -> (Ticket, bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if waiting.leave.len() >= self.most { waiting.leave.pop_first() } else { None };
        if let Some((_, oldest)) = &oldest {
            oldest.notify_one();
        }
        let (number, leave) = (waiting.next, Arc::<Notify>::default());
        waiting.next += 1;
        waiting.leave.insert(number, leave.clone());
        (Ticket { number, leave, waiting: self.waiting.clone() }, oldest.is_some())
    }
}

impl Ticket {
    /// Resolves when it has to make room.
    pub(crate) async fn sent_away(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).leave.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_sent_away(ticket: &Ticket) -> bool {
        pin!(ticket.sent_away()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_oldest_makes_room() {
        let half_open = HalfOpen::new(2);
        let (first, _) = half_open.enter();
        let (second, _) = half_open.enter();
        assert!(!is_sent_away(&first) && !is_sent_away(&second));
        let (third, crowded) = half_open.enter();
        assert!(crowded && is_sent_away(&first) && !is_sent_away(&second) && !is_sent_away(&third));
        drop((first, third));
        let (_fourth, crowded) = half_open.enter();
        assert!(!crowded && !is_sent_away(&second), "who has gone needs no room");
    }
}
