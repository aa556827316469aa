use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use model::{Alarm, CloseReason, Connection, Effect, Encodings, Io, Misbehaviour, Time};

use crate::admin::LINE_BYTES;
use crate::admin::desk::{Account, Desk};
use crate::admin::failure::Failure;
use crate::admin::request::Request;
use crate::admin::work::{self, Progress, Work};

/// Requests, and their bytes, that may wait for the one before them.
const WAITING_REQUESTS: usize = 64;
const WAITING_BYTES: usize = 2 * LINE_BYTES;

/// One client of the admin channel. Its requests are carried out one after the other.
pub(crate) struct AdminConnection {
    encodings: Encodings,
    /// Bytes of the input that hold no end of line.
    searched: usize,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    running: Option<Running>,
    account: Account,
    now: Time,
    alarm: Option<Alarm>,
}

struct Running {
    id: u64,
    work: Box<dyn Work>,
}

impl AdminConnection {
    pub(crate) fn new(encodings: Encodings) -> Self {
        Self {
            encodings,
            searched: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            running: None,
            account: Account::default(),
            now: Time::ZERO,
            alarm: None,
        }
    }

    fn accept(&mut self, line: &[u8]) -> Result<(), Failure> {
        if line.len() > LINE_BYTES {
            return Err(Failure::Limit("bytes of a line", LINE_BYTES as u64));
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        if self.waiting.len() == WAITING_REQUESTS || self.waiting_bytes + line.len() > WAITING_BYTES {
            return Err(Failure::Limit("requests that wait", WAITING_REQUESTS as u64));
        }
        self.waiting_bytes += line.len();
        self.waiting.push_back(Bytes::copy_from_slice(line));
        Ok(())
    }

    /// Starts what waits, as long as the ones before are done and their answers read.
    fn start_waiting(&mut self, io: &mut Io<'_>) {
        while self.running.is_none() && self.account.has_room() {
            let Some(line) = self.waiting.pop_front() else { return };
            self.waiting_bytes -= line.len();
            match Request::parse(&line) {
                Err((id, failure)) => self.account.fail(io.output, id, &failure),
                Ok(Request { id, command }) => match work::start(command, &mut self.desk(id, io)) {
                    Err(failure) => self.account.fail(io.output, Some(id), &failure),
                    Ok(mut work) => {
                        if work.begin(&mut self.desk(id, io)) == Progress::Finished {
                            self.desk(id, io).done();
                            continue;
                        }
                        if work.publishes()
                            && let Some(alarm) = &self.alarm
                        {
                            let note = waits(alarm);
                            self.desk(id, io).note(&note);
                        }
                        self.running = Some(Running { id, work });
                    }
                },
            }
        }
    }

    /// Lets the running request act, and then the next ones.
    fn advance(
        &mut self,
        io: &mut Io<'_>,
        act: impl FnOnce(&mut dyn Work, &mut Desk<'_>) -> Result<Progress, Failure>,
    ) {
        if let Some(mut running) = self.running.take() {
            let mut desk = self.desk(running.id, io);
            match act(running.work.as_mut(), &mut desk) {
                Ok(Progress::Waits) => self.running = Some(running),
                Ok(Progress::Finished) => desk.done(),
                Err(failure) => self.account.fail(io.output, Some(running.id), &failure),
            }
        }
        self.start_waiting(io);
    }

    fn desk<'a>(&'a mut self, id: u64, io: &'a mut Io<'_>) -> Desk<'a> {
        Desk {
            id,
            now: self.now,
            encodings: &self.encodings,
            commands: io.commands,
            account: &mut self.account,
            output: io.output,
        }
    }

    fn give_up(&mut self, failure: &Failure, io: &mut Io<'_>) {
        if let Some(running) = self.running.take() {
            self.account.fail(io.output, Some(running.id), failure);
        }
        self.waiting.clear();
        self.waiting_bytes = 0;
    }
}

impl Connection for AdminConnection {
    fn receive(&mut self, now: Time, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        self.now = now;
        let mut searched = std::mem::take(&mut self.searched).min(input.len());
        let accepted = loop {
            let end = memchr::memchr(b'\n', &input[searched..]).map(|at| searched + at);
            let Some(end) = end else {
                self.searched = input.len();
                break if input.len() > LINE_BYTES { self.accept(input) } else { Ok(()) };
            };
            if let Err(failure) = self.accept(&input[..end]) {
                break Err(failure);
            }
            input.advance(end + 1);
            searched = 0;
            self.start_waiting(io);
        };
        accepted.map_err(|failure| {
            self.give_up(&failure, io);
            self.account.fail(io.output, None, &failure);
            Misbehaviour(failure.to_string())
        })
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) {
        self.now = now;
        match effect {
            Effect::Close { .. } => {
                self.give_up(&Failure::Closed, io);
                *io.finished = true;
            }
            Effect::Throttle { reason } => {
                if let (Some(running), Some(alarm)) = (&self.running, &reason)
                    && running.work.publishes()
                {
                    let (id, note) = (running.id, waits(alarm));
                    self.desk(id, io).note(&note);
                }
                self.alarm = reason;
            }
            effect => self.advance(io, |work, desk| work.apply(effect, desk)),
        }
    }

    fn flushed(&mut self, bytes: usize, io: &mut Io<'_>) {
        self.account.read(bytes);
        self.advance(io, |work, desk| work.go_on(desk));
    }

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _now: Time, _io: &mut Io<'_>) -> Result<(), Misbehaviour> {
        Ok(())
    }

    fn close(&mut self, reason: CloseReason, io: &mut Io<'_>) {
        match reason {
            CloseReason::ShuttingDown => self.give_up(&Failure::Stopping, io),
            CloseReason::Ended | CloseReason::Revoked | CloseReason::TakenOver | CloseReason::Idle => {
                self.give_up(&Failure::Closed, io)
            }
            CloseReason::Finished | CloseReason::Disconnected | CloseReason::Misbehaved => self.running = None,
        }
    }
}

fn waits(alarm: &Alarm) -> String {
    format!("waits: the broker is {alarm}")
}
