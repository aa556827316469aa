use std::collections::{BTreeMap, VecDeque};

use bytes::BytesMut;
use model::{QueueId, Settle};

use super::LIMITS;
use super::chance::Chance;
use crate::codec::{self, Packet, PacketId, Qos, Role, Version};

/// The client's end: it checks what the server says, and answers some of it.
#[derive(Debug, Default)]
pub(super) struct Client {
    said: BytesMut,
    connacks: usize,
    answers: VecDeque<Packet>,
    /// The id of a PUBLISH that was just sent.
    sent: Option<PacketId>,
    /// Ids that are not free, and the deliveries that have them.
    in_flight: BTreeMap<PacketId, (QueueId, u64)>,
}

impl Client {
    /// The server says more.
    pub(super) fn hears(&mut self, bytes: &[u8]) {
        self.said.extend_from_slice(bytes);
        while let Some(packet) =
            codec::decode(&mut self.said, &LIMITS, Role::Client, Version::V311).expect("servers say such a thing")
        {
            self.read(packet);
        }
        assert!(self.said.is_empty(), "half a packet");
    }

    fn read(&mut self, packet: Packet) {
        if matches!(packet, Packet::ConnAck(_)) {
            self.connacks += 1;
        }
        assert_eq!(self.connacks, 1, "CONNACK is the first packet, and comes once: {packet:?}");
        match packet {
            Packet::Publish(publish) => {
                if let Some(id) = publish.id {
                    self.sent = Some(id);
                    let received = publish.qos == Qos::ExactlyOnce;
                    self.answers.push_back(if received { Packet::PubRec(id) } else { Packet::PubAck(id) });
                }
            }
            Packet::PubRec(id) => self.answers.push_back(Packet::PubRel(id)),
            Packet::PubRel(id) => self.answers.push_back(Packet::PubComp(id)),
            _ => {}
        }
    }

    /// What was said since the last time was a delivery, or no delivery.
    pub(super) fn took(&mut self, delivery: Option<(QueueId, u64)>) {
        let (Some(id), Some(delivery)) = (self.sent.take(), delivery) else { return };
        let before = self.in_flight.insert(id, delivery);
        assert!(before.is_none(), "the packet id {id} is in flight already");
    }

    pub(super) fn settled(&mut self, settle: &Settle) {
        let is_among =
            |(queue, seq): (QueueId, u64)| queue == settle.queue && (settle.first..=settle.last).contains(&seq);
        self.in_flight.retain(|_, delivery| !is_among(*delivery));
    }

    /// Says what is due to some of what it has read, or something else.
    pub(super) fn answers(&mut self, chance: &mut Chance, out: &mut BytesMut) {
        for _ in 0..chance.below(4) {
            let Some(packet) = self.answers.pop_front() else { break };
            let packet = match (packet, chance.below(16)) {
                (_, 0) => continue,
                (Packet::PubAck(id) | Packet::PubRec(id) | Packet::PubComp(id), 1) => Packet::PubRec(id),
                (Packet::PubAck(id) | Packet::PubRec(id) | Packet::PubComp(id), 2) => Packet::PubComp(id),
                (packet, 3) => {
                    self.answers.push_back(packet);
                    continue;
                }
                (packet, 4) => {
                    self.answers.push_front(packet.clone());
                    packet
                }
                (packet, _) => packet,
            };
            let _ = codec::encode(&packet, Version::V311, out);
        }
    }
}
