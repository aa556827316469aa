//! What fuzzing and the replay of its corpus run, and what tests watch connections with.

mod broker;
mod chance;
mod client;
mod watch;

use std::io::IoSlice;
use std::sync::Arc;

use bytes::BytesMut;
use model::{CloseReason, Commands, Connection, Effect, Encodings, Io, Misbehaviour, Output, Peer, Protocol, Time};

use self::broker::FakeBroker;
use self::chance::Chance;
use self::client::Client;
pub use self::watch::Watch;
use crate::{Amqp10, Amqp10Encoding, Amqp10Options};

/// Credit of a sender: little, so that it is often used up.
const LINK_CREDIT: u32 = 6;

/// Lets a connection read `data`, piece by piece, with a broker and a client that do what they may: answer late, refuse,
/// deliver, cancel; settle, read slowly, fall silent. What happens when, the data itself decides.
///
/// # Panics
/// If the connection breaks the contract with the broker ([`Watch`]) or says to its client what none may say.
pub fn run(data: &[u8]) {
    run_with(data, 0);
}

/// As [`run`], with another course of events for each `seed`.
///
/// # Panics
/// As [`run`].
pub fn run_with(data: &[u8], seed: u64) {
    let mut run = Run::new(Chance::of(data, seed));
    let mut rest = data;
    while !rest.is_empty() && !run.is_over {
        let (piece, after) = rest.split_at(rest.len().min(1 + run.chance.below(48)));
        rest = after;
        run.say(piece);
        run.something_happens();
    }
    for _ in 0..20 {
        run.something_happens();
    }
    run.settle_down();
    run.close(CloseReason::Disconnected);
}

struct Run {
    connection: Box<dyn Connection>,
    output: Output,
    /// Bytes at the front of `output` that the client's model has looked at.
    looked_at: usize,
    input: BytesMut,
    watch: Watch,
    broker: FakeBroker,
    client: Client,
    chance: Chance,
    now: Time,
    is_over: bool,
}

impl Run {
    fn new(chance: Chance) -> Self {
        let mut encodings = Encodings::default();
        encodings.register(Arc::new(Amqp10Encoding));
        let protocol = Amqp10::new(Amqp10Options {
            max_frame: 4_096,
            max_message: 10_000,
            channel_max: 3,
            link_credit: LINK_CREDIT,
            idle_timeout: Some(20_000),
            ..Amqp10Options::new(encodings)
        });
        let peer = Peer::local("amqp10");
        Self {
            connection: protocol.open(&peer),
            output: Output::default(),
            looked_at: 0,
            input: BytesMut::new(),
            watch: Watch::default(),
            broker: FakeBroker::default(),
            client: Client::default(),
            chance,
            now: Time(1_000),
            is_over: false,
        }
    }

    fn something_happens(&mut self) {
        for _ in 0..self.chance.below(4) {
            self.broker.work(&mut self.chance);
        }
        for _ in 0..self.chance.below(6) {
            let Some(effect) = self.broker.effects.pop_front() else { break };
            self.apply(effect);
        }
        if self.chance.one_in(2) {
            let written = self.chance.below(self.output.len() + 1);
            self.flush(written);
        }
        if self.chance.one_in(2) && self.input.is_empty() {
            let mut said = BytesMut::new();
            self.client.answers(&mut self.chance, &mut said);
            self.say(&said);
        }
        if self.chance.one_in(16) {
            self.now = self.now.plus(self.chance.below(3_000) as u64);
            let now = self.now;
            self.call(|connection, io| connection.handle_timeout(now, io));
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.client.says(bytes);
        self.input.extend_from_slice(bytes);
        self.receive();
    }

    fn receive(&mut self) {
        if self.watch.waits_for_login() {
            return;
        }
        let (mut input, now) = (std::mem::take(&mut self.input), self.now);
        self.call(|connection, io| connection.receive(now, &mut input, io));
        self.input = input;
    }

    fn apply(&mut self, effect: Effect) {
        if self.is_over {
            return;
        }
        if let Effect::Close { reason } = effect {
            return self.close(reason);
        }
        let waited = self.watch.waits_for_login();
        self.watch.sees(&effect);
        let now = self.now;
        self.call(|connection, io| {
            connection.apply(now, effect, io);
            Ok(())
        });
        if waited {
            self.receive();
        }
    }

    /// Until the broker has answered everything. Then no delivery is held for a link that is gone.
    fn settle_down(&mut self) {
        while !(self.is_over || self.broker.is_idle()) {
            while self.broker.answer(&mut self.chance) {}
            while let Some(effect) = self.broker.effects.pop_front() {
                self.apply(effect);
            }
            self.flush(self.output.len());
        }
        if !self.is_over {
            self.watch.is_tidy();
        }
    }

    fn flush(&mut self, written: usize) {
        self.output.advance(written);
        self.looked_at -= written;
        if self.looked_at < self.client.last_acceptance.len() {
            self.client.last_acceptance.clear();
        }
        if written > 0 {
            self.call(|connection, io| {
                connection.flushed(written, io);
                Ok(())
            });
        }
    }

    fn call(&mut self, act: impl FnOnce(&mut dyn Connection, &mut Io<'_>) -> Result<(), Misbehaviour>) {
        if self.is_over {
            return;
        }
        let (mut commands, mut finished) = (Commands::default(), false);
        let mut io = Io { commands: &mut commands, output: &mut self.output, finished: &mut finished };
        let result = act(self.connection.as_mut(), &mut io);
        self.take(commands);
        match result {
            Err(_) => self.close(CloseReason::Misbehaved),
            Ok(()) if finished => self.close(CloseReason::Finished),
            Ok(()) => {}
        }
    }

    fn close(&mut self, reason: CloseReason) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.watch.close();
        let (mut commands, mut finished) = (Commands::default(), true);
        let mut io = Io { commands: &mut commands, output: &mut self.output, finished: &mut finished };
        self.connection.close(reason, &mut io);
        assert!(commands.batch.len() <= 1, "a tally, and nothing else: {commands:?}");
        assert!(self.connection.poll_timeout().is_none(), "nothing is due any more");
        self.take(commands);
    }

    /// Looks at what was asked and said.
    fn take(&mut self, commands: Commands) {
        for envelope in commands.batch {
            self.watch.asked(&envelope.command);
            self.broker.commands.push_back(envelope.command);
        }
        let mut slices = [IoSlice::new(&[]); 64];
        let count = self.output.slices(&mut slices);
        let said: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        // An acceptance that was not written yet may have become a longer one.
        let known = &said[..self.looked_at.min(said.len())];
        if !known.ends_with(&self.client.last_acceptance) {
            self.looked_at -= self.client.last_acceptance.len();
        }
        self.client.hears(&said[self.looked_at..]);
        self.looked_at = self.output.len();
        self.client.is_done();
    }
}
