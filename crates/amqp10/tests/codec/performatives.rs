//! Each performative with its bytes, its defaults, and what is wrong with it.

use amqp10::codec::{
    AmqpError, Attach, Begin, Close, Coordinator, DeliveryState, Detach, Disposition, DistributionMode, End, Fields,
    Flow, Malformed, Modified, Open, Outcome, Performative, Received, ReceiverSettleMode, Role, SenderSettleMode,
    Source, Symbol, Target, TargetNode, TerminusDurability, TerminusExpiry, Text, Transactional, Transfer, Value,
    condition,
};
use bytes::Bytes;

use crate::hex::bytes;
use crate::{decode_body, encoded_body};

/// The bytes become the performative, and the performative these bytes.
fn both_ways(table: &str, performative: Performative) {
    let bytes = bytes(table);
    assert_eq!(decode_body(&bytes), Ok(performative.clone()), "{table}");
    assert_eq!(encoded_body(&performative), bytes, "{table}");
}

/// The bytes become the performative, which is written in fewer.
fn read(table: &str, performative: Performative) {
    let bytes = bytes(table);
    assert_eq!(decode_body(&bytes), Ok(performative.clone()), "{table}");
    assert_eq!(decode_body(&encoded_body(&performative)), Ok(performative), "{table}");
}

fn refused(table: &str, error: Malformed) {
    assert_eq!(decode_body(&bytes(table)), Err(error), "{table}");
}

fn symbols(names: &[&'static str]) -> Vec<Symbol> {
    names.iter().map(|name| Symbol::from_static(name)).collect()
}

fn tag(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn open() {
    both_ways("00 53 10 c0 03 01 a1 00", Performative::Open(Box::new(Open::new(""))));
    let mut properties = Fields::default();
    properties.push("product", Value::string("x"));
    let full = Open {
        hostname: Some(Text::from("h")),
        max_frame_size: 65_536,
        channel_max: 255,
        idle_time_out: Some(30_000),
        outgoing_locales: symbols(&["en-US"]),
        incoming_locales: symbols(&["en-US", "de"]),
        offered_capabilities: symbols(&["A"]),
        desired_capabilities: symbols(&["B"]),
        properties,
        ..Open::new("me")
    };
    both_ways(
        "00 53 10 c0 [0a a1 ['me'] a1 ['h'] 70 00 01 00 00 60 00 ff 70 00 00 75 30 e0 [01 a3 ['en-US']] \
         e0 [02 a3 ['en-US'] ['de']] e0 [01 a3 ['A']] e0 [01 a3 ['B']] c1 [02 a3 ['product'] a1 ['x']]]",
        Performative::Open(Box::new(full)),
    );
    // One symbol instead of an array, wide forms, a symbol as descriptor, nulls at the end.
    let one = Open { outgoing_locales: symbols(&["en"]), ..Open::new("me") };
    read(
        "00 a3 0e 'amqp:open:list' d0 00 00 00 15 00 00 00 08 b1 00 00 00 02 'me' 40 40 40 40 a3 02 'en' 40 40",
        Performative::Open(Box::new(one)),
    );
    read(
        "00 80 00 00 00 00 00 00 00 10 c0 [04 a1 00 40 70 ff ff ff ff 40]",
        Performative::Open(Box::new(Open::new(""))),
    );
    refused("00 53 10 45", Malformed::Missing("container-id"));
    refused("00 53 10 c0 02 01 40", Malformed::Missing("container-id"));
    refused("00 53 10 c0 03 01 a3 00", Malformed::Type("container-id"));
    refused("00 53 10 c0 06 04 a1 00 40 40 43", Malformed::Type("channel-max"));
    refused("00 53 10 c0 0d 0b a1 00 40 40 40 40 40 40 40 40 40 40", Malformed::TooManyFields("open"));
    refused("00 53 10 c1 01 00", Malformed::Type("open"));
    refused("00 53 10 c0 08 06 a1 00 40 40 40 40 52", Malformed::Truncated);
    refused("00 53 10 c0 0c 06 a1 00 40 40 40 40 e0 03 01 a1 00", Malformed::Type("outgoing-locales"));
}

#[test]
fn begin() {
    both_ways("00 53 11 c0 06 04 40 43 52 0a 43", Performative::Begin(Box::new(Begin::new(0, 10, 0))));
    let full = Begin { remote_channel: Some(1), handle_max: 7, ..Begin::new(u32::MAX, 256, 1) };
    both_ways(
        "00 53 11 c0 12 05 60 00 01 70 ff ff ff ff 70 00 00 01 00 52 01 52 07",
        Performative::Begin(Box::new(full)),
    );
    refused("00 53 11 c0 05 04 40 43 43 40", Malformed::Missing("outgoing-window"));
    refused("00 53 11 c0 04 03 40 43 43", Malformed::Missing("outgoing-window"));
}

#[test]
fn attach() {
    both_ways("00 53 12 c0 07 03 a1 02 'me' 43 42", {
        Performative::Attach(Box::new(Attach::new("me", 0, Role::Sender)))
    });
    let source = Source {
        address: Some(Text::from("q")),
        durable: TerminusDurability::UnsettledState,
        expiry_policy: TerminusExpiry::Never,
        timeout: 60,
        dynamic: true,
        distribution_mode: Some(DistributionMode::Copy),
        default_outcome: Some(Outcome::Released),
        outcomes: symbols(&["amqp:accepted:list"]),
        ..Source::default()
    };
    let receiver = Attach {
        snd_settle_mode: SenderSettleMode::Unsettled,
        rcv_settle_mode: ReceiverSettleMode::Second,
        source: Some(source),
        target: Some(Target::Node(TargetNode::default())),
        unsettled: vec![(tag("t"), None), (tag("u"), Some(DeliveryState::ACCEPTED))],
        incomplete_unsettled: true,
        max_message_size: Some(0),
        ..Attach::new("r", 1, Role::Receiver)
    };
    both_ways(
        "00 53 12 c0 [0b a1 ['r'] 52 01 41 50 00 50 01 \
         00 53 28 c0 [0a a1 ['q'] 52 02 a3 ['never'] 52 3c 41 40 a3 ['copy'] 40 00 53 26 45 \
           e0 [01 a3 ['amqp:accepted:list']]] \
         00 53 29 45 c1 [04 a0 ['t'] 40 a0 ['u'] 00 53 24 45] 41 40 44]",
        Performative::Attach(Box::new(receiver)),
    );
    let controller = Attach {
        source: Some(Source::default()),
        target: Some(Target::Coordinator(Coordinator { capabilities: symbols(&["amqp:local-transactions"]) })),
        initial_delivery_count: Some(0),
        ..Attach::new("c", 0, Role::Sender)
    };
    both_ways(
        "00 53 12 c0 [0a a1 ['c'] 43 42 40 40 00 53 28 45 \
         00 53 30 c0 [01 e0 [01 a3 ['amqp:local-transactions']]] 40 40 43]",
        Performative::Attach(Box::new(controller)),
    );
}

#[test]
fn wrong_attaches_are_named() {
    refused("00 53 12 c0 [01 40]", Malformed::Missing("name"));
    refused("00 53 12 c0 [02 a1 ['r'] 40]", Malformed::Missing("handle"));
    refused("00 53 12 c0 [02 a1 ['r'] 43]", Malformed::Missing("role"));
    refused("00 53 12 c0 [04 a1 ['r'] 43 42 50 03]", Malformed::Choice("snd-settle-mode"));
    refused("00 53 12 c0 [05 a1 ['r'] 43 42 40 50 02]", Malformed::Choice("rcv-settle-mode"));
    refused("00 53 12 c0 [06 a1 ['r'] 43 42 40 40 00 53 29 45]", Malformed::Descriptor("a source"));
    refused("00 53 12 c0 [07 a1 ['r'] 43 42 40 40 40 00 53 28 45]", Malformed::Descriptor("a target"));
    refused("00 53 12 c0 [06 a1 ['r'] 43 42 40 40 45]", Malformed::Type("source"));
    let source = |fields: &str, error| {
        refused(&format!("00 53 12 c0 [06 a1 ['r'] 43 42 40 40 00 53 28 c0 [{fields}]]"), error);
    };
    source("02 40 52 03", Malformed::Choice("durable"));
    source("03 40 40 a3 ['soon']", Malformed::Choice("expiry-policy"));
    source("03 40 40 a1 []", Malformed::Type("expiry-policy"));
    source("07 40 40 40 40 40 40 a3 ['mov']", Malformed::Choice("distribution-mode"));
    source("01 a3 ['q']", Malformed::Type("address"));
    source("08 40 40 40 40 40 40 40 c1 [01 40]", Malformed::OddMap);
    source("08 40 40 40 40 40 40 40 c1 [02 a1 ['f'] 40]", Malformed::Type("filter"));
}

#[test]
fn flow() {
    let session = Flow { incoming_window: 1, next_outgoing_id: 2, outgoing_window: 3, ..Flow::default() };
    both_ways("00 53 13 c0 08 04 40 52 01 52 02 52 03", Performative::Flow(Box::new(session.clone())));
    let link = Flow {
        next_incoming_id: Some(0),
        handle: Some(0),
        delivery_count: Some(u32::MAX),
        link_credit: Some(100),
        available: Some(0),
        drain: true,
        echo: true,
        ..session
    };
    both_ways(
        "00 53 13 c0 13 0a 43 52 01 52 02 52 03 43 70 ff ff ff ff 52 64 43 41 41",
        Performative::Flow(Box::new(link)),
    );
    refused("00 53 13 45", Malformed::Missing("incoming-window"));
    refused("00 53 13 c0 04 03 40 43 43", Malformed::Missing("outgoing-window"));
    refused("00 53 13 c0 0a 09 40 43 43 43 40 40 40 40 43", Malformed::Type("drain"));
}

#[test]
fn transfer() {
    both_ways("00 53 14 c0 02 01 43", Performative::Transfer(Transfer::default()));
    let full = Transfer {
        handle: 1,
        delivery_id: Some(2),
        delivery_tag: Some(tag("tag")),
        message_format: Some(0),
        settled: Some(false),
        more: true,
        rcv_settle_mode: Some(ReceiverSettleMode::First),
        state: Some(DeliveryState::Transactional(Transactional { txn_id: tag("x"), outcome: None })),
        resume: true,
        aborted: true,
        batchable: true,
    };
    both_ways(
        "00 53 14 c0 [0b 52 01 52 02 a0 ['tag'] 43 42 41 50 00 00 53 34 c0 [01 a0 ['x']] 41 41 41]",
        Performative::Transfer(full),
    );
    // What proton sends: explicit false and wide forms are the same values.
    let transfer = Transfer {
        delivery_id: Some(0),
        delivery_tag: Some(tag("0")),
        message_format: Some(0),
        settled: Some(false),
        ..Transfer::default()
    };
    read("00 53 14 d0 00 00 00 [00 00 00 06 43 43 a0 ['0'] 43 42 42]", Performative::Transfer(transfer));
    refused("00 53 14 45", Malformed::Missing("handle"));
    refused("00 53 14 c0 05 03 43 43 a1 00", Malformed::Type("delivery-tag"));
    refused("00 53 14 c0 03 01 53 01", Malformed::Type("handle"));
}

#[test]
fn disposition_and_delivery_states() {
    let disposition = |state| {
        Performative::Disposition(Disposition {
            role: Role::Receiver,
            first: 1,
            last: Some(2),
            settled: true,
            state,
            batchable: false,
        })
    };
    both_ways("00 53 15 c0 07 04 41 52 01 52 02 41", disposition(None));
    let annotated = Modified {
        delivery_failed: true,
        undeliverable_here: false,
        message_annotations: vec![(Value::symbol("x"), Value::Null)],
    };
    let rejected = AmqpError::new(condition::NOT_FOUND, "no");
    let states = [
        ("00 53 24 45", DeliveryState::ACCEPTED),
        ("00 53 26 45", DeliveryState::RELEASED),
        ("00 53 25 45", DeliveryState::Outcome(Outcome::Rejected(None))),
        (
            "00 53 25 c0 [01 00 53 1d c0 [02 a3 ['amqp:not-found'] a1 ['no']]]",
            DeliveryState::Outcome(Outcome::Rejected(Some(Box::new(rejected)))),
        ),
        ("00 53 27 45", DeliveryState::Outcome(Outcome::Modified(Modified::default()))),
        ("00 53 27 c0 [03 41 40 c1 [02 a3 ['x'] 40]]", DeliveryState::Outcome(Outcome::Modified(annotated))),
        ("00 53 33 c0 04 01 a0 01 't'", DeliveryState::Outcome(Outcome::Declared(tag("t")))),
        ("00 53 23 c0 [02 52 05 44]", DeliveryState::Received(Received { section_number: 5, section_offset: 0 })),
        (
            "00 53 34 c0 08 02 a0 01 't' 00 53 24 45",
            DeliveryState::Transactional(Transactional { txn_id: tag("t"), outcome: Some(Outcome::Accepted) }),
        ),
    ];
    for (table, state) in states {
        let state_bytes = bytes(table);
        let mut body = bytes("00 53 15 c0");
        body.push(7 + state_bytes.len() as u8);
        body.extend_from_slice(&bytes("05 41 52 01 52 02 41"));
        body.extend_from_slice(&state_bytes);
        let performative = disposition(Some(state));
        assert_eq!(decode_body(&body), Ok(performative.clone()), "{table}");
        assert_eq!(encoded_body(&performative), body, "{table}");
    }
}

#[test]
fn wrong_delivery_states_are_named() {
    let state = |table: &str, error| {
        let state = bytes(table);
        let mut body = bytes("00 53 15 c0");
        body.push(5 + state.len() as u8);
        body.extend_from_slice(&bytes("05 41 43 40 40"));
        body.extend_from_slice(&state);
        assert_eq!(decode_body(&body), Err(error), "{table}");
    };
    state("00 53 1d 45", Malformed::Descriptor("an outcome"));
    state("00 53 99 45", Malformed::Descriptor("an outcome"));
    state("00 a1 02 'no' 45", Malformed::Descriptor("an outcome"));
    state("00 53 24 40", Malformed::Type("outcome"));
    state("00 53 24 c0 02 01 40", Malformed::TooManyFields("outcome"));
    state("00 53 23 c0 03 01 52 05", Malformed::Missing("section-offset"));
    state("00 53 34 45", Malformed::Missing("txn-id"));
    state("00 53 33 45", Malformed::Missing("txn-id"));
    state("00 53 34 c0 08 02 a0 01 't' 00 53 34 45", Malformed::Descriptor("an outcome"));
    state("00 53 25 c0 05 01 00 53 24 45", Malformed::Descriptor("an error"));
    state("00 53 25 c0 05 01 00 53 1d 45", Malformed::Missing("condition"));
    state("45", Malformed::Type("delivery-state"));
    refused("00 53 15 45", Malformed::Missing("role"));
    refused("00 53 15 c0 02 01 41", Malformed::Missing("first"));
}

#[test]
fn ends() {
    let error = AmqpError::new(condition::DETACH_FORCED, "off");
    both_ways("00 53 16 c0 02 01 43", Performative::Detach(Detach { handle: 0, closed: false, error: None }));
    both_ways(
        "00 53 16 c0 [03 52 01 41 00 53 1d c0 [02 a3 ['amqp:link:detach-forced'] a1 ['off']]]",
        Performative::Detach(Detach { handle: 1, closed: true, error: Some(error) }),
    );
    both_ways("00 53 17 45", Performative::End(End::default()));
    both_ways("00 53 18 45", Performative::Close(Close::default()));
    let mut redirect =
        AmqpError { condition: condition::CONNECTION_REDIRECT, description: None, info: Fields::default() };
    redirect.info.push("port", Value::Ushort(5672));
    both_ways(
        "00 53 18 c0 [01 00 53 1d c0 [03 a3 ['amqp:connection:redirect'] 40 c1 [02 a3 ['port'] 60 16 28]]]",
        Performative::Close(Close { error: Some(redirect) }),
    );
    refused("00 53 16 45", Malformed::Missing("handle"));
    refused("00 53 17 c0 03 01 a1 00", Malformed::Type("error"));
    refused("00 53 19 45", Malformed::Descriptor("a performative"));
    refused("00 a3 04 'open' 45", Malformed::Descriptor("a performative"));
    refused("00 80 00 00 00 01 00 00 00 10 c0 03 01 a1 00", Malformed::Descriptor("a performative"));
    refused("45", Malformed::Type("a frame's body"));
}
