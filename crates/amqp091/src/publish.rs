//! From `basic.publish` to the broker.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use model::{Address, Body, Command, EncodingId, Exchange, Header, Io, Message, Name, Namespace, Publish, Time};

use crate::channel::{Channel, Mode};
use crate::codec::{FieldValue, NO_PROPERTIES, Properties};
use crate::error::Fault;
use crate::queues::REPLY_TO;
use crate::shared::Shared;
use crate::token::Request;

/// Milliseconds of the longest `expiration` that RabbitMQ takes.
const LONGEST_EXPIRATION: u64 = u32::MAX as u64;

/// Where the last message of a channel went: most clients publish to few addresses.
#[derive(Debug, Default)]
pub(crate) struct LastAddress {
    exchange: Bytes,
    key: Bytes,
    address: Option<Address>,
}

impl LastAddress {
    fn of(&mut self, namespace: Namespace, exchange: &[u8], key: &[u8]) -> Result<Address, Fault> {
        if let Some(address) = &self.address
            && self.exchange == exchange
            && self.key == key
        {
            return Ok(address.clone());
        }
        let (Ok(name), Ok(_)) = (str::from_utf8(exchange), str::from_utf8(key)) else { return Err(Fault::NoText) };
        self.exchange = Bytes::copy_from_slice(exchange);
        self.key = Bytes::copy_from_slice(key);
        let address = Address { namespace, exchange: Exchange::named(name), key: Name::from(self.key.clone()) };
        Ok(self.address.insert(address).clone())
    }
}

/// `basic.publish` without its strings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    pub(crate) mandatory: bool,
    pub(crate) immediate: bool,
}

/// A message without its body.
pub(crate) struct Head {
    address: Address,
    header: Header,
    /// Where they are not the publisher's own.
    properties: Option<Bytes>,
    mandatory: bool,
}

impl Channel {
    /// What the core has to know of a message, without taking anything off the input yet.
    pub(crate) fn head(
        &mut self,
        (exchange, key): (&[u8], &[u8]),
        properties: &Properties<'_>,
        flags: Flags,
        shared: &Shared,
    ) -> Result<Head, Fault> {
        if flags.immediate {
            return Err(Fault::NotImplemented("immediate=true".into()));
        }
        if let Some(user) = properties.user_id
            && *user != *shared.user
        {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            return Err(Fault::UserId(text(user), text(&shared.user)));
        }
        let expires = properties.expiration.map(|text| expires(text, shared.now)).transpose()?;
        let header = Header {
            durable: properties.delivery_mode == Some(2),
            priority: properties.priority.unwrap_or(0),
            expires,
            not_before: properties.headers.and_then(|headers| not_before(headers.get("x-delay")?, shared.now)),
            ..Header::default()
        };
        let address = self.last_address.of(shared.namespace, exchange, key)?;
        Ok(Head { address, header, properties: self.with_reply_queue(properties)?, mandatory: flags.mandatory })
    }

    /// Hands a message to the broker.
    pub(crate) fn publish(&mut self, head: Head, properties: Bytes, body: Body, shared: &mut Shared, io: &mut Io<'_>) {
        let Head { address, header, properties: changed, mandatory } = head;
        let properties = changed.unwrap_or(properties);
        let message = Arc::new(Message { address, header, encoding: EncodingId::AMQP_091, properties, body });
        let mut publish = Publish { create: false, mandatory, ..Publish::new(message) };
        match &mut self.mode {
            Mode::Confirms(confirms) => {
                confirms.published();
                publish.token = Some(Request::Confirm(self.id).token());
            }
            Mode::Plain => {
                publish.quiet = true;
                publish.token = Some(Request::Unconfirmed(self.id).token());
            }
            Mode::Transactional(transaction) => {
                publish.quiet = true;
                publish.token = Some(Request::Unconfirmed(self.id).token());
                publish.transaction = Some(transaction.begun(self.id.number, shared, io));
            }
        }
        // What was acknowledged before is settled before: it may make the room that this message needs.
        shared.ask(Command::Publish(publish), io);
    }

    /// Replaces `amq.rabbitmq.reply-to` by the queue that stands for it; `None` if the message asks for no such thing.
    fn with_reply_queue(&self, properties: &Properties<'_>) -> Result<Option<Bytes>, Fault> {
        if properties.reply_to != Some(REPLY_TO) {
            return Ok(None);
        }
        let queue = self.reply_queue.as_ref().ok_or(Fault::NoReplyConsumer)?;
        let mut raw = BytesMut::new();
        let properties = Properties { reply_to: Some(queue.as_bytes()), ..*properties };
        properties.write(&mut raw).expect("the name is short, and the rest was read");
        Ok(Some(raw.freeze()))
    }
}

/// The shortest property lists without a share of the read buffer: most messages have one of them.
pub(crate) fn usual_properties(raw: &[u8]) -> Option<Bytes> {
    const TRANSIENT: [u8; 3] = [0x10, 0, 1];
    const PERSISTENT: [u8; 3] = [0x10, 0, 2];
    [&NO_PROPERTIES[..], &TRANSIENT, &PERSISTENT].into_iter().find(|usual| *usual == raw).map(Bytes::from_static)
}

/// `expiration` is milliseconds in decimal digits. What expires at once still goes to a consumer that waits.
fn expires(text: &[u8], now: Time) -> Result<Time, Fault> {
    let digits = str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let milliseconds = digits.and_then(|text| text.parse::<u64>().ok()).filter(|it| *it <= LONGEST_EXPIRATION);
    let milliseconds = milliseconds.ok_or_else(|| Fault::Expiration(String::from_utf8_lossy(text).into_owned()))?;
    Ok(now.plus(milliseconds.max(1)))
}

/// `x-delay`, milliseconds: RabbitMQ's delayed-message exchange has it, ours all do.
fn not_before(delay: FieldValue<'_>, now: Time) -> Option<Time> {
    let milliseconds = integer(delay)?;
    u64::try_from(milliseconds).ok().filter(|it| *it > 0).map(|it| now.plus(it))
}

/// A field of any integer type.
pub(crate) fn integer(value: FieldValue<'_>) -> Option<i64> {
    Some(match value {
        FieldValue::Byte(value) => value.into(),
        FieldValue::UnsignedByte(value) => value.into(),
        FieldValue::Short(value) => value.into(),
        FieldValue::UnsignedShort(value) => value.into(),
        FieldValue::Int(value) => value.into(),
        FieldValue::UnsignedInt(value) => value.into(),
        FieldValue::Long(value) => value,
        _ => return None,
    })
}
