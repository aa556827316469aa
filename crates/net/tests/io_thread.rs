#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
//! IO threads with real sockets, a made-up line protocol and a made-up core.

#[allow(dead_code, reason = "other tests need the rest")]
mod lines;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use lines::World;
use model::{Alarm, Resource};

/// A peer with a deadline on every read.
struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    fn connect(world: &World) -> Self {
        let stream = TcpStream::connect(world.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    fn say(&mut self, line: &str) {
        self.reader.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Nothing more comes: the other side has closed.
    fn is_over(&mut self) -> bool {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).is_ok() && rest.is_empty()
    }
}

#[test]
fn answers_wait_until_their_record_is_durable_and_keep_their_order() {
    let world = World::start(1);
    let mut client = Client::connect(&world);
    world.core.hold();
    client.say("publish a");
    client.say("publish b");
    client.say("echo now");
    assert_eq!(client.hear(), "now", "what needs no disk does not wait");
    world.core.let_go();
    assert_eq!(client.hear(), "confirmed a");
    assert_eq!(client.hear(), "confirmed b");
    world.stop();
}

#[test]
fn frames_may_come_in_any_pieces() {
    let world = World::start(1);
    let mut client = Client::connect(&world);
    for byte in b"echo one\necho two\n" {
        client.reader.get_mut().write_all(&[*byte]).unwrap();
    }
    assert_eq!((client.hear(), client.hear()), ("one".into(), "two".into()));
    let long = "x".repeat(3_000_000);
    client.say(&format!("echo {long}"));
    assert_eq!(client.hear(), long);
    world.stop();
}

/// They share a read buffer, and what is left of one frame's buffer is another one's.
#[test]
fn long_frames_of_many_peers_come_in_pieces_and_stay_apart() {
    let world = World::start(1);
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&world)).collect();
    let text = |client: usize, length: usize| char::from(b'a' + client as u8).to_string().repeat(length);
    let lengths = [10, 3_000, 5_000, 100_000, 250_000, 262_100, 700_000, 20];
    for piece in [1_500, 4_096, 65_536, 200_000] {
        let said: Vec<String> = (0..clients.len())
            .map(|client| lengths.map(|length| format!("echo {}\n", text(client, length))).concat())
            .collect();
        let mut at = 0;
        while at < said[0].len() {
            let end = (at + piece).min(said[0].len());
            for (client, said) in clients.iter_mut().zip(&said) {
                client.reader.get_mut().write_all(&said.as_bytes()[at..end]).unwrap();
            }
            at = end;
        }
        for (number, client) in clients.iter_mut().enumerate() {
            for length in lengths {
                assert!(client.hear() == text(number, length), "{length} bytes in pieces of {piece}");
            }
        }
    }
    world.stop();
}

#[test]
fn a_peer_that_never_reads_is_not_read_either_and_harms_nobody() {
    let world = World::start(1);
    let mut deaf = Client::connect(&world);
    let mut questions = deaf.reader.get_ref().try_clone().unwrap();
    // 16 MiB that ask for 256 MiB of answers: most of the questions must stay unread.
    let asker = std::thread::spawn(move || {
        let question = format!("blow 16384{}\n", " ".repeat(1_013));
        for _ in 0..16_384 {
            questions.write_all(question.as_bytes()).unwrap();
        }
    });
    let mut other = Client::connect(&world);
    let mut buffer = vec![0; 16_384];
    for round in 0..16_384 {
        if round % 1_024 == 0 {
            other.say("echo still here");
            assert_eq!(other.hear(), "still here");
            let waiting = world.blown() - round * 16_384;
            // Of these up to 40 MiB may be in the system's buffers.
            assert!(waiting < 64 * 1024 * 1024, "{waiting} bytes wait for a peer that does not read");
        }
        deaf.reader.read_exact(&mut buffer).unwrap();
    }
    asker.join().unwrap();
    world.stop();
}

#[test]
fn a_defect_or_an_offence_ends_one_connection_only() {
    let world = World::start(1);
    let (mut good, mut bad, mut worse) = (Client::connect(&world), Client::connect(&world), Client::connect(&world));
    bad.say("offend");
    assert_eq!(bad.hear(), "offended", "it is told why");
    assert!(bad.is_over());
    worse.say("panic");
    assert!(worse.is_over() || worse.hear() == "goodbye Misbehaved");
    good.say("echo fine");
    assert_eq!(good.hear(), "fine");
    world.stop();
}

#[test]
fn who_sends_more_than_is_read_still_learns_why_it_ended() {
    let world = World::start(1);
    let mut client = Client::connect(&world);
    // Over unread bytes the system would reset the connection, and take the last words with it.
    let mut flood = b"offend me\n".to_vec();
    flood.resize(4 << 20, b'x');
    let mut writer = client.reader.get_ref().try_clone().unwrap();
    let writes = std::thread::spawn(move || writer.write_all(&flood).and_then(|()| writer.shutdown(Shutdown::Write)));
    assert_eq!(client.hear(), "offended");
    assert!(client.is_over());
    writes.join().unwrap().expect("all of it was taken");
    world.stop();
}

#[test]
fn the_core_hears_of_every_beginning_and_end_once() {
    let world = World::start(1);
    let mut polite = Client::connect(&world);
    polite.say("bye");
    assert_eq!(polite.hear(), "goodbye Finished");
    assert!(polite.is_over());
    let rude = Client::connect(&world);
    rude.reader.get_ref().shutdown(Shutdown::Both).unwrap();
    world.core.wait_for(|seen| seen.opened == 2 && seen.closed == 2);
    world.stop();
}

#[test]
fn under_an_alarm_publishes_are_parked_and_the_rest_goes_on() {
    let world = World::start(1);
    let mut client = Client::connect(&world);
    client.say("echo here");
    assert_eq!(client.hear(), "here");
    let alarm = Alarm { short_of: Resource::Memory, culprit: None };
    world.core.alarm(Some(&alarm));
    assert_eq!(client.hear(), "throttled");
    client.say("publish a");
    client.say("echo alive");
    assert_eq!(client.hear(), "alive");
    assert_eq!(world.core.seen().published, 0);
    world.core.alarm(None);
    assert_eq!(client.hear(), "free");
    assert_eq!(client.hear(), "confirmed a");
    world.stop();
}

#[test]
fn time_outs_ring_without_traffic() {
    let world = World::start(1);
    let mut client = Client::connect(&world);
    client.say("alarm 30");
    assert_eq!(client.hear(), "rang");
    world.stop();
}

#[test]
fn connections_are_dealt_to_all_threads_and_talk_across_them() {
    let world = World::start(3);
    let mut clients: Vec<Client> = (0..9).map(|_| Client::connect(&world)).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.say(&format!("publish {i}"));
    }
    for (i, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.hear(), format!("confirmed {i}"));
    }
    assert_eq!(world.core.seen().threads, [0, 1, 2]);
    world.stop();
}

#[test]
fn more_than_the_limit_are_turned_away() {
    let world = World::with_limit(1, 2);
    let mut clients = [Client::connect(&world), Client::connect(&world)];
    for client in &mut clients {
        client.say("echo in");
        assert_eq!(client.hear(), "in");
    }
    assert!(Client::connect(&world).is_over());
    clients[0].say("bye");
    assert_eq!(clients[0].hear(), "goodbye Finished");
    assert!(clients[0].is_over());
    world.stop();
}

#[test]
fn when_it_stops_everybody_is_told() {
    let world = World::start(2);
    let mut clients = [Client::connect(&world), Client::connect(&world)];
    for client in &mut clients {
        client.say("echo in");
        assert_eq!(client.hear(), "in");
    }
    world.stop();
    for client in &mut clients {
        assert_eq!(client.hear(), "goodbye ShuttingDown");
        assert!(client.is_over());
    }
}

#[test]
fn what_comes_behind_a_login_waits_for_its_answer() {
    let world = World::start(2);
    for password in ["right", "slow", "late"] {
        let mut client = Client::connect(&world);
        client.say(&format!("login {password}\necho behind\nlogin {password}\npublish x\necho part"));
        for line in ["welcome bob", "behind", "welcome bob"] {
            assert_eq!(client.hear(), line, "{password}");
        }
        let mut rest = [client.hear(), client.hear()];
        rest.sort();
        assert_eq!(rest, ["confirmed x", "part"], "{password}");
    }
    assert_eq!(world.core.seen().permitted.len(), 6, "each login is told to the core");
    world.stop();
}

#[test]
fn a_login_may_have_steps() {
    let world = World::start(1);
    let mut client = Client::connect(&world);
    client.say("login steps\nlogin answer again\nlogin answer bob\necho in");
    for line in ["challenge who?", "challenge who then?", "welcome bob", "in"] {
        assert_eq!(client.hear(), line);
    }
    let mut client = Client::connect(&world);
    client.say("login answer bob\nlogin steps\nlogin answer eve\nlogin answer bob");
    for line in ["login refused", "challenge who?", "login refused", "login refused"] {
        assert_eq!(client.hear(), line, "an answer needs its question");
    }
    world.stop();
}

#[test]
fn who_is_refused_or_met_a_defect_is_told_and_harms_nobody() {
    let world = World::start(1);
    let mut client = Client::connect(&world);
    client.say("login wrong\nlogin defect\nlogin right");
    for line in ["login refused", "the login cannot be checked", "welcome bob"] {
        assert_eq!(client.hear(), line);
    }
    assert_eq!(world.core.seen().permitted, ["bob"]);
    world.stop();
}

#[test]
fn only_so_many_logins_may_wait() {
    let world = World::start(1);
    let mut waiting: Vec<Client> = (0..4).map(|_| Client::connect(&world)).collect();
    for client in &mut waiting {
        client.say("echo here\nlogin never\necho unread");
        assert_eq!(client.hear(), "here");
    }
    let mut client = Client::connect(&world);
    client.say("login never\nlogin right\necho still");
    for line in ["too many logins at once", "welcome bob", "still"] {
        assert_eq!(client.hear(), line);
    }
    world.stop();
}

#[test]
fn nothing_is_done_for_who_is_gone() {
    let world = World::start(1);
    let mut first = Client::connect(&world);
    first.say("login held");
    let mut gone: Vec<Client> = (0..3).map(|_| Client::connect(&world)).collect();
    for client in &mut gone {
        client.say("patience 20\nlogin slow");
        assert!(client.is_over());
    }
    world.let_in();
    assert_eq!(first.hear(), "welcome bob");
    let mut last = Client::connect(&world);
    last.say("login slow");
    assert_eq!(last.hear(), "welcome bob");
    assert_eq!(world.worked_and_abandoned(), (1, 3));
    world.stop();
}

#[test]
fn who_takes_nothing_of_what_it_is_sent_is_sent_away() {
    let world = World::with(1, 1_000, Some(Duration::from_millis(50)));
    let mut slow = Client::connect(&world);
    let mut other = Client::connect(&world);
    // More than the sockets of both sides hold, and not more than is kept for a peer.
    for _ in 0..8 {
        slow.say("blow 4000000");
    }
    world.core.wait_for(|seen| seen.closed == 1);
    other.say("echo still here");
    assert_eq!(other.hear(), "still here");
    world.stop();
}
