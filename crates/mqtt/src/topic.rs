//! MQTT topics as the broker's names, and back.
//!
//! A topic swaps characters, as ActiveMQ does: `/` ⇄ `.` and `+` ⇄ `*`, everything else stays. That one map
//! serves names and filters, in both directions:
//!
//! | MQTT | core | |
//! |---|---|---|
//! | topic name `a/b` | key `a.b` | levels |
//! | topic name `v1.2/x*` | key `v1/2.x+` | characters that mean something on the other side only |
//! | filter `a/+/#` | pattern `a.*.#` | one level, all the rest |
//! | filter `a/*` | pattern `a.+` | a literal `*` |
//!
//! A queue is the topic `$queue/NAME`, with the name as it is. Filters beginning with `$share/` are the
//! connection's business.

use bytes::{Bytes, BytesMut};

use crate::codec::{Malformed, TopicName};

const QUEUE: &[u8] = b"$queue/";

/// What an MQTT topic name or filter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// The whole topic, still as MQTT writes it: [`append_key`] translates it.
    Topic(&'a [u8]),
    /// The name of a queue, not empty, to be taken verbatim. Out of a filter it may hold `+` and `#`, which
    /// are no wildcards here.
    Queue(&'a [u8]),
}

impl<'a> Destination<'a> {
    /// `$queue/` alone is an ordinary topic.
    pub fn of(topic: &'a [u8]) -> Self {
        match topic.strip_prefix(QUEUE) {
            Some(name) if !name.is_empty() => Self::Queue(name),
            _ => Self::Topic(topic),
        }
    }
}

/// Why a name of the core has no topic name in MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// A wildcard, U+0000, no UTF-8, nothing at all, or over 65,535 bytes.
    #[error("no MQTT topic name: {0}")]
    NotATopicName(#[from] Malformed),
    /// A topic that would read as `$queue/…`.
    #[error("the topic would name a queue in MQTT")]
    NamesAQueue,
}

/// Appends the key of a topic name, or the pattern of a filter. Any valid one has one.
#[inline]
pub fn append_key(topic: &[u8], out: &mut BytesMut) {
    append_swapped(topic, out);
}

/// As [`append_key`], in a buffer of its own.
pub fn key(topic: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(topic.len());
    append_key(topic, &mut out);
    out.freeze()
}

/// Appends the topic name of a key.
///
/// # Errors
/// Nothing is appended then; see [`Unsayable`].
pub fn append_topic(key: &[u8], out: &mut BytesMut) -> Result<(), Unsayable> {
    let start = out.len();
    append_swapped(key, out);
    let checked = match Destination::of(&out[start..]) {
        Destination::Topic(topic) => TopicName::check(topic).map_err(Unsayable::from),
        Destination::Queue(_) => Err(Unsayable::NamesAQueue),
    };
    checked.inspect_err(|_| out.truncate(start))
}

/// As [`append_topic`], in a buffer of its own.
///
/// # Errors
/// See [`Unsayable`].
pub fn topic(key: &[u8]) -> Result<TopicName, Unsayable> {
    let mut out = BytesMut::with_capacity(key.len());
    append_topic(key, &mut out)?;
    Ok(TopicName::new(out.freeze())?)
}

/// Appends the topic name under which MQTT clients know the queue `name`.
///
/// # Errors
/// Nothing is appended then; see [`Unsayable`].
pub fn append_queue_topic(name: &[u8], out: &mut BytesMut) -> Result<(), Unsayable> {
    if name.is_empty() {
        return Err(Malformed::EmptyTopic.into());
    }
    let start = out.len();
    out.extend_from_slice(QUEUE);
    out.extend_from_slice(name);
    TopicName::check(&out[start..]).inspect_err(|_| out.truncate(start))?;
    Ok(())
}

/// `*` and `+`, `.` and `/`: each pair differs in bit 0 only, and the pairs in bit 2 only, so that one
/// comparison finds all four and the loop has no branches.
#[inline]
fn append_swapped(from: &[u8], out: &mut BytesMut) {
    let start = out.len();
    out.extend_from_slice(from);
    for byte in &mut out[start..] {
        *byte ^= u8::from(*byte & 0b1111_1010 == b'*');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn topics_swap_characters() {
        for (mqtt, core) in [
            ("a/b", "a.b"),
            ("a", "a"),
            ("/", "."),
            ("//a/", "..a."),
            ("a.b/c", "a/b.c"),
            ("v1.2/x*", "v1/2.x+"),
            ("$SYS/broker/uptime", "$SYS.broker.uptime"),
            ("größe/°C", "größe.°C"),
            ("a b,c-d;()", "a b,c-d;()"),
        ] {
            assert_eq!(key(mqtt.as_bytes()), core);
            assert_eq!(topic(core.as_bytes()).unwrap().as_str(), mqtt);
        }
    }

    #[test]
    fn filters_swap_wildcards() {
        for (mqtt, core) in [("+", "*"), ("#", "#"), ("a/+/#", "a.*.#"), ("a/*", "a.+"), ("+/a.b", "*.a/b")] {
            assert_eq!(key(mqtt.as_bytes()), core);
        }
    }

    #[test]
    fn queues_keep_their_names() {
        assert_eq!(Destination::of(b"$queue/orders.eu"), Destination::Queue(b"orders.eu"));
        assert_eq!(Destination::of(b"$queue/a/b"), Destination::Queue(b"a/b"));
        for topic in [&b"$queue/"[..], b"$queue", b"$queues/a", b"/$queue/a", b"queue/a", b"$QUEUE/a"] {
            assert_eq!(Destination::of(topic), Destination::Topic(topic));
        }
        let mut out = BytesMut::from("before ");
        append_queue_topic(b"orders.eu", &mut out).unwrap();
        assert_eq!(out, "before $queue/orders.eu");
    }

    #[test]
    fn names_that_mqtt_cannot_say_leave_the_buffer_alone() {
        let mut out = BytesMut::from("before");
        let long = [b'a'; 65_536];
        for (key, why) in [
            (&b""[..], Malformed::EmptyTopic),
            (b"a.*", Malformed::TopicWildcard),
            (b"a#", Malformed::TopicWildcard),
            (b"a\0", Malformed::NulCharacter),
            (b"\xff", Malformed::InvalidUtf8),
            (&long, Malformed::TextTooLong(65_536)),
        ] {
            assert_eq!(append_topic(key, &mut out), Err(why.into()));
        }
        assert_eq!(append_topic(b"$queue.a", &mut out), Err(Unsayable::NamesAQueue));
        for (queue, why) in [
            (&b""[..], Malformed::EmptyTopic),
            (b"a+", Malformed::TopicWildcard),
            (b"\0", Malformed::NulCharacter),
            (&long[..65_529], Malformed::TextTooLong(65_536)),
        ] {
            assert_eq!(append_queue_topic(queue, &mut out), Err(why.into()));
        }
        assert_eq!(out, "before");
    }

    proptest! {
        #[test]
        fn every_topic_name_comes_back(name in "[^\0+#]{1,40}|[a./*]{1,12}") {
            prop_assume!(matches!(Destination::of(name.as_bytes()), Destination::Topic(_)));
            let key = key(name.as_bytes());
            let back = topic(&key).unwrap();
            prop_assert_eq!(back.as_str(), name.as_str());
            prop_assert_eq!(key.iter().filter(|&&b| b == b'.').count(), name.matches('/').count());
        }

        #[test]
        fn every_queue_name_comes_back(name in "[^\0+#]{1,40}") {
            let mut out = BytesMut::new();
            append_queue_topic(name.as_bytes(), &mut out).unwrap();
            prop_assert_eq!(Destination::of(&out), Destination::Queue(name.as_bytes()));
        }
    }
}
