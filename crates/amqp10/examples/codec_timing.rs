//! What one message costs the codec: `cargo run --release -p amqp10 --example codec_timing`.
//!
//! Nanoseconds a frame or message of the calling thread, best of many rounds. A round decodes a read buffer of 64
//! frames, as after one `read`, drops them, and fills the same buffer again.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a timing program reads a clock and prints")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use amqp10::codec::{
    DeliveryState, Header, Limits, Performative, Properties, PropertySections, Role, Symbol, Text, Transfer,
    TransferHead, Value, decode, encode, encode_application_properties, encode_data_head, encode_disposition, scan,
};
use bytes::{Bytes, BytesMut};

const FRAMES: usize = 64;
const ROUNDS: usize = 20_000;
const LIMITS: Limits = Limits { max_frame: 1 << 20 };

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "nanoseconds a frame or message; durable header, 3 properties, 3 application properties, one data section"
    );
    for body in [64, 1024, 16_384] {
        transfers(body)?;
    }
    let mut out = BytesMut::with_capacity(64 * FRAMES);
    report("encode disposition, accepted", || {
        out.clear();
        for id in 0..FRAMES as u32 {
            encode_disposition(&mut out, 0, Role::Receiver, black_box(id), None, true, Some(&DeliveryState::ACCEPTED));
        }
    });
    let stream = Bytes::from(out.to_vec());
    let mut input = BytesMut::with_capacity(64 * FRAMES);
    report("decode disposition, accepted", || decode_all(&stream, &mut input));
    Ok(())
}

fn transfers(body: usize) -> Result<(), Box<dyn Error>> {
    let message = message(body)?;
    let transfer = Transfer {
        delivery_id: Some(4_711),
        delivery_tag: Some(Bytes::from_static(b"tag-4711")),
        message_format: Some(0),
        settled: Some(false),
        ..Transfer::default()
    };
    let mut stream = BytesMut::new();
    for _ in 0..FRAMES {
        encode(&mut stream, 0, &Performative::Transfer(transfer.clone()), &message);
    }
    let stream = stream.freeze();
    let mut input = BytesMut::with_capacity(stream.len());
    let fill = report(&format!("fill buffer {body} B, to be subtracted"), || {
        input.clear();
        input.extend_from_slice(black_box(&stream));
    });
    input.clear();
    let decoding = report(&format!("decode transfer {body} B"), || decode_all(&stream, &mut input));
    println!("{:>58} {:>8.1}", "without filling", decoding - fill);
    let pieces = [message];
    report(&format!("scan sections {body} B"), || {
        for _ in 0..FRAMES {
            black_box(scan(black_box(&pieces)).is_ok());
        }
    });
    let sections = scan(&pieces)?;
    report("look up the last application property", || {
        for _ in 0..FRAMES {
            let found = PropertySections::find(black_box(&sections.properties));
            black_box(found.application_property("n"));
        }
    });
    let mut out = BytesMut::with_capacity(128 * FRAMES);
    report("encode head of transfer and header section", || {
        out.clear();
        for id in 0..FRAMES as u32 {
            let tag = id.to_be_bytes();
            let head = TransferHead {
                handle: 0,
                delivery_id: id,
                delivery_tag: &tag,
                message_format: 0,
                settled: false,
                state: None,
            };
            head.encode_first(&mut out, 0, false, black_box(body));
            Header { durable: true, ..Header::default() }.encode(&mut out);
        }
    });
    Ok(())
}

fn message(body: usize) -> Result<Bytes, Box<dyn Error>> {
    let mut out = BytesMut::new();
    Header { durable: true, ..Header::default() }.encode(&mut out);
    let properties = Properties {
        message_id: Some(Value::string("id-4711")),
        to: Some(Text::from("queue://orders")),
        content_type: Some(Symbol::from_static("application/octet-stream")),
        ..Properties::default()
    };
    properties.encode(&mut out);
    let application = vec![
        (Value::string("colour"), Value::string("blue")),
        (Value::string("weight"), Value::Double(1.5)),
        (Value::string("n"), Value::Int(42)),
    ];
    encode_application_properties(&mut out, &application);
    encode_data_head(&mut out, body)?;
    out.extend_from_slice(&vec![0xa5; body]);
    Ok(out.freeze())
}

fn decode_all(stream: &Bytes, input: &mut BytesMut) {
    input.reserve(stream.len());
    input.extend_from_slice(stream);
    while let Ok(Some(frame)) = decode(input, &LIMITS) {
        black_box(frame);
    }
}

/// Prints and returns the nanoseconds of one of the frames that `round` handles.
fn report(name: &str, mut round: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed().as_nanos() as f64 / FRAMES as f64);
    }
    println!("{name:>58} {best:>8.1}");
    best
}
