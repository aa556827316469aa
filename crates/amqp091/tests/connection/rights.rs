//! What becomes of what a user may not do, with the real broker.

use amqp091::codec::method::{basic, connection, exchange, queue, tx};
use amqp091::codec::{FieldTable, Frame, PROTOCOL_HEADER};
use bytes::Bytes;
use model::CloseReason;

use crate::client::*;
use crate::guard::Except;
use crate::world::{Client, World};

/// A world with the queues `q` and `p` and the exchange `x`, and a client for which these rights are missing.
fn world(missing: &[&str]) -> (World, Client) {
    let mut world = World::new();
    let root = world.join();
    ["q", "p"].into_iter().for_each(|name| world.declare(root, name));
    world.tell(root, 1, exchange("x"));
    world.guard = Some(Except::of(missing));
    let guest = world.join();
    (world, guest)
}

fn exchange(name: &str) -> exchange::Declare {
    exchange::Declare { exchange: s(name), kind: s("topic"), ..Default::default() }
}

fn tie(source: &str) -> exchange::Bind {
    exchange::Bind { destination: s("x"), source: s(source), routing_key: s("k"), ..Default::default() }
}

fn untie(source: &str) -> exchange::Unbind {
    exchange::Unbind { destination: s("x"), source: s(source), routing_key: s("k"), ..Default::default() }
}

fn with_dead_letters(name: &str) -> queue::Declare {
    let arguments = table(&[("x-dead-letter-exchange", text("")), ("x-dead-letter-routing-key", text("p"))]);
    queue::Declare { arguments, ..durable(name) }
}

fn unbind(queue: &str, exchange: &str, key: &str) -> queue::Unbind {
    queue::Unbind { queue: s(queue), exchange: s(exchange), routing_key: s(key), arguments: FieldTable::EMPTY }
}

#[test]
fn each_operation_that_is_denied_closes_its_channel() {
    let message = |exchange: &str, key: &str| message_frames(1, to(exchange, key), &PERSISTENT, b"x");
    let after = |method: Frame, frames: Vec<Frame>| [vec![method], frames].concat();
    let one = |frame: Frame| vec![frame];
    let delete = queue::Delete { queue: s("q"), ..Default::default() };
    let purge = queue::Purge { queue: s("q"), no_wait: false };
    let drop_exchange = exchange::Delete { exchange: s("x"), ..Default::default() };
    let passive_exchange = exchange::Declare { passive: true, ..exchange("x") };
    // What is missing, what is said, what the refusal calls it, and the method to blame.
    let rows: [(&str, Vec<Frame>, &str, &str); 22] = [
        ("write queue q", message("", "q"), "write access to queue 'q'", "basic.publish"),
        (
            "write topic k",
            message("amq.topic", "k"),
            "write access to topic 'k' in exchange 'amq.topic'",
            "basic.publish",
        ),
        ("write exchange x", message("x", "k"), "write access to exchange 'x'", "basic.publish"),
        ("write queue q", after(frame(1, confirms()), message("", "q")), "write access to queue 'q'", "basic.publish"),
        (
            "write queue q",
            after(frame(1, tx::Select {}), message("", "q")),
            "write access to queue 'q'",
            "basic.publish",
        ),
        ("read queue q", one(frame(1, consume("q", "ct"))), "read access to queue 'q'", "basic.consume"),
        ("read queue q", one(frame(1, get("q"))), "read access to queue 'q'", "basic.get"),
        ("read queue q", one(frame(1, purge)), "read access to queue 'q'", "queue.purge"),
        ("configure queue q", one(frame(1, delete)), "configure access to queue 'q'", "queue.delete"),
        ("configure queue new", one(frame(1, durable("new"))), "configure access to queue 'new'", "queue.declare"),
        ("see queue q", one(frame(1, passive("q"))), "configure access to queue 'q'", "queue.declare"),
        ("write queue p", one(frame(1, with_dead_letters("new"))), "write access to queue 'p'", "queue.declare"),
        ("write queue q", one(frame(1, bind("q", "x", "k"))), "write access to queue 'q'", "queue.bind"),
        (
            "read topic a.*",
            one(frame(1, bind("q", "amq.topic", "a.*"))),
            "read access to topic 'a.*' in exchange 'amq.topic'",
            "queue.bind",
        ),
        ("read exchange x", one(frame(1, bind("q", "x", "k"))), "read access to exchange 'x'", "queue.bind"),
        ("write queue q", one(frame(1, unbind("q", "x", "k"))), "write access to queue 'q'", "queue.unbind"),
        ("configure exchange y", one(frame(1, exchange("y"))), "configure access to exchange 'y'", "exchange.declare"),
        ("see exchange x", one(frame(1, passive_exchange)), "configure access to exchange 'x'", "exchange.declare"),
        ("configure exchange x", one(frame(1, drop_exchange)), "configure access to exchange 'x'", "exchange.delete"),
        ("write exchange x", one(frame(1, tie("amq.fanout"))), "write access to exchange 'x'", "exchange.bind"),
        (
            "read exchange amq.fanout",
            one(frame(1, tie("amq.fanout"))),
            "read access to exchange 'amq.fanout'",
            "exchange.bind",
        ),
        ("write exchange x", one(frame(1, untie("amq.fanout"))), "write access to exchange 'x'", "exchange.unbind"),
    ];
    for (missing, frames, what, method) in rows {
        let (mut world, guest) = world(&[missing]);
        world.send_frames(guest, &frames);
        let text =
            format!("1: channel.close 403 ACCESS_REFUSED - {what} in vhost '/' refused for user 'bob' ({method})");
        assert_eq!(world.lines(guest).last(), Some(&text), "without {missing:?}");
        assert_eq!(world.tally("q"), (0, 0), "without {missing:?}");
        // The connection is as good as before.
        world.tell(guest, 1, amqp091::codec::method::channel::CloseOk {});
        world.expect(guest, 2, amqp091::codec::method::channel::Open {}, "channel.open-ok");
    }
}

#[test]
fn a_private_queue_has_no_name_to_ask_for() {
    let (mut world, guest) = world(&["configure temporary queue"]);
    let declare = queue::Declare { exclusive: true, ..Default::default() };
    let text = "channel.close 403 ACCESS_REFUSED - configure access to temporary queue in vhost '/' refused for user \
                'bob' (queue.declare)";
    world.expect(guest, 1, declare, text);
}

#[test]
fn a_copy_goes_only_where_its_sender_may_send() {
    let (mut world, guest) = world(&["write queue p"]);
    let mut keys = amqp091::codec::ArrayBuilder::new();
    keys.push(text("p"));
    let keys = keys.finish().unwrap();
    let copies = amqp091::codec::FieldValue::Array(amqp091::codec::ArrayView::new(&keys).unwrap());
    let headers = table(&[("CC", copies)]);
    let properties = amqp091::codec::Properties { headers: Some(headers.view()), ..PERSISTENT };
    world.publish_with(guest, to("", "q"), &properties, b"x");
    let text = "1: channel.close 403 ACCESS_REFUSED - write access to queue 'p' in vhost '/' refused for user 'bob' \
                (basic.publish)";
    assert_eq!(world.lines(guest), [text]);
    assert_eq!((world.tally("q"), world.tally("p")), ((0, 0), (0, 0)));
}

#[test]
fn a_right_that_is_taken_away_ends_its_consumers() {
    let (mut world, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let (modern, old) = (world.join(), world.join_as(FieldTable::EMPTY, 0));
    for client in [modern, old] {
        world.tell(client, 1, basic::Consume { ..consume("q", "ct") });
        assert_eq!(world.lines(client), ["1: basic.consume-ok ct"]);
    }
    rights.and("read queue q");
    world.reconsider();
    assert_eq!(world.lines(modern), ["1: basic.cancel ct"]);
    let text = "1: channel.close 403 ACCESS_REFUSED - read access to queue 'q' in vhost '/' refused for user 'bob' \
                (basic.consume)";
    assert_eq!(world.lines(old), [text]);
    let root = {
        world.guard = None;
        world.join()
    };
    world.publish(root, to("", "q"), "x");
    assert_eq!(world.tally("q"), (1, 0));
    assert!(world.lines(modern).is_empty());
}

#[test]
fn a_user_who_is_gone_is_sent_away() {
    let (mut world, _) = world(&[]);
    let rights = Except::of(&[]);
    world.guard = Some(rights.clone());
    let guest = world.join();
    rights.end();
    world.reconsider();
    let text = "0: connection.close 320 CONNECTION_FORCED - broker forced connection closure with reason 'its user may \
                not be connected any more' (0.0)";
    assert_eq!(world.lines(guest), [text]);
    assert_eq!(world.peer(guest).closed, Some(CloseReason::Revoked));
}

#[test]
fn who_the_user_is_the_login_says() {
    let mut world = World::new();
    let a = world.open();
    world.peer(a).holds_login = true;
    world.send_bytes(a, &PROTOCOL_HEADER);
    let (mechanism, response) = (s("PLAIN"), Bytes::from_static(b"\0bob@example.com\0secret"));
    world.tell(a, 0, connection::StartOk { client_properties: capable(), mechanism, response, locale: s("en_US") });
    world.answer(a, |peer, now| peer.let_in(now, "bob", None));
    world.tell(a, 0, connection::TuneOk { channel_max: 2047, frame_max: 131_072, heartbeat: 0 });
    world.tell(a, 0, connection::Open { virtual_host: s("/") });
    world.tell(a, 1, amqp091::codec::method::channel::Open {});
    world.lines(a);
    world.declare(a, "q");
    let by = |user: &'static [u8]| amqp091::codec::Properties { user_id: Some(user), ..Default::default() };
    world.publish_with(a, to("", "q"), &by(b"bob"), b"x");
    assert_eq!(world.tally("q"), (1, 0));
    world.publish_with(a, to("", "q"), &by(b"bob@example.com"), b"x");
    assert!(world.lines(a)[0].contains("406 PRECONDITION_FAILED - user_id property set to 'bob@example.com'"));
}
