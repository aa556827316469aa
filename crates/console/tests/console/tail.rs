//! Answers that do not end.

use model::{CloseReason, Message};
use serde_json::{Value as Json, json};

use crate::harness::{Bench, queue, topic};

fn bodies(lines: &[Json]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["item"]["body"].as_str()).collect()
}

#[test]
fn topics_are_shown_as_they_come() {
    let mut bench = Bench::new();
    let lines = bench.ask(&json!({"id": 5, "command": "tail", "topic": "plant.*.heat"}));
    assert_eq!(lines, [json!({"id": 5, "note": "listening"})]);
    bench.publish(topic("plant.1.heat", "21"));
    bench.publish(topic("plant.1.light", "dim"));
    let durable = model::Header { durable: true, ..model::Header::default() };
    bench.publish(Message { header: durable, ..topic("plant.2.heat", "22") });
    let lines = bench.lines();
    assert_eq!(bodies(&lines), ["21", "22"]);
    let item = &lines[0]["item"];
    assert_eq!((&item["exchange"], &item["key"]), (&json!("amq.topic"), &json!("plant.1.heat")));
    assert_eq!(bench.broker.status(bench.now).messages, 0, "nothing waits for an acknowledgement");
    bench.close(CloseReason::Disconnected);
    assert_eq!(bench.broker.status(bench.now).queues, 0, "its queue went with it");
}

#[test]
fn a_slow_reader_misses_the_oldest() {
    const MESSAGES: usize = 30_000;
    let mut bench = Bench::new();
    bench.ask(&json!({"id": 1, "command": "tail", "topic": "#"}));
    let filler = "x".repeat(40_000);
    for n in 0..60 {
        bench.publish(topic("big", &format!("{n} {filler}")));
    }
    for n in 0..MESSAGES {
        bench.publish(topic("small", &n.to_string()));
    }
    assert!(bench.output.len() < 4 << 20, "{} bytes wait", bench.output.len());
    assert!(bench.broker.status(bench.now).messages <= 10_000);
    let lines = bench.lines();
    let missed: u64 = lines.iter().filter_map(|line| line["item"]["missed"].as_u64()).sum();
    let shown = bodies(&lines);
    assert_eq!(shown.last(), Some(&"29999"));
    assert!(missed > 0);
    assert_eq!(missed as usize + shown.len(), MESSAGES + 60);
    bench.publish(topic("small", "again"));
    assert_eq!(bodies(&bench.lines()), ["again"]);
}

#[test]
fn a_fast_reader_misses_nothing() {
    let mut bench = Bench::new();
    bench.ask(&json!({"id": 1, "command": "tail", "topic": "#"}));
    for n in 0..1_000 {
        bench.publish(topic("small", &n.to_string()));
        assert_eq!(bodies(&bench.lines()), [n.to_string()]);
    }
}

#[test]
fn a_queue_is_watched_without_taking() {
    let mut bench = Bench::new();
    bench.publish(queue("orders", "old"));
    bench.ask(&json!({"id": 1, "command": "tail", "queue": "orders"}));
    bench.publish(queue("orders", "new"));
    let lines = bench.lines();
    assert_eq!(bodies(&lines), ["new"]);
    assert_eq!(bench.broker.status(bench.now).messages, 2);
    let delete = model::Command::Delete {
        token: model::Token(1),
        queue: model::QueueRef::Named(model::Namespace(0), "orders".into()),
        if_unused: false,
        if_empty: false,
    };
    bench.other(delete);
    assert_eq!(bench.lines(), [json!({"id": 1, "error": "no queue \"orders\""})]);
    assert_eq!(bench.items(&json!({"id": 2, "command": "queues"})), [json!(null); 0]);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let mut bench = Bench::new();
    let levels = "a.".repeat(200);
    for (request, error) in [
        (json!({"id": 1, "command": "tail"}), "name either a queue or a topic"),
        (json!({"id": 1, "command": "tail", "queue": "nope"}), "no queue \"nope\""),
        (json!({"id": 1, "command": "tail", "topic": levels}), "levels of a topic over the limit of 128"),
    ] {
        assert_eq!(bench.error(&request), error);
    }
    assert_eq!(bench.broker.status(bench.now).queues, 0, "a refused binding leaves no queue");
    assert_eq!(bench.ask(&json!({"id": 1, "command": "tail", "topic": "a"})).len(), 1);
}

#[test]
fn requests_behind_a_tail_wait_but_not_without_end() {
    let mut bench = Bench::new();
    bench.ask(&json!({"id": 1, "command": "tail", "topic": "a"}));
    for n in 0..64 {
        assert!(bench.ask(&json!({"id": n, "command": "status"})).is_empty());
    }
    let ended = bench.receive(b"{\"id\":65,\"command\":\"status\"}\n").unwrap_err();
    assert_eq!(ended.0, "requests that wait over the limit of 64");
    let lines = bench.lines();
    assert_eq!((&lines[0]["id"], lines.len()), (&json!(1), 2));
    assert!(lines[1]["error"].as_str().unwrap().contains("requests that wait"));
}
