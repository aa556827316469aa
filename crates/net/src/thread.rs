use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use bytes::BytesMut;
use model::{Alarm, CloseReason, Command, Commands, ConnectionId, HttpIo, Io, Name, Output, Peer, Time};

use crate::admit::{self, Admission};
use crate::core::{Addressed, Core, Wakers};
use crate::listen::{self, Arrivals, Listener};
use crate::login::{Authenticator, LoginPool};
use crate::pace::{self, Pace};
use crate::slots::{Kind, Slots, Timers};
use crate::{Clock, round};

/// Bytes that one `read` takes at most; also how much read memory is asked for at once.
pub(crate) const READ_BYTES: usize = 256 * 1024;
/// The read buffer is replaced when less than this is left of it.
pub(crate) const READ_AGAIN_BYTES: usize = 16 * 1024;
/// Bytes that are read before the core has its turn, with the read that reaches it: what waits for it takes memory.
pub(crate) const ROUND_BYTES: usize = 4 * 1024 * 1024;
/// Output buffers kept for connections that have something to say.
const SPARE_BUFFERS: usize = 64;
const BUFFER_BYTES: usize = 16 * 1024;
/// A spare buffer that grew beyond this is given back to the allocator.
const SPARE_BUFFER_BYTES: usize = 1024 * 1024;
/// Milliseconds a peer has to read our goodbye.
const GOODBYE_MILLISECONDS: u64 = 5_000;

/// What all IO threads have in common.
pub struct Options {
    pub core: Arc<dyn Core>,
    pub wakers: Wakers,
    pub limits: listen::Limits,
    pub authenticator: Arc<dyn Authenticator>,
    pub pool: LoginPool,
}

/// An IO thread: what its tasks share. Borrowed for the length of one poll, never across one.
pub(crate) struct Thread {
    pub(crate) number: u16,
    pub(crate) core: Arc<dyn Core>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) pool: LoginPool,
    pub(crate) pace: Rc<Pace>,
    pub(crate) clock: Clock,
    pub(crate) slots: Slots,
    pub(crate) commands: Commands,
    pub(crate) inbox: Vec<Addressed>,
    /// Effects whose record is not durable yet, in order of record.
    pub(crate) held: VecDeque<Addressed>,
    /// Connections with output.
    pub(crate) dirty: Vec<ConnectionId>,
    pub(crate) read: BytesMut,
    /// Bytes read since the last round.
    pub(crate) taken: usize,
    pub(crate) timers: Timers,
    /// Milliseconds that a peer may take nothing of what it is being sent.
    pub(crate) slow_timeout: Option<u64>,
    pub(crate) core_timeout: Option<Time>,
    /// Why publishes are parked.
    pub(crate) alarm: Option<Alarm>,
    round: Option<Waker>,
    pub(crate) round_is_due: bool,
    spare: Vec<BytesMut>,
}

pub(crate) type Shared = Rc<RefCell<Thread>>;

/// Runs IO thread `number` until the core stops. Only the first thread has listeners; it deals connections out.
pub fn run(number: u16, options: Options, listeners: Vec<Listener>, arrivals: Arrivals) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = Rc::new(RefCell::new(Thread {
        number,
        core: options.core.clone(),
        authenticator: options.authenticator.clone(),
        pool: options.pool.clone(),
        pace: Rc::default(),
        clock: Clock::default(),
        slots: Slots::default(),
        commands: Commands::default(),
        inbox: Vec::new(),
        held: VecDeque::new(),
        dirty: Vec::new(),
        read: BytesMut::new(),
        taken: 0,
        timers: Timers::new(),
        slow_timeout: options.limits.slow_timeout.map(|timeout| timeout.as_millis() as u64),
        core_timeout: Some(Time::ZERO),
        alarm: None,
        round: None,
        round_is_due: false,
        spare: Vec::new(),
    }));
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::task::spawn_local(pace::turns(thread.borrow().pace.clone()));
        listen::start(&thread, options.wakers.clone(), options.limits, listeners, &arrivals)?;
        tokio::task::spawn_local(round::rounds(thread.clone(), options, arrivals)).await.map_err(std::io::Error::other)
    })
}

impl Thread {
    /// Sets the waker of the round task.
    pub(crate) fn register_round(&mut self, waker: &Waker) {
        if self.round.as_ref().is_none_or(|before| !before.will_wake(waker)) {
            self.round = Some(waker.clone());
        }
    }

    /// Asks for a round after the connections that are ready now.
    pub(crate) fn wake_round(&mut self) {
        if !self.round_is_due {
            self.round_is_due = true;
            if let Some(waker) = &self.round {
                waker.wake_by_ref();
            }
        }
    }

    /// Makes a connection known to the core.
    pub(crate) fn open(&mut self, kind: Kind, peer: Peer) -> ConnectionId {
        let peer = Arc::new(peer);
        let id = self.slots.insert(self.number, kind, Admission::new(peer.clone()));
        self.commands.connection = id;
        self.commands.push(Command::Open { peer: peer.clone(), client: Name::default() });
        self.admit_local(&peer);
        self.wake_round();
        id
    }

    /// Lets `act` use a byte connection, then sees to what it asked for. False if the connection is gone.
    pub(crate) fn with_raw(
        &mut self,
        id: ConnectionId,
        act: impl FnOnce(&mut dyn model::Connection, Time, &mut Io<'_>) -> Result<(), model::Misbehaviour>,
    ) -> bool {
        let now = self.clock.now();
        let alarm = self.alarm.is_some();
        let Some(slot) = self.slots.get(id) else { return false };
        let Kind::Raw(raw) = &mut slot.kind else { return false };
        if raw.closing.is_some() {
            return true;
        }
        if raw.output.is_bare() {
            raw.output.lend(self.spare.pop().unwrap_or_else(|| BytesMut::with_capacity(BUFFER_BYTES)));
        }
        self.commands.connection = id;
        let (before, mut finished) = (self.commands.batch.len(), false);
        let mut io = Io { commands: &mut self.commands, output: &mut raw.output, finished: &mut finished };
        let connection = &mut raw.connection;
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(connection.as_mut(), now, &mut io)));
        let reason = match done {
            Ok(Ok(())) if finished => Some(CloseReason::Finished),
            Ok(Ok(())) => None,
            Ok(Err(misbehaviour)) => {
                tracing::info!(connection = ?id, "ended: {misbehaviour}");
                Some(CloseReason::Misbehaved)
            }
            Err(_) => {
                tracing::error!(connection = ?id, "a defect in its protocol code ended a connection");
                Some(CloseReason::Misbehaved)
            }
        };
        let stalled = raw.stalled.zip(self.slow_timeout).map(|(since, timeout)| since.plus(timeout));
        let next = raw.connection.poll_timeout().into_iter().chain(stalled).min();
        let login = admit::taken(&mut self.commands, before);
        if alarm {
            park(&mut slot.parked, &mut self.commands, before);
        }
        let is_first = next.is_some_and(|at| slot.arm(&mut self.timers, at));
        self.note_output(id);
        if is_first || self.commands.batch.len() > before {
            self.wake_round();
        }
        if let Some(reason) = reason {
            self.end(id, reason);
        } else if let Some(login) = login {
            self.authenticate(id, *login);
        }
        true
    }

    /// The same for an HTTP connection.
    pub(crate) fn with_http(
        &mut self,
        id: ConnectionId,
        act: impl FnOnce(&mut dyn model::HttpConnection, Time, &mut HttpIo<'_>),
    ) -> bool {
        let now = self.clock.now();
        let Some(slot) = self.slots.get(id) else { return false };
        let Kind::Http(http) = &mut slot.kind else { return false };
        self.commands.connection = id;
        let before = self.commands.batch.len();
        let mut io = HttpIo { commands: &mut self.commands, response: &mut http.response };
        let connection = &mut http.connection;
        let sound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(connection.as_mut(), now, &mut io)));
        if sound.is_err() {
            tracing::error!(connection = ?id, "a defect in its service's code ended a connection");
            self.end(id, CloseReason::Misbehaved);
            return true;
        }
        let login = admit::taken(&mut self.commands, before);
        if self.alarm.is_some() {
            park(&mut slot.parked, &mut self.commands, before);
        }
        if http.response.is_some()
            && let Some(waker) = &slot.waker
        {
            waker.wake_by_ref();
        }
        let next = http.connection.poll_timeout().into_iter().chain(http.idle_until).min();
        let is_first = next.is_some_and(|at| slot.arm(&mut self.timers, at));
        if is_first || self.commands.batch.len() > before {
            self.wake_round();
        }
        if let Some(login) = login {
            self.authenticate(id, *login);
        }
        true
    }

    fn note_output(&mut self, id: ConnectionId) {
        let Some(slot) = self.slots.get(id) else { return };
        let Kind::Raw(raw) = &mut slot.kind else { return };
        if raw.output.is_empty() {
            let buffer = raw.output.take_back();
            self.spare_buffer(buffer);
        } else if !raw.dirty {
            raw.dirty = true;
            self.dirty.push(id);
            self.wake_round();
        }
    }

    pub(crate) fn spare_buffer(&mut self, mut buffer: BytesMut) {
        buffer.clear();
        if self.spare.len() < SPARE_BUFFERS && (BUFFER_BYTES..=SPARE_BUFFER_BYTES).contains(&buffer.capacity()) {
            self.spare.push(buffer);
        }
    }

    /// Ends a connection: it says goodbye, the core forgets it, and it goes when its output is written.
    pub(crate) fn end(&mut self, id: ConnectionId, reason: CloseReason) {
        let now = self.clock.now();
        let Some(slot) = self.slots.get(id) else { return };
        self.commands.connection = id;
        match &mut slot.kind {
            Kind::Raw(raw) => {
                if raw.closing.is_some() {
                    // A stop waits for nobody to hear what is said already.
                    raw.lingers &= reason != CloseReason::ShuttingDown;
                    if let Some(waker) = &slot.waker {
                        waker.wake_by_ref();
                    }
                    return;
                }
                let mut finished = true;
                let io = &mut Io { commands: &mut self.commands, output: &mut raw.output, finished: &mut finished };
                raw.connection.close(reason, io);
                let deadline = now.plus(GOODBYE_MILLISECONDS);
                raw.closing = Some(deadline);
                raw.lingers = !matches!(reason, CloseReason::Disconnected | CloseReason::ShuttingDown);
                slot.armed = Some(deadline);
                self.timers.push(Reverse((deadline, id)));
                if reason == CloseReason::Disconnected {
                    raw.output = Output::default();
                }
                if !raw.output.is_empty() && !raw.dirty {
                    raw.dirty = true;
                    self.dirty.push(id);
                }
            }
            Kind::Http(http) => {
                if http.closing {
                    return;
                }
                http.closing = true;
                let io = &mut HttpIo { commands: &mut self.commands, response: &mut http.response };
                http.connection.close(reason, io);
            }
        }
        slot.parked.clear();
        slot.admission.give_up();
        self.commands.push(Command::Close);
        if let Some(waker) = &slot.waker {
            waker.wake_by_ref();
        }
        self.wake_round();
    }
}

/// Keeps publishes back while the core is short of something, and what belongs to a transaction behind them; acks and the
/// rest pass.
fn park(parked: &mut VecDeque<Command>, commands: &mut Commands, from: usize) {
    let is_publish = |command: &Command| matches!(command, Command::Publish(_));
    if parked.is_empty() && !commands.batch[from..].iter().any(|it| is_publish(&it.command)) {
        return;
    }
    for envelope in commands.batch.split_off(from) {
        if is_publish(&envelope.command) || (!parked.is_empty() && is_transacted(&envelope.command)) {
            parked.push_back(envelope.command);
        } else {
            commands.batch.push(envelope);
        }
    }
}

/// A commit that overtook its publishes would be one without them.
fn is_transacted(command: &Command) -> bool {
    match command {
        Command::Begin { .. } | Command::Prepare { .. } | Command::Commit { .. } | Command::Rollback { .. } => true,
        Command::Settle(settle) => settle.transaction.is_some(),
        _ => false,
    }
}
