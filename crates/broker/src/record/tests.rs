use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use model::{
    Address, Binding, DeadLetter, DeathReason, EncodingId, Exchange, ExchangeKind, ExchangeSettings, Header,
    HeaderRule, HeaderValue, Lifetime, Message, MessageNumber, Namespace, Overflow, QueueKind, QueueSettings, Tag,
    Time,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use smallvec::smallvec;

use super::{Copied, Declared, Died, Parsed, Published, Record, Route, Tie, describe};
use crate::entry::Located;
use crate::records::Records;
use crate::transaction::TransactionNumber;

fn encoded(record: &Record) -> Bytes {
    let mut out = Records::default();
    record.encode(&mut out);
    out.take(|buffer| buffer.split().freeze()).concat().into()
}

fn decoded(bytes: Bytes) -> Record {
    Parsed::from_bytes(bytes).expect("a record").record
}

fn message() -> Message {
    Message {
        address: Address::topic(Namespace(1), "a.b".into()),
        header: Header {
            durable: true,
            priority: 9,
            expires: Some(Time(300)),
            not_before: None,
            retain: true,
            private: 2,
        },
        encoding: EncodingId::MQTT,
        properties: Bytes::from_static(b"p"),
        body: Bytes::from_static(b"body").into(),
    }
}

fn route() -> Route {
    Route {
        queue: 3,
        seq: 200,
        not_before: Some(Time(7)),
        durable: true,
        assured: true,
        retained: false,
        tags: smallvec![Tag(5), Tag(0)],
    }
}

fn published() -> Published {
    let routes = smallvec![route()];
    Published { number: MessageNumber(17), message: Arc::new(message()), hold: Some((4, 70_000)), routes }
}

fn settings() -> QueueSettings {
    QueueSettings {
        kind: QueueKind::Log,
        durable: true,
        lifetime: Lifetime::WhileConsumed,
        internal: true,
        max_priority: 9,
        max_length: Some(0),
        max_bytes: Some(1000),
        overflow: Overflow::DeadLetter,
        ttl: None,
        delay: 5,
        lease: 30_000,
        dead_letter: Some(DeadLetter::to_queue("dead".into(), Some(3))),
        expires: None,
        single_active: false,
        drops_transient_unattended: true,
        extras: vec![("k".into(), "v".into())],
    }
}

fn binding() -> Binding {
    Binding {
        exchange: Exchange::Named("x".into()),
        key: "a.#".into(),
        headers: Some(HeaderRule {
            all: true,
            with_x: false,
            pairs: vec![("h".into(), None), ("i".into(), Some("1".into()))],
        }),
        selector: Some("a = 1".into()),
        tag: Tag(300),
        at_most_once: false,
        hides_dollar: true,
    }
}

fn exchange(settings: ExchangeSettings) -> Record {
    Record::ExchangeDeclared { namespace: Namespace(1), name: "x".into(), settings: Box::new(settings) }
}

fn tie() -> Tie {
    Tie { namespace: Namespace(1), destination: Exchange::Named("y".into()), binding: binding() }
}

fn died() -> Died {
    Died {
        from: 3,
        seq: 9,
        reason: DeathReason::Expired,
        detail: "why".into(),
        came: (Exchange::Default, "q".into()),
        exchange: Exchange::Named("x".into()),
        key: "k".into(),
        places: vec![(4, 300)],
    }
}

fn copied() -> Copied {
    Copied {
        number: MessageNumber(17),
        located: Located { lsn: 400, pieces: 2 },
        size: 129,
        priority: 4,
        expires: Some(Time(9)),
        route: route(),
    }
}

/// One of each kind, and its bytes: these never change.
fn golden() -> Vec<(Record, &'static str)> {
    let transaction = TransactionNumber(300);
    let declared = Declared {
        queue: 3,
        namespace: Namespace(1),
        name: "q.x".into(),
        alias: Some("q-x".into()),
        settings: settings(),
    };
    let namespace = Namespace(1);
    vec![
        (Record::Published(published()), "0111010103612e62030902ad02000101700004626f64790104f0a2040103c8010801020500"),
        (
            Record::Staged { transaction, published: published() },
            "02ac0211010103612e62030902ad02000101700004626f64790104f0a2040103c8010801020500",
        ),
        (Record::Piece(Bytes::from_static(b"abc")), "03616263"),
        (Record::Settled { queue: 3, ranges: smallvec![(1, 1), (5, 300)] }, "040302010005a702"),
        (
            Record::Declared(Box::new(declared)),
            "05030103712e7803712d78010101010901e907020005b0ea01010464656164040101016b0176",
        ),
        (
            Record::Altered { queue: 3, settings: Box::new(QueueSettings::default()) },
            "060300010000000000000000b0ea01000000",
        ),
        (Record::Deleted { queue: 300 }, "07ac02"),
        (
            Record::Bound { queue: 3, binding: Box::new(binding()) },
            "080305017803612e23010102016800000169010131010561203d2031ac020001",
        ),
        (Record::Unbound { queue: 3, binding: Box::new(Binding::default()) }, "09030000000000000000"),
        (exchange(ExchangeSettings::new(ExchangeKind::Headers)), "0a01017803"),
        (Record::ExchangeDeleted { namespace, exchange: Exchange::Named("x".into()) }, "0b01050178"),
        (Record::Entered { namespace, name: "acct/region".into() }, "0c010b616363742f726567696f6e"),
        (Record::Marked { queue: 3, below: 4097 }, "0d038120"),
        (Record::Returned { queue: 3, seq: 9, attempts: 2, failed: 1, not_before: Some(Time(0)) }, "0e0309020101"),
        (Record::Decided { queue: 3, seq: 9, mark: 65_535 }, "0f0309ffff03"),
        (Record::Unheld { queue: 3, number: 12 }, "10030c"),
        (Record::Moved { from: 3, seq: 9, to: 4, to_seq: 300 }, "11030904ac02"),
        (Record::Copied(Box::new(copied())), "12119003028101040a03c8010801020500"),
        (Record::Purged { queue: 3, below: 300, except: vec![1, 200] }, "1303ac020201c801"),
        (
            Record::Prepared { transaction, xid: Bytes::from_static(b"xid"), settles: vec![(3, 9)] },
            "14ac0203786964010309",
        ),
        (
            Record::Committed { transaction, firsts: vec![(3, 9)], settles: vec![(4, 1), (4, 300)] },
            "15ac0201030902040104ac02",
        ),
        (Record::RolledBack { transaction }, "16ac02"),
        (Record::Numbered { below: 1 << 20 }, "17808040"),
        (Record::QueuesNumbered { below: 1024 }, "188008"),
        (Record::TopicDeclared { namespace, name: "a.b".into() }, "190103612e62"),
        (Record::Checkpoint { first: 300 }, "1aac02"),
        (Record::Held { queue: 7, number: 9 }, "1b0709"),
        (Record::Advanced { queue: 7, next: 300, created: Time(1), altered: Time(2) }, "1c07ac020102"),
        (Record::Died(Box::new(died())), "1d03090103776879000171050178016b0104ac02"),
        (
            exchange(ExchangeSettings { alternate: Some("y".into()), ..ExchangeSettings::new(ExchangeKind::Fanout) }),
            "1e01017801010000010179",
        ),
        (Record::Tied(Box::new(tie())), "1f0105017905017803612e23010102016800000169010131010561203d2031ac020001"),
        (Record::Untied(Box::new(tie())), "200105017905017803612e23010102016800000169010131010561203d2031ac020001"),
    ]
}

#[test]
fn the_bytes_of_each_kind_stay_as_they_are() {
    let golden = golden();
    for (i, (record, hex)) in golden.iter().enumerate() {
        let bytes = encoded(record);
        let mut text = String::new();
        bytes.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a string takes all"));
        assert_eq!(text, *hex, "{record}");
        assert_eq!(bytes[0] as usize, i + 1, "every kind, in order");
        assert_eq!(decoded(bytes), *record);
    }
}

#[test]
fn every_kind_is_described_and_cut_short_refused() {
    for (record, _) in golden() {
        let bytes = encoded(&record);
        assert!(describe(&bytes).len() > 5, "{record:?}");
        // A piece has no length of its own: the record's is its.
        if !matches!(record, Record::Piece(_)) {
            for length in 0..bytes.len() {
                assert!(Parsed::from_bytes(bytes.slice(..length)).is_err(), "{record} cut to {length}");
            }
        }
    }
    let next = golden().len() as u8 + 1;
    assert!(Parsed::from_bytes(Bytes::copy_from_slice(&[next])).is_err());
    assert!(Parsed::from_bytes(Bytes::from_static(&[0])).is_err());
}

#[test]
fn a_list_cannot_ask_for_more_memory_than_its_record_has_bytes() {
    // Settled, queue 0, 2^62 ranges.
    let bytes = [4, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
    assert!(Parsed::from_bytes(Bytes::copy_from_slice(&bytes)).is_err());
}

fn name() -> impl Strategy<Value = model::Name> {
    vec(any::<u8>(), 0..20).prop_map(|bytes| Bytes::from(bytes).into())
}

fn time() -> impl Strategy<Value = Option<Time>> {
    option::of((0..u64::MAX).prop_map(Time))
}

fn exchanges() -> impl Strategy<Value = Exchange> {
    prop_oneof![
        Just(Exchange::Default),
        Just(Exchange::Topic),
        Just(Exchange::Direct),
        Just(Exchange::Fanout),
        Just(Exchange::Headers),
        name().prop_map(Exchange::Named),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    let address = (any::<u16>(), exchanges(), name()).prop_map(|(namespace, exchange, key)| Address {
        namespace: Namespace(namespace),
        exchange,
        key,
    });
    let header = (any::<bool>(), any::<u8>(), time(), time(), any::<bool>(), any::<u8>()).prop_map(
        |(durable, priority, expires, not_before, retain, private)| Header {
            durable,
            priority,
            expires,
            not_before,
            retain,
            private,
        },
    );
    (address, header, any::<u16>(), vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..200)).prop_map(
        |(address, header, encoding, properties, body)| Message {
            address,
            header,
            encoding: EncodingId(encoding),
            properties: properties.into(),
            body: Bytes::from(body).into(),
        },
    )
}

fn routes() -> impl Strategy<Value = Route> {
    (any::<u32>(), any::<u64>(), time(), any::<bool>(), any::<bool>(), vec(any::<u64>(), 0..4)).prop_map(
        |(queue, seq, not_before, assured, retained, tags)| Route {
            queue,
            seq,
            not_before,
            durable: true,
            assured,
            retained,
            tags: tags.into_iter().map(Tag).collect(),
        },
    )
}

fn publishes() -> impl Strategy<Value = Published> {
    (any::<u64>(), messages(), option::of(any::<(u32, u32)>()), vec(routes(), 0..4)).prop_map(
        |(number, message, hold, routes)| Published {
            number: MessageNumber(number),
            message: Arc::new(message),
            hold,
            routes: routes.into(),
        },
    )
}

fn queue_settings() -> impl Strategy<Value = QueueSettings> {
    let small = || option::of(0..u64::MAX);
    let kinds = (any::<bool>(), 0..3usize, 0..4usize, any::<[bool; 4]>(), any::<u8>());
    let dead_letter = option::of((exchanges(), option::of(name()), option::of(any::<u32>())));
    let extras = vec((".{0,8}", ".{0,8}"), 0..3);
    (kinds, [small(), small(), small()], any::<(u64, u64)>(), dead_letter, extras).prop_map(
        |((is_log, lifetime, overflow, flags, max_priority), numbers, (delay, lease), dead_letter, extras)| {
            let [durable, internal, drops_transient_unattended, single_active] = flags;
            let [max_length, max_bytes, ttl] = numbers;
            QueueSettings {
                kind: if is_log { QueueKind::Log } else { QueueKind::Queue },
                durable,
                lifetime: [Lifetime::Permanent, Lifetime::WhileConsumed, Lifetime::Connection][lifetime],
                internal,
                max_priority,
                max_length,
                max_bytes,
                overflow: [Overflow::Reject, Overflow::DropHead, Overflow::DeadLetter, Overflow::DropNew][overflow],
                ttl,
                delay,
                lease,
                dead_letter: dead_letter.map(|(exchange, key, max_deliveries)| DeadLetter {
                    exchange,
                    key,
                    max_deliveries,
                }),
                expires: single_active.then_some(delay),
                single_active,
                drops_transient_unattended,
                extras,
            }
        },
    )
}

fn bindings() -> impl Strategy<Value = Box<Binding>> {
    let value = prop_oneof![
        ".{0,5}".prop_map(HeaderValue::Text),
        any::<bool>().prop_map(HeaderValue::Bool),
        any::<i64>().prop_map(HeaderValue::Int),
        (-1e300..1e300).prop_map(HeaderValue::Float),
    ];
    let rule = (any::<[bool; 2]>(), vec((".{0,5}", option::of(value)), 0..3))
        .prop_map(|([all, with_x], pairs)| HeaderRule { all, with_x, pairs });
    let flags = (any::<u64>(), any::<bool>(), any::<bool>());
    (exchanges(), name(), option::of(rule), option::of(".{0,9}"), flags).prop_map(
        |(exchange, key, headers, selector, (tag, at_most_once, hides_dollar))| {
            Box::new(Binding { exchange, key, headers, selector, tag: Tag(tag), at_most_once, hides_dollar })
        },
    )
}

fn definitions() -> impl Strategy<Value = Record> {
    let kinds = [ExchangeKind::Direct, ExchangeKind::Fanout, ExchangeKind::Topic, ExchangeKind::Headers];
    let alias = option::of("[a-z]{1,9}");
    let namespaces = || any::<u16>().prop_map(Namespace);
    prop_oneof![
        (any::<u32>(), namespaces(), name(), alias, queue_settings()).prop_map(
            |(queue, namespace, name, alias, settings)| {
                Record::Declared(Box::new(Declared { queue, namespace, name, alias, settings }))
            }
        ),
        (any::<u32>(), queue_settings())
            .prop_map(|(queue, settings)| Record::Altered { queue, settings: Box::new(settings) }),
        any::<u32>().prop_map(|queue| Record::Deleted { queue }),
        (any::<u32>(), bindings()).prop_map(|(queue, binding)| Record::Bound { queue, binding }),
        (any::<u32>(), bindings()).prop_map(|(queue, binding)| Record::Unbound { queue, binding }),
        (namespaces(), name(), 0..4usize, any::<[bool; 3]>(), option::of(name())).prop_map(
            move |(namespace, name, kind, [durable, auto_delete, internal], alternate)| {
                let settings = ExchangeSettings { kind: kinds[kind], durable, auto_delete, internal, alternate };
                Record::ExchangeDeclared { namespace, name, settings: Box::new(settings) }
            }
        ),
        (namespaces(), exchanges(), bindings(), any::<bool>()).prop_map(|(namespace, destination, binding, is)| {
            let tie = Box::new(Tie { namespace, destination, binding: *binding });
            if is { Record::Tied(tie) } else { Record::Untied(tie) }
        }),
        (namespaces(), exchanges()).prop_map(|(namespace, exchange)| Record::ExchangeDeleted { namespace, exchange }),
        (namespaces(), name()).prop_map(|(namespace, name)| Record::Entered { namespace, name }),
        (namespaces(), name()).prop_map(|(namespace, name)| Record::TopicDeclared { namespace, name }),
    ]
}

fn ledger() -> impl Strategy<Value = Record> {
    let ranges = vec((any::<u32>(), any::<u32>()), 0..5);
    let located = (any::<u64>(), any::<u32>()).prop_map(|(lsn, pieces)| Located { lsn, pieces });
    let pairs = || vec(any::<(u32, u64)>(), 0..5);
    let numbers = || any::<u64>().prop_map(TransactionNumber);
    prop_oneof![
        (any::<u32>(), ranges).prop_map(|(queue, ranges)| {
            let ranges = ranges.into_iter().map(|(a, b)| (u64::from(a.min(b)), u64::from(a.max(b)))).collect();
            Record::Settled { queue, ranges }
        }),
        any::<(u32, u64)>().prop_map(|(queue, below)| Record::Marked { queue, below }),
        (any::<(u32, u64, u32, u32)>(), time()).prop_map(|((queue, seq, attempts, failed), not_before)| {
            Record::Returned { queue, seq, attempts, failed, not_before }
        }),
        any::<(u32, u64, u32)>().prop_map(|(queue, seq, mark)| Record::Decided { queue, seq, mark }),
        any::<(u32, u32)>().prop_map(|(queue, number)| Record::Unheld { queue, number }),
        any::<(u32, u64, u32, u64)>().prop_map(|(from, seq, to, to_seq)| Record::Moved { from, seq, to, to_seq }),
        (any::<(u32, u64)>(), name(), name(), exchanges(), vec(any::<(u32, u64)>(), 0..4)).prop_map(
            |((from, seq), detail, key, exchange, places)| {
                let came = (exchange.clone(), detail.clone());
                let reason = DeathReason::Undeliverable;
                Record::Died(Box::new(Died { from, seq, reason, detail, came, exchange, key, places }))
            }
        ),
        (any::<u64>(), located, any::<u32>(), any::<u8>(), time(), routes()).prop_map(
            |(number, located, size, priority, expires, route)| {
                let number = MessageNumber(number);
                Record::Copied(Box::new(Copied { number, located, size, priority, expires, route }))
            }
        ),
        (any::<u32>(), any::<u64>(), vec(any::<u64>(), 0..9)).prop_map(|(queue, below, except)| Record::Purged {
            queue,
            below,
            except
        }),
        (numbers(), vec(any::<u8>(), 0..30), pairs()).prop_map(|(transaction, xid, settles)| Record::Prepared {
            transaction,
            xid: xid.into(),
            settles,
        }),
        (numbers(), pairs(), pairs()).prop_map(|(transaction, firsts, settles)| Record::Committed {
            transaction,
            firsts,
            settles
        }),
        numbers().prop_map(|transaction| Record::RolledBack { transaction }),
        any::<u64>().prop_map(|below| Record::Numbered { below }),
        any::<u32>().prop_map(|below| Record::QueuesNumbered { below }),
        any::<u64>().prop_map(|first| Record::Checkpoint { first }),
        (any::<u32>(), any::<u32>()).prop_map(|(queue, number)| Record::Held { queue, number }),
        (any::<u32>(), any::<u64>(), any::<u64>()).prop_map(|(queue, next, at)| Record::Advanced {
            queue,
            next,
            created: Time(at),
            altered: Time(at)
        }),
    ]
}

fn records() -> impl Strategy<Value = Record> {
    prop_oneof![
        3 => publishes().prop_map(Record::Published),
        3 => (any::<u64>(), publishes()).prop_map(|(number, published)| Record::Staged {
            transaction: TransactionNumber(number),
            published,
        }),
        1 => vec(any::<u8>(), 0..50).prop_map(|bytes| Record::Piece(bytes.into())),
        8 => definitions(),
        12 => ledger(),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(record in records()) {
        let bytes = encoded(&record);
        prop_assert!(!describe(&bytes).is_empty());
        prop_assert_eq!(decoded(bytes), record);
    }

    #[test]
    fn byte_soup_never_panics(kind in 0..32u8, soup in vec(any::<u8>(), 0..200)) {
        let bytes: Bytes = std::iter::once(kind).chain(soup).collect();
        describe(&bytes);
        if let Ok(Parsed { record, .. }) = Parsed::from_bytes(bytes) {
            // What was understood is said again in the same words.
            let again = encoded(&record);
            prop_assert_eq!(encoded(&decoded(again.clone())), again);
        }
    }

    #[test]
    fn a_damaged_record_never_panics(record in records(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = encoded(&record).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        describe(&bytes);
    }
}
