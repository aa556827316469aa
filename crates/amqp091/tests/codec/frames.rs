//! Every method there and back, against another implementation's bytes.

use std::collections::HashSet;

use amqp091::codec::{Frame, Malformed, MethodId, Role, Sender, Syntax, decode, encode};
use bytes::BytesMut;

use crate::vectors::{Row, rows};
use crate::{LIMITS, decode_one, frame};

fn takers(row: &Row) -> &'static [Role] {
    match row.method.id().sender().unwrap() {
        Sender::Client => &[Role::Server],
        Sender::Server => &[Role::Client],
        Sender::Both => &[Role::Server, Role::Client],
    }
}

#[test]
fn every_method_has_a_row() {
    let seen = rows().iter().map(|row| row.method.id()).collect::<HashSet<_>>();
    let all = MethodId::ALL.iter().copied().collect::<HashSet<_>>();
    assert_eq!(seen, all);
    assert_eq!(all.len(), MethodId::ALL.len(), "an id is used twice");
}

#[test]
fn methods_have_the_bytes_of_other_implementations() {
    for row in rows() {
        let expected = Frame::Method(row.channel, row.method.clone());
        let mut bytes = BytesMut::new();
        encode(&expected, &mut bytes).unwrap();
        assert_eq!(bytes.escape_ascii().to_string(), row.frame.escape_ascii().to_string(), "{}", row.method.id());
        for role in takers(&row) {
            assert_eq!(decode_one(row.frame, *role).as_ref(), Ok(&expected));
        }
    }
}

#[test]
fn a_method_in_the_wrong_direction_is_refused() {
    for row in rows() {
        let id = row.method.id();
        for role in [Role::Server, Role::Client] {
            if !takers(&row).contains(&role) {
                let refused = decode_one(row.frame, role).unwrap_err();
                assert_eq!(refused, Malformed::WrongDirection(id));
                assert_eq!((refused.reply_code().code(), refused.method()), (503, id));
            }
        }
    }
}

#[test]
fn a_prefix_is_no_frame() {
    for row in rows() {
        for cut in 0..row.frame.len() {
            let mut input = BytesMut::from(&row.frame[..cut]);
            assert_eq!(decode(&mut input, &LIMITS, takers(&row)[0]), Ok(None));
            assert_eq!(input, row.frame[..cut]);
        }
    }
}

#[test]
fn arguments_that_are_too_short_or_too_long_are_syntax_errors() {
    for row in rows() {
        let (id, role) = (row.method.id(), takers(&row)[0]);
        let payload = &row.frame[7..row.frame.len() - 1];
        for cut in 4..payload.len() {
            let refused = decode_one(&frame(1, row.channel, &payload[..cut]), role).unwrap_err();
            assert_eq!(refused, Malformed::Arguments(id, Syntax::Truncated), "{cut} bytes");
            assert_eq!((refused.reply_code().code(), refused.method()), (502, id));
        }
        let longer = [payload, &[0]].concat();
        let refused = decode_one(&frame(1, row.channel, &longer), role).unwrap_err();
        assert_eq!(refused, Malformed::Arguments(id, Syntax::TrailingBytes));
    }
}

#[test]
fn reserved_arguments_are_read_over() {
    let publish = b"\x00\x3c\x00\x28\x12\x34\x00\x01k\x00";
    let plain = b"\x00\x3c\x00\x28\x00\x00\x00\x01k\x00";
    let expected = decode_one(&frame(1, 1, plain), Role::Server).unwrap();
    assert_eq!(decode_one(&frame(1, 1, publish), Role::Server), Ok(expected));
    let open = b"\x00\x0a\x00\x28\x01/\x03cap\x01";
    let plain = b"\x00\x0a\x00\x28\x01/\x00\x00";
    let expected = decode_one(&frame(1, 0, plain), Role::Server).unwrap();
    assert_eq!(decode_one(&frame(1, 0, open), Role::Server), Ok(expected));
}

#[test]
fn methods_are_called_as_rabbitmq_calls_them() {
    assert_eq!(MethodId::new(60, 40).to_string(), "basic.publish");
    assert_eq!(MethodId::new(40, 51).to_string(), "exchange.unbind-ok");
    assert_eq!(MethodId::new(60, 41).to_string(), "60.41");
}
