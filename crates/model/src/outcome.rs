use crate::Time;

/// What a receiver makes of a delivery: the one word for every ack, nack, reject, delete, visibility change and
/// disconnect (AMQP 1.0, 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: the message leaves the queue.
    Accepted,
    /// Can never be processed: dead-lettered at once, or dropped where the queue has no dead-letter address.
    Rejected,
    /// As `Rejected`, but never dropped: where a queue has no dead-letter address, [`crate::limits::SHARED_DEAD_LETTERS`]
    /// takes it. A text says why it cannot be delivered in the receiver's protocol; without one the receiver rejected it.
    Poison(&'static str),
    /// Not processed and not looked at: back to its place, counts as no failure.
    Released,
    /// Not processed: back to its place, not before `not_before`.
    Modified { failed: bool, not_before: Option<Time> },
    /// Still at work: a lease with a deadline ends at this one instead. At or before now it is a release that counts no
    /// failure (SQS ChangeMessageVisibility 0).
    Renew(Time),
}
