//! What fuzzing and the replay of its corpus run, and what tests watch connections with.

mod broker;
mod chance;
mod client;
mod speech;
mod watch;

use std::io::IoSlice;
use std::sync::Arc;

use bytes::BytesMut;
use model::{
    CloseReason, Command, Commands, Connection, Effect, Encodings, Io, Misbehaviour, Output, Peer, Protocol, Time,
};

use self::broker::FakeBroker;
use self::chance::Chance;
use self::client::Client;
pub use self::watch::Watch;
use crate::codec::PROTOCOL_HEADER;
use crate::{Amqp091, Amqp091Encoding, Amqp091Options};

/// Bytes of the longest body: few, so that it is often exceeded.
const MAX_MESSAGE: u64 = 10_000;

/// Lets a connection read what a client says, piece by piece, with a broker and a client that do what they may: answer
/// late, refuse, deliver, cancel; acknowledge, read slowly, fall silent. If `data` begins with a protocol header it is
/// what the client sends; else its bytes choose among things to say on an open connection. What happens when, the data
/// itself decides.
///
/// # Panics
/// If the connection breaks the contract with the broker ([`Watch`]) or says to its client what no server may say.
pub fn run(data: &[u8]) {
    run_with(data, 0);
}

/// As [`run`], with another course of events for each `seed`.
///
/// # Panics
/// As [`run`].
pub fn run_with(data: &[u8], seed: u64) {
    let mut run = Run::new(Chance::of(data, seed));
    let speech;
    let bytes = if data.starts_with(&PROTOCOL_HEADER[..4]) {
        data
    } else {
        speech = speech::of(data);
        &speech
    };
    let mut rest = bytes;
    while !rest.is_empty() && !run.is_over {
        let (piece, after) = rest.split_at(rest.len().min(1 + run.chance.below(300)));
        rest = after;
        run.input.extend_from_slice(piece);
        run.receive();
        run.something_happens();
    }
    for _ in 0..20 {
        run.something_happens();
    }
    run.close_channels();
    run.close(CloseReason::Disconnected);
}

struct Run {
    connection: Box<dyn Connection>,
    /// Not read by the client. The last confirm in it may still change.
    output: Output,
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
        encodings.register(Arc::new(Amqp091Encoding));
        let protocol = Amqp091::new(Amqp091Options { max_message: MAX_MESSAGE, ..Amqp091Options::new(encodings) });
        let peer = Peer::local("amqp091");
        Self {
            connection: protocol.open(&peer),
            output: Output::default(),
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
            self.client.answers(&mut self.chance, &mut self.input);
            self.receive();
        }
        if self.chance.one_in(16) {
            self.now = self.now.plus(self.chance.below(3_000) as u64);
            let now = self.now;
            self.call(|connection, io| connection.handle_timeout(now, io));
        }
    }

    /// The client is done with all channels: then nothing may be left of them.
    fn close_channels(&mut self) {
        if !self.input.is_empty() || !self.client.is_open() {
            return;
        }
        let rest = self.output.len();
        self.flush(rest);
        speech::close_all(self.client.open_channels(), &mut self.input);
        self.receive();
        while !self.is_over && self.broker.finish(&mut self.chance) {
            while let Some(effect) = self.broker.effects.pop_front() {
                self.apply(effect);
            }
        }
        let rest = self.output.len();
        self.flush(rest);
        if !self.is_over && self.client.is_open() {
            self.watch.nothing_is_left();
        }
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

    /// The client reads so many bytes.
    fn flush(&mut self, written: usize) {
        let mut left = written;
        while left > 0 {
            let mut slices = [IoSlice::new(&[]); 1];
            self.output.slices(&mut slices);
            let part = slices[0].len().min(left);
            self.client.hears(&slices[0][..part]);
            self.output.advance(part);
            left -= part;
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
        assert!(self.connection.poll_timeout().is_none(), "nothing is due any more");
        self.take(commands);
        let rest = self.output.len();
        self.flush(rest);
        self.client.is_done();
    }

    /// Looks at what was asked.
    fn take(&mut self, commands: Commands) {
        for envelope in commands.batch {
            self.watch.asked(&envelope.command);
            if !matches!(envelope.command, Command::Tally(_)) {
                self.broker.commands.push_back(envelope.command);
            }
        }
    }
}
