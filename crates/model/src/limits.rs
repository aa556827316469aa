//! Named limits of the whole broker. A protocol's own limits stand in its crate.

/// Bytes of a queue, exchange or key name (AMQP 0-9-1 short strings are the narrowest common form; MQTT topics may be
/// longer and are bounded by [`KEY_BYTES`]).
pub const NAME_BYTES: usize = 1_024;
/// Bytes of a routing key or topic name (MQTT 1.5.3: 65,535).
pub const KEY_BYTES: usize = 65_535;
/// Levels of a topic name or pattern. Deeper ones are refused, so that matching has a bounded depth.
pub const TOPIC_LEVELS: usize = 128;
/// Bytes of a body carried in one journal record; a larger one is split over several.
pub const RECORD_BODY_BYTES: usize = 1 << 20;
/// Messages one `Fetch` may take.
pub const FETCH_MESSAGES: u32 = 1_000;
/// The queue for what may not be dropped and whose own queue has no dead-letter address, in each namespace; ActiveMQ's
/// name for it. It is made when it is first needed.
pub const SHARED_DEAD_LETTERS: &str = "ActiveMQ.DLQ";
/// Deaths that a message's history keeps.
pub const DEATHS: usize = 64;
/// Consumers, transactions or fetches that one connection may number. The numbers are indexes.
pub const CONSUMERS_PER_CONNECTION: u32 = 65_536;
/// Messages that one step may hand out, expire or scan for one queue before it yields to other work.
pub const STEP_BUDGET: usize = 4_096;
/// Commands that one step takes from one batch before effects leave.
pub const BATCH_COMMANDS: usize = 8_192;
/// Entries of the cache (exchange, key) → queues. It is emptied when it is full or a binding changes.
pub const ROUTE_CACHE: usize = 65_536;
/// Bodies that are asked for ahead of a queue's head.
pub const LOAD_AHEAD: usize = 512;
/// Priorities 0–9 (JMS); higher ones count as 9.
pub const PRIORITIES: u8 = 10;
