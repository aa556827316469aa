//! Requests of the admin channel, carried out by a real broker.

use std::sync::Arc;

use bytes::Bytes;
use model::{Converted, Encoding, EncodingId, Encodings, Hub, HubBody, HubProperties, Message, Scalar, Value};
use serde_json::{Value as Json, json};

use crate::harness::{Bench, NOW, queue};

fn named(items: &[Json]) -> Vec<&str> {
    items.iter().map(|item| item["name"].as_str().unwrap()).collect()
}

fn bodies(items: &[Json]) -> Vec<&str> {
    items.iter().map(|item| item["body"].as_str().unwrap()).collect()
}

/// `body-0`, `body-1`, … in the queue `orders`.
fn filled(count: usize) -> Bench {
    let mut bench = Bench::new();
    bench.items(&json!({"id": 1, "command": "create", "queue": "orders"}));
    for n in 0..count {
        bench.publish(queue("orders", &format!("body-{n}")));
    }
    bench
}

#[test]
fn a_queue_lives_and_dies() {
    let mut bench = Bench::new();
    let create = json!({"id": 1, "command": "create", "queue": "orders.eu", "max_length": 2, "dead_letter": "dead",
        "max_deliveries": 3, "ttl": 60_000, "overflow": "drop-head"});
    let made = json!({"name": "orders.eu", "alias": "orders-eu", "created": true});
    assert_eq!(bench.items(&create), [made]);
    assert_eq!(bench.items(&create)[0]["created"], false);
    let different = json!({"id": 2, "command": "create", "queue": "orders.eu"});
    assert!(bench.error(&different).contains("exists with another"), "another length limit");

    let sent = bench.items(&json!({"id": 3, "command": "send", "queue": "orders.eu", "body": "hi", "count": 3}));
    assert_eq!(sent, [json!({"sent": 3, "unrouted": 0})]);
    let detail = &bench.items(&json!({"id": 4, "command": "queue", "queue": "orders.eu"}))[0];
    assert_eq!((&detail["ready"], &detail["dropped"], &detail["enqueued"]), (&json!(2), &json!(1), &json!(3)));
    assert_eq!(detail["created"], NOW.0);
    let settings = &detail["settings"];
    assert_eq!((&settings["max_length"], &settings["overflow"]), (&json!(2), &json!("drop-head")));
    assert_eq!((&settings["dead_letter"], &settings["max_deliveries"]), (&json!("dead"), &json!(3)));
    assert_eq!((&settings["ttl"], &settings["lifetime"]), (&json!(60_000), &json!("permanent")));

    assert_eq!(bench.items(&json!({"id": 5, "command": "purge", "queue": "orders.eu"})), [json!({"count": 2})]);
    bench.items(&json!({"id": 6, "command": "send", "queue": "orders.eu", "body": "hi"}));
    let if_empty = json!({"id": 7, "command": "delete", "queue": "orders.eu", "if_empty": true});
    assert_eq!(bench.error(&if_empty), "\"orders.eu\" is not empty");
    assert_eq!(bench.items(&json!({"id": 8, "command": "delete", "queue": "orders.eu"})), [json!({"count": 1})]);
    assert_eq!(bench.error(&json!({"id": 9, "command": "queue", "queue": "orders.eu"})), "no queue \"orders.eu\"");
}

#[test]
fn status_counts() {
    let mut bench = filled(3);
    let status = &bench.items(&json!({"id": 1, "command": "status"}))[0];
    let expected = [("connections", 2), ("queues", 1), ("messages", 3), ("published", 3), ("bytes", 18)];
    for (name, number) in expected {
        assert_eq!(status[name], number, "{name}");
    }
    assert_eq!((&status["now"], &status["alarm"]), (&json!(NOW.0), &Json::Null));
}

#[test]
fn queues_are_listed_in_order_of_name() {
    let mut bench = Bench::new();
    for name in ["b", "a.2", "a.1"] {
        bench.items(&json!({"id": 1, "command": "create", "queue": name}));
    }
    assert_eq!(named(&bench.items(&json!({"id": 1, "command": "queues"}))), ["a.1", "a.2", "b"]);
    assert_eq!(named(&bench.items(&json!({"id": 1, "command": "queues", "prefix": "a."}))), ["a.1", "a.2"]);
    let elsewhere = json!({"id": 1, "command": "queues", "namespace": 7});
    assert!(bench.items(&elsewhere).is_empty());
}

#[test]
fn a_long_list_waits_for_its_reader() {
    const QUEUES: usize = 6_000;
    let mut bench = Bench::new();
    for n in 0..QUEUES {
        bench.publish(queue(&format!("queue-{n:05}"), ""));
    }
    bench.receive(b"{\"id\":1,\"command\":\"queues\"}\n").unwrap();
    assert!(bench.output.len() < 1_100_000, "{} bytes at once", bench.output.len());
    let lines = bench.lines();
    assert_eq!(lines.len(), QUEUES + 1);
    assert_eq!(lines[QUEUES]["done"], true);
}

#[test]
fn peeking_takes_nothing() {
    let mut bench = filled(50);
    let some = bench.items(&json!({"id": 1, "command": "peek", "queue": "orders", "count": 40}));
    let expected: Vec<String> = (0..40).map(|n| format!("body-{n}")).collect();
    assert_eq!(bodies(&some), expected);
    // A multiple of the portions, one more than there are, none, and far more.
    for (count, shown) in [(48, 48), (51, 50), (0, 0), (1_000_000, 50)] {
        let items = bench.items(&json!({"id": 1, "command": "peek", "queue": "orders", "count": count}));
        assert_eq!(items.len(), shown, "{count}");
    }
    assert_eq!(bench.items(&json!({"id": 1, "command": "status"}))[0]["messages"], 50);
    assert_eq!(bench.items(&json!({"id": 1, "command": "status"}))[0]["consumers"], 0);
    assert_eq!(bench.error(&json!({"id": 1, "command": "peek", "queue": "nope"})), "no queue \"nope\"");
}

#[test]
fn a_peek_waits_for_its_reader() {
    let mut bench = Bench::new();
    let body = "\"".repeat(60_000);
    for _ in 0..200 {
        bench.publish(queue("big", &body));
    }
    bench.receive(b"{\"id\":1,\"command\":\"peek\",\"queue\":\"big\",\"count\":200}\n").unwrap();
    assert!(bench.output.len() < 4 << 20, "{} bytes at once", bench.output.len());
    assert_eq!(bench.lines().len(), 201);
}

#[test]
fn messages_are_sent_as_asked() {
    let mut bench = filled(0);
    let send = |more: Json| {
        let mut request = json!({"id": 1, "command": "send", "queue": "orders"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    bench.items(&send(json!({"body": "later", "delay": 5_000})));
    bench.items(&send(json!({"body": "soon", "ttl": 1_000, "priority": 9, "durable": true})));
    bench.items(&send(json!({"body_base64": "AP8="})));
    bench.items(&send(json!({})));
    let peek = json!({"id": 1, "command": "peek", "queue": "orders", "count": 9});
    let items = bench.items(&peek);
    assert_eq!(items.len(), 3);
    let first = &items[0];
    assert_eq!((&first["body"], &first["priority"], &first["durable"]), (&json!("soon"), &json!(9), &json!(true)));
    assert_eq!((&first["expires"], &first["encoding"]), (&json!(NOW.0 + 1_000), &json!("plain")));
    assert_eq!((&items[1]["body_base64"], &items[1]["body_bytes"]), (&json!("AP8="), &json!(2)));
    assert_eq!(items[2]["body"], "");
    bench.now = NOW.plus(5_000);
    let items = bench.items(&peek);
    assert_eq!((items.len(), &items[0]["body"]), (3, &json!("later")), "one came, one expired");

    for (wrong, error) in [
        (json!({"body": "a", "body_base64": "AA=="}), "give either body or body_base64"),
        (json!({"body_base64": "?"}), "the body is not base64"),
        (json!({"priority": 10}), "priority over the limit of 9"),
        (json!({"topic": "a"}), "name either a queue or a topic"),
        (json!({"queue": null, "topic": "a.*"}), "wildcards"),
        (json!({"queue": null, "topic": "a.".repeat(200)}), "levels of a topic"),
        (json!({"queue": "typo"}), "no queue \"typo\""),
        (json!({"count": 0}), "messages of one request"),
    ] {
        let text = bench.error(&send(wrong.clone()));
        assert!(text.contains(error), "{wrong}: {text}");
    }
    let nobody = bench.items(&json!({"id": 1, "command": "send", "topic": "a.b", "body": "x"}));
    assert_eq!(nobody, [json!({"sent": 1, "unrouted": 1})]);
}

#[test]
fn a_full_queue_says_how_many_went_in() {
    let mut bench = Bench::new();
    bench.items(&json!({"id": 1, "command": "create", "queue": "small", "max_length": 300}));
    let error = bench.error(&json!({"id": 1, "command": "send", "queue": "small", "body": "x", "count": 1_000}));
    assert_eq!(error, "queue \"small\" is full (300 of 1000 were sent)");
    let alone = bench.error(&json!({"id": 1, "command": "send", "queue": "small", "body": "x"}));
    assert_eq!(alone, "queue \"small\" is full");
}

#[test]
fn messages_move_in_portions() {
    let mut bench = filled(2_500);
    bench.items(&json!({"id": 1, "command": "create", "queue": "other"}));
    let some = json!({"id": 1, "command": "move", "from": "orders", "to": "other", "max": 1_200});
    assert_eq!(bench.items(&some), [json!({"count": 1_200})]);
    let rest = json!({"id": 1, "command": "move", "from": "orders", "to": "other"});
    assert_eq!(bench.items(&rest), [json!({"count": 1_300})]);
    assert_eq!(bench.items(&rest), [json!({"count": 0})]);
    assert_eq!(bench.items(&json!({"id": 1, "command": "queue", "queue": "other"}))[0]["ready"], 2_500);
    let itself = json!({"id": 1, "command": "move", "from": "other", "to": "other"});
    assert_eq!(bench.error(&itself), "a queue cannot be moved into itself");
}

#[test]
fn requests_are_answered_in_order() {
    let mut bench = filled(1);
    let many = concat!(
        r#"{"id":1,"command":"peek","queue":"orders"}"#,
        "\n\r\n \n{broken\n",
        r#"{"id":2,"command":"purge","queue":"orders"}"#,
        "\r\n[]\n",
        r#"{"id":3,"command":"connections"}"#,
        "\n{\"id\":4,"
    );
    bench.receive(many.as_bytes()).unwrap();
    let lines = bench.lines();
    let ids: Vec<&Json> = lines.iter().map(|line| &line["id"]).collect();
    let expected = [json!(1), json!(1), Json::Null, json!(2), json!(2), Json::Null, json!(3), json!(3), json!(3)];
    assert_eq!(ids, expected.iter().collect::<Vec<_>>());
    let error = lines[2]["error"].as_str().unwrap();
    assert!(error.starts_with("malformed request: "), "{error}");
    let protocols: Vec<&Json> = lines[6..8].iter().map(|line| &line["item"]["protocol"]).collect();
    assert_eq!(protocols, ["admin", "admin"]);
    bench.receive(b"\"command\":\"queues\"}\n").unwrap();
    assert_eq!(named(&[bench.lines()[0]["item"].clone()]), ["orders"]);
}

#[test]
fn dead_letters_tell_their_history() {
    let mut bench = Bench::new();
    bench.items(&json!({"id": 1, "command": "create", "queue": "orders", "ttl": 1_000, "dead_letter": "dead"}));
    bench.publish(queue("orders", "late"));
    let peek = json!({"id": 1, "command": "peek", "queue": "orders"});
    assert_eq!(bench.items(&peek)[0].get("deaths"), None);
    bench.now = NOW.plus(1_500);
    assert_eq!(bench.items(&peek).len(), 0);
    let item = &bench.items(&json!({"id": 1, "command": "peek", "queue": "dead"}))[0];
    let death = json!({"queue": "orders", "reason": "expired", "count": 1, "time": NOW.0 + 1_500, "exchange": "",
        "key": "orders"});
    assert_eq!((&item["body"], &item["deaths"]), (&json!("late"), &json!([death])));
}

/// One property of every kind that is shown differently.
struct Rich;

impl Encoding for Rich {
    fn id(&self) -> EncodingId {
        EncodingId::MQTT
    }

    fn decode(&self, message: &Message) -> Hub {
        let properties = HubProperties {
            message_id: Some(Value::Ulong(7)),
            user_id: Some(Bytes::from_static(b"me")),
            content_type: Some("text/plain".into()),
            group_sequence: Some(3),
            ..HubProperties::default()
        };
        let twice = |value: &str| ("colour".to_owned(), Value::String(value.into()));
        Hub {
            annotations: vec![("x-opt-delay".into(), Value::Timestamp(9))],
            properties,
            application_properties: vec![twice("red"), twice("blue")],
            body: HubBody::Value(Value::List(vec![Value::Int(message.body.len() as i32)])),
            ..Hub::default()
        }
    }

    fn encode(&self, _: &Hub, _: model::Time) -> Result<Converted, model::Unconvertible> {
        Err(model::Unconvertible("nothing"))
    }

    fn property<'a>(&self, _: &'a Message, _: &str) -> Scalar<'a> {
        Scalar::Null
    }
}

#[test]
fn properties_are_shown_through_the_hub() {
    let mut encodings = Encodings::default();
    encodings.register(Arc::new(Rich));
    let mut bench = Bench::with(encodings);
    bench.publish(Message { encoding: EncodingId::MQTT, ..queue("orders", "four") });
    let item = &bench.items(&json!({"id": 1, "command": "peek", "queue": "orders"}))[0];
    let properties = json!({"message_id": 7, "user_id": {"base64": "bWU="}, "content_type": "text/plain",
        "group_sequence": 3});
    assert_eq!(item["properties"], properties);
    assert_eq!(item["annotations"], json!([["x-opt-delay", {"timestamp": 9}]]));
    assert_eq!(item["application_properties"], json!([["colour", "red"], ["colour", "blue"]]));
    assert_eq!((&item["body_value"], &item["body_bytes"]), (&json!([4]), &json!(4)));
    assert_eq!(item["encoding"], "mqtt");
}
