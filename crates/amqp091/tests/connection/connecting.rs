//! The handshake, heartbeats, and how connections end.

use amqp091::codec::method::{basic, channel, connection};
use amqp091::codec::{FieldTable, FieldValue, PROTOCOL_HEADER};
use bytes::Bytes;
use model::{Alarm, CloseReason, Culprit, Effect, Resource};

use crate::client::*;
use crate::world::{Client, World};

pub(crate) fn greeted(world: &mut World) -> Client {
    let client = world.open();
    world.send_bytes(client, &PROTOCOL_HEADER);
    assert_eq!(world.lines(client), ["0: connection.start"]);
    client
}

pub(crate) fn start_ok(mechanism: &str, response: &'static [u8]) -> connection::StartOk {
    let (mechanism, response) = (s(mechanism), Bytes::from_static(response));
    let capabilities = table(&[("authentication_failure_close", FieldValue::Bool(true))]);
    let client_properties = table(&[("capabilities", FieldValue::Table(capabilities.view()))]);
    connection::StartOk { client_properties, mechanism, response, locale: s("en_US") }
}

pub(crate) fn tune_ok(channel_max: u16, frame_max: u32, heartbeat: u16) -> connection::TuneOk {
    connection::TuneOk { channel_max, frame_max, heartbeat }
}

#[test]
fn credentials_come_in_two_forms() {
    let mut world = World::new();
    let a = greeted(&mut world);
    world.expect(a, 0, start_ok("PLAIN", b"\0guest\0guest"), "connection.tune");
    let b = greeted(&mut world);
    let amqplain = b"\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x05guest";
    world.expect(b, 0, start_ok("AMQPLAIN", amqplain), "connection.tune");
}

#[test]
fn a_login_that_cannot_be_read_is_refused() {
    let mut world = World::new();
    for (mechanism, response) in [
        ("PLAIN", &b"guest"[..]),
        ("PLAIN", b"\0a\0b\0c"),
        ("PLAIN", b"root\0a\0b"),
        ("PLAIN", b"\0\xff\0b"),
        ("AMQPLAIN", b"\x05LOGINS\0\0\0\x05guest"),
    ] {
        let a = greeted(&mut world);
        let text = format!(
            "connection.close 403 ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. For \
             details see the broker logfile. (connection.start-ok)"
        );
        // Also to who does not ask for it: nobody was asked who that is.
        let start_ok = connection::StartOk { client_properties: FieldTable::EMPTY, ..start_ok(mechanism, response) };
        world.expect(a, 0, start_ok, &text);
        assert!(world.is_open(a), "waits for close-ok");
        world.tell(a, 0, connection::CloseOk {});
        assert!(!world.is_open(a));
    }
    let a = greeted(&mut world);
    let text =
        "connection.close 503 COMMAND_INVALID - unknown authentication mechanism 'EXTERNAL' (connection.start-ok)";
    world.expect(a, 0, start_ok("EXTERNAL", b""), text);
}

#[test]
fn limits_are_negotiated() {
    let mut world = World::new();
    let cases = [
        (tune_ok(0, 131_072, 0), "channel_max = 0 is higher than the maximum allowed value (2047)"),
        (tune_ok(2048, 131_072, 0), "channel_max = 2048 is higher than the maximum allowed value (2047)"),
        (tune_ok(10, 0, 0), "frame_max = 0 is higher than the maximum allowed value (131072)"),
        (tune_ok(10, 4095, 0), "frame_max = 4095 is lower than the minimum allowed value (4096)"),
    ];
    for (tune_ok, text) in cases {
        let a = greeted(&mut world);
        world.expect(a, 0, start_ok("PLAIN", b"\0guest\0guest"), "connection.tune");
        let text = format!("connection.close 530 NOT_ALLOWED - negotiated {text} (connection.tune-ok)");
        world.expect(a, 0, tune_ok, &text);
    }
    let a = greeted(&mut world);
    world.tell(a, 0, start_ok("PLAIN", b"\0guest\0guest"));
    world.tell(a, 0, tune_ok(1, 4096, 0));
    world.tell(a, 0, connection::Open { virtual_host: s("tenant") });
    world.tell(a, 1, channel::Open {});
    world.lines(a);
    let text = "connection.close 530 NOT_ALLOWED - channel number 2 is beyond the negotiated channel_max (1) \
                (channel.open)";
    let found = world.call(a, 2, channel::Open {});
    assert_eq!(found, [format!("0: {text}")]);
    let b = greeted(&mut world);
    world.tell(b, 0, start_ok("PLAIN", b"\0guest\0guest"));
    world.tell(b, 0, tune_ok(1, 4096, 0));
    world.tell(b, 0, connection::Open { virtual_host: s("tenant") });
    world.tell(b, 1, channel::Open {});
    world.lines(b);
    world.declare(b, "q");
    world.tell(b, 1, consume("q", "ct"));
    let c = world.join();
    world.publish(c, to("", "q"), &"x".repeat(10_000));
    assert_eq!(world.lines(b), ["1: basic.consume-ok ct", "1: ct 1 /q 10000 bytes"]);
    assert_eq!(world.peer(b).longest_frame, 4096);
}

#[test]
fn who_does_not_log_in_is_not_waited_for() {
    let mut world = World::new();
    let (a, b) = (world.open(), greeted(&mut world));
    world.advance(9_999);
    assert!(world.is_open(a) && world.is_open(b));
    world.advance(1);
    assert!(!world.is_open(a) && !world.is_open(b));
}

#[test]
fn a_late_fault_still_leaves_time_to_read_why() {
    let mut world = World::new();
    let a = greeted(&mut world);
    world.advance(9_000);
    world.tell(a, 0, start_ok("EXTERNAL", b""));
    world.advance(4_999);
    assert!(world.is_open(a) && world.lines(a).len() == 1);
    world.advance(1);
    assert!(!world.is_open(a));
}

#[test]
fn methods_have_their_time() {
    let mut world = World::new();
    let a = greeted(&mut world);
    let text = "connection.close 503 COMMAND_INVALID - connection.open is out of place here (connection.open)";
    world.expect(a, 0, connection::Open { virtual_host: s("/") }, text);
    let b = greeted(&mut world);
    let found = world.call(b, 1, channel::Open {});
    let text = "0: connection.close 505 UNEXPECTED_FRAME - expected 'connection class method', got a method on a \
                channel instead (0.0)";
    assert_eq!(found, [text]);
    let c = world.join();
    let text = "connection.close 503 COMMAND_INVALID - connection.open is out of place here (connection.open)";
    world.expect(c, 0, connection::Open { virtual_host: s("/") }, text);
    let d = world.join();
    let found = world.call(d, 1, connection::Open { virtual_host: s("/") });
    assert_eq!(found, [format!("0: {text}")]);
}

#[test]
fn channels_are_opened_once() {
    let mut world = World::new();
    let a = world.join();
    let found = world.call(a, 1, channel::Open {});
    assert_eq!(found, ["0: connection.close 504 CHANNEL_ERROR - second 'channel.open' seen (channel.open)"]);
    let b = world.join();
    let found = world.call(b, 2, get("q"));
    assert_eq!(found, ["0: connection.close 504 CHANNEL_ERROR - expected 'channel.open' (basic.get)"]);
}

#[test]
fn after_a_hard_error_only_close_ok_is_heard() {
    let mut world = World::new();
    let a = world.join();
    world.declare(a, "q");
    world.tell(a, 2, get("q"));
    assert_eq!(world.lines(a).len(), 1);
    world.publish(a, to("", "q"), "too late");
    assert_eq!(world.tally("q"), (0, 0));
    assert!(world.is_open(a) && world.lines(a).is_empty());
    world.advance(4_999);
    assert!(world.is_open(a));
    world.advance(1);
    assert!(!world.is_open(a));
}

#[test]
fn what_is_no_frame_ends_the_connection_at_once() {
    let mut world = World::new();
    let a = world.join();
    world.send_bytes(a, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(world.lines(a).len(), 1);
    assert!(!world.is_open(a));
    let b = world.join();
    world.send_bytes(b, &[1, 0, 1, 0xff, 0, 0, 0]);
    assert!(world.lines(b)[0].starts_with("0: connection.close 501 FRAME_ERROR - "), "a frame beyond frame_max");
    assert!(!world.is_open(b));
}

#[test]
fn arguments_that_lie_are_a_syntax_error() {
    let mut world = World::new();
    let a = world.join();
    // queue.declare with a name that is longer than the frame.
    world.send_bytes(a, &[1, 0, 1, 0, 0, 0, 7, 0, 50, 0, 10, 0, 0, 200, 0xce]);
    let lines = world.lines(a);
    assert!(lines[0].starts_with("0: connection.close 502 SYNTAX_ERROR - "), "{lines:?}");
    assert!(lines[0].ends_with("(queue.declare)"), "{lines:?}");
    let b = world.join();
    world.send_bytes(b, &[1, 0, 1, 0, 0, 0, 4, 0, 99, 0, 10, 0xce]);
    assert_eq!(world.lines(b), ["0: connection.close 540 NOT_IMPLEMENTED - unknown method 99.10 (99.10)"]);
}

#[test]
fn heartbeats_go_both_ways() {
    let mut world = World::new();
    let a = world.join_as(capable(), 10);
    world.advance(4_999);
    assert!(world.lines(a).is_empty());
    world.advance(10_002);
    assert_eq!(world.lines(a), ["heartbeat", "heartbeat", "heartbeat"]);
    world.send_bytes(a, &[8, 0, 0, 0, 0, 0, 0, 0xce]);
    world.advance(19_999);
    assert!(world.is_open(a));
    world.advance(1);
    assert!(!world.is_open(a), "two were missed");
    assert_eq!(world.peer(a).misbehaviour.as_deref(), Some("CONNECTION_FORCED - missed heartbeats from client"));
}

#[test]
fn whatever_a_client_says_is_as_good_as_a_heartbeat() {
    let mut world = World::new();
    let a = world.join_as(capable(), 10);
    for _ in 0..5 {
        world.advance(19_999);
        world.tell(a, 1, basic::RecoverAsync { requeue: true });
        assert!(world.is_open(a));
    }
}

#[test]
fn a_connection_without_heartbeats_may_be_silent() {
    let mut world = World::new();
    let a = world.join();
    world.advance(10_000_000);
    assert!(world.is_open(a) && world.lines(a).is_empty());
}

#[test]
fn publishers_are_told_what_the_broker_is_short_of() {
    let mut world = World::new();
    let (publisher, consumer, old) = (world.join(), world.join(), world.join_as(FieldTable::EMPTY, 0));
    world.declare(publisher, "q");
    for client in [publisher, old] {
        world.publish(client, to("", "q"), "x");
    }
    let culprit = Culprit { queue: "q".into(), messages: 2, bytes: 70 };
    let alarm = Alarm { short_of: Resource::Disk, culprit: Some(culprit.into()) };
    let told = ["0: connection.blocked short of disk; queue q holds most: 2 messages, 70 bytes"];
    for client in [publisher, consumer, old] {
        world.apply(client, Effect::Throttle { reason: Some(alarm.clone()) });
    }
    assert_eq!(world.lines(publisher), told);
    assert!(world.lines(consumer).is_empty() && world.lines(old).is_empty());
    world.publish(consumer, to("", "q"), "x");
    assert_eq!(world.lines(consumer), told);
    for client in [publisher, consumer, old] {
        world.apply(client, Effect::Throttle { reason: None });
    }
    assert_eq!(world.lines(publisher), ["0: connection.unblocked"]);
    assert_eq!(world.lines(consumer), ["0: connection.unblocked"]);
    assert!(world.lines(old).is_empty());
}

#[test]
fn the_server_says_why_it_leaves() {
    let mut world = World::new();
    let a = world.join();
    world.end(a, CloseReason::ShuttingDown);
    world.rest();
    let text = "0: connection.close 320 CONNECTION_FORCED - broker forced connection closure with reason 'shutdown' \
                (0.0)";
    assert_eq!(world.lines(a), [text]);
}

#[test]
fn small_things_are_answered() {
    let mut world = World::new();
    let a = world.join();
    let secret = connection::UpdateSecret { new_secret: Bytes::from_static(b"t"), reason: s("old") };
    world.expect(a, 0, secret, "connection.update-secret-ok");
    world.expect(a, 1, channel::Flow { active: true }, "channel.flow-ok true");
    world.expect(a, 1, qos(5, false), "basic.qos-ok");
    world.expect(a, 1, basic::Recover { requeue: true }, "basic.recover-ok");
    world.tell(a, 1, basic::RecoverAsync { requeue: true });
    world.tell(a, 1, amqp091::codec::method::access::Request::default());
    assert_eq!(world.lines(a), ["1: access.request-ok"]);
    let hard = [
        (frame(1, channel::Flow { active: false }), "active=false (channel.flow)"),
        (frame(1, basic::Qos { prefetch_size: 7, ..qos(0, false) }), "prefetch_size!=0 (7) (basic.qos)"),
        (frame(1, basic::Recover { requeue: false }), "requeue=false (basic.recover)"),
    ];
    for (frame, text) in hard {
        let a = world.join();
        world.send_frames(a, &[frame]);
        assert_eq!(world.lines(a), [format!("0: connection.close 540 NOT_IMPLEMENTED - {text}")]);
    }
}

#[test]
fn the_server_says_what_it_can() {
    let mut world = World::new();
    let a = world.open();
    world.send_bytes(a, &PROTOCOL_HEADER);
    let start = world.peer(a).inbox.pop_front().unwrap();
    let amqp091::codec::Frame::Method(0, amqp091::codec::Method::ConnectionStart(start)) = start else {
        panic!("{start:?}");
    };
    assert_eq!(start.mechanisms, "PLAIN AMQPLAIN ANONYMOUS");
    assert_eq!((start.version_major, start.version_minor), (0, 9));
    assert_eq!(start.server_properties.get("product"), Some(text("Causeway")));
    let Some(FieldValue::Table(capabilities)) = start.server_properties.get("capabilities") else { panic!() };
    assert_eq!(capabilities.get("publisher_confirms"), Some(FieldValue::Bool(true)));
    assert!(capabilities.iter().all(|(_, value)| value == FieldValue::Bool(true)), "only what is true");
}

#[test]
fn virtual_hosts_are_worlds_of_their_own() {
    let hosts = [("tenant".to_owned(), model::Namespace(7))];
    let mut world = World::with(|options| options.virtual_hosts = hosts.into_iter().collect());
    let a = world.join();
    world.declare(a, "q");
    let b = greeted(&mut world);
    world.tell(b, 0, start_ok("PLAIN", b"\0guest\0guest"));
    world.tell(b, 0, tune_ok(10, 4096, 0));
    world.tell(b, 0, connection::Open { virtual_host: s("tenant") });
    world.tell(b, 1, channel::Open {});
    world.lines(b);
    world.expect(b, 1, passive("q"), "channel.close 404 NOT_FOUND - no queue 'q' in vhost 'tenant' (queue.declare)");
    world.tell(b, 1, channel::CloseOk {});
    world.expect(b, 1, channel::Open {}, "channel.open-ok");
    world.declare(b, "q");
    world.publish(b, to("", "q"), "x");
    assert_eq!(world.tally("q"), (0, 0));
    world.expect(b, 1, get("q"), "got 1 /q x, 0 left");
}
