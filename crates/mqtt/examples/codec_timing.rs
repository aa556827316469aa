//! What one PUBLISH costs the codec: `cargo run --release -p mqtt --example codec_timing`.
//!
//! Nanoseconds a packet of the calling thread, best of many rounds. A round decodes a read buffer of 64
//! packets, as after one `read`, drops them, and fills the same buffer again.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a timing program reads a clock and prints")]

use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroU16;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use mqtt::codec::{
    Limits, Packet, PacketId, Publish, Qos, Role, TopicName, Version, decode, encode, peek_publish, puback,
    publish_header,
};
use mqtt::topic::append_key;

const PACKETS: usize = 64;
const ROUNDS: usize = 20_000;
const LIMITS: Limits = Limits { max_packet: 1 << 20 };
const TOPIC: &str = "plant/7/temperature";

fn main() -> Result<(), Box<dyn Error>> {
    println!("nanoseconds a packet, topic of {} bytes", TOPIC.len());
    for payload in [64, 1024] {
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
            publish(payload, qos)?;
        }
    }
    let mut out = BytesMut::with_capacity(64 * PACKETS);
    report("encode PUBACK", || {
        out.clear();
        for _ in 0..PACKETS {
            puback(black_box(&mut out), PacketId::MAX);
        }
    });
    let acks = Bytes::from(out.to_vec());
    let mut input = BytesMut::with_capacity(64 * PACKETS);
    report("decode PUBACK", || {
        input.extend_from_slice(&acks);
        while let Ok(Some(packet)) = decode(&mut input, &LIMITS, Role::Server, Version::V311) {
            black_box(packet);
        }
    });
    report("topic to key", || {
        out.clear();
        for _ in 0..PACKETS {
            append_key(black_box(TOPIC.as_bytes()), &mut out);
        }
    });
    Ok(())
}

fn publish(payload: usize, qos: Qos) -> Result<(), Box<dyn Error>> {
    let packet = Publish {
        dup: false,
        qos,
        retain: false,
        topic: TopicName::new(TOPIC.into())?,
        id: NonZeroU16::new(4711).filter(|_| qos != Qos::AtMostOnce),
        payload: vec![0xa5; payload].into(),
    };
    let mut stream = BytesMut::new();
    for _ in 0..PACKETS {
        encode(&Packet::Publish(packet.clone()), Version::V311, &mut stream)?;
    }
    let mut input = BytesMut::with_capacity(stream.len());
    let fill = report(&format!("fill buffer {payload} B, to be subtracted"), || {
        input.clear();
        input.extend_from_slice(black_box(&stream));
    });
    let name = format!("decode PUBLISH {payload} B, {qos:?}");
    let decoding = report(&name, || {
        input.reserve(stream.len());
        input.extend_from_slice(&stream);
        while let Ok(Some(packet)) = decode(&mut input, &LIMITS, Role::Server, Version::V311) {
            black_box(packet);
        }
    });
    let peeking = report(&format!("peek PUBLISH {payload} B, {qos:?}"), || {
        input.clear();
        input.reserve(stream.len());
        input.extend_from_slice(&stream);
        while let Ok(Some(view)) = peek_publish(&input, &LIMITS, Version::V311) {
            let len = black_box(view).len;
            input.advance(len);
        }
    });
    println!("  without filling: decode {:.1}, peek {:.1}", decoding - fill, peeking - fill);
    let mut out = BytesMut::with_capacity(2 * stream.len());
    report(&format!("encode header {payload} B, {qos:?}"), || {
        out.clear();
        for _ in 0..PACKETS {
            let (topic, len) = (black_box(packet.topic.as_bytes()), packet.payload.len());
            let written = publish_header(&mut out, false, qos, false, topic, packet.id, len);
            black_box(written).unwrap_or_default();
        }
    });
    let packet = Packet::Publish(packet);
    report(&format!("encode PUBLISH {payload} B, {qos:?}"), || {
        out.clear();
        for _ in 0..PACKETS {
            black_box(encode(&packet, Version::V311, &mut out)).unwrap_or_default();
        }
    });
    Ok(())
}

/// Prints and gives the nanoseconds a packet of the best round.
fn report(name: &str, mut round: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed().as_nanos() as f64 / PACKETS as f64);
    }
    println!("{best:7.1}  {name}");
    best
}
