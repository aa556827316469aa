//! From `basic.publish` to the broker.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use model::{Address, Body, Command, EncodingId, Exchange, Header, Io, Message, Name, Namespace, Publish, Time};

use crate::channel::{Channel, Mode};
use crate::codec::{FieldValue, NO_PROPERTIES, Properties, TableBuilder, TableView};
use crate::error::Fault;
use crate::queues::REPLY_TO;
use crate::shared::Shared;
use crate::token::Request;

const BCC: &[u8] = b"BCC";
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
    /// Keys under which it is routed, too.
    also: Vec<Name>,
}

/// Headers that the broker itself acts on.
#[derive(Debug, Default)]
struct Special {
    not_before: Option<Time>,
    /// Of `CC` and `BCC`, RabbitMQ's sender-selected distribution.
    copies: Vec<Name>,
    /// There is a `BCC`, which nobody may see.
    hides: bool,
}

impl Special {
    fn of(headers: TableView<'_>, now: Time) -> Result<Self, Fault> {
        let mut special = Self::default();
        for (name, value) in headers {
            match name {
                b"x-delay" => special.not_before = not_before(value, now),
                b"CC" => special.copy("CC", value)?,
                BCC => {
                    special.hides = true;
                    special.copy("BCC", value)?;
                }
                _ => {}
            }
        }
        Ok(special)
    }

    fn copy(&mut self, header: &'static str, value: FieldValue<'_>) -> Result<(), Fault> {
        let FieldValue::Array(keys) = value else { return Err(Fault::Copies(header)) };
        for key in keys {
            let FieldValue::LongString(key) = key else { return Err(Fault::Copies(header)) };
            self.copies.push(Name::from(str::from_utf8(key).map_err(|_| Fault::NoText)?));
        }
        Ok(())
    }
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
            && *user != *shared.user.as_bytes()
        {
            let claimed = String::from_utf8_lossy(user).into_owned();
            return Err(Fault::UserId(claimed, shared.user.to_text().into_owned()));
        }
        let special =
            properties.headers.map(|headers| Special::of(headers, shared.now)).transpose()?.unwrap_or_default();
        let expires = properties.expiration.map(|text| expires(text, shared.now)).transpose()?;
        let header = Header {
            durable: properties.delivery_mode == Some(2),
            priority: properties.priority.unwrap_or(0),
            expires,
            not_before: special.not_before,
            ..Header::default()
        };
        let address = self.last_address.of(shared.namespace, exchange, key)?;
        let properties = self.changed(properties, special.hides)?;
        Ok(Head { address, header, properties, mandatory: flags.mandatory, also: special.copies })
    }

    /// Hands a message to the broker.
    pub(crate) fn publish(&mut self, head: Head, properties: Bytes, body: Body, shared: &mut Shared, io: &mut Io<'_>) {
        let Head { address, header, properties: changed, mandatory, also } = head;
        let properties = changed.unwrap_or(properties);
        let message = Arc::new(Message { address, header, encoding: EncodingId::AMQP_091, properties, body });
        let mut publish = Publish { create: false, mandatory, also, ..Publish::new(message) };
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

    /// The properties with the queue that stands for `amq.rabbitmq.reply-to`, and without `BCC`; `None` if they stay as
    /// they are.
    fn changed(&self, properties: &Properties<'_>, hides: bool) -> Result<Option<Bytes>, Fault> {
        let asks = properties.reply_to == Some(REPLY_TO);
        if !asks && !hides {
            return Ok(None);
        }
        let mut changed = *properties;
        if asks {
            changed.reply_to = Some(self.reply_queue.as_ref().ok_or(Fault::NoReplyConsumer)?.as_bytes());
        }
        let mut headers = TableBuilder::new();
        if hides {
            let shown = properties.headers.into_iter().flatten().filter(|(name, _)| *name != BCC);
            shown.for_each(|(name, value)| headers.push(name, value));
        }
        let headers = headers.finish().expect("what was read can be written");
        if hides {
            changed.headers = Some(headers.view());
        }
        let mut raw = BytesMut::new();
        changed.write(&mut raw).expect("the name is short, and the rest was read");
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
