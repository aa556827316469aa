//! SEND from the client.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use model::{
    Address, Command as Ask, Declare, DeclareMode, EncodingId, Exchange, Header, Io, Lifetime, Message, Name,
    Namespace, Publish, QueueSettings, Time, TransactionIndex,
};

use crate::codec::{self, Command, Frame, FrameWriter};
use crate::convert;
use crate::destination::{self, Destination, QueueKind};
use crate::error::ClientError;
use crate::session::Session;
use crate::token::Request;

/// JMS has the priorities 0 to 9; higher ones count as 9 (Jakarta Messaging 3.1, 3.4.10).
const HIGHEST_PRIORITY: u64 = 9;

/// The last destination that was sent to: clients send to few.
#[derive(Debug, Default)]
pub(crate) struct LastDestination {
    raw: Bytes,
    target: Target,
}

/// Where a message goes.
#[derive(Clone, Debug, Default)]
struct Target {
    address: Address,
    /// Its queue is made if it is not there.
    create: bool,
    /// It is dropped if its queue is not there: nobody waits for this reply any more.
    dropped: bool,
    /// A queue of this connection, to be made first.
    temporary: bool,
}

/// The headers that mean something to the broker, as they came.
#[derive(Default)]
struct SendHeaders<'a> {
    destination: Option<codec::Header<'a>>,
    receipt: Option<&'a [u8]>,
    transaction: Option<codec::Header<'a>>,
    reply_to: Option<codec::Header<'a>>,
    header: Header,
    seen: u8,
}

impl Session {
    pub(crate) fn send(&mut self, now: Time, frame: &Frame, io: &mut Io<'_>) -> Result<(), ClientError> {
        let headers = read_headers(now, frame)?;
        let (Some(destination), mut header) = (headers.destination, headers.header) else {
            return Err(ClientError::MissingHeader(Command::Send, "destination", "It says where the message goes."));
        };
        let transaction = match headers.transaction {
            Some(name) => Some(self.open_transaction(Command::Send, &name.value())?),
            None => None,
        };
        let receipt = headers.receipt.map(|raw| frame.block.slice_ref(raw));
        let lines = match headers.reply_to.filter(|it| it.raw_value.starts_with(b"/temp-")) {
            Some(reply_to) => self.with_public_reply_to(frame, &reply_to.value(), io),
            None => frame.block.clone(),
        };
        let properties = match codec::with_plain_colons(&lines, frame.version) {
            Some(plain) => {
                header.private |= convert::PLAIN_COLONS;
                plain.into()
            }
            None => lines,
        };
        let encoding = EncodingId::STOMP;
        let message = |address: Address| {
            let retain = header.retain && address.exchange == Exchange::Topic;
            let (properties, body) = (properties.clone(), frame.body.clone().into());
            Arc::new(Message { address, header: Header { retain, ..header }, encoding, properties, body })
        };
        if destination.raw_value == self.last_destination.raw && !destination.raw_value.is_empty() {
            let target = self.last_destination.target.clone();
            let message = message(target.address.clone());
            self.publish(&target, message, transaction, receipt, io);
            return Ok(());
        }
        let text = destination.value();
        let targets = self.targets(&text)?;
        if let [target] = targets.as_slice()
            && !target.temporary
        {
            let raw = Bytes::copy_from_slice(destination.raw_value);
            self.last_destination = LastDestination { raw, target: target.clone() };
        }
        let last = targets.len() - 1;
        for (at, target) in targets.iter().enumerate() {
            let message = message(target.address.clone());
            if at == last || receipt.is_none() {
                self.publish(target, message, transaction, receipt.clone(), io);
            } else {
                // The core answers in order, so the last one's receipt is for all of them; but each has to be answered.
                self.ask_to_publish(target, message, transaction, (Request::Send, false), io);
            }
        }
        Ok(())
    }

    fn publish(
        &mut self,
        target: &Target,
        message: Arc<Message>,
        transaction: Option<TransactionIndex>,
        receipt: Option<Bytes>,
        io: &mut Io<'_>,
    ) {
        let quiet = receipt.is_none();
        let request = if quiet { Request::Send } else { Request::Receipt(self.receipts.expect(receipt)) };
        self.ask_to_publish(target, message, transaction, (request, quiet), io);
    }

    fn ask_to_publish(
        &self,
        target: &Target,
        message: Arc<Message>,
        transaction: Option<TransactionIndex>,
        (request, quiet): (Request, bool),
        io: &mut Io<'_>,
    ) {
        if target.temporary {
            declare_temporary(self.namespace, &target.address.key, request, io);
        }
        let (create, mandatory) = (target.create, target.dropped);
        let publish = Publish { quiet, create, mandatory, transaction, ..Publish::new(message) };
        io.commands.push(Ask::Publish(Publish { token: Some(request.token()), ..publish }));
    }

    /// One, or all of ActiveMQ's composite destination.
    fn targets(&self, text: &str) -> Result<Vec<Target>, ClientError> {
        let target = |part| {
            let parsed = Destination::parse(part, &self.name);
            let parsed = parsed.map_err(|why| ClientError::destination(Command::Send, part, why))?;
            let kind = match &parsed {
                Destination::Queue { kind, .. } => Some(*kind),
                Destination::Key { .. } => None,
            };
            Ok(Target {
                address: destination::address(self.namespace, parsed),
                create: matches!(kind, Some(QueueKind::Lasting)),
                dropped: kind == Some(QueueKind::Remote),
                temporary: kind == Some(QueueKind::Temporary),
            })
        };
        destination::parts(text).map(target).collect()
    }

    /// The header lines with a `reply-to` by which others find this connection's queue. It is made now, so that no reply
    /// comes before it.
    fn with_public_reply_to(&self, frame: &Frame, reply_to: &str, io: &mut Io<'_>) -> Bytes {
        let Some((public, queue)) = destination::public_reply_to(reply_to, &self.name) else {
            return frame.block.clone();
        };
        if let Some(queue) = queue {
            declare_temporary(self.namespace, &queue, Request::Send, io);
        }
        let mut lines = BytesMut::with_capacity(frame.block.len() + public.len());
        let mut writer = FrameWriter::lines(frame.version, &mut lines);
        for header in frame.headers() {
            if header.raw_name == b"reply-to" {
                writer.header("reply-to", public.as_bytes());
            } else {
                writer.forward(&header);
            }
        }
        lines.freeze()
    }
}

/// Only a refusal of `request` is looked at.
pub(crate) fn declare_temporary(namespace: Namespace, name: &Name, request: Request, io: &mut Io<'_>) {
    let lifetime = Lifetime::Connection;
    let settings = QueueSettings { durable: false, lifetime, internal: true, ..QueueSettings::default() };
    io.commands.push(Ask::Declare(Box::new(Declare {
        token: request.token(),
        namespace,
        name: name.clone(),
        settings,
        mode: DeclareMode::IfAbsent,
        own: model::Own::No,
    })));
}

fn read_headers(now: Time, frame: &Frame) -> Result<SendHeaders<'_>, ClientError> {
    let mut headers = SendHeaders::default();
    headers.header.private = convert::private(frame.version, frame.has_length);
    for header in frame.headers() {
        match header.raw_name {
            b"destination" => _ = headers.destination.get_or_insert(header),
            b"receipt" => _ = headers.receipt.get_or_insert(header.raw_value),
            b"transaction" => _ = headers.transaction.get_or_insert(header),
            b"reply-to" => _ = headers.reply_to.get_or_insert(header),
            _ => headers.read_core(now, &header)?,
        }
    }
    Ok(headers)
}

impl SendHeaders<'_> {
    /// Of a header that is repeated, the first counts.
    fn read_core(&mut self, now: Time, header: &codec::Header<'_>) -> Result<(), ClientError> {
        let bit = match header.raw_name {
            b"persistent" => 1,
            b"priority" => 2,
            b"expires" => 4,
            b"expiration" => 8,
            b"ActiveMQ.Retain" => 16,
            name if name.starts_with(b"AMQ_SCHEDULED_") => 32,
            _ => return Ok(()),
        };
        if self.seen & bit != 0 && bit != 32 {
            return Ok(());
        }
        self.seen |= bit;
        let wrong = |name, allowed| ClientError::wrong_header(Command::Send, name, header.value(), allowed);
        let number = number(header.raw_value);
        match bit {
            1 => self.header.durable = header.raw_value == b"true",
            2 => {
                let Some(priority) = number else {
                    return Err(wrong("priority", "Allowed are 0 to 9; without it, it is 4."));
                };
                self.header.priority = priority.min(HIGHEST_PRIORITY) as u8;
            }
            4 => {
                let Some(at) = number else {
                    return Err(wrong("expires", "Allowed are milliseconds since 1970, or 0 for never."));
                };
                self.header.expires = (at > 0).then_some(Time(at)).or(self.header.expires);
            }
            8 => {
                let Some(left) = number else {
                    return Err(wrong("expiration", "Allowed are the milliseconds that the message lives."));
                };
                self.header.expires = self.header.expires.or(Some(now.plus(left)));
            }
            16 => self.header.retain = header.raw_value == b"true",
            _ if header.raw_name != b"AMQ_SCHEDULED_DELAY" => {
                let name = header.name();
                return Err(ClientError::wrong_header(
                    Command::Send,
                    "AMQ_SCHEDULED_…",
                    format!("{name}:{}", header.value()),
                    "Of ActiveMQ's schedules there is only AMQ_SCHEDULED_DELAY: this one would come once, or at once.",
                ));
            }
            _ => {
                let Some(delay) = number else {
                    return Err(wrong("AMQ_SCHEDULED_DELAY", "Allowed are milliseconds from now on."));
                };
                self.header.not_before = (delay > 0).then(|| now.plus(delay)).or(self.header.not_before);
            }
        }
        Ok(())
    }
}

/// Digits only; spaces around them do not matter.
pub(crate) fn number(raw: &[u8]) -> Option<u64> {
    let digits = raw.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
