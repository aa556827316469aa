//! Messages from the peer: transfers in, dispositions out.

use std::sync::Arc;

use bytes::Bytes;
use model::{Address, Body, Command, Io, Message, Namespace, Publish, QueueId, Refusal, Time, TransactionIndex};
use smallvec::SmallVec;

use crate::address::Node;
use crate::codec::{
    self, DeliveryState, MessageProperties, Outcome, PropertySections, Role, Sections, Text, Transfer, ValueRef,
};
use crate::endpoint::Endpoint;
use crate::error::{LinkError, SessionError, Wrong};
use crate::links::{End, LinkRef, State};
use crate::sasl;
use crate::token::Request;

/// A link on which this side receives.
#[derive(Default)]
pub(crate) struct Inbound {
    /// `None` for the anonymous relay, where each message has its own.
    destination: Option<Destination>,
    pub(crate) is_anonymous: bool,
    pub(crate) is_dynamic: bool,
    /// The queue that was made for a dynamic target.
    pub(crate) temporary: Option<QueueId>,
    /// The peer settles after this side (2.8.3).
    pub(crate) second: bool,
    pub(crate) delivery_count: u32,
    /// Messages that the peer may still send.
    pub(crate) credit: u32,
    /// Messages that wait for their confirmation.
    pub(crate) unconfirmed: u32,
    /// A delivery that goes on.
    pub(crate) partial: Option<Box<Partial>>,
    /// The last `to` of the anonymous relay.
    relayed: Option<(Text, Destination)>,
    /// Deliveries in transactions that wait for their confirmation.
    staged: Vec<Staging>,
}

/// Where the messages of a link go.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) address: Address,
    pub(crate) create: bool,
    pub(crate) releases_unrouted: bool,
}

/// The first transfers of a delivery.
pub(crate) struct Partial {
    pub(crate) id: u32,
    settled: bool,
    format: u32,
    transaction: Option<Bytes>,
    pieces: SmallVec<[Bytes; 1]>,
    pub(crate) bytes: usize,
}

impl Inbound {
    pub(crate) fn found(&mut self, node: &Node, namespace: Namespace) {
        self.destination = Some(Destination::of(node, namespace));
    }

    pub(crate) fn destination(&self) -> Option<&Destination> {
        self.destination.as_ref()
    }

    /// What a dynamic target is called.
    pub(crate) fn address_of_dynamic(&self) -> Option<Text> {
        let Address { exchange, key, .. } = &self.destination.as_ref()?.address;
        let node = match exchange {
            model::Exchange::Default => Node::Queue { name: key.clone(), create: false },
            _ => Node::Topic(key.clone()),
        };
        Some(node.to_address().into())
    }
}

/// A message on its way into a transaction.
#[derive(Clone, Copy)]
struct Staging {
    id: u32,
    transaction: TransactionIndex,
    settled: bool,
}

/// What a transfer that ends a delivery has brought.
pub(crate) struct Delivered {
    pub(crate) id: u32,
    pub(crate) settled: bool,
    format: u32,
    /// The transaction it belongs to.
    transaction: Option<Bytes>,
    pub(crate) pieces: SmallVec<[Bytes; 1]>,
}

impl Endpoint {
    pub(crate) fn transfer(
        &mut self,
        now: Time,
        channel: u16,
        transfer: Transfer,
        payload: Bytes,
        io: &mut Io<'_>,
    ) -> Result<(), Wrong> {
        let session = self.session(channel)?;
        let low = session.received()?;
        let index = session.link(transfer.handle)?;
        if low {
            let state = session.state();
            codec::encode_flow(io.output.buffer(), channel, &state);
        }
        let name = self.links.name_of(index);
        let max_message = self.options.max_message;
        let Some(link) = self.links.get_mut(index) else { return Ok(()) };
        match link.state {
            State::Live => {}
            State::Asked(_) => {
                self.refuse(index, &LinkError::NoCredit, io);
                return Ok(());
            }
            // It was told that its link is over, and may not have read it yet.
            State::Refused | State::Leaving(_) => return Ok(()),
        }
        let (partial, credit, count) = match &mut link.end {
            End::Inbound(it) => (&mut it.partial, &mut it.credit, &mut it.delivery_count),
            End::Coordinator(it) => (&mut it.partial, &mut it.credit, &mut it.delivery_count),
            End::Outbound(_) => return Err(SessionError::Errant(transfer.handle).into()),
        };
        if partial.is_none() {
            if *credit == 0 {
                self.refuse(index, &LinkError::NoCredit, io);
                return Ok(());
            }
            *credit -= 1;
            *count = count.wrapping_add(1);
        }
        let before = partial.as_ref().map_or(0, |it| it.bytes);
        let collected = collect(partial, transfer, payload, max_message);
        self.partial_bytes = self.partial_bytes + partial.as_ref().map_or(0, |it| it.bytes) - before;
        let collected = match collected {
            Ok(None) if self.partial_bytes > 2 * max_message => Err(LinkError::TooManyBegun(2 * max_message)),
            other => other,
        };
        let delivered = match collected {
            Ok(Some(delivered)) => delivered,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.refuse(index, &error, io);
                return Ok(());
            }
        };
        match &link.end {
            End::Coordinator(_) => self.coordinate(name, &delivered, io),
            _ => self.take(now, name, delivered, io),
        }
        self.grant_if_low(index, io);
        Ok(())
    }

    /// A whole message: to the core, or back to the peer.
    fn take(&mut self, now: Time, name: LinkRef, delivered: Delivered, io: &mut Io<'_>) {
        let Delivered { id, settled, format, transaction, pieces } = delivered;
        if format != 0 {
            return self.reject(name, id, settled, &LinkError::Format(format), io);
        }
        let sections = match codec::scan(&pieces) {
            Ok(sections) => sections,
            Err(error) => return self.refuse(name.index, &LinkError::Malformed(error), io),
        };
        let transaction = match transaction.map(|id| self.transactions.find(&id)) {
            Some(None) => return self.reject(name, id, settled, &LinkError::NoTransaction, io),
            found => found.flatten(),
        };
        let namespace = self.namespace;
        let Some(inbound) = self.links.named(name).and_then(|link| link.inbound()) else { return };
        let properties = PropertySections::find(&sections.properties);
        if let Err(error) = sasl::check_user(properties.properties, &self.user) {
            // Whoever waits for nothing is told so as well.
            return match settled {
                true => self.refuse(name.index, &error, io),
                false => self.reject(name, id, false, &error, io),
            };
        }
        let destination = match inbound.destination_of(properties.properties, namespace) {
            Ok(destination) => destination,
            Err(error) => return self.reject(name, id, settled, &error, io),
        };
        let header = header(now, &sections, &properties);
        let (address, create) = (destination.address.clone(), destination.create);
        let message = Message {
            address,
            header,
            encoding: model::EncodingId::AMQP_10,
            body: body(sections.body),
            properties: sections.properties,
        };
        let mut publish = Publish { create, transaction, ..Publish::new(Arc::new(message)) };
        let request = match transaction {
            // Also of one that is settled: what becomes of it decides what becomes of the transaction.
            Some(transaction) => {
                inbound.staged.push(Staging { id, transaction, settled });
                Request::Stage(name, id)
            }
            None if settled => Request::Quiet(name),
            None => Request::Publish(name, id),
        };
        publish.quiet = matches!(request, Request::Quiet(_));
        publish.token = Some(request.token());
        inbound.unconfirmed += u32::from(!publish.quiet);
        // What was settled before may make the room that this message needs.
        self.settles.flush(io);
        io.commands.push(Command::Publish(publish));
    }

    /// The core has taken a message.
    #[inline]
    pub(crate) fn confirmed(&mut self, name: LinkRef, id: u32, routed: bool, io: &mut Io<'_>) {
        let Some(link) = self.links.named(name) else { return };
        let Some(channel) = link.channel else { return };
        let Some(inbound) = link.inbound() else { return };
        inbound.unconfirmed -= 1;
        let settled = !inbound.second;
        if !routed
            && inbound
                .destination
                .as_ref()
                .or(inbound.relayed.as_ref().map(|it| &it.1))
                .is_some_and(|it| it.releases_unrouted)
        {
            let out = io.output.buffer();
            codec::encode_disposition(out, channel, Role::Receiver, id, None, settled, Some(&DeliveryState::RELEASED));
        } else {
            self.answers.accepted(channel, id, settled, io.output.buffer());
        }
        self.grant_if_low(name.index, io);
    }

    /// The core has taken a message into a transaction, or not.
    pub(crate) fn staged(&mut self, name: LinkRef, id: u32, refusal: Option<Refusal>, io: &mut Io<'_>) {
        let Some(link) = self.links.named(name) else { return };
        let channel = link.channel;
        let Some(inbound) = link.inbound() else { return };
        inbound.unconfirmed -= 1;
        let settles = !inbound.second;
        let Some(at) = inbound.staged.iter().position(|staged| staged.id == id) else { return };
        let Staging { transaction, settled, .. } = inbound.staged.remove(at);
        let outcome = match refusal {
            None => Outcome::Accepted,
            Some(refusal) => {
                self.transactions.fail(transaction, refusal.clone());
                Outcome::Rejected(Some(Box::new(LinkError::Refused(refusal).told())))
            }
        };
        if let Some(channel) = channel.filter(|_| !settled) {
            let state = self.transactions.state_in(transaction, outcome);
            codec::encode_disposition(io.output.buffer(), channel, Role::Receiver, id, None, settles, Some(&state));
        }
        self.grant_if_low(name.index, io);
    }

    /// The core has refused a message.
    pub(crate) fn not_taken(&mut self, name: LinkRef, id: u32, refusal: Refusal, io: &mut Io<'_>) {
        let Some(inbound) = self.links.named(name).and_then(|link| link.inbound()) else { return };
        inbound.unconfirmed -= 1;
        self.reject(name, id, false, &LinkError::Refused(refusal), io);
        self.grant_if_low(name.index, io);
    }

    /// The core has refused a message whose sender waits for nothing: where nothing can be sent, it is told so.
    pub(crate) fn quietly_refused(&mut self, name: LinkRef, refusal: Refusal, io: &mut Io<'_>) {
        let anonymous = self.links.named(name).and_then(|link| link.inbound()).is_none_or(|it| it.is_anonymous);
        let ends = match refusal {
            Refusal::NoSuchQueue(_) | Refusal::NoSuchExchange(_) => !anonymous,
            Refusal::Denied(_) => true,
            _ => false,
        };
        if ends {
            self.refuse(name.index, &LinkError::Refused(refusal), io);
        }
    }

    pub(crate) fn reject(&mut self, name: LinkRef, id: u32, settled: bool, error: &LinkError, io: &mut Io<'_>) {
        if !settled {
            self.answer(name, id, &DeliveryState::Outcome(Outcome::Rejected(Some(Box::new(error.told())))), io);
        }
    }

    /// Settles a delivery of the peer with this state.
    pub(crate) fn answer(&mut self, name: LinkRef, id: u32, state: &DeliveryState, io: &mut Io<'_>) {
        let Some(link) = self.links.named(name) else { return };
        let Some(channel) = link.channel else { return };
        let settled = !link.inbound().is_some_and(|inbound| inbound.second);
        codec::encode_disposition(io.output.buffer(), channel, Role::Receiver, id, None, settled, Some(state));
    }
}

impl Inbound {
    /// Where a message with these properties goes.
    fn destination_of(
        &mut self,
        properties: MessageProperties<'_>,
        namespace: Namespace,
    ) -> Result<&Destination, LinkError> {
        if self.destination.is_none() {
            let to = properties.to().ok_or(LinkError::NoAddress)?;
            if self.relayed.as_ref().is_none_or(|(last, _)| *last != *to) {
                let destination = Destination::of(&Node::of(to, &[])?, namespace);
                self.relayed = Some((to.into(), destination));
            }
        }
        self.destination.as_ref().or(self.relayed.as_ref().map(|it| &it.1)).ok_or(LinkError::NoAddress)
    }
}

/// Adds a transfer to its delivery; the whole delivery, if this was the last one. An aborted one is forgotten.
fn collect(
    partial: &mut Option<Box<Partial>>,
    transfer: Transfer,
    payload: Bytes,
    max_message: usize,
) -> Result<Option<Delivered>, LinkError> {
    let Transfer { delivery_id, delivery_tag, message_format, settled, more, state, aborted, .. } = transfer;
    let transaction = match state {
        Some(DeliveryState::Transactional(state)) => Some(state.txn_id),
        _ => None,
    };
    let before = partial.take();
    if aborted {
        return Ok(None);
    }
    let mut it = match before {
        Some(before) if delivery_id.is_some_and(|other| other != before.id) => {
            return Err(LinkError::FirstTransfer("an end of the one before"));
        }
        Some(before) => *before,
        None => {
            let id = delivery_id.ok_or(LinkError::FirstTransfer("a delivery-id"))?;
            delivery_tag.ok_or(LinkError::FirstTransfer("a delivery-tag"))?;
            let format = message_format.unwrap_or(0);
            Partial { id, settled: false, format, transaction: None, pieces: SmallVec::new(), bytes: 0 }
        }
    };
    it.bytes += payload.len();
    if it.bytes > max_message {
        return Err(LinkError::TooLong(max_message as u64));
    }
    it.pieces.push(payload);
    it.settled |= settled.unwrap_or(false);
    it.transaction = it.transaction.or(transaction);
    if more {
        *partial = Some(Box::new(it));
        return Ok(None);
    }
    let Partial { id, settled, format, transaction, pieces, .. } = it;
    Ok(Some(Delivered { id, settled, format, transaction, pieces }))
}

/// The core's header. A message without a header section is not durable.
fn header(now: Time, sections: &Sections, properties: &PropertySections<'_>) -> model::Header {
    let header = sections.header.unwrap_or_default();
    let until = properties.properties.absolute_expiry_time().filter(|at| *at > 0).map(|at| Time(at as u64));
    // The earlier of the two, where there are two (3.2.1, 3.2.4).
    let expires = header.ttl.map(|ttl| now.plus(ttl.into())).into_iter().chain(until).min();
    model::Header {
        durable: header.durable,
        priority: header.priority.min(9),
        expires,
        not_before: not_before(now, properties),
        retain: false,
        private: sections.body_kind as u8,
    }
}

/// ActiveMQ's annotations for delayed delivery, also those of JMS 2.0 (JMS mapping, 3.2.1.2).
fn not_before(now: Time, properties: &PropertySections<'_>) -> Option<Time> {
    let annotations = properties.message_annotations?;
    let number = |name: &str| match annotations.get(name)? {
        ValueRef::Timestamp(value) | ValueRef::Long(value) => u64::try_from(value).ok(),
        ValueRef::Int(value) => u64::try_from(value).ok(),
        ValueRef::Ulong(value) => Some(value),
        ValueRef::Uint(value) => Some(value.into()),
        _ => None,
    };
    let delay = number("x-opt-delivery-delay").map(|delay| now.plus(delay));
    number("x-opt-delivery-time").map(Time).or(delay).filter(|at| *at > now)
}

fn body(mut pieces: SmallVec<[Bytes; 1]>) -> Body {
    match pieces.len() {
        1 => pieces.pop().unwrap_or_default().into(),
        _ => pieces.into_iter().collect(),
    }
}
