//! One connection and the client at its other end.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use amqp10::Amqp10;
use amqp10::codec::{
    self, Frame, HEADER_LEN, Limits, Performative, ProtocolHeader, ProtocolId, SaslFrame, SaslOutcome, decode,
    decode_sasl,
};
use bytes::{Buf, Bytes, BytesMut};
use model::{
    Authenticate, CloseReason, Command, Commands, Connection, ConnectionId, Credentials, Effect, Envelope, Io,
    Misbehaviour, Output, Protocol, Refusal, Reply, Time,
};

use crate::guard::Except;

const LIMITS: Limits = Limits { max_frame: u32::MAX };

/// What a client reads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Header(ProtocolId),
    Sasl(SaslFrame),
    Empty,
    Frame(u16, Performative, Bytes),
}

pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    /// What the client has read and not yet looked at.
    pub(crate) inbox: VecDeque<Said>,
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
    /// Read and not yet a whole frame.
    said: BytesMut,
    layer: Option<ProtocolId>,
}

impl Peer {
    pub(crate) fn new(peer: &model::Peer, protocol: &Amqp10, id: ConnectionId) -> Self {
        Self {
            id,
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
            layer: None,
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
        if let Some(Envelope { command: Command::Authenticate(asked), .. }) = commands.first() {
            let user = match &asked.credentials {
                Credentials::Password { user, .. } => user.clone(),
                _ => String::new(),
            };
            self.login = Some((**asked).clone());
            commands.remove(0);
            assert!(commands.is_empty(), "asks before it is known who it is: {commands:?}");
            if !self.holds_login {
                return self.let_in(now, &user, None);
            }
        }
        commands
    }

    /// The login is over.
    pub(crate) fn let_in(&mut self, now: Time, user: &str, last_message: Option<&'static str>) -> Vec<Envelope> {
        let mut commands = Vec::new();
        if let Some(guard) = self.guard.clone() {
            let command = Command::Permit { user: user.into(), guard: Some(guard) };
            commands.push(Envelope { connection: self.id, command });
        }
        let (user, last_message) = (user.into(), last_message.map(Bytes::from));
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
        while let Some(said) = self.next_said() {
            self.inbox.push_back(said);
        }
        if written == 0 || self.closed.is_some() {
            return Vec::new();
        }
        self.call(|connection, io| {
            connection.flushed(written, io);
            Ok(())
        })
    }

    fn next_said(&mut self) -> Option<Said> {
        match self.layer {
            None => match ProtocolHeader::peek(&self.said) {
                ProtocolHeader::Known(id) => {
                    self.said.advance(HEADER_LEN);
                    self.layer = Some(id);
                    Some(Said::Header(id))
                }
                ProtocolHeader::Incomplete => None,
                ProtocolHeader::Unknown => panic!("{:?} is no header", self.said),
            },
            Some(ProtocolId::Sasl) => {
                let frame = decode_sasl(&mut self.said).unwrap()?;
                if let SaslFrame::Outcome(SaslOutcome { code: codec::SaslCode::Ok, .. }) = frame {
                    self.layer = None;
                }
                Some(Said::Sasl(frame))
            }
            Some(_) => {
                let Frame { channel, performative, payload } = decode(&mut self.said, &LIMITS).unwrap()?;
                Some(performative.map_or(Said::Empty, |performative| Said::Frame(channel, performative, payload)))
            }
        }
    }

    pub(crate) fn unwritten(&self) -> usize {
        self.output.len()
    }

    pub(crate) fn read(&mut self) -> Vec<Said> {
        self.inbox.drain(..).collect()
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
