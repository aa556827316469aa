//! The lists in SUBSCRIBE and UNSUBSCRIBE.
//!
//! They stay in the bytes of their packet, checked once, and are read out one by one: a packet full of
//! one-byte filters costs no more memory than its own length.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::Malformed;
use super::header::Kind;
use super::packet::{Qos, Version};
use super::reader::split_field;
use super::text::{TopicFilter, check_topic_filter};

/// One line of a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub filter: TopicFilter,
    /// The highest QoS that the client wants.
    pub qos: Qos,
}

/// What a SUBSCRIBE asks for: at least one [`Subscription`] \[MQTT-3.8.3-3\].
#[derive(Debug, Clone)]
pub struct Subscriptions(Bytes);

impl Subscriptions {
    /// Lays `subscriptions` out as SUBSCRIBE does; `None` if there are none.
    pub fn new<'a>(subscriptions: impl IntoIterator<Item = &'a Subscription>) -> Option<Self> {
        let mut out = BytesMut::new();
        for Subscription { filter, qos } in subscriptions {
            put_filter(&mut out, filter);
            out.put_u8(*qos as u8);
        }
        (!out.is_empty()).then(|| Self(out.freeze()))
    }

    /// In the order of the packet.
    pub fn iter(&self) -> impl Iterator<Item = Subscription> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let filter = filter_at(&self.0, at)?;
            let options = at + 2 + filter.as_bytes().len();
            at = options + 1;
            // MQTT 3.1 lets the six other bits be anything.
            let qos = Qos::from_bits(self.0[options] & 0b11).expect("checked when the packet was decoded");
            Some(Subscription { filter, qos })
        })
    }

    /// Checks the payload of a SUBSCRIBE.
    pub(super) fn decode(payload: Bytes, version: Version) -> Result<Self, Malformed> {
        if payload.is_empty() {
            return Err(Malformed::NoSubscriptions);
        }
        let mut rest = &payload[..];
        while !rest.is_empty() {
            let truncated = Malformed::Truncated(Kind::Subscribe);
            let (filter, after) = split_field(rest).ok_or(truncated)?;
            let (&options, after) = after.split_first().ok_or(truncated)?;
            check_topic_filter(filter)?;
            let qos = match version {
                Version::V31 => options & 0b11,
                Version::V311 => options,
            };
            Qos::from_bits(qos).ok_or(Malformed::RequestedQos(options))?;
            rest = after;
        }
        Ok(Self(payload))
    }
}

impl PartialEq for Subscriptions {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Subscriptions {}

/// What an UNSUBSCRIBE names: at least one filter \[MQTT-3.10.3-2\].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters(Bytes);

impl Filters {
    /// Lays `filters` out as UNSUBSCRIBE does; `None` if there are none.
    pub fn new<'a>(filters: impl IntoIterator<Item = &'a TopicFilter>) -> Option<Self> {
        let mut out = BytesMut::new();
        for filter in filters {
            put_filter(&mut out, filter);
        }
        (!out.is_empty()).then(|| Self(out.freeze()))
    }

    /// In the order of the packet.
    pub fn iter(&self) -> impl Iterator<Item = TopicFilter> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let filter = filter_at(&self.0, at)?;
            at += 2 + filter.as_bytes().len();
            Some(filter)
        })
    }

    /// Checks the payload of an UNSUBSCRIBE.
    pub(super) fn decode(payload: Bytes) -> Result<Self, Malformed> {
        if payload.is_empty() {
            return Err(Malformed::NoFilters);
        }
        let mut rest = &payload[..];
        while !rest.is_empty() {
            let (filter, after) = split_field(rest).ok_or(Malformed::Truncated(Kind::Unsubscribe))?;
            check_topic_filter(filter)?;
            rest = after;
        }
        Ok(Self(payload))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn put_filter(out: &mut BytesMut, filter: &TopicFilter) {
    let len = u16::try_from(filter.as_bytes().len()).expect("checked when the filter was made");
    out.put_u16(len);
    out.put_slice(filter.as_bytes());
}

/// The filter whose length stands at `at`; `None` at the end.
fn filter_at(list: &Bytes, at: usize) -> Option<TopicFilter> {
    let (filter, _) = split_field(list.get(at..)?)?;
    Some(TopicFilter::checked(list.slice_ref(filter)))
}
