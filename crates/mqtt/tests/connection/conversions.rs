//! Messages of other protocols.

use std::sync::Arc;

use bytes::Bytes;
use model::{
    Command, Converted, Deliver, Effect, Encoding, EncodingId, Encodings, Hub, HubBody, Message, Outcome, Scalar,
    Settle, Tally, Time, Unconvertible, Value,
};
use mqtt::MqttOptions;
use mqtt::codec::Packet;

use crate::lone::{Lone, deliver, message};
use crate::packets::{Q1, clean, suback, subscribe};

/// Its messages are a number, of which one property says that it is one.
struct Numbers;

impl Encoding for Numbers {
    fn id(&self) -> EncodingId {
        EncodingId::AMQP_10
    }

    fn decode(&self, message: &Message) -> Hub {
        let body = HubBody::Value(Value::Int(message.body.len() as i32));
        let application_properties = vec![("is".to_owned(), Value::String("a number".to_owned()))];
        Hub { body, application_properties, ..Hub::default() }
    }

    fn encode(&self, _hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        Err(Unconvertible("it is only read"))
    }

    fn property<'a>(&self, _message: &'a Message, _name: &str) -> Scalar<'a> {
        Scalar::Null
    }
}

fn subscriber(filter: &str) -> Lone {
    let mut encodings = Encodings::default();
    encodings.register(Arc::new(Numbers));
    let mut lone = Lone::connected_with(clean("a"), MqttOptions::new(encodings));
    let commands = lone.send(subscribe(1, &[(filter, Q1)]));
    lone.accept(&commands);
    assert_eq!(lone.said(), [suback(1, &[1])]);
    lone
}

fn number(seq: u64, size: usize) -> Deliver {
    let message = message("a", 1, vec![0; size]);
    deliver(seq, Message { encoding: EncodingId::AMQP_10, ..message }, 1)
}

#[test]
fn what_is_lost_on_the_way_is_told_once_for_all() {
    let mut lone = subscriber("a");
    for seq in 1..=3 {
        assert_eq!(lone.apply(Effect::Deliver(number(seq, 42))).len(), 0);
    }
    let own = Message { encoding: EncodingId::MQTT, ..message("a", 1, "x") };
    assert_eq!(lone.apply(Effect::Deliver(deliver(4, own, 1))).len(), 0);
    let commands = lone.peer.flush();
    let [model::Envelope { command: Command::Tally(tally), .. }] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(*tally, Tally { lossy: 3, lost: 6, undeliverable: 0 }, "its type and its property");
    let payloads = lone.peer.read().into_iter().map(|packet| match packet {
        Packet::Publish(publish) => publish.payload,
        other => panic!("{other:?}"),
    });
    assert_eq!(payloads.collect::<Vec<_>>(), ["42", "42", "42", "x"].map(Bytes::from));
}

#[test]
fn what_a_shared_queue_holds_and_mqtt_cannot_say_is_a_dead_letter_with_the_reason() {
    let mut lone = subscriber("$queue/1");
    let piece = Bytes::from(vec![0; 1 << 20]);
    let endless = Message { body: (0..257).map(|_| piece.clone()).collect(), ..message("1", 1, "") };
    let mut it = deliver(1, endless, 1);
    it.consumer = model::ConsumerIndex(1);
    it.delivery.queue = crate::lone::queue(1);
    let commands = lone.apply(Effect::Deliver(it));
    let [Command::Settle(Settle { first: 1, last: 1, outcome, .. }), Command::Tally(tally), Command::Credit { .. }] =
        commands[..]
    else {
        panic!("{commands:?}")
    };
    assert_eq!(outcome, Outcome::Poison("the message is longer than an MQTT packet can be"));
    assert_eq!(tally, Tally { lossy: 0, lost: 0, undeliverable: 1 });
    assert_eq!(lone.said(), []);
}
