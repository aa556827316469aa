//! Clients of MQTT and SQS that send: they count as confirmed only what the broker answered.

use std::collections::{BTreeMap, VecDeque};

use conformance::sqs::Sqs;
use conformance::wire::{self, Connect, Level, Packet, Publish, first};
use conformance::{Device, Face};
use serde_json::json;

use crate::in_flight::{InFlight, WINDOW};
use crate::oracle::{Id, Violation};
use crate::world::{World, unexpected};

/// Where a producer sends to.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) client: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) producer: u8,
}

impl Route {
    pub(crate) fn id(self, number: u32) -> Id {
        Id { stream: self.stream, producer: self.producer, number }
    }
}

/// QoS 1 in clean sessions: what was not confirmed is not sent again, so any repetition is the broker's own.
pub(crate) fn at_least_once(world: &World, route: Route, topic: &str) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut device = Device::connect(world.address(Face::Mqtt), &Connect::new(route.client).keep_alive(0))?;
        let mut in_flight = InFlight::default();
        loop {
            let burst = in_flight.fill(world, route, &mut next, |id, out| {
                let packet_id = packet_id(id.number);
                out.extend(Publish::new(topic, 1, packet_id, world.body(id)).encode(Level::V311));
                packet_id.into()
            });
            device.send(&burst)?;
            if in_flight.is_empty() {
                return Ok(());
            }
            match device.read()? {
                Packet::Puback(answered) => in_flight.confirm(world, &(answered.into()..=answered.into()))?,
                other => return Err(unexpected(&other)),
            }
        }
    });
}

enum Step {
    Published(Id),
    Released(Id),
}

/// QoS 2 in one session that lives through all crashes: unfinished hand-shakes go on where they stood.
pub(crate) fn exactly_once(world: &World, route: Route, topic: &str) {
    let mut next = 0;
    let mut steps: BTreeMap<u16, Step> = BTreeMap::new();
    let mut order: VecDeque<u16> = VecDeque::new();
    world.live(route.client, |life| {
        let mut device =
            Device::connect(world.address(Face::Mqtt), &Connect::new(route.client).persistent().keep_alive(0))?;
        if life > 1 && !device.session_present {
            world.oracle().violations.push(Violation::SessionLost(route.client));
            steps.clear();
            order.clear();
        }
        for packet_id in &order {
            let packet = match &steps[packet_id] {
                Step::Published(id) => {
                    Publish { dup: true, ..Publish::new(topic, 2, *packet_id, world.body(*id)) }.encode(Level::V311)
                }
                Step::Released(_) => wire::acknowledge(first::PUBREL, *packet_id),
            };
            device.send(&packet)?;
        }
        loop {
            while !world.is_finishing() && steps.len() < WINDOW / 2 {
                let (id, packet_id) = (route.id(next), packet_id(next));
                world.oracle().sent(id);
                steps.insert(packet_id, Step::Published(id));
                order.push_back(packet_id);
                next += 1;
                device.send(&Publish::new(topic, 2, packet_id, world.body(id)).encode(Level::V311))?;
            }
            if steps.is_empty() {
                return Ok(());
            }
            match device.read()? {
                Packet::Pubrec(packet_id) => {
                    if let Some(Step::Published(id)) = steps.get(&packet_id) {
                        let id = *id;
                        steps.insert(packet_id, Step::Released(id));
                    }
                    device.send(&wire::acknowledge(first::PUBREL, packet_id))?;
                }
                Packet::Pubcomp(packet_id) => {
                    if let Some(Step::Released(id)) = steps.remove(&packet_id) {
                        world.oracle().confirmed(id);
                    }
                    order.retain(|each| *each != packet_id);
                }
                other => return Err(unexpected(&other)),
            }
        }
    });
}

/// `SendMessageBatch` of ten at a time.
pub(crate) fn over_sqs(world: &World, route: Route) {
    let mut next = 0;
    world.live(route.client, |_| {
        let mut sqs = Sqs::connect(world.address(Face::Aws))?;
        while !world.is_finishing() {
            let ids: Vec<_> = (next..next + 10).map(|number| route.id(number)).collect();
            next += 10;
            ids.iter().for_each(|id| world.oracle().sent(*id));
            let entries: Vec<_> =
                ids.iter().map(|id| json!({"Id": id.number.to_string(), "MessageBody": world.body(*id)})).collect();
            let input = json!({"QueueUrl": sqs.queue_url(route.stream), "Entries": entries});
            let answer = sqs.call("SendMessageBatch", &input)?;
            for entry in answer["Successful"].as_array().ok_or_else(|| unexpected(&answer))? {
                let number = entry["Id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| unexpected(entry))?;
                world.oracle().confirmed(route.id(number));
            }
        }
        Ok(())
    });
}

fn packet_id(number: u32) -> u16 {
    u16::try_from(number % u32::from(u16::MAX)).expect("below 65535") + 1
}
