//! ACK and NACK.

use model::{Command as Ask, Delivery, Io, Outcome, QueueId, Settle, Token, TransactionIndex};

use crate::codec::{Command, Frame, Header, Version};
use crate::error::ClientError;
use crate::session::Session;
use crate::subscription::{AckMode, Subscription, Unacknowledged};
use crate::token::Request;

/// Acknowledgements of one read, joined into ranges.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    range: Option<Range>,
    transaction: Option<TransactionIndex>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    queue: QueueId,
    first: u64,
    last: u64,
    outcome: Outcome,
}

impl Acks {
    pub(crate) fn push(&mut self, delivery: Delivery, outcome: Outcome, io: &mut Io<'_>) {
        let Delivery { queue, seq, .. } = delivery;
        match &mut self.range {
            Some(range) if range.queue == queue && range.last + 1 == seq && range.outcome == outcome => {
                range.last = seq;
            }
            _ => {
                self.flush(io);
                self.range = Some(Range { queue, first: seq, last: seq, outcome });
            }
        }
    }

    pub(crate) fn flush(&mut self, io: &mut Io<'_>) {
        self.flush_for(None, io);
    }

    /// The core answers in order, so the answer to the last range is for all.
    fn flush_for(&mut self, token: Option<Token>, io: &mut Io<'_>) {
        if let Some(Range { queue, first, last, outcome }) = self.range.take() {
            let transaction = self.transaction;
            io.commands.push(Ask::Settle(Settle { token, queue, first, last, attempt: None, outcome, transaction }));
        }
    }
}

/// The headers of an ACK or NACK, as they came.
#[derive(Default)]
struct AckHeaders<'a> {
    id: Option<Header<'a>>,
    message_id: Option<Header<'a>>,
    subscription: Option<Header<'a>>,
    transaction: Option<Header<'a>>,
    receipt: Option<&'a [u8]>,
    requeue: Option<Header<'a>>,
}

impl Session {
    pub(crate) fn acknowledge(&mut self, frame: &Frame, io: &mut Io<'_>) -> Result<(), ClientError> {
        let command = frame.command;
        if command == Command::Nack && self.version == Version::V10 {
            return Err(ClientError::NackIn10);
        }
        let headers = read_headers(frame);
        let transaction = match headers.transaction {
            Some(name) => Some(self.open_transaction(command, &name.value())?),
            None => None,
        };
        let outcome = outcome(command, &headers)?;
        let (slot, at) = self.find_delivery(command, &headers)?;
        let receipt = headers.receipt.map(|raw| frame.block.slice_ref(raw));
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return Ok(()) };
        let waiting = &mut subscription.unacknowledged;
        if receipt.is_none() && transaction.is_none() {
            if subscription.ack == AckMode::Client {
                waiting.drain(..=at).for_each(|it| self.acks.push(it.delivery, outcome, io));
            } else if let Some(it) = waiting.remove(at) {
                self.acks.push(it.delivery, outcome, io);
            }
            return Ok(());
        }
        let number = subscription.number;
        let taken: Vec<Unacknowledged> = match subscription.ack {
            AckMode::Client => waiting.drain(..=at).collect(),
            AckMode::Auto | AckMode::ClientIndividual => waiting.remove(at).into_iter().collect(),
        };
        self.acks.flush(io);
        let mut acks = Acks { transaction, ..Acks::default() };
        taken.iter().for_each(|it| acks.push(it.delivery, outcome, io));
        let token = receipt.map(|receipt| Request::Settle(self.receipts.expect(Some(receipt))).token());
        acks.flush_for(token, io);
        if let Some(transaction) = transaction.and_then(|index| self.transactions.get_mut(index)) {
            transaction.taken.extend(taken.into_iter().map(|it| (slot, number, it)));
        }
        Ok(())
    }

    /// Slot of the subscription, and place among its unacknowledged ones.
    fn find_delivery(&self, command: Command, headers: &AckHeaders<'_>) -> Result<(usize, usize), ClientError> {
        if self.version == Version::V12
            && let Some(id) = &headers.id
        {
            let found = pair(id.raw_value).and_then(|(slot, tag)| {
                let slot = usize::try_from(slot).ok()?;
                Some((slot, self.subscriptions.get(slot)?.find_tag(tag)?))
            });
            return found.ok_or_else(|| ClientError::no_delivery(command, "id", &id.value()));
        }
        let Some(message_id) = &headers.message_id else {
            return Err(match self.version {
                Version::V12 => ClientError::MissingHeader(command, "id", "It is the ack header of the MESSAGE."),
                _ => ClientError::MissingHeader(command, "message-id", "It is that of the MESSAGE."),
            });
        };
        let missing = || ClientError::no_delivery(command, "message-id", &message_id.value());
        let (number, queue) = pair(message_id.raw_value).ok_or_else(missing)?;
        match &headers.subscription {
            Some(key) => {
                let key = key.value();
                let slot = self.subscriptions.find(&key);
                let slot = slot.ok_or_else(|| ClientError::no_subscription(command, &key))?;
                let found = self.subscriptions.get(slot).and_then(|it| it.find_message(number, queue));
                Ok((slot, found.ok_or_else(missing)?))
            }
            None if self.version == Version::V11 => {
                Err(ClientError::MissingHeader(command, "subscription", "It is that of the MESSAGE."))
            }
            None => {
                let mut all = self.subscriptions.all();
                let found = all.find_map(|(slot, it)| Some((slot, it.find_message(number, queue)?)));
                found.ok_or_else(missing)
            }
        }
    }
}

impl Subscription {
    /// Tags grow with each delivery.
    fn find_tag(&self, tag: u64) -> Option<usize> {
        match self.unacknowledged.front() {
            Some(first) if first.tag == tag => Some(0),
            _ => self.unacknowledged.binary_search_by_key(&tag, |it| it.tag).ok(),
        }
    }

    /// Nearly always the first ones.
    fn find_message(&self, number: u64, queue: u64) -> Option<usize> {
        let is_it = |it: &Unacknowledged| it.number.0 == number && u64::from(it.delivery.queue.n) == queue;
        self.unacknowledged.iter().position(is_it)
    }
}

fn read_headers(frame: &Frame) -> AckHeaders<'_> {
    let mut headers = AckHeaders::default();
    for header in frame.headers() {
        match header.raw_name {
            b"id" => _ = headers.id.get_or_insert(header),
            b"message-id" => _ = headers.message_id.get_or_insert(header),
            b"subscription" => _ = headers.subscription.get_or_insert(header),
            b"transaction" => _ = headers.transaction.get_or_insert(header),
            b"receipt" => _ = headers.receipt.get_or_insert(header.raw_value),
            b"requeue" => _ = headers.requeue.get_or_insert(header),
            _ => {}
        }
    }
    headers
}

/// NACK is ActiveMQ's poison acknowledgement, unless RabbitMQ's `requeue` header asks for the message to come again.
fn outcome(command: Command, headers: &AckHeaders<'_>) -> Result<Outcome, ClientError> {
    match headers.requeue {
        _ if command == Command::Ack => Ok(Outcome::Accepted),
        None => Ok(Outcome::Poison("")),
        Some(requeue) => match requeue.raw_value {
            b"true" => Ok(Outcome::Released),
            b"false" => Ok(Outcome::Poison("")),
            _ => Err(ClientError::wrong_header(command, "requeue", requeue.value(), "Allowed are true and false.")),
        },
    }
}

/// Two numbers with a hyphen between them.
fn pair(raw: &[u8]) -> Option<(u64, u64)> {
    let (first, second) = std::str::from_utf8(raw).ok()?.split_once('-')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}
