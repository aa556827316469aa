//! Each flag of a method is the bit that the specification gives it.

use amqp091::codec::method::{access, basic, confirm, exchange, queue};
use amqp091::codec::{Method, encode};
use bytes::BytesMut;

type Flag<M> = fn(&mut M) -> &mut bool;

fn frame(method: impl Into<Method>) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(&amqp091::codec::Frame::Method(1, method.into()), &mut bytes).unwrap();
    bytes
}

/// `flags` in the order of the protocol.
fn check<M: Default + Clone + Into<Method>>(flags: &[Flag<M>]) {
    let bare = frame(M::default());
    for (bit, flag) in flags.iter().enumerate() {
        let mut method = M::default();
        *flag(&mut method) = true;
        let octets = frame(method).iter().zip(&bare).map(|(one, other)| one ^ other).collect::<Vec<_>>();
        let changed = octets.iter().filter(|octet| **octet != 0).collect::<Vec<_>>();
        assert_eq!(changed, [&(1 << bit)], "bit {bit} of {:?}", M::default().into());
    }
}

#[test]
fn flags_are_the_bits_of_the_specification() {
    check::<access::Request>(&[
        |m| &mut m.exclusive,
        |m| &mut m.passive,
        |m| &mut m.active,
        |m| &mut m.write,
        |m| &mut m.read,
    ]);
    check::<exchange::Declare>(&[
        |m| &mut m.passive,
        |m| &mut m.durable,
        |m| &mut m.auto_delete,
        |m| &mut m.internal,
        |m| &mut m.no_wait,
    ]);
    check::<exchange::Delete>(&[|m| &mut m.if_unused, |m| &mut m.no_wait]);
    check::<queue::Declare>(&[
        |m| &mut m.passive,
        |m| &mut m.durable,
        |m| &mut m.exclusive,
        |m| &mut m.auto_delete,
        |m| &mut m.no_wait,
    ]);
    check::<queue::Delete>(&[|m| &mut m.if_unused, |m| &mut m.if_empty, |m| &mut m.no_wait]);
    check::<basic::Consume>(&[|m| &mut m.no_local, |m| &mut m.no_ack, |m| &mut m.exclusive, |m| &mut m.no_wait]);
    check::<basic::Publish>(&[|m| &mut m.mandatory, |m| &mut m.immediate]);
    check::<basic::Nack>(&[|m| &mut m.multiple, |m| &mut m.requeue]);
    check::<confirm::Select>(&[|m| &mut m.no_wait]);
}
