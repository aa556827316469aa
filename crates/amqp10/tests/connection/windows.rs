//! Frames and windows: what does not fit goes on, and waits.

use amqp10::codec::{Begin, Flow, Open, Performative, SenderSettleMode, Transfer, scan};
use bytes::Bytes;

use crate::client::{credit, data, open, receives, sends, transfer};
use crate::peer::Said;
use crate::world::{Client, World};

fn window(next: u32, window: u32) -> Flow {
    Flow { next_incoming_id: Some(next), incoming_window: window, handle: None, ..credit(0, 0, 0) }
}

/// A session whose peer takes so many transfers.
fn narrow(world: &mut World, frame: u32, window: u32) -> Client {
    let client = world.connect(Open { max_frame_size: frame, ..open() });
    world.send(client, 0, Performative::Begin(Box::new(Begin::new(0, window, 1_000))));
    world.read(client);
    client
}

fn fill(world: &mut World, bodies: &[Vec<u8>]) {
    let sender = world.join();
    world.attach(sender, sends(0, "queue://a"));
    for (id, body) in bodies.iter().enumerate() {
        let message = data(body);
        for (at, part) in message.chunks(100_000).enumerate() {
            let first = transfer(0, id as u32);
            let next = if at == 0 { first } else { Transfer { handle: 0, ..Transfer::default() } };
            world.transfer(sender, Transfer { more: (at + 1) * 100_000 < message.len(), ..next }, part);
        }
    }
    world.cut(sender);
}

/// The deliveries that a client has read, their frames joined; and how long the longest payload was.
fn joined(read: Vec<Said>) -> (Vec<(u32, Bytes)>, usize) {
    let (mut whole, mut partial, mut longest) = (Vec::new(), None::<(u32, Vec<u8>)>, 0);
    for said in read {
        let Said::Frame(_, Performative::Transfer(it), payload) = said else { continue };
        longest = longest.max(payload.len());
        let Transfer { delivery_id, more, .. } = it;
        let (_, bytes) = partial.get_or_insert_with(|| (delivery_id.expect("in the first"), Vec::new()));
        bytes.extend_from_slice(&payload);
        if !more {
            let (id, bytes) = partial.take().expect("begun");
            let sections = scan(&[bytes.into()]).unwrap();
            whole.push((id, sections.body.concat().into()));
        }
    }
    assert!(partial.is_none());
    (whole, longest)
}

#[test]
fn long_messages_come_in_frames_that_the_peer_takes() {
    for (frame, length) in
        [(512, 5_000), (512, 400), (512, 430), (4_096, 100_000), (100_000, 100_000), (u32::MAX, 300_000)]
    {
        let mut world = World::new();
        let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        fill(&mut world, &[body.clone(), b"after".to_vec()]);
        let client = narrow(&mut world, frame, 100_000);
        world.attach(client, receives(0, "queue://a"));
        world.flow(client, credit(0, 0, 10));
        let (whole, longest) = joined(world.read(client));
        assert!(longest < frame as usize, "{longest} of {frame}");
        let expected = [data(&body), data(b"after")];
        assert_eq!(whole.iter().map(|it| &it.1[..]).collect::<Vec<_>>(), expected, "{frame} {length}");
        assert_eq!(whole.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 1]);
    }
}

#[test]
fn nothing_is_sent_beyond_the_window_and_the_rest_when_it_opens() {
    let mut world = World::new();
    fill(&mut world, &[b"1".to_vec(), b"2".to_vec(), b"3".to_vec()]);
    let client = narrow(&mut world, 512, 2);
    world.attach(client, receives(0, "queue://a"));
    world.flow(client, Flow { incoming_window: 2, ..credit(0, 0, 10) });
    assert_eq!(world.lines(client), ["transfer 0 0 1", "transfer 0 1 2"]);
    world.flow(client, window(1, 1));
    assert_eq!(world.lines(client), Vec::<String>::new(), "one is on its way");
    world.flow(client, window(2, 1));
    assert_eq!(world.lines(client), ["transfer 0 2 3"]);
    assert_eq!(world.tally("a"), (0, 3));
}

#[test]
fn a_long_message_goes_on_where_the_window_has_cut_it() {
    let mut world = World::new();
    let long: Vec<u8> = (0..2_000).map(|at| (at % 250) as u8).collect();
    fill(&mut world, &[long.clone(), b"short".to_vec()]);
    let client = narrow(&mut world, 512, 2);
    world.attach(client, receives(0, "queue://a"));
    world.flow(client, Flow { incoming_window: 2, ..credit(0, 0, 10) });
    let mut read = world.read(client);
    assert_eq!(read.len(), 2);
    for next in [2, 3, 4, 5, 6] {
        world.flow(client, window(next, 1));
        let more = world.read(client);
        assert!(more.len() <= 1);
        read.extend(more);
    }
    let (whole, _) = joined(read);
    assert_eq!(whole.iter().map(|it| &it.1[..]).collect::<Vec<_>>(), [data(&long), data(b"short")]);
}

#[test]
fn a_link_that_ends_within_a_message_gives_it_back() {
    for settled in [false, true] {
        let mut world = World::new();
        fill(&mut world, &[vec![b'x'; 2_000], b"short".to_vec(), b"third".to_vec()]);
        let client = narrow(&mut world, 512, 2);
        let mut attach = receives(0, "queue://a");
        if settled {
            attach.snd_settle_mode = SenderSettleMode::Settled;
        }
        world.attach(client, attach);
        world.flow(client, Flow { incoming_window: 2, ..credit(0, 0, 2) });
        assert_eq!(world.read(client).len(), 2);
        world.detach(client, 0, true);
        assert_eq!(world.lines(client), ["detach 0 closed"]);
        assert_eq!(world.tally("a"), (if settled { 1 } else { 3 }, 0));
        world.flow(client, window(2, 100));
        assert_eq!(world.read(client), []);
        world.attach(client, receives(0, "queue://a"));
        world.flow(client, Flow { next_incoming_id: Some(2), ..credit(0, 0, 1) });
        assert!(!world.read(client).is_empty());
    }
}

#[test]
fn a_drain_waits_for_the_window() {
    let mut world = World::new();
    fill(&mut world, &[b"1".to_vec(), b"2".to_vec()]);
    let client = narrow(&mut world, 512, 1);
    world.attach(client, receives(0, "queue://a"));
    world.flow(client, Flow { incoming_window: 1, drain: true, ..credit(0, 0, 5) });
    assert_eq!(world.lines(client), ["transfer 0 0 1"]);
    world.flow(client, window(1, 1));
    assert_eq!(world.lines(client), ["transfer 0 1 2", "flow 0 5+0 drain"]);
}

#[test]
fn this_sides_window_opens_in_time_and_is_kept() {
    let mut world = World::with(|options| options.link_credit = 100_000);
    let client = world.join();
    world.attach(client, sends(0, "queue://a"));
    for id in 0..2_049 {
        world.say(client, 0, Performative::Transfer(Transfer { settled: Some(true), ..transfer(0, id) }), &data(b"x"));
    }
    world.rest();
    assert_eq!(world.lines(client), ["flow 2049/4096"]);
    // In pieces, so that no credit is in the way.
    world.say(client, 0, Performative::Transfer(Transfer { more: true, ..transfer(0, 9_999) }), b"");
    for _ in 0..3_000 {
        let next = Transfer { handle: 0, more: true, ..Transfer::default() };
        world.say(client, 0, Performative::Transfer(next), b"");
    }
    world.rest();
    assert_eq!(world.lines(client).len(), 1);
}

#[test]
fn bodies_are_sent_as_they_came() {
    let mut world = World::new();
    let sender = world.join();
    world.attach(sender, sends(0, "queue://a"));
    // Annotations, two data sections and a footer.
    let sections = [
        &b"\x00\x53\x72\xc1\x07\x02\xa3\x01a\xa1\x01b"[..],
        b"\x00\x53\x75\xa0\x02hi",
        b"\x00\x53\x75\xa0\x01!",
        b"\x00\x53\x78\xc1\x07\x02\xa3\x01f\xa1\x01g",
    ]
    .concat();
    world.publish(
        sender,
        0,
        0,
        &[&b"\x00\x53\x70\xc0\x02\x01\x41"[..], b"\x00\x53\x71\xc1\x01\x00", &sections].concat(),
    );
    let client = world.join();
    world.attach(client, receives(0, "queue://a"));
    world.flow(client, credit(0, 0, 1));
    let read = world.read(client);
    let [Said::Frame(0, Performative::Transfer(_), payload)] = &read[..] else { panic!("{read:?}") };
    let header = b"\x00\x53\x70\xc0\x05\x04\x41\x40\x40\x41";
    assert_eq!(payload, &Bytes::from([&header[..], &sections].concat()));
}
