//! What AMQP 1.0 messages and dispositions say (2.8.14, 3.2 to 3.4, 4.5).

use std::io;

use super::value::{FALSE, TRUE, Value, binary, composite, described, field, string, uint};
use super::{Role, frame, malformed, number_or_zero};

const DISPOSITION: u8 = 0x15;
const HEADER: u64 = 0x70;
const DATA: u64 = 0x75;
const VALUE: u64 = 0x77;
const ACCEPTED: u8 = 0x24;
const DECLARE: u8 = 0x31;
const DISCHARGE: u8 = 0x32;
const DECLARED: u8 = 0x33;
pub(super) const TRANSACTIONAL: u8 = 0x34;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Accepted,
    /// A transaction was declared, with this id.
    Declared(Vec<u8>),
    /// Accepted within this transaction.
    Transactional(Vec<u8>),
    /// Any other, for people.
    Other(String),
}

/// A durable message of one data section.
pub fn data(body: &[u8]) -> Vec<u8> {
    [durable(), described(DATA as u8, &binary(body))].concat()
}

/// A durable message whose body is a string.
pub fn text(body: &str) -> Vec<u8> {
    [durable(), described(VALUE as u8, &string(body))].concat()
}

/// A message for the coordinator that begins a transaction.
pub fn declare() -> Vec<u8> {
    described(VALUE as u8, &composite(DECLARE, &[]))
}

/// A message for the coordinator that ends a transaction; `fail` rolls it back.
pub fn discharge(transaction: &[u8], fail: bool) -> Vec<u8> {
    described(VALUE as u8, &composite(DISCHARGE, &[&binary(transaction), if fail { TRUE } else { FALSE }]))
}

/// A receiver accepts deliveries `first` to `last`, in a transaction if there is one.
pub fn accept(first: u32, last: u32, settled: bool, transaction: Option<&[u8]>) -> Vec<u8> {
    let accepted = composite(ACCEPTED, &[]);
    let state = match transaction {
        Some(id) => composite(TRANSACTIONAL, &[&binary(id), &accepted]),
        None => accepted,
    };
    let settled = if settled { TRUE } else { FALSE };
    let fields: [&[u8]; 5] = [Role::Receiver.bit(), &uint(first), &uint(last), settled, &state];
    frame(super::AMQP_FRAME, &composite(DISPOSITION, &fields))
}

fn durable() -> Vec<u8> {
    composite(HEADER as u8, &[TRUE])
}

pub(super) fn state(value: &Value) -> State {
    let Value::Described(code, list) = value else { return State::Other(format!("{value:?}")) };
    match (*code as u8, list.fields()) {
        (ACCEPTED, _) => State::Accepted,
        (DECLARED, [Value::Binary(id), ..]) => State::Declared(id.clone()),
        (TRANSACTIONAL, [Value::Binary(id), Value::Described(outcome, _)]) if *outcome == u64::from(ACCEPTED) => {
            State::Transactional(id.clone())
        }
        _ => State::Other(format!("{value:?}")),
    }
}

/// Whether a message says that it was delivered before, and its body: data, or a string or binary.
pub(super) fn read(mut sections: &[u8]) -> io::Result<(bool, Vec<u8>)> {
    let mut redelivered = true;
    let mut body = None;
    while !sections.is_empty() {
        match Value::take(&mut sections)? {
            Value::Described(HEADER, header) => {
                let fields = header.fields();
                redelivered = !field(fields, 3).is_true() || number_or_zero(fields, 4) > 0;
            }
            Value::Described(DATA | VALUE, value) => match *value {
                Value::Binary(bytes) => body.get_or_insert_with(Vec::new).extend(bytes),
                Value::Text(text) => body.get_or_insert_with(Vec::new).extend(text.into_bytes()),
                other => return Err(malformed(&format!("a body {other:?}"))),
            },
            _ => {}
        }
    }
    body.map(|body| (redelivered, body)).ok_or_else(|| malformed("a message without a body"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back() {
        for message in [data(b"body"), text("body")] {
            assert_eq!(read(&message).ok(), Some((true, b"body".to_vec())), "no first-acquirer");
        }
        let header = |count: u32| composite(0x70, &[TRUE, &[0x40], &[0x40], TRUE, &uint(count)]);
        let body = described(0x75, &binary(b"x"));
        assert_eq!(read(&[header(0), body.clone(), body.clone()].concat()).ok(), Some((false, b"xx".to_vec())));
        assert_eq!(read(&[header(1), body].concat()).ok(), Some((true, b"x".to_vec())));
        assert!(read(&header(0)).is_err(), "no body");
    }

    #[test]
    fn states_read_back() {
        let of = |bytes: Vec<u8>| state(&Value::take(&mut &bytes[..]).expect("a value"));
        let accepted = composite(ACCEPTED, &[]);
        assert_eq!(of(accepted.clone()), State::Accepted);
        assert_eq!(of(composite(DECLARED, &[&binary(b"t")])), State::Declared(b"t".to_vec()));
        let transactional = |outcome: &[u8]| composite(TRANSACTIONAL, &[&binary(b"t"), outcome]);
        assert_eq!(of(transactional(&accepted)), State::Transactional(b"t".to_vec()));
        assert!(matches!(of(transactional(&composite(0x26, &[]))), State::Other(_)));
        assert!(matches!(of(composite(0x25, &[])), State::Other(_)));
    }
}
