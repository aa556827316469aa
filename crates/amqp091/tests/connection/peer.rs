//! One connection and the client at its other end.

use std::collections::VecDeque;
use std::io::IoSlice;

use amqp091::Amqp091;
use amqp091::codec::{Frame, Limits, Role, decode, encode};
use bytes::BytesMut;
use model::{
    CloseReason, Commands, Connection, ConnectionId, Effect, Envelope, Io, Misbehaviour, Output, Protocol, Time,
};

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
    connection: Box<dyn Connection>,
    output: Output,
    /// Sent and not yet taken by the connection.
    input: BytesMut,
    /// Read and not yet a whole frame.
    pub(crate) said: BytesMut,
}

impl Peer {
    pub(crate) fn new(protocol: &Amqp091, id: ConnectionId) -> Self {
        let peer = model::Peer::local("amqp091");
        Self {
            id,
            inbox: VecDeque::new(),
            is_stalled: false,
            closed: None,
            misbehaviour: None,
            longest_frame: 0,
            connection: protocol.open(&peer),
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
        let commands = self.call(|connection, io| connection.receive(now, &mut input, io));
        self.input = input;
        commands
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
