//! Messages: their sections, the views on them, and what goes to a coordinator.

use amqp10::codec::{
    BodyKind, BodyPart, Coordination, Header, Malformed, Properties, PropertySections, Symbol, Text, Value, ValueRef,
    body_parts, encode_amqp_value, encode_application_properties, encode_data_head, encode_footer,
    encode_message_annotations, encode_sequence, scan,
};
use bytes::{Bytes, BytesMut};

use crate::hex::bytes;

fn whole_message() -> BytesMut {
    let mut out = BytesMut::new();
    let header = Header { durable: true, priority: 9, ttl: Some(1_000), first_acquirer: true, delivery_count: 2 };
    header.encode(&mut out);
    out.extend_from_slice(&bytes("00 53 71 c1 06 02 a3 02 'da' 41"));
    encode_message_annotations(&mut out, &vec![(Value::symbol("x-opt-a"), Value::Ubyte(1))]);
    properties().encode(&mut out);
    let application = vec![(Value::string("colour"), Value::string("blue")), (Value::string("n"), Value::Int(-7))];
    encode_application_properties(&mut out, &application);
    out
}

fn properties() -> Properties {
    Properties {
        message_id: Some(Value::Ulong(7)),
        user_id: Some(Bytes::from_static(b"me")),
        to: Some(Text::from("queue://q")),
        subject: Some(Text::from("s")),
        reply_to: Some(Text::from("r")),
        correlation_id: Some(Value::string("c")),
        content_type: Some(Symbol::from_static("text/plain")),
        content_encoding: Some(Symbol::from_static("gzip")),
        absolute_expiry_time: Some(5),
        creation_time: Some(-6),
        group_id: Some(Text::from("g")),
        group_sequence: Some(8),
        reply_to_group_id: Some(Text::from("rg")),
    }
}

#[test]
fn a_message_is_cut_into_what_a_broker_keeps() {
    let mut message = whole_message();
    let annotations = message.windows(3).position(|three| three == bytes("00 53 72")).unwrap();
    let body = message.len();
    encode_data_head(&mut message, 300).unwrap();
    message.extend_from_slice(&[7; 300]);
    encode_footer(&mut message, &vec![(Value::symbol("f"), Value::Null)]);
    let message = message.freeze();
    let sections = scan(std::slice::from_ref(&message)).unwrap();
    let header = Header { durable: true, priority: 9, ttl: Some(1_000), first_acquirer: true, delivery_count: 2 };
    assert_eq!(sections.header, Some(header));
    assert_eq!(sections.delivery_annotations.unwrap(), bytes("c1 06 02 a3 02 'da' 41"));
    assert_eq!(sections.properties, message.slice(annotations..body));
    assert_eq!(sections.properties.as_ptr(), message[annotations..].as_ptr(), "a slice, not a copy");
    assert_eq!(sections.body[..], [message.slice(body..)]);
    assert_eq!(sections.body_kind, BodyKind::Data);
    let parts = body_parts(&sections.body).collect::<Vec<_>>();
    let [BodyPart::Data(data), BodyPart::Footer(footer)] = &parts[..] else { panic!("{parts:?}") };
    assert_eq!(data[..], [Bytes::from(vec![7; 300])]);
    assert_eq!(footer[..], bytes("c1 05 02 a3 01 'f' 40"));
}

#[test]
fn properties_are_looked_up_where_they_lie() {
    let message = whole_message().freeze();
    let sections = scan(&[message]).unwrap();
    let found = PropertySections::find(&sections.properties);
    let view = found.properties;
    assert_eq!(view.message_id(), Some(ValueRef::Ulong(7)));
    assert_eq!(view.user_id(), Some(&b"me"[..]));
    assert_eq!(view.to(), Some("queue://q"));
    assert_eq!(view.subject(), Some("s"));
    assert_eq!(view.reply_to(), Some("r"));
    assert_eq!(view.correlation_id(), Some(ValueRef::String("c")));
    assert_eq!(view.content_type(), Some("text/plain"));
    assert_eq!(view.content_encoding(), Some("gzip"));
    assert_eq!(view.absolute_expiry_time(), Some(5));
    assert_eq!(view.creation_time(), Some(-6));
    assert_eq!(view.group_id(), Some("g"));
    assert_eq!(view.group_sequence(), Some(8));
    assert_eq!(view.reply_to_group_id(), Some("rg"));
    assert_eq!(found.application_property("colour"), Some(ValueRef::String("blue")));
    assert_eq!(found.application_property("n"), Some(ValueRef::Int(-7)));
    assert_eq!(found.application_property("colou"), None);
    assert_eq!(found.message_annotation("x-opt-a"), Some(ValueRef::Ubyte(1)));
    assert_eq!(found.message_annotation("da"), None, "delivery annotations are for one hop");
}

#[test]
fn what_is_not_there_is_none() {
    let empty = Bytes::new();
    let found = PropertySections::find(&empty);
    assert_eq!((found.properties.to(), found.application_property("x")), (None, None));
    // A short list, and a null in it.
    let short = Bytes::from(bytes("00 53 73 c0 06 03 40 40 a1 01 't'"));
    let view = PropertySections::find(&short).properties;
    assert_eq!((view.message_id(), view.to(), view.subject()), (None, Some("t"), None));
    let nothing = scan(&[]).unwrap();
    assert_eq!((nothing.header, nothing.body.len(), nothing.body_kind), (None, 0, BodyKind::None));
}

#[test]
fn defaults_are_not_written() {
    let mut out = BytesMut::new();
    Header::default().encode(&mut out);
    Properties::default().encode(&mut out);
    encode_application_properties(&mut out, &vec![]);
    assert!(out.is_empty());
    Header { durable: true, ..Header::default() }.encode(&mut out);
    assert_eq!(out[..], bytes("00 53 70 c0 02 01 41"));
    let header = scan(&[Bytes::from(bytes("00 53 70 c0 06 05 40 40 40 40 40"))]).unwrap().header;
    assert_eq!(header, Some(Header::default()));
}

#[test]
fn bodies_of_every_kind() {
    let cases = [
        ("00 53 75 a0 01 'x'", BodyKind::Data, 1),
        ("00 53 75 a0 01 'x' 00 53 75 b0 00 00 00 00", BodyKind::ManyData, 2),
        ("00 53 76 45", BodyKind::Sequence, 1),
        ("00 53 76 45 00 53 76 c0 02 01 40", BodyKind::Sequence, 2),
        ("00 53 77 40", BodyKind::Value, 1),
        ("00 53 77 a1 02 c3 a4", BodyKind::Value, 1),
        ("00 53 77 00 a3 01 'd' c0 02 01 40", BodyKind::Value, 1),
        ("00 53 77 00 a3 01 'd' 40 00 53 78 c1 01 00", BodyKind::Value, 2),
        ("00 a3 10 'amqp:data:binary' a0 00", BodyKind::Data, 1),
        ("00 80 00 00 00 00 00 00 00 75 a0 00", BodyKind::Data, 1),
        ("00 53 73 45", BodyKind::None, 0),
    ];
    for (table, kind, parts) in cases {
        let message = Bytes::from(bytes(table));
        let sections = scan(std::slice::from_ref(&message)).expect(table);
        assert_eq!((sections.body_kind, body_parts(&sections.body).count()), (kind, parts), "{table}");
        assert_eq!(BodyKind::from_number(kind as u8), Some(kind));
        // However it is cut.
        for at in 0..=message.len() {
            let parted = scan(&[message.slice(..at), message.slice(at..)]).expect(table);
            assert_eq!(parted.body.concat(), sections.body.concat(), "{table} cut at {at}");
            assert_eq!((parted.properties, parted.body_kind), (sections.properties.clone(), kind));
        }
    }
}

#[test]
fn a_long_body_in_many_transfers_is_not_copied() {
    for string in [false, true] {
        let mut first = whole_message();
        if string {
            first.extend_from_slice(&bytes("00 53 77 b1 00 00 20 00"));
        } else {
            encode_data_head(&mut first, 8_192).unwrap();
        }
        let body = first.windows(2).rposition(|two| two == [0, 0x53]).unwrap();
        first.extend_from_slice(&[b'a'; 192]);
        let mut pieces = vec![first.freeze()];
        pieces.extend(std::iter::repeat_n(Bytes::from(vec![b'b'; 1_000]), 8));
        let sections = scan(&pieces).unwrap();
        assert_eq!(sections.body.len(), pieces.len());
        assert_eq!(sections.body[0].as_ptr(), pieces[0][body..].as_ptr());
        for (piece, part) in pieces.iter().zip(&sections.body).skip(1) {
            assert_eq!(piece.as_ptr(), part.as_ptr(), "a piece was copied");
        }
    }
}

#[test]
fn text_is_checked_across_pieces() {
    let message = Bytes::from(bytes("00 53 77 a1 08 'ab' f0 9f 90 89 'cd'"));
    for one in 5..message.len() {
        for other in one..message.len() {
            let pieces = [message.slice(..one), message.slice(one..other), message.slice(other..)];
            assert!(scan(&pieces).is_ok(), "cut at {one} and {other}");
        }
    }
    let broken = Bytes::from(bytes("00 53 77 a1 08 'ab' f0 9f 90 'x' 'cd'"));
    for at in 5..broken.len() {
        assert_eq!(scan(&[broken.slice(..at), broken.slice(at..)]), Err(Malformed::Utf8), "cut at {at}");
    }
}

#[test]
fn sequences_and_values_are_written_as_they_are_read() {
    let mut out = BytesMut::new();
    encode_sequence(&mut out, &[Value::Int(1), Value::Null]);
    assert_eq!(out[..], bytes("00 53 76 c0 04 02 54 01 40"));
    let mut out = BytesMut::new();
    encode_amqp_value(&mut out, &Value::string("x"));
    assert_eq!(out[..], bytes("00 53 77 a1 01 'x'"));
    let mut out = BytesMut::new();
    encode_data_head(&mut out, 255).unwrap();
    encode_data_head(&mut out, 256).unwrap();
    assert_eq!(out[..], bytes("00 53 75 a0 ff 00 53 75 b0 00 00 01 00"));
}

#[test]
fn messages_for_the_coordinator() {
    let cases = [
        ("00 53 77 00 53 31 45", Coordination::Declare { global_id: None }),
        (
            "00 53 77 00 53 31 c0 05 01 a0 02 'id'",
            Coordination::Declare { global_id: Some(Value::Binary(Bytes::from_static(b"id"))) },
        ),
        (
            "00 53 77 00 53 32 c0 04 01 a0 01 't'",
            Coordination::Discharge { txn_id: Bytes::from_static(b"t"), fail: false },
        ),
        (
            "00 53 77 00 53 32 c0 05 02 a0 01 't' 41",
            Coordination::Discharge { txn_id: Bytes::from_static(b"t"), fail: true },
        ),
    ];
    for (table, message) in cases {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        assert_eq!(out[..], bytes(table));
        assert_eq!(Coordination::decode(&[out.freeze()]), Ok(message));
    }
    let wrong = [
        ("00 53 75 a0 00", Malformed::Missing("amqp-value")),
        ("00 53 77 40", Malformed::Type("a coordinator's message")),
        ("00 53 77 00 53 24 45", Malformed::Descriptor("a coordinator's message")),
        ("00 53 77 00 53 32 45", Malformed::Missing("txn-id")),
    ];
    for (table, error) in wrong {
        assert_eq!(Coordination::decode(&[Bytes::from(bytes(table))]), Err(error), "{table}");
    }
}
