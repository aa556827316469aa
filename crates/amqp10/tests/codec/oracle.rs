//! A codec that others have written agrees: what we write it reads, and what it writes of that we read as the same.

use amqp10::codec::{
    AmqpError, DeliveryState, Fields, Frame, Outcome, Performative, Source, Target, Transactional, Value, decode_value,
    encode_value,
};
use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::performatives::Performative as TheirPerformative;
use proptest::prelude::*;

use crate::{decode_one, encoded_body, framed, generate};

proptest! {
    #[test]
    fn values(value in generate::value().prop_filter("what the other has no form for", is_plain)) {
        let mut ours = BytesMut::new();
        encode_value(&value, &mut ours);
        let theirs: serde_amqp::Value = serde_amqp::from_slice(&ours).unwrap();
        let again = Bytes::from(serde_amqp::to_vec(&theirs).unwrap());
        prop_assert_eq!(decode_value(&again).unwrap(), value);
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

/// Their maps have no duplicate keys, their arrays no descriptors and no type while they are empty, and what follows a
/// described timestamp becomes one.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Described(described) => is_bare(&described.descriptor) && is_bare(&described.value),
        value => is_bare(value),
    }
}

fn is_bare(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(is_bare),
        Value::Map(map) => {
            let unlike =
                |(index, (key, _)): (usize, &(Value, Value))| map[..index].iter().all(|(other, _)| other != key);
            map.iter().enumerate().all(unlike) && map.iter().all(|(key, value)| is_bare(key) && is_bare(value))
        }
        Value::Array(_) | Value::Described(_) => false,
        _ => true,
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
