//! `ReceiveMessage`: what is fetched, and how messages of all protocols look.

use std::sync::Arc;

use bytes::Bytes;
use model::{
    Address, Command, Converted, Death, DeathReason, Effect, Encoding, EncodingId, Encodings, Exchange, Fetch, Header,
    History, Hub, HubBody, Lease, Message, Namespace, Outcome, QueueRef, Refusal, Reply, Scalar, Settlement, Tally,
    Time, Token, Unconvertible,
};
use serde_json::{Value, json};

use crate::harness::{
    Client, ORDERS, START, URL, client, client_of, deliver, drained, orders_with, question, service_with,
};
use crate::send::published;

#[track_caller]
fn fetched(command: Command) -> Fetch {
    match command {
        Command::Fetch(fetch) => *fetch,
        other => panic!("no fetch: {other:?}"),
    }
}

fn receive(more: Value) -> Value {
    let mut input = json!({"QueueUrl": URL, "WaitTimeSeconds": 0});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// A message as a client of SQS sends it.
fn sent(client: &mut Client, more: Value) -> Arc<Message> {
    let mut input = json!({"QueueUrl": URL, "MessageBody": "msg"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.ask("SendMessage", input);
    let (token, message) = published(client.command());
    client.apply(Effect::Confirm { token, message: model::MessageNumber(101), routed: true });
    client.success();
    message
}

/// What a receive with this input answers when `messages` are there.
fn received(client: &mut Client, more: Value, messages: &[Arc<Message>]) -> Value {
    client.ask("ReceiveMessage", receive(more));
    let fetch = fetched(client.command());
    client.reply(fetch.token, Reply::Fetching { queue: ORDERS, ready: 1 });
    messages.iter().zip(1..).for_each(|(message, seq)| client.apply(deliver(Arc::clone(message), seq)));
    client.apply(drained());
    client.success()
}

fn foreign(address: Address, body: impl Into<Bytes>) -> Arc<Message> {
    Arc::new(Message {
        address,
        header: Header::default(),
        encoding: EncodingId::PLAIN,
        properties: Bytes::new(),
        body: body.into().into(),
    })
}

#[test]
fn a_receive_is_one_fetch_under_a_deadline() {
    let mut client = client();
    client.ask("ReceiveMessage", receive(json!({})));
    let fetch = fetched(client.command());
    assert_eq!(fetch.queue, QueueRef::Named(Namespace(0), "orders".into()));
    assert_eq!((fetch.max, fetch.settlement, fetch.lease), (1, Settlement::Explicit, Lease::Deadline(None)));
    assert_eq!(fetch.until, None);
    client.apply(drained());
    assert_eq!(client.success(), json!({}), "no key without a message");
    let input = json!({"MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "WaitTimeSeconds": 20});
    client.ask("ReceiveMessage", receive(input));
    let fetch = fetched(client.command());
    assert_eq!((fetch.max, fetch.lease), (10, Lease::Deadline(Some(0))));
    assert_eq!(fetch.until, Some(START.plus(20_000)));
}

#[test]
fn the_queue_says_how_long_to_wait_if_the_request_does_not() {
    let mut client = client();
    for known in [false, true] {
        client.ask("ReceiveMessage", json!({"QueueUrl": URL}));
        if !known {
            client.describe(orders_with(&[("ReceiveMessageWaitTimeSeconds", "7")]));
        }
        assert_eq!(fetched(client.command()).until, Some(client.now.plus(7_000)));
        client.apply(drained());
        client.success();
    }
    client.now = START.plus(2_000);
    client.ask("ReceiveMessage", json!({"QueueUrl": URL}));
    let (token, _) = question(client.command());
    client.refuse(token, Refusal::NoSuchQueue("orders".to_owned()));
    client.fails_no_such_queue();
}

#[test]
fn numbers_out_of_range_are_refused_in_the_words_of_aws() {
    let mut client = client();
    for (name, value, reason) in [
        ("MaxNumberOfMessages", 11, "Must be between 1 and 10, if provided."),
        ("MaxNumberOfMessages", 0, "Must be between 1 and 10, if provided."),
        ("WaitTimeSeconds", 21, "Must be >= 0 and <= 20, if provided."),
        ("WaitTimeSeconds", -1, "Must be >= 0 and <= 20, if provided."),
        ("VisibilityTimeout", 43_201, "Must be between 0 and 43200, if provided."),
    ] {
        client.ask("ReceiveMessage", receive(json!({name: value})));
        client.fails_invalid(&format!("Value {value} for parameter {name} is invalid. Reason: {reason}"));
    }
    client.ask("ReceiveMessage", receive(json!({"MessageSystemAttributeNames": ["Nonsense"]})));
    client.fails(400, "InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute Nonsense.");
    assert!(client.commands().is_empty());
}

#[test]
fn a_message_comes_back_as_it_was_sent() {
    let mut client = client();
    let attributes = json!({
        "Foo": {"DataType": "String", "StringValue": "Bar"},
        "Image": {"DataType": "Binary.png", "BinaryValue": "AAH/"},
        "Count": {"DataType": "Number", "StringValue": "42"},
    });
    let trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1";
    let system = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": trace}});
    let message = sent(
        &mut client,
        json!({
            "MessageBody": "a \"b\"\r\n\t\\ é😀", "MessageAttributes": attributes, "MessageSystemAttributes": system,
            "MessageGroupId": "tenant",
        }),
    );
    let input = json!({"AttributeNames": ["All"], "MessageAttributeNames": ["All"]});
    let answer = received(&mut client, input, &[message]);
    let received = &answer["Messages"][0];
    assert_eq!(received["Body"], "a \"b\"\r\n\t\\ é😀");
    assert_eq!(received["MD5OfBody"], "e2db108ed886cab382d23da0dbf41ac2");
    assert_eq!(received["MessageAttributes"], attributes);
    let expected = json!({
        "SenderId": "000000000000", "SentTimestamp": "1700000000123", "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": "1700000001456", "AWSTraceHeader": trace, "MessageGroupId": "tenant",
    });
    assert_eq!(received["Attributes"], expected);
    assert_eq!(received["ReceiptHandle"].as_str().unwrap().len(), 44);
}

#[test]
fn the_same_message_id_is_told_to_sender_and_receiver() {
    let mut client = client();
    client.ask("SendMessage", json!({"QueueUrl": URL, "MessageBody": "msg"}));
    let (token, message) = published(client.command());
    client.apply(Effect::Confirm { token, message: model::MessageNumber(101), routed: true });
    let id = client.success()["MessageId"].clone();
    let answer = received(&mut client, json!({}), &[message]);
    assert_eq!(answer["Messages"][0]["MessageId"], id);
}

#[test]
fn only_what_is_asked_for_is_told_with_its_own_digest() {
    let mut client = client();
    let string = |value: &str| json!({"DataType": "String", "StringValue": value});
    let attributes = json!({"Help.Me": string("Me"), "Hello": string("There"), "General": string("Kenobi")});
    let message = sent(&mut client, json!({"MessageAttributes": attributes}));
    for (names, count, digest) in [
        (json!(["All"]), 3, Some("4c360f3fdafd970e05fae2f149d997f5")),
        (json!(["Hello", "General"]), 2, Some("fca026605781cb4126a1e9044df24232")),
        (json!(["Foo", "Hello"]), 1, Some("a311262e065454b75da111d535b8dacd")),
        (json!(["Hel.*"]), 2, Some("83fee93c1bcd8b9a5a923ffacdc636c7")),
        (json!(["Foo", "Help"]), 0, None),
        (json!([]), 0, None),
    ] {
        let answer = received(&mut client, json!({"MessageAttributeNames": names}), &[Arc::clone(&message)]);
        let received = &answer["Messages"][0];
        let attributes =
            received.get("MessageAttributes").map_or(0, |attributes| attributes.as_object().unwrap().len());
        assert_eq!((attributes, received.get("MD5OfMessageAttributes").and_then(Value::as_str)), (count, digest));
        assert_eq!(received.get("Attributes"), None);
    }
    let names = json!({"MessageSystemAttributeNames": ["SentTimestamp"], "AttributeNames": ["AWSTraceHeader"]});
    let answer = received(&mut client, names, &[message]);
    assert_eq!(answer["Messages"][0]["Attributes"], json!({"SentTimestamp": "1700000000123"}));
}

#[test]
fn messages_of_other_protocols_are_text_or_base64() {
    let mut client = client();
    let queue = || Address::queue(Namespace(0), "orders".into());
    let topic = Address::topic(Namespace(0), "sensors.1".into());
    let all = json!({"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "AttributeNames": ["All"]});
    let messages = [foreign(queue(), "text"), foreign(topic, vec![0_u8, 159, 146, 150]), foreign(queue(), "\u{1}")];
    let answer = received(&mut client, all, &messages);
    let [text, binary, control] = answer["Messages"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!((&text["Body"], text.get("MessageAttributes")), (&json!("text"), None));
    assert_eq!(text["Attributes"].get("SenderId"), None, "nobody of ours sent it");
    assert_eq!(text["MD5OfBody"], "1cb251ec0d568de6a929b520c4aed8d1");
    assert_eq!(binary["Body"], "AJ+Slg==");
    let string = |value: &str| json!({"DataType": "String", "StringValue": value});
    let expected = json!({"causeway.encoding": string("base64"), "causeway.topic": string("sensors.1")});
    assert_eq!(binary["MessageAttributes"], expected);
    assert_eq!(control["Body"], "AQ==");
}

#[test]
fn what_sqs_cannot_carry_is_a_dead_letter_with_the_reason() {
    let mut client = client();
    let queue = || Address::queue(Namespace(0), "orders".into());
    client.ask("ReceiveMessage", receive(json!({"MaxNumberOfMessages": 10})));
    fetched(client.command());
    client.apply(deliver(foreign(queue(), vec![0; (1 << 20) + 1]), 1));
    let Command::Settle(settle) = client.command() else { panic!("not settled") };
    assert_eq!((settle.queue, settle.first, settle.last, settle.attempt), (ORDERS, 1, 1, Some(1)));
    assert_eq!(settle.outcome, Outcome::Poison("an SQS body has at most 1 MiB"));
    client.apply(deliver(foreign(queue(), "fine"), 2));
    client.apply(deliver(foreign(queue(), vec![0; 1 << 20]), 3));
    client.apply(drained());
    let Command::Tally(tally) = client.command() else { panic!("not counted") };
    assert_eq!(tally, Tally { undeliverable: 1, ..Tally::default() });
    let answer = client.success();
    let bodies = answer["Messages"].as_array().unwrap().iter().map(|it| it["Body"].as_str().unwrap().len());
    assert_eq!(bodies.collect::<Vec<_>>(), [4, (1_usize << 20).div_ceil(3) * 4]);
}

#[test]
fn a_dead_letter_that_sqs_cannot_carry_stays_for_others() {
    let mut client = client();
    client.ask("ReceiveMessage", receive(json!({})));
    fetched(client.command());
    let Effect::Deliver(mut it) = deliver(foreign(Address::default(), vec![0; (1 << 20) + 1]), 1) else { panic!() };
    let death = Death {
        queue: "orders".into(),
        reason: DeathReason::Undeliverable,
        detail: "why".into(),
        count: 1,
        time: START,
        exchange: Exchange::Default,
        key: "orders".into(),
    };
    it.history = Some(Arc::new(History { deaths: vec![death], ..History::default() }));
    client.apply(Effect::Deliver(it));
    assert_eq!(client.commands().len(), 0, "its lease ends by itself");
    client.apply(drained());
    let commands = client.commands();
    let [Command::Tally(Tally { undeliverable: 1, .. }), Command::Fetch(_)] = &commands[..] else {
        panic!("{commands:?}")
    };
    client.apply(drained());
    assert_eq!(client.success(), json!({}));
}

#[test]
fn behind_what_sqs_cannot_carry_it_looks_for_more() {
    let mut client = client();
    client.ask("ReceiveMessage", receive(json!({"WaitTimeSeconds": 20})));
    let first = fetched(client.command());
    for seq in 1..=5 {
        client.apply(deliver(foreign(Address::default(), vec![0; (1 << 20) + 1]), seq));
        assert!(matches!(client.command(), Command::Settle(_)));
        client.apply(drained());
        let mut commands = client.commands();
        let again = fetched(commands.pop().unwrap());
        assert_eq!((again.token, again.until), (first.token, first.until), "the client waits no longer than it said");
        assert!(matches!(commands[..], [Command::Tally(_)]), "{commands:?}");
    }
    client.apply(deliver(foreign(Address::default(), "x"), 6));
    client.apply(drained());
    assert_eq!(client.success()["Messages"][0]["Body"], "x");

    client.ask("ReceiveMessage", receive(json!({})));
    let mut fetches = 1;
    fetched(client.command());
    while !client.is_answered() {
        client.apply(deliver(foreign(Address::default(), vec![0; (1 << 20) + 1]), 1));
        client.apply(drained());
        fetches += client.commands().iter().filter(|command| matches!(command, Command::Fetch(_))).count();
    }
    assert_eq!(fetches, 101, "but it does not look for ever");
}

#[test]
fn what_conversions_lose_is_told_once_for_all() {
    let mut encodings = Encodings::default();
    encodings.register(Arc::new(Lossy));
    let mut client = client_of(&service_with(encodings));
    let lossy = Arc::new(Message { encoding: EncodingId(99), ..(*foreign(Address::default(), "x")).clone() });
    client.ask("ReceiveMessage", receive(json!({"MaxNumberOfMessages": 10})));
    fetched(client.command());
    for seq in 1..=3 {
        client.apply(deliver(lossy.clone(), seq));
    }
    client.apply(deliver(foreign(Address::default(), "nothing to lose"), 4));
    assert_eq!(client.commands().len(), 0);
    client.apply(drained());
    let Command::Tally(tally) = client.command() else { panic!("not counted") };
    assert_eq!(tally, Tally { lossy: 3, lost: 6, undeliverable: 0 });
}

/// Its messages have a decimal and a body that is a number.
struct Lossy;

impl Encoding for Lossy {
    fn id(&self) -> EncodingId {
        EncodingId(99)
    }

    fn decode(&self, _message: &Message) -> Hub {
        let application_properties = vec![("decimal".to_owned(), model::Value::Decimal32([0; 4]))];
        Hub { body: HubBody::Value(model::Value::Int(5)), application_properties, ..Hub::default() }
    }

    fn encode(&self, _hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        Err(Unconvertible("it is only read"))
    }

    fn property<'a>(&self, _message: &'a Message, _name: &str) -> Scalar<'a> {
        Scalar::Null
    }
}

#[test]
fn a_fetch_that_is_refused_or_cancelled_is_told() {
    let mut client = client();
    client.ask("ReceiveMessage", receive(json!({})));
    let token = fetched(client.command()).token;
    client.refuse(Token(token.0 + 1), Refusal::NotLeased);
    client.refuse(token, Refusal::NoSuchQueue("orders".to_owned()));
    client.fails_no_such_queue();
    let cancelled = || {
        let refusal = Refusal::NoSuchQueue("orders".to_owned());
        Effect::Cancelled { consumer: model::ConsumerIndex(0), refusal }
    };
    client.ask("ReceiveMessage", receive(json!({"WaitTimeSeconds": 20})));
    fetched(client.command());
    client.apply(cancelled());
    client.fails_no_such_queue();
    client.ask("ReceiveMessage", receive(json!({})));
    fetched(client.command());
    client.apply(deliver(foreign(Address::default(), "x"), 1));
    client.apply(cancelled());
    assert_eq!(client.success()["Messages"][0]["Body"], "x", "what was handed out is not lost");
}
