//! How much memory a broker may take, whatever waits in it.

use crate::Broker;

const MIB: u64 = 1024 * 1024;
/// For a broker that is filled.
pub const SMALL_LIMIT: &str = "memory_limit = \"64MiB\"\n";
/// What [`SMALL_LIMIT`] allows bodies that wait. Durable ones have half of it, the rest of them is on disk.
const BODIES: u64 = 64 * MIB;
/// On the way, in eighths of the limit: publishes that wait for the broker, the records that it makes of them (two, as their
/// buffer doubles when it grows), records that wait for the disk, and those that are being written.
const ON_THE_WAY: u64 = 5 * BODIES / 8;
/// Read buffers of which a part is a message that waits, outputs of the peers, and freed pages that the allocator keeps.
const SLACK: u64 = 24 * MIB;
const ALLOWED: u64 = BODIES + ON_THE_WAY + SLACK;

/// Watches how much memory a broker with [`SMALL_LIMIT`] takes from now on.
pub struct MemoryWatch<'a> {
    broker: &'a Broker,
    before: u64,
}

impl<'a> MemoryWatch<'a> {
    pub fn new(broker: &'a Broker) -> Self {
        Self { broker, before: broker.anonymous_memory() }
    }

    /// Panics if `sent` bytes, which wait for somebody, took more than is allowed. They have to be so many that keeping them
    /// all would be noticed.
    pub fn assert_bounded(&self, sent: u64, what: &str) {
        assert!(sent > ALLOWED + ALLOWED / 4, "{sent} bytes are too few to tell whether {ALLOWED} is a bound");
        let grown = self.broker.anonymous_memory().saturating_sub(self.before);
        assert!(grown < ALLOWED, "{sent} bytes for {what} took {grown} bytes of memory, {ALLOWED} are allowed");
    }
}
