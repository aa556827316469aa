//! A publisher and a subscriber that lose connections and a broker that loses power, at random.

use model::{CloseReason, Lsn};
use mqtt::codec::Qos;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::clients::{Line, Method, Publisher, Subscriber};
use crate::packets::{Q1, Q2};
use crate::world::World;

#[derive(Clone, Copy, Debug)]
enum Act {
    Publish,
    /// So many packets are read and answered.
    PublisherReads(u8),
    SubscriberReads(u8),
    /// The broker takes what it was told.
    Step,
    /// So many records more are on disk.
    Sync(u8),
    /// The socket breaks; what was on its way is lost.
    Lose(Who),
    /// What the client says does not arrive any more.
    Deafen(Who),
    /// A new connection, whatever became of the old one.
    Connect(Who),
    /// The process is killed; what was not on disk is lost.
    Crash,
    /// It stops in order.
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Publisher,
    Subscriber,
}

fn act() -> impl Strategy<Value = Act> {
    let who = || prop_oneof![Just(Who::Publisher), Just(Who::Subscriber)];
    prop_oneof![
        8 => Just(Act::Publish),
        8 => (1..8u8).prop_map(Act::PublisherReads),
        8 => (1..8u8).prop_map(Act::SubscriberReads),
        8 => Just(Act::Step),
        6 => (1..12u8).prop_map(Act::Sync),
        1 => who().prop_map(Act::Lose),
        1 => who().prop_map(Act::Deafen),
        3 => who().prop_map(Act::Connect),
        1 => Just(Act::Crash),
        1 => Just(Act::Restart),
    ]
}

struct Play {
    world: World,
    publisher: Publisher,
    subscriber: Subscriber,
}

impl Play {
    /// A world in which the subscriber is subscribed.
    fn new(topic: &'static str, qos: Qos, method: Method) -> Self {
        let mut play = Self {
            world: World::with(|options| options.window = 5),
            publisher: Publisher::new(topic, qos),
            subscriber: Subscriber::new(topic, qos, method),
        };
        play.heal();
        assert!(play.subscriber.is_subscribed());
        play.world.syncs = false;
        play
    }

    fn line(&mut self, who: Who) -> &mut Line {
        match who {
            Who::Publisher => &mut self.publisher.line,
            Who::Subscriber => &mut self.subscriber.line,
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Publish => self.publisher.publish(&mut self.world),
            Act::PublisherReads(count) => {
                (0..count).all(|_| self.publisher.read(&mut self.world));
            }
            Act::SubscriberReads(count) => {
                (0..count).all(|_| self.subscriber.read(&mut self.world));
            }
            Act::Step => self.world.step(),
            Act::Sync(count) => {
                let lsn = Lsn((self.world.durable.0 + u64::from(count)).min(self.world.last().0));
                self.world.sync(lsn);
            }
            Act::Lose(who) => {
                if let Some(client) = self.line(who).client() {
                    self.line(who).lose();
                    self.world.end(client, CloseReason::Disconnected);
                }
            }
            Act::Deafen(who) => self.line(who).is_deaf = true,
            Act::Connect(who) => match who {
                Who::Publisher => self.publisher.line.connect(&mut self.world),
                Who::Subscriber => self.subscriber.line.connect(&mut self.world),
            },
            Act::Crash => self.crash(),
            Act::Restart => {
                self.world.rest();
                self.world.durable = self.world.last();
                self.crash();
            }
        }
    }

    fn crash(&mut self) {
        self.world.crash();
        self.publisher.line.lose();
        self.subscriber.line.lose();
    }

    /// Everything works again, until nothing is left to do.
    fn heal(&mut self) {
        self.world.syncs = true;
        self.world.durable = self.world.last();
        self.publisher.line.connect(&mut self.world);
        self.subscriber.line.connect(&mut self.world);
        loop {
            self.world.rest();
            let read = self.publisher.read(&mut self.world);
            if !(self.subscriber.read(&mut self.world) || read) {
                return;
            }
        }
    }

    fn run(topic: &'static str, qos: Qos, method: Method, acts: Vec<Act>) -> (Vec<u32>, u32) {
        let mut play = Self::new(topic, qos, method);
        for act in acts {
            play.act(act);
        }
        play.heal();
        assert!(play.publisher.is_done(), "the publisher waits for an answer");
        assert_eq!(play.world.tally("mqtt.session.subscriber"), (0, 0));
        (play.subscriber.got, play.publisher.next)
    }
}

/// Every number in order, some of them more than once.
fn none_is_missing(got: &[u32], count: u32) -> bool {
    let mut next = 0;
    for number in got {
        match number.cmp(&next) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => next += 1,
            std::cmp::Ordering::Greater => return false,
        }
    }
    next == count
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, ..ProptestConfig::default() })]

    #[test]
    fn qos_2_arrives_exactly_once_and_in_order(acts in vec(act(), 1..200)) {
        let (got, count) = Play::run("t", Q2, Method::A, acts);
        prop_assert_eq!(got, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn qos_2_arrives_exactly_once_at_those_who_hand_on_at_once(acts in vec(act(), 1..200)) {
        let (got, count) = Play::run("t", Q2, Method::B, acts);
        prop_assert_eq!(got, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn qos_1_arrives_at_least_once(acts in vec(act(), 1..200)) {
        let (got, count) = Play::run("t", Q1, Method::A, acts);
        prop_assert!(none_is_missing(&got, count), "{:?} of {}", got, count);
    }

    #[test]
    fn a_queue_loses_nothing(acts in vec(act(), 1..200)) {
        let (mut got, count) = Play::run("$queue/q", Q2, Method::A, acts);
        got.sort_unstable();
        got.dedup();
        prop_assert_eq!(got, (0..count).collect::<Vec<_>>());
    }
}
