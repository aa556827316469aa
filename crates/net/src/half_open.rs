use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// As long as this nobody has to make room whose hello is not here yet: it takes one way through the network.
const SILENT: Duration = Duration::from_millis(250);
/// And nobody whose handshake has begun: small devices take a second and more for their half of it.
const TALKING: Duration = Duration::from_secs(2);

/// Connections of one listener that have not yet come to their protocol: their TLS handshake or PROXY header is not
/// complete. There are only so many; a new one sends the oldest away, so that those who say nothing, however many, keep
/// nobody out who is quick. When more come at once than can be seen to, the rest is accepted later: sent away are only
/// those who had their time, and for whom nobody here has work to do.
#[derive(Clone, Debug)]
pub(crate) struct HalfOpen {
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// In order of arrival.
    seats: BTreeMap<u64, Arc<Seat>>,
}

#[derive(Debug)]
struct Seat {
    since: Instant,
    leave: Notify,
    has_spoken: AtomicBool,
    /// The peer has done its part; it waits for a thread of ours.
    waits_for_us: AtomicBool,
}

/// One of them, as long as it lives.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    seat: Arc<Seat>,
    waiting: Arc<Mutex<Waiting>>,
}

impl HalfOpen {
    /// `most`: at least 1.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), waiting: Arc::default() }
    }

    /// Whether another one may come in now.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.seats.len() < self.most || waiting.slowest(now).is_some()
    }

    /// One more, if there is room; whether another one had to go for it.
    pub(crate) fn enter(&self, now: Instant) -> (Ticket, bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let slowest = if waiting.seats.len() >= self.most { waiting.slowest(now) } else { None };
        let slowest = slowest.and_then(|number| waiting.seats.remove(&number));
        if let Some(slowest) = &slowest {
            slowest.leave.notify_one();
        }
        let number = waiting.next;
        let seat = Arc::new(Seat {
            since: now,
            leave: Notify::new(),
            has_spoken: AtomicBool::new(false),
            waits_for_us: AtomicBool::new(false),
        });
        waiting.next += 1;
        waiting.seats.insert(number, seat.clone());
        (Ticket { number, seat, waiting: self.waiting.clone() }, slowest.is_some())
    }
}

impl Waiting {
    /// The oldest that has had its time, and its peer to blame.
    fn slowest(&self, now: Instant) -> Option<u64> {
        let is_slow = |seat: &Seat| {
            let grace = if seat.has_spoken.load(Ordering::Relaxed) { TALKING } else { SILENT };
            now.saturating_duration_since(seat.since) >= grace && !seat.waits_for_us.load(Ordering::Relaxed)
        };
        self.seats.iter().find(|(_, seat)| is_slow(seat)).map(|(number, _)| *number)
    }
}

impl Ticket {
    /// Resolves when it has to make room.
    pub(crate) async fn sent_away(&self) {
        self.seat.leave.notified().await;
    }

    /// Its peer's hello is here.
    pub(crate) fn has_spoken(&self) {
        self.seat.has_spoken.store(true, Ordering::Relaxed);
    }

    /// Whether it is us who have to do something.
    pub(crate) fn waits_for_us(&self, is: bool) {
        self.seat.waits_for_us.store(is, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).seats.remove(&self.number);
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
        let (half_open, now) = (HalfOpen::new(2), Instant::now());
        let (first, _) = half_open.enter(now);
        assert!(half_open.has_room(now));
        let (second, _) = half_open.enter(now);
        assert!(!half_open.has_room(now) && half_open.has_room(now + SILENT));
        let (third, crowded) = half_open.enter(now + SILENT);
        assert!(crowded && is_sent_away(&first) && !is_sent_away(&second) && !is_sent_away(&third));
        drop((first, third));
        let (_fourth, crowded) = half_open.enter(now + SILENT);
        assert!(!crowded && !is_sent_away(&second), "who has gone needs no room");
    }

    #[test]
    fn nobody_makes_room_who_waits_for_us_or_has_just_begun() {
        let (half_open, now) = (HalfOpen::new(3), Instant::now());
        let [ours, talks, silent] = [0, 1, 2].map(|_| half_open.enter(now).0);
        ours.waits_for_us(true);
        talks.has_spoken();
        let (_fourth, crowded) = half_open.enter(now + SILENT);
        assert!(crowded && is_sent_away(&silent) && !is_sent_away(&talks));
        assert!(!half_open.has_room(now + SILENT) && half_open.has_room(now + TALKING));
        let (_fifth, crowded) = half_open.enter(now + TALKING);
        assert!(crowded && is_sent_away(&talks) && !is_sent_away(&ours));
    }
}
