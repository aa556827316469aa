//! PUBLISH from the client, and its side of QoS 2.

use std::sync::Arc;

use bytes::Bytes;
use model::{Address, Command, EncodingId, Hold, Io, Message, Name, Namespace, Publish};

use crate::codec::{self, PacketId, PublishView, Qos};
use crate::convert;
use crate::session::Session;
use crate::token::Request;
use crate::topic::{self, Destination};

/// The last topic that was published to and its address: devices publish to few topics.
#[derive(Debug, Default)]
pub(crate) struct LastTopic {
    topic: Bytes,
    address: Address,
}

/// A PUBLISH without its payload.
pub(crate) struct Head {
    qos: Qos,
    retain: bool,
    id: Option<PacketId>,
    address: Address,
}

impl Session {
    pub(crate) fn read_publish(&mut self, view: &PublishView<'_>) -> Head {
        let last = &mut self.last_topic;
        if last.topic != view.topic || view.topic.is_empty() {
            last.topic = Bytes::copy_from_slice(view.topic);
            last.address = match Destination::of(view.topic) {
                Destination::Topic(name) => Address::topic(Namespace(0), Name::from(topic::key(name))),
                Destination::Queue(name) => Address::queue(Namespace(0), Name::from(Bytes::copy_from_slice(name))),
            };
        }
        Head { qos: view.qos, retain: view.retain, id: view.id, address: last.address.clone() }
    }

    /// Hands a message to the core. PUBACK or PUBREC follow when it is confirmed.
    pub(crate) fn publish(&mut self, head: Head, payload: Bytes, io: &mut Io<'_>) {
        let Head { qos, retain, id, address } = head;
        let message = Message {
            address,
            header: convert::header(qos, retain),
            encoding: EncodingId::MQTT,
            properties: Bytes::new(),
            body: payload.into(),
        };
        let mut publish = Publish::new(Arc::new(message));
        match (qos, id) {
            (Qos::AtLeastOnce, Some(id)) => publish.token = Some(Request::PubAck(id.get()).token()),
            (Qos::ExactlyOnce, Some(id)) => {
                publish.token = Some(Request::PubRec(id.get()).token());
                match self.kept_queue() {
                    Some(queue) => publish.hold = Some(Hold { queue, number: id.get().into() }),
                    // Sent again before PUBREL: it was taken the first time (method B of 4.3.3).
                    None if !self.received.insert(id.get()) => {
                        return codec::pubrec(io.output.buffer(), id);
                    }
                    None => {}
                }
            }
            _ => {}
        }
        io.commands.push(Command::Publish(publish));
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
