//! One connection and the client at its other end.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::BytesMut;
use model::{
    Authenticate, CloseReason, Command, Commands, Connection, ConnectionId, Effect, Envelope, Io, Misbehaviour, Output,
    Protocol, Refusal, Reply, Time,
};
use mqtt::Mqtt;
use mqtt::codec::{Limits, Packet, Role, Version, decode};
use mqtt::fuzz::Watch;

use crate::guard::Except;
use crate::packets::bytes_of;

const LIMITS: Limits = Limits { max_packet: 256 << 20 };

pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    pub(crate) version: Version,
    /// What the client has read and not yet looked at.
    pub(crate) inbox: VecDeque<Packet>,
    /// It does not read what it is sent.
    pub(crate) is_stalled: bool,
    /// Why the connection is over.
    pub(crate) closed: Option<CloseReason>,
    /// What the log says of that.
    pub(crate) misbehaviour: Option<String>,
    /// Its login waits for an answer; nothing more is shown to it meanwhile.
    pub(crate) login: Option<Authenticate>,
    /// The test answers; else everybody is let in at once.
    pub(crate) holds_login: bool,
    /// What it may do, once it is let in.
    pub(crate) guard: Option<Arc<Except>>,
    connection: Box<dyn Connection>,
    output: Output,
    /// Sent and not yet taken by the connection.
    input: BytesMut,
    /// Read and not yet a whole packet.
    said: BytesMut,
    watch: Watch,
}

impl Peer {
    pub(crate) fn new(protocol: &Mqtt, id: ConnectionId, window: u32) -> Self {
        Self::at(&model::Peer::local("mqtt"), protocol, id, window)
    }

    pub(crate) fn at(peer: &model::Peer, protocol: &Mqtt, id: ConnectionId, window: u32) -> Self {
        Self {
            id,
            version: Version::V311,
            inbox: VecDeque::new(),
            is_stalled: false,
            closed: None,
            misbehaviour: None,
            login: None,
            holds_login: false,
            guard: None,
            connection: protocol.open(peer),
            output: Output::default(),
            input: BytesMut::new(),
            said: BytesMut::new(),
            watch: Watch::new(window),
        }
    }

    pub(crate) fn send(&mut self, now: Time, packet: &Packet) -> Vec<Envelope> {
        if let Packet::Connect(connect) = packet {
            self.version = connect.version;
        }
        let bytes = bytes_of(packet, self.version);
        self.send_bytes(now, &bytes)
    }

    pub(crate) fn send_bytes(&mut self, now: Time, bytes: &[u8]) -> Vec<Envelope> {
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        if self.login.is_some() {
            self.input = input;
            return Vec::new();
        }
        let commands = self.call(|connection, io| connection.receive(now, &mut input, io));
        self.input = input;
        self.log_in(now, commands)
    }

    /// Does the shell's part of a login.
    fn log_in(&mut self, now: Time, mut commands: Vec<Envelope>) -> Vec<Envelope> {
        if let Some(Envelope { command: Command::Authenticate(asked), .. }) = commands.first() {
            self.login = Some((**asked).clone());
            commands.remove(0);
            assert!(commands.is_empty(), "asks before it is known who it is: {commands:?}");
            if !self.holds_login {
                return self.answer_login(now, Ok(()));
            }
        }
        commands
    }

    /// The login is over; the connection is shown what has come meanwhile.
    pub(crate) fn answer_login(&mut self, now: Time, answer: Result<(), Refusal>) -> Vec<Envelope> {
        let Authenticate { token, .. } = self.login.take().expect("a login");
        let (connection, user) = (self.id, model::Name::from("bob"));
        let mut commands = Vec::new();
        if let Some(guard) = self.guard.clone().filter(|_| answer.is_ok()) {
            let command = Command::Permit { user: user.clone(), guard: Some(guard) };
            commands.push(Envelope { connection, command });
        }
        let reply = answer.map(|()| Reply::Authenticated { user, account: None, last_message: None });
        commands.extend(self.apply(now, Effect::Reply { token, reply }));
        commands.extend(self.send_bytes(now, &[]));
        commands
    }

    /// Bytes that the connection has not taken.
    pub(crate) fn unread(&self) -> usize {
        self.input.len()
    }

    pub(crate) fn apply(&mut self, now: Time, effect: Effect) -> Vec<Envelope> {
        if self.closed.is_some() {
            return Vec::new();
        }
        if let Effect::Close { reason } = effect {
            return self.close(reason);
        }
        self.watch.sees(&effect);
        self.call(|connection, io| {
            connection.apply(now, effect, io);
            Ok(())
        })
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.connection.poll_timeout().filter(|_| self.closed.is_none())
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) -> Vec<Envelope> {
        self.call(|connection, io| connection.handle_timeout(now, io))
    }

    /// The socket takes all there is to say, unless the client has stalled, and the client reads it.
    pub(crate) fn flush(&mut self) -> Vec<Envelope> {
        if self.is_stalled { Vec::new() } else { self.flush_bytes(usize::MAX) }
    }

    /// The same for so many bytes, even if the client has stalled.
    pub(crate) fn flush_bytes(&mut self, most: usize) -> Vec<Envelope> {
        let mut written = 0;
        while !self.output.is_empty() && written < most {
            let mut slices = [IoSlice::new(&[]); 4];
            let count = self.output.slices(&mut slices);
            let before = self.said.len();
            for slice in &slices[..count] {
                let room = most - written - (self.said.len() - before);
                self.said.extend_from_slice(&slice[..slice.len().min(room)]);
            }
            let count = self.said.len() - before;
            self.output.advance(count);
            written += count;
        }
        while let Some(packet) = decode(&mut self.said, &LIMITS, Role::Client, self.version).unwrap() {
            self.inbox.push_back(packet);
        }
        if written == 0 || self.closed.is_some() {
            return Vec::new();
        }
        self.call(|connection, io| {
            connection.flushed(written, io);
            Ok(())
        })
    }

    pub(crate) fn unwritten(&self) -> usize {
        self.output.len()
    }

    pub(crate) fn read(&mut self) -> Vec<Packet> {
        self.inbox.drain(..).collect()
    }

    /// Ends the connection, as the shell does: `close` may ask for more, then the core forgets it.
    pub(crate) fn close(&mut self, reason: CloseReason) -> Vec<Envelope> {
        if self.closed.is_some() {
            return Vec::new();
        }
        self.closed = Some(reason);
        self.watch.close();
        let mut commands = Commands { connection: self.id, ..Commands::default() };
        let mut finished = true;
        self.connection
            .close(reason, &mut Io { commands: &mut commands, output: &mut self.output, finished: &mut finished });
        commands.batch.iter().for_each(|envelope| self.watch.asked(&envelope.command));
        if reason == CloseReason::Disconnected {
            self.output = Output::default();
        }
        commands.push(model::Command::Close);
        commands.batch
    }

    fn call(
        &mut self,
        act: impl FnOnce(&mut dyn Connection, &mut Io<'_>) -> Result<(), Misbehaviour>,
    ) -> Vec<Envelope> {
        if self.closed.is_some() {
            return Vec::new();
        }
        let mut commands = Commands { connection: self.id, ..Commands::default() };
        let mut finished = false;
        let mut io = Io { commands: &mut commands, output: &mut self.output, finished: &mut finished };
        let result = act(self.connection.as_mut(), &mut io);
        commands.batch.iter().for_each(|envelope| self.watch.asked(&envelope.command));
        match result {
            Err(Misbehaviour(text)) => {
                self.misbehaviour = Some(text);
                commands.batch.extend(self.close(CloseReason::Misbehaved));
            }
            Ok(()) if finished => commands.batch.extend(self.close(CloseReason::Finished)),
            Ok(()) => {}
        }
        commands.batch
    }
}
