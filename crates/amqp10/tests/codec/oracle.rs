//! A codec that others have written agrees: what we write it reads as the same, and what it writes of
//! performatives we do.

use amqp10::codec::{
    AmqpError, DeliveryState, Fields, Frame, Kind, Outcome, Performative, Source, Target, Transactional, Value,
    encode_value,
};
use bytes::BytesMut;
use fe2o3_amqp_types::performatives::Performative as TheirPerformative;
use proptest::prelude::*;
use serde_amqp::Value as Theirs;
use serde_amqp::descriptor::Descriptor;

use crate::{decode_one, encoded_body, framed, generate};

proptest! {
    #[test]
    fn values(value in generate::value().prop_filter("what the other has no form for", is_plain)) {
        let mut ours = BytesMut::new();
        encode_value(&value, &mut ours);
        let theirs: Theirs = serde_amqp::from_slice(&ours).unwrap();
        prop_assert!(is_same(&value, &theirs), "{theirs:?}");
    }

    #[test]
    fn performatives(performative in generate::performative().prop_map(without_values)) {
        let ours = encoded_body(&performative);
        let theirs: TheirPerformative = serde_amqp::from_slice(&ours).unwrap();
        let again = serde_amqp::to_vec(&theirs).unwrap();
        let Frame { performative: same, .. } = decode_one(&framed(0, &again)).unwrap();
        prop_assert_eq!(same, Some(performative));
    }
}

/// Their maps have no duplicate keys, their descriptors are numbers and names, and of arrays they read those that have
/// elements, and these no elements, no descriptors and at least a byte.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(is_plain),
        Value::Map(map) => {
            let unlike =
                |(index, (key, _)): (usize, &(Value, Value))| map[..index].iter().all(|(other, _)| other != key);
            map.iter().enumerate().all(unlike) && map.iter().all(|(key, value)| is_plain(key) && is_plain(value))
        }
        Value::Array(array) => {
            let has_others = matches!(array.kind, Kind::Null | Kind::List | Kind::Map | Kind::Array);
            array.descriptors.is_empty() && !array.items.is_empty() && !has_others
        }
        Value::Described(described) => is_plain(&described.value),
        _ => true,
    }
}

fn is_same(ours: &Value, theirs: &Theirs) -> bool {
    let all = |ours: &[Value], theirs: &[Theirs]| {
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| is_same(ours, theirs))
    };
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
        (Value::Ubyte(ours), Theirs::Ubyte(theirs)) => ours == theirs,
        (Value::Ushort(ours), Theirs::Ushort(theirs)) => ours == theirs,
        (Value::Uint(ours), Theirs::Uint(theirs)) => ours == theirs,
        (Value::Ulong(ours), Theirs::Ulong(theirs)) => ours == theirs,
        (Value::Byte(ours), Theirs::Byte(theirs)) => ours == theirs,
        (Value::Short(ours), Theirs::Short(theirs)) => ours == theirs,
        (Value::Int(ours), Theirs::Int(theirs)) => ours == theirs,
        (Value::Long(ours), Theirs::Long(theirs)) => ours == theirs,
        (Value::Float(ours), Theirs::Float(theirs)) => ours == &**theirs,
        (Value::Double(ours), Theirs::Double(theirs)) => ours == &**theirs,
        (Value::Decimal32(ours), Theirs::Decimal32(theirs)) => ours == theirs.as_inner(),
        (Value::Decimal64(ours), Theirs::Decimal64(theirs)) => ours == theirs.as_inner(),
        (Value::Decimal128(ours), Theirs::Decimal128(theirs)) => ours == theirs.as_inner(),
        (Value::Char(ours), Theirs::Char(theirs)) => ours == theirs,
        (Value::Timestamp(ours), Theirs::Timestamp(theirs)) => *ours == theirs.milliseconds(),
        (Value::Uuid(ours), Theirs::Uuid(theirs)) => ours == theirs.as_inner(),
        (Value::Binary(ours), Theirs::Binary(theirs)) => ours == &theirs[..],
        (Value::String(ours), Theirs::String(theirs)) => *ours == theirs.as_str(),
        (Value::Symbol(ours), Theirs::Symbol(theirs)) => *ours == theirs.as_str(),
        (Value::List(ours), Theirs::List(theirs)) => all(ours, theirs),
        (Value::Array(ours), Theirs::Array(theirs)) => all(&ours.items, &theirs.0),
        (Value::Map(ours), Theirs::Map(theirs)) => {
            let pairs = ours.iter().zip(theirs.iter());
            ours.len() == theirs.len()
                && pairs.into_iter().all(|(ours, theirs)| is_same(&ours.0, theirs.0) && is_same(&ours.1, theirs.1))
        }
        (Value::Described(ours), Theirs::Described(theirs)) => {
            let descriptor = match (&ours.descriptor, &theirs.descriptor) {
                (Value::Ulong(ours), Descriptor::Code(theirs)) => ours == theirs,
                (Value::Symbol(ours), Descriptor::Name(theirs)) => *ours == theirs.as_str(),
                _ => false,
            };
            descriptor && is_same(&ours.value, &theirs.value)
        }
        _ => false,
    }
}

/// Values are compared by themselves; here only their places would be.
fn without_values(mut performative: Performative) -> Performative {
    match &mut performative {
        Performative::Open(open) => open.properties = Fields::default(),
        Performative::Begin(begin) => begin.properties = Fields::default(),
        Performative::Attach(attach) => {
            attach.properties = Fields::default();
            attach.unsettled.truncate(1);
            attach.unsettled.iter_mut().filter_map(|(_, state)| state.as_mut()).for_each(strip_state);
            attach.source.iter_mut().for_each(strip_source);
            match &mut attach.target {
                Some(Target::Node(node)) => node.dynamic_node_properties = Fields::default(),
                // They know only those that the specification has.
                Some(Target::Coordinator(coordinator)) => coordinator.capabilities.clear(),
                None => {}
            }
        }
        Performative::Flow(flow) => flow.properties = Fields::default(),
        Performative::Transfer(transfer) => transfer.state.iter_mut().for_each(strip_state),
        Performative::Disposition(disposition) => disposition.state.iter_mut().for_each(strip_state),
        Performative::Detach(detach) => detach.error.iter_mut().for_each(strip_error),
        Performative::End(end) => end.error.iter_mut().for_each(strip_error),
        Performative::Close(close) => close.error.iter_mut().for_each(strip_error),
    }
    performative
}

fn strip_source(source: &mut Source) {
    source.dynamic_node_properties = Fields::default();
    source.filter = Fields::default();
    source.default_outcome.iter_mut().for_each(strip_outcome);
}

fn strip_state(state: &mut DeliveryState) {
    match state {
        DeliveryState::Outcome(outcome) => strip_outcome(outcome),
        DeliveryState::Transactional(Transactional { outcome, .. }) => outcome.iter_mut().for_each(strip_outcome),
        DeliveryState::Received(_) => {}
    }
}

fn strip_outcome(outcome: &mut Outcome) {
    match outcome {
        Outcome::Rejected(Some(error)) => strip_error(error),
        Outcome::Modified(modified) => modified.message_annotations.clear(),
        _ => {}
    }
}

fn strip_error(error: &mut AmqpError) {
    error.info = Fields::default();
}
