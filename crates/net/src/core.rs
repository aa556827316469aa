use std::sync::Arc;

use model::{Commands, ConnectionId, Effect, Lsn, Time};
use tokio::sync::Notify;

/// The broker, as the IO threads see it.
pub trait Core: Send + Sync + 'static {
    /// Hands over `batch`, which is empty afterwards, and appends to `inbox` what is for the connections of `thread`.
    /// Returns when the core wants to be called again at the latest. If another thread is at work in the core, it takes
    /// the batch with its own and wakes this thread when there is something for it.
    fn run(&self, thread: u16, now: Time, batch: &mut Commands, inbox: &mut Vec<Addressed>) -> Option<Time>;

    /// The last record that is durable. Whoever raises it wakes the threads.
    fn durable(&self) -> Lsn;

    /// Set once: threads say goodbye to their connections and end.
    fn is_stopping(&self) -> bool;
}

/// An effect for one connection, and the record that must be durable before it may leave.
#[derive(Debug)]
pub struct Addressed {
    pub connection: ConnectionId,
    pub after: Lsn,
    pub effect: Effect,
}

/// Wakes IO threads, from any thread.
#[derive(Clone, Debug)]
pub struct Wakers(Arc<[Notify]>);

impl Wakers {
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Notify::new()).collect())
    }

    pub fn wake(&self, thread: u16) {
        if let Some(notify) = self.0.get(usize::from(thread)) {
            notify.notify_one();
        }
    }

    pub fn wake_all(&self) {
        self.0.iter().for_each(Notify::notify_one);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) async fn woken(self, thread: u16) {
        match self.0.get(usize::from(thread)) {
            Some(notify) => notify.notified().await,
            None => std::future::pending().await,
        }
    }
}
