//! PUBLISH from the client, and its side of QoS 2.

use std::sync::Arc;

use bytes::Bytes;
use model::{Address, Command, EncodingId, Exchange, Hold, Io, Message, Name, Namespace, Publish};

use crate::codec::{self, PacketId, PublishView, Qos};
use crate::connect::SESSION_PREFIX;
use crate::convert;
use crate::session::{Session, answer};
use crate::token::Request;
use crate::topic::{self, Destination};

/// What only the server says (4.7.2).
const SYSTEM: &[u8] = b"$SYS/";

/// The last topic that was published to and its address: devices publish to few topics.
#[derive(Debug, Default)]
pub(crate) struct LastTopic {
    topic: Bytes,
    address: Address,
}

/// A PUBLISH or will without its payload.
pub(crate) struct Head {
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) id: Option<PacketId>,
    pub(crate) address: Address,
}

/// Where a PUBLISH or will goes. What a client may not say goes to an exchange where nobody listens to it: MQTT 3.1.1
/// cannot refuse it, and so it is acknowledged in its turn.
pub(crate) fn address(topic: &[u8]) -> Address {
    let namespace = Namespace(0);
    match Destination::of(topic) {
        Destination::Topic(name) if !name.starts_with(SYSTEM) => Address::topic(namespace, topic::key(name).into()),
        Destination::Queue(name) if !name.starts_with(SESSION_PREFIX) => {
            Address::queue(namespace, Bytes::copy_from_slice(name).into())
        }
        Destination::Topic(_) | Destination::Queue(_) => {
            Address { namespace, exchange: Exchange::Direct, key: Name::from(Bytes::copy_from_slice(topic)) }
        }
    }
}

impl Head {
    pub(crate) fn message(self, payload: Bytes) -> Message {
        // Topics have a last message, queues have not.
        let retain = self.retain && self.address.exchange == Exchange::Topic;
        Message {
            address: self.address,
            header: convert::header(self.qos, retain),
            encoding: EncodingId::MQTT,
            properties: Bytes::new(),
            body: payload.into(),
        }
    }
}

impl Session {
    pub(crate) fn read_publish(&mut self, view: &PublishView<'_>) -> Head {
        let last = &mut self.last_topic;
        if last.topic != view.topic || view.topic.is_empty() {
            last.topic = Bytes::copy_from_slice(view.topic);
            last.address = address(view.topic);
        }
        Head { qos: view.qos, retain: view.retain, id: view.id, address: last.address.clone() }
    }

    /// Hands a message to the core. PUBACK or PUBREC follow when it is confirmed.
    pub(crate) fn publish(&mut self, head: Head, payload: Bytes, io: &mut Io<'_>) {
        let (qos, id) = (head.qos, head.id);
        let mut publish = Publish::new(Arc::new(head.message(payload)));
        match (qos, id) {
            (Qos::AtLeastOnce, Some(id)) => publish.token = Some(Request::PubAck(id.get()).token()),
            (Qos::ExactlyOnce, Some(id)) => {
                publish.token = Some(Request::PubRec(id.get()).token());
                match self.kept_queue() {
                    Some(queue) => publish.hold = Some(Hold { queue, number: id.get().into() }),
                    None => match self.received.get(&id.get()) {
                        // Sent again before PUBREL: it was taken the first time (method B of 4.3.3).
                        Some(true) => return codec::pubrec(io.output.buffer(), id),
                        // PUBREC comes when the first one is confirmed.
                        Some(false) => return,
                        None => {
                            self.received.insert(id.get(), false);
                        }
                    },
                }
            }
            _ => {}
        }
        // What was acknowledged before is settled before: it may make the room that this message needs.
        self.acks.flush(io);
        io.commands.push(Command::Publish(publish));
    }

    /// A PUBLISH of QoS 2 is confirmed: PUBREC.
    pub(crate) fn taken(&mut self, id: u16, io: &mut Io<'_>) {
        if let Some(confirmed) = self.received.get_mut(&id) {
            *confirmed = true;
        }
        answer(id, io, codec::pubrec);
    }

    /// PUBREL: the id may be used again.
    pub(crate) fn released(&mut self, id: PacketId, io: &mut Io<'_>) {
        match self.kept_queue() {
            Some(queue) => {
                let hold = Hold { queue, number: id.get().into() };
                io.commands.push(Command::Unhold { token: Request::PubRel(id.get()).token(), hold });
            }
            None => {
                self.received.remove(&id.get());
                codec::pubcomp(io.output.buffer(), id);
            }
        }
    }

    fn kept_queue(&self) -> Option<model::QueueId> {
        self.queue.filter(|_| !self.clean)
    }
}
