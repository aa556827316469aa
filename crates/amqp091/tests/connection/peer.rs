//! One connection and the client at its other end.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use amqp091::Amqp091;
use amqp091::codec::{Frame, Limits, Role, decode, encode};
use bytes::BytesMut;
use model::{
    Authenticate, CloseReason, Command, Commands, Connection, ConnectionId, Credentials, Effect, Envelope, Io,
    Misbehaviour, Output, Protocol, Refusal, Reply, Time,
};

use crate::guard::Except;

const LIMITS: Limits = Limits { frame_max: 256 << 20 };

pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    /// What the client has read and not yet looked at.
    pub(crate) inbox: VecDeque<Frame>,
    /// It does not read what it is sent.
    pub(crate) is_stalled: bool,
    /// Why the connection is over.
    pub(crate) closed: Option<CloseReason>,
    /// What the log says of that.
    pub(crate) misbehaviour: Option<String>,
    /// Of the longest frame that it was sent.
    pub(crate) longest_frame: usize,
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
    /// Read and not yet a whole frame.
    pub(crate) said: BytesMut,
}

impl Peer {
    pub(crate) fn new(peer: &model::Peer, protocol: &Amqp091, id: ConnectionId) -> Self {
        Self {
            id,
            inbox: VecDeque::new(),
            is_stalled: false,
            closed: None,
            misbehaviour: None,
            longest_frame: 0,
            login: None,
            holds_login: false,
            guard: None,
            connection: protocol.open(peer),
            output: Output::default(),
            input: BytesMut::new(),
            said: BytesMut::new(),
        }
    }

    pub(crate) fn send(&mut self, now: Time, frames: &[Frame]) -> Vec<Envelope> {
        let mut bytes = BytesMut::new();
        frames.iter().for_each(|frame| encode(frame, &mut bytes).unwrap());
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
        if let Some(Envelope { command: Command::Authenticate(asked), .. }) = commands.last() {
            let user = match &asked.credentials {
                Credentials::Password { user, .. } => user.clone(),
                _ => "anonymous".to_owned(),
            };
            self.login = Some((**asked).clone());
            commands.pop();
            if !self.holds_login {
                commands.extend(self.let_in(now, &user, None));
            }
        }
        let asks = commands.iter().any(|it| matches!(it.command, Command::Authenticate(_)));
        assert!(!asks, "nothing comes behind a login: {commands:?}");
        commands
    }

    /// The login is over.
    pub(crate) fn let_in(&mut self, now: Time, user: &str, last_message: Option<&'static str>) -> Vec<Envelope> {
        let mut commands = Vec::new();
        if let Some(guard) = self.guard.clone() {
            let command = Command::Permit { user: user.into(), guard: Some(guard) };
            commands.push(Envelope { connection: self.id, command });
        }
        let (user, last_message) = (user.into(), last_message.map(bytes::Bytes::from));
        let reply = Ok(Reply::Authenticated { user, account: None, last_message });
        commands.extend(self.answer_login(now, |token| Effect::Reply { token, reply }));
        commands
    }

    pub(crate) fn keep_out(&mut self, now: Time, refusal: Refusal) -> Vec<Envelope> {
        self.answer_login(now, |token| Effect::Reply { token, reply: Err(refusal) })
    }

    pub(crate) fn challenge(&mut self, now: Time, challenge: &'static str) -> Vec<Envelope> {
        self.answer_login(now, |token| Effect::Challenge { token, challenge: challenge.into() })
    }

    /// The connection hears the answer, and is shown what has come meanwhile.
    fn answer_login(&mut self, now: Time, effect: impl FnOnce(model::Token) -> Effect) -> Vec<Envelope> {
        let Authenticate { token, .. } = self.login.take().expect("a login");
        let mut commands = self.apply(now, effect(token));
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
        if self.said.starts_with(b"AMQP") {
            return Vec::new();
        }
        loop {
            let before = self.said.len();
            let Some(frame) = decode(&mut self.said, &LIMITS, Role::Client).unwrap() else { break };
            self.longest_frame = self.longest_frame.max(before - self.said.len());
            self.inbox.push_back(frame);
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

    /// Ends the connection, as the shell does: `close` may ask for more, then the core forgets it.
    pub(crate) fn close(&mut self, reason: CloseReason) -> Vec<Envelope> {
        if self.closed.is_some() {
            return Vec::new();
        }
        self.closed = Some(reason);
        let mut commands = Commands { connection: self.id, ..Commands::default() };
        let mut finished = true;
        self.connection
            .close(reason, &mut Io { commands: &mut commands, output: &mut self.output, finished: &mut finished });
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
