//! Clients of MQTT and SQS that receive: they report what came, and count as settled only what the broker confirmed.

use std::collections::BTreeMap;
use std::io;

use conformance::sqs::Sqs;
use conformance::wire::{self, Connect, Packet, first};
use conformance::{Device, Face};
use serde_json::{Value, json};

use crate::oracle::{Delivery, Violation};
use crate::world::{PATIENCE, World, unexpected};

/// QoS 1 in one session that lives through all crashes.
pub(crate) fn subscriber(world: &World, client: &'static str, stream: &'static str, filter: &str) {
    world.live(client, |life| {
        let mut device = Device::connect(world.address(Face::Mqtt), &Connect::new(client).persistent().keep_alive(0))?;
        device.set_patience(PATIENCE)?;
        resume(world, client, &mut device, life, (filter, 1))?;
        take_at_least_once(world, stream, &mut device)
    });
}

/// QoS 1 from a queue, in clean sessions.
pub(crate) fn worker(world: &World, client: &'static str, stream: &'static str) {
    world.live(client, |_| {
        let mut device = Device::connect(world.address(Face::Mqtt), &Connect::new(client).keep_alive(0))?;
        device.set_patience(PATIENCE)?;
        subscribe(&mut device, &format!("$queue/{stream}"), 1)?;
        take_at_least_once(world, stream, &mut device)
    });
}

/// QoS 2 in one session that lives through all crashes, as [MQTT-4.3.3] tells a receiver to behave.
pub(crate) fn subscriber_exactly_once(world: &World, client: &'static str, stream: &'static str, filter: &str) {
    // Received and not yet released.
    let mut received = BTreeMap::new();
    world.live(client, |life| {
        let mut device = Device::connect(world.address(Face::Mqtt), &Connect::new(client).persistent().keep_alive(0))?;
        device.set_patience(PATIENCE)?;
        if !resume(world, client, &mut device, life, (filter, 2))? {
            received.clear();
        }
        loop {
            match device.read()? {
                Packet::Publish(publish) => {
                    if let Some(id) = world.id(stream, &publish.payload) {
                        let known = received.insert(publish.id, id);
                        if known.is_none() {
                            world.delivered(id, publish.dup);
                        } else if known != Some(id) {
                            let text = format!("packet id {} reused for {id} before its release", publish.id);
                            world.oracle().violations.push(Violation::Garbled(text));
                        }
                    }
                    device.send(&wire::acknowledge(first::PUBREC, publish.id))?;
                }
                Packet::Pubrel(packet_id) => {
                    if let Some(id) = received.remove(&packet_id) {
                        world.oracle().settled(id);
                    }
                    device.send(&wire::acknowledge(first::PUBCOMP, packet_id))?;
                }
                other => return Err(unexpected(&other)),
            }
        }
    });
}

/// `ReceiveMessage` and `DeleteMessageBatch` in turn.
pub(crate) fn over_sqs(world: &World, client: &'static str, stream: &'static str) {
    world.live(client, |_| {
        let mut sqs = Sqs::connect(world.address(Face::Aws))?;
        let url = sqs.queue_url(stream);
        loop {
            let asked = world.oracle().now();
            let input =
                json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "VisibilityTimeout": 2});
            let answer = sqs.call("ReceiveMessage", &input)?;
            let messages = answer["Messages"].as_array().map_or(&[][..], Vec::as_slice);
            let (mut ids, mut entries) = (Vec::new(), Vec::<Value>::new());
            for message in messages {
                let Some(id) = world.id(stream, message["Body"].as_str().unwrap_or_default().as_bytes()) else {
                    continue;
                };
                world.oracle().delivered(id, Delivery { redelivered: None, asked });
                entries.push(json!({"Id": ids.len().to_string(), "ReceiptHandle": message["ReceiptHandle"]}));
                ids.push(id);
            }
            if entries.is_empty() {
                continue;
            }
            let answer = sqs.call("DeleteMessageBatch", &json!({"QueueUrl": url, "Entries": entries}))?;
            for entry in answer["Successful"].as_array().map_or(&[][..], Vec::as_slice) {
                let place = entry["Id"].as_str().and_then(|id| id.parse::<usize>().ok());
                if let Some(id) = place.and_then(|place| ids.get(place)) {
                    world.oracle().settled(*id);
                }
            }
        }
    });
}

/// Goes on with the session, or subscribes in a new one; whether the session was there.
fn resume(
    world: &World,
    client: &'static str,
    device: &mut Device,
    life: u32,
    (filter, qos): (&str, u8),
) -> io::Result<bool> {
    if device.session_present {
        return Ok(true);
    }
    if life > 1 {
        world.oracle().violations.push(Violation::SessionLost(client));
    }
    subscribe(device, filter, qos)?;
    world.subscribed();
    Ok(false)
}

fn subscribe(device: &mut Device, filter: &str, qos: u8) -> io::Result<()> {
    device.send(&wire::subscribe(wire::Level::V311, 1, &[(filter, qos)]))?;
    device.wait_for(&Packet::Suback { id: 1, codes: vec![qos] })
}

fn take_at_least_once(world: &World, stream: &'static str, device: &mut Device) -> io::Result<()> {
    loop {
        let publish = match device.read()? {
            Packet::Publish(publish) => publish,
            other => return Err(unexpected(&other)),
        };
        if let Some(id) = world.id(stream, &publish.payload) {
            world.delivered(id, publish.dup);
        }
        device.send(&wire::acknowledge(first::PUBACK, publish.id))?;
    }
}
