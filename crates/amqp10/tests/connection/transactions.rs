//! The coordinator.

use amqp10::codec::{
    Attach, Coordination, Coordinator, DeliveryState, Disposition, Outcome, Performative, Role, Target, Transactional,
    Transfer,
};
use bytes::{Bytes, BytesMut};
use model::QueueSettings;

use crate::client::{credit, data, disposition, durable, receives, sends, transfer};
use crate::peer::Said;
use crate::world::{Client, World};

/// Handles: the controller 0, a sender to `a` 1, a receiver of `b` 2. The last delivery id is counted.
struct Controller {
    world: World,
    client: Client,
    next: u32,
}

impl Controller {
    fn new() -> Self {
        let mut world = World::new();
        let client = world.join();
        let attach = Attach { target: Some(Target::Coordinator(Coordinator::default())), ..sends(0, "") };
        assert_eq!(world.attach(client, attach.clone()).target, attach.target);
        world.attach(client, sends(1, "queue://a"));
        world.attach(client, sends(3, "queue://b"));
        world.attach(client, receives(2, "queue://b"));
        Self { world, client, next: 0 }
    }

    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn say(&mut self, message: &Coordination) -> DeliveryState {
        let id = self.id();
        let mut out = BytesMut::new();
        message.encode(&mut out);
        self.world.publish(self.client, 0, id, &out);
        let mut read = self.world.read(self.client);
        read.retain(|said| !matches!(said, Said::Frame(_, Performative::Flow(_), _)));
        match read.pop() {
            Some(Said::Frame(0, Performative::Disposition(it), _)) => {
                assert_eq!((it.first, it.last, it.settled, it.role), (id, None, true, Role::Receiver));
                assert_eq!(read, []);
                it.state.unwrap()
            }
            other => panic!("{other:?} {read:?}"),
        }
    }

    fn declare(&mut self) -> Bytes {
        match self.say(&Coordination::Declare { global_id: None }) {
            DeliveryState::Outcome(Outcome::Declared(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    fn discharge(&mut self, txn_id: &Bytes, fail: bool) -> String {
        crate::client::state_of(Some(&self.say(&Coordination::Discharge { txn_id: txn_id.clone(), fail })))
    }

    /// Publishes to `a` in a transaction.
    fn publish(&mut self, txn_id: &Bytes, body: &[u8]) -> Vec<String> {
        let id = self.id();
        let state = DeliveryState::Transactional(Transactional { txn_id: txn_id.clone(), outcome: None });
        self.world.transfer(self.client, Transfer { state: Some(state), ..transfer(1, id) }, &durable(body));
        self.world.lines(self.client)
    }

    /// Puts messages into `b` and takes them.
    fn holding(&mut self, count: u32) {
        for _ in 0..count {
            let id = self.id();
            self.world.publish(self.client, 3, id, &durable(b"m"));
        }
        self.world.flow(self.client, credit(2, 0, count));
        self.world.read(self.client);
        assert_eq!(self.world.tally("b"), (0, count.into()));
    }

    fn counts(&mut self) -> (u64, (u64, u64)) {
        let ready = self.world.info("a").map_or(0, |info| info.counts.ready);
        (ready, self.world.tally("b"))
    }
}

fn in_transaction(txn_id: &Bytes, outcome: Outcome) -> DeliveryState {
    DeliveryState::Transactional(Transactional { txn_id: txn_id.clone(), outcome: Some(outcome) })
}

#[test]
fn messages_appear_with_the_commit() {
    let mut it = Controller::new();
    let txn = it.declare();
    assert_eq!(it.publish(&txn, b"1"), ["receiver 1 settled transactional accepted"]);
    it.publish(&txn, b"2");
    assert_eq!(it.counts().0, 0);
    assert_eq!(it.discharge(&txn, false), "accepted");
    assert_eq!(it.counts().0, 2);
    assert_eq!(it.discharge(&txn, false), "rejected amqp:transaction:unknown-id");
}

#[test]
fn messages_never_appear_after_a_rollback() {
    let mut it = Controller::new();
    let txn = it.declare();
    it.publish(&txn, b"1");
    assert_eq!(it.discharge(&txn, true), "accepted");
    assert_eq!(it.counts().0, 0);
    let other = it.declare();
    assert_ne!(other, txn);
    it.publish(&other, b"2");
    assert_eq!(it.discharge(&other, false), "accepted");
    assert_eq!(it.counts().0, 1);
}

#[test]
fn outcomes_happen_with_the_commit() {
    let mut it = Controller::new();
    it.holding(4);
    let txn = it.declare();
    it.world.settle(it.client, disposition(0, 1, in_transaction(&txn, Outcome::Accepted)));
    it.world.settle(it.client, disposition(2, 2, in_transaction(&txn, Outcome::Released)));
    assert_eq!(it.counts().1, (0, 4));
    assert_eq!(it.discharge(&txn, false), "accepted");
    assert_eq!(it.counts().1, (1, 1));
}

#[test]
fn what_was_settled_in_a_rollback_comes_again_and_has_failed() {
    let mut it = Controller::new();
    it.holding(2);
    let txn = it.declare();
    it.world.settle(it.client, disposition(0, 1, in_transaction(&txn, Outcome::Accepted)));
    assert_eq!(it.discharge(&txn, true), "accepted");
    assert_eq!(it.counts().1, (2, 0));
    it.world.flow(it.client, credit(2, 2, 1));
    let read = it.world.read(it.client);
    let [Said::Frame(0, Performative::Transfer(_), payload)] = &read[..] else { panic!("{read:?}") };
    let header = amqp10::codec::scan(std::slice::from_ref(payload)).unwrap().header.unwrap();
    assert_eq!((header.delivery_count, header.first_acquirer), (1, false));
}

#[test]
fn what_was_not_settled_is_settled_after_a_commit_and_kept_after_a_rollback() {
    for fail in [false, true] {
        let mut it = Controller::new();
        it.holding(2);
        let txn = it.declare();
        let state = in_transaction(&txn, Outcome::Accepted);
        it.world.settle(it.client, Disposition { settled: false, ..disposition(0, 0, state) });
        assert_eq!(it.world.lines(it.client), Vec::<String>::new());
        let id = it.id();
        let mut out = BytesMut::new();
        Coordination::Discharge { txn_id: txn, fail }.encode(&mut out);
        it.world.publish(it.client, 0, id, &out);
        let lines = it.world.lines(it.client);
        if fail {
            assert_eq!(lines, [format!("receiver {id} settled accepted")]);
            assert_eq!(it.counts().1, (0, 2), "still the receiver's");
            it.world.settle(it.client, disposition(0, 0, DeliveryState::RELEASED));
            assert_eq!(it.counts().1, (1, 1));
        } else {
            assert_eq!(lines, ["sender 0 settled accepted".to_owned(), format!("receiver {id} settled accepted")]);
            assert_eq!(it.counts().1, (0, 1));
            it.world.settle(it.client, disposition(0, 0, DeliveryState::ACCEPTED));
            assert_eq!(it.counts().1, (0, 1));
        }
    }
}

#[test]
fn a_link_that_ends_leaves_its_outcomes_to_the_transaction() {
    for fail in [false, true] {
        let mut it = Controller::new();
        it.holding(2);
        let txn = it.declare();
        let state = in_transaction(&txn, Outcome::Accepted);
        it.world.settle(it.client, Disposition { settled: false, ..disposition(0, 0, state) });
        it.world.detach(it.client, 2, true);
        it.world.read(it.client);
        assert_eq!(it.counts().1, (1, 1));
        assert_eq!(it.discharge(&txn, fail), "accepted");
        assert_eq!(it.counts().1, (if fail { 2 } else { 1 }, 0));
    }
}

#[test]
fn a_transaction_ends_with_its_controller_session_and_connection() {
    let ends: [fn(&mut World, Client); 3] = [
        |world, client| world.detach(client, 0, true),
        |world, client| world.end_session(client, 0),
        |world, client| world.cut(client),
    ];
    for end in ends {
        let mut it = Controller::new();
        it.holding(1);
        let txn = it.declare();
        it.publish(&txn, b"1");
        it.world.settle(it.client, disposition(0, 0, in_transaction(&txn, Outcome::Accepted)));
        end(&mut it.world, it.client);
        assert_eq!(it.counts(), (0, (1, 0)));
    }
}

#[test]
fn what_cannot_be_committed_is_rolled_back() {
    for settled in [false, true] {
        let mut it = Controller::new();
        it.world.declare("gone", QueueSettings::default());
        it.world.attach(it.client, sends(4, "/queues/gone"));
        let txn = it.declare();
        it.publish(&txn, b"1");
        it.world.delete("gone");
        let id = it.id();
        let state = DeliveryState::Transactional(Transactional { txn_id: txn.clone(), outcome: None });
        let settled = settled.then_some(true);
        it.world.transfer(it.client, Transfer { state: Some(state), settled, ..transfer(4, id) }, &data(b"x"));
        let told = [format!("receiver {id} settled transactional rejected amqp:not-found")];
        assert_eq!(it.world.lines(it.client), if settled.is_some() { &[][..] } else { &told });
        assert_eq!(it.discharge(&txn, false), "rejected amqp:transaction:rollback");
        assert_eq!(it.counts().0, 0);
    }
}

#[test]
fn transactions_that_are_not_there_are_refused() {
    let mut it = Controller::new();
    it.holding(1);
    let unknown = Bytes::from_static(b"nonsense");
    assert_eq!(it.discharge(&unknown, false), "rejected amqp:transaction:unknown-id");
    let id = it.next;
    assert_eq!(it.publish(&unknown, b"1"), [format!("receiver {id} settled rejected amqp:transaction:unknown-id")]);
    let state = in_transaction(&unknown, Outcome::Accepted);
    it.world.settle(it.client, disposition(0, 0, state));
    assert_eq!(it.world.lines(it.client), ["detach 3 closed amqp:transaction:unknown-id"]);
    assert_eq!(it.counts().1, (1, 0));
}

#[test]
fn a_controller_must_say_what_a_coordinator_understands() {
    let mut it = Controller::new();
    let global = Coordination::Declare { global_id: Some(amqp10::codec::Value::Ulong(1)) };
    let state = it.say(&global);
    assert_eq!(crate::client::state_of(Some(&state)), "rejected amqp:not-implemented");
    let mut out = BytesMut::new();
    Coordination::Declare { global_id: None }.encode(&mut out);
    it.world.transfer(it.client, Transfer { settled: Some(true), ..transfer(0, 1) }, &out);
    assert_eq!(it.world.lines(it.client), ["detach 0 closed amqp:not-implemented"]);
    let mut it = Controller::new();
    it.world.publish(it.client, 0, 0, &data(b"x"));
    assert_eq!(it.world.lines(it.client), ["detach 0 closed amqp:decode-error"]);
}

#[test]
fn transactions_are_several_at_a_time_and_not_too_many() {
    let mut it = Controller::new();
    let (first, second) = (it.declare(), it.declare());
    it.publish(&first, b"1");
    it.publish(&second, b"2");
    assert_eq!(it.discharge(&second, false), "accepted");
    assert_eq!(it.counts().0, 1);
    assert_eq!(it.discharge(&first, true), "accepted");
    assert_eq!(it.counts().0, 1);
    for _ in 0..1_024 {
        it.declare();
    }
    let state = it.say(&Coordination::Declare { global_id: None });
    assert_eq!(crate::client::state_of(Some(&state)), "rejected amqp:resource-limit-exceeded");
}

#[test]
fn outcomes_inside_and_outside_of_a_transaction_are_not_mixed() {
    let mut it = Controller::new();
    it.holding(4);
    let (first, second) = (it.declare(), it.declare());
    let states = [
        DeliveryState::ACCEPTED,
        in_transaction(&first, Outcome::Accepted),
        in_transaction(&second, Outcome::Accepted),
        DeliveryState::ACCEPTED,
    ];
    // All in one read.
    let mut all = BytesMut::new();
    for (id, state) in states.into_iter().enumerate() {
        let disposition = Performative::Disposition(disposition(id as u32, id as u32, state));
        amqp10::codec::encode(&mut all, 0, &disposition, &[]);
    }
    it.world.send_bytes(it.client, &all);
    assert_eq!(it.counts().1, (0, 2));
    it.discharge(&first, true);
    assert_eq!(it.counts().1, (1, 1));
    it.discharge(&second, false);
    assert_eq!(it.counts().1, (1, 0));
}
