//! One connection and the client at its other end.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::BytesMut;
use model::{
    Authenticate, CloseReason, Commands, Connection, ConnectionId, Credentials, Effect, Envelope, Io, Misbehaviour,
    Output, Protocol, Refusal, Reply, Time,
};
use stomp::Stomp;
use stomp::codec::{Command, Decoder, Limits, Version};
use stomp::fuzz::Watch;

use crate::guard::Except;

/// A frame that the server sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) command: Command,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Said {
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.command)?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, " {name}:{value:?}"))?;
        write!(f, " {}", self.body.escape_ascii())
    }
}

pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    /// What the client has read and not yet looked at.
    pub(crate) inbox: VecDeque<Said>,
    /// Heart-beats that it has read.
    pub(crate) beats: usize,
    /// It does not read what it is sent.
    pub(crate) is_stalled: bool,
    /// Why the connection is over.
    pub(crate) closed: Option<CloseReason>,
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
    said: BytesMut,
    decoder: Decoder,
    watch: Watch,
}

impl Peer {
    pub(crate) fn new(peer: &model::Peer, protocol: &Stomp, id: ConnectionId) -> Self {
        Self {
            id,
            inbox: VecDeque::new(),
            beats: 0,
            is_stalled: false,
            closed: None,
            login: None,
            holds_login: false,
            guard: None,
            connection: protocol.open(peer),
            output: Output::default(),
            input: BytesMut::new(),
            said: BytesMut::new(),
            decoder: Decoder::new(Limits::with_body(256 << 20), Version::V10),
            watch: Watch::default(),
        }
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
        if let Some(Envelope { command: model::Command::Authenticate(asked), .. }) = commands.first() {
            let user = match &asked.credentials {
                Credentials::Password { user, .. } => user.clone(),
                _ => String::new(),
            };
            self.login = Some((**asked).clone());
            commands.remove(0);
            assert!(commands.is_empty(), "asks before it is known who it is: {commands:?}");
            if !self.holds_login {
                return self.let_in(now, &user);
            }
        }
        commands
    }

    /// The login is over.
    pub(crate) fn let_in(&mut self, now: Time, user: &str) -> Vec<Envelope> {
        let mut commands = Vec::new();
        if let Some(guard) = self.guard.clone() {
            let command = model::Command::Permit { user: user.into(), guard: Some(guard) };
            commands.push(Envelope { connection: self.id, command });
        }
        let known = Reply::Authenticated { user: user.into(), account: None, last_message: None };
        commands.extend(self.answer_login(now, Ok(known)));
        commands
    }

    pub(crate) fn keep_out(&mut self, now: Time, refusal: Refusal) -> Vec<Envelope> {
        self.answer_login(now, Err(refusal))
    }

    /// The connection hears the answer, and is shown what has come meanwhile.
    fn answer_login(&mut self, now: Time, reply: Result<Reply, Refusal>) -> Vec<Envelope> {
        let Authenticate { token, .. } = self.login.take().expect("a login");
        let mut commands = self.apply(now, Effect::Reply { token, reply });
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
        self.read_frames();
        if written == 0 || self.closed.is_some() {
            return Vec::new();
        }
        self.call(|connection, io| {
            connection.flushed(written, io);
            Ok(())
        })
    }

    fn read_frames(&mut self) {
        loop {
            self.beats += self.said.iter().take_while(|byte| **byte == b'\n').count();
            let Some(frame) = self.decoder.decode(&mut self.said).expect("servers write frames") else { return };
            let headers = frame.headers().into_iter();
            let headers = headers.map(|it| (it.name().into_owned(), it.value().into_owned())).collect::<Vec<_>>();
            if frame.command == Command::Connected {
                let version = headers.iter().find(|(name, _)| name == "version").map(|(_, value)| value.as_str());
                self.decoder.set_version(Version::negotiate(version).expect("one that exists"));
            }
            self.inbox.push_back(Said { command: frame.command, headers, body: frame.body.to_vec() });
        }
    }

    pub(crate) fn unwritten(&self) -> usize {
        self.output.len()
    }

    /// What is still to be read, as text.
    pub(crate) fn written(&self) -> String {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = self.output.slices(&mut slices);
        slices[..count].iter().map(|slice| String::from_utf8_lossy(slice)).collect()
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
            Err(_) => commands.batch.extend(self.close(CloseReason::Misbehaved)),
            Ok(()) if finished => commands.batch.extend(self.close(CloseReason::Finished)),
            Ok(()) => {}
        }
        commands.batch
    }
}
