//! The closed loop of one publisher: how many messages may be under way, and who is behind.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

/// Messages sent but not yet received by the slowest subscriber nor, if acknowledgements are due, acknowledged; and
/// never more in all than the broker has given credit for.
pub struct Window {
    size: u64,
    sent: AtomicU64,
    received: Vec<AtomicU64>,
    acknowledged: Option<AtomicU64>,
    allowed: AtomicU64,
    waiting: AtomicBool,
    publisher: OnceLock<Thread>,
}

impl Window {
    pub fn new(size: u64, subscribers: usize, acknowledges: bool) -> Self {
        Self {
            size,
            sent: AtomicU64::new(0),
            received: (0..subscribers).map(|_| AtomicU64::new(0)).collect(),
            acknowledged: acknowledges.then(|| AtomicU64::new(0)),
            allowed: AtomicU64::new(u64::MAX),
            waiting: AtomicBool::new(false),
            publisher: OnceLock::new(),
        }
    }

    /// Nothing may be sent before [`Self::allow`].
    pub fn with_credit(self) -> Self {
        self.allowed.store(0, Ordering::SeqCst);
        self
    }

    /// Says that the calling thread is the publisher, to be woken when there is room again.
    pub fn adopt(&self) {
        self.publisher.get_or_init(thread::current);
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Deliveries of this publisher's messages to all subscribers together.
    pub fn delivered(&self) -> u64 {
        self.received.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    pub fn free(&self) -> u64 {
        self.unused().min(self.credit())
    }

    /// Nothing is under way any more.
    pub fn is_drained(&self) -> bool {
        self.settled() >= self.sent()
    }

    /// Waits until a quarter of the window is free and there is any credit; false if that did not happen within `patience`.
    pub fn wait(&self, patience: Duration) -> bool {
        if self.has_room() {
            return true;
        }
        self.waiting.store(true, Ordering::SeqCst);
        // Checked again after the announcement, so that a delivery in between cannot be missed.
        if !self.has_room() {
            thread::park_timeout(patience);
        }
        self.waiting.store(false, Ordering::SeqCst);
        self.has_room()
    }

    /// Counted before the write, so that no reply can arrive for a message not counted.
    pub fn send(&self, messages: u64) {
        self.sent.fetch_add(messages, Ordering::SeqCst);
    }

    pub fn receive(&self, subscriber: usize, messages: u64) {
        self.received[subscriber].fetch_add(messages, Ordering::SeqCst);
        self.wake();
    }

    pub fn acknowledge(&self, messages: u64) {
        if let Some(acknowledged) = &self.acknowledged {
            acknowledged.fetch_add(messages, Ordering::SeqCst);
            self.wake();
        }
    }

    /// The broker is ready to take `messages` in all.
    pub fn allow(&self, messages: u64) {
        self.allowed.store(messages, Ordering::SeqCst);
        self.wake();
    }

    fn has_room(&self) -> bool {
        // A broker may wait for most of its credit to be used before it gives more, so any credit will do.
        self.unused() >= (self.size / 4).max(1) && self.credit() > 0
    }

    fn unused(&self) -> u64 {
        self.size.saturating_sub(self.sent().saturating_sub(self.settled()))
    }

    fn credit(&self) -> u64 {
        self.allowed.load(Ordering::SeqCst).saturating_sub(self.sent())
    }

    fn settled(&self) -> u64 {
        let counts = self.received.iter().chain(&self.acknowledged);
        counts.map(|count| count.load(Ordering::SeqCst)).min().unwrap_or_else(|| self.sent())
    }

    fn wake(&self) {
        if self.waiting.load(Ordering::SeqCst)
            && self.has_room()
            && let Some(publisher) = self.publisher.get()
        {
            publisher.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_receiver_decides() {
        let window = Window::new(8, 2, true);
        window.send(8);
        window.receive(0, 8);
        window.acknowledge(8);
        assert_eq!((window.free(), window.is_drained()), (0, false));
        window.receive(1, 3);
        assert_eq!(window.free(), 3);
        window.receive(1, 5);
        assert!(window.is_drained());
        assert_eq!(window.delivered(), 16);
    }

    #[test]
    fn waits_for_a_quarter() {
        let window = Window::new(8, 1, false);
        window.send(8);
        window.receive(0, 1);
        assert!(!window.wait(Duration::ZERO));
        window.receive(0, 1);
        assert!(window.wait(Duration::ZERO));
    }

    #[test]
    fn credit_limits_the_window() {
        let window = Window::new(8, 0, false).with_credit();
        assert_eq!((window.free(), window.wait(Duration::ZERO)), (0, false));
        window.allow(1);
        assert_eq!((window.free(), window.wait(Duration::ZERO)), (1, true));
        window.send(1);
        assert_eq!(window.free(), 0);
        window.allow(30);
        assert_eq!(window.free(), 8);
    }

    #[test]
    fn a_waiting_publisher_is_woken() {
        let window = Window::new(1, 1, false);
        window.send(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                window.adopt();
                while !window.wait(Duration::from_secs(60)) {}
            });
            scope.spawn(|| window.receive(0, 1));
        });
    }

    #[test]
    fn without_subscribers_nothing_is_awaited() {
        let window = Window::new(4, 0, false);
        window.send(4);
        assert!(window.is_drained());
    }
}
