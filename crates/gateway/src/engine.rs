//! The core behind a lock: whichever IO thread has a batch runs the broker itself, with the batches of the others.
//!
//! ```text
//!  IO thread: batch ──► inbox ──► try_lock ──┬─ got it: step with all inboxes ──► records ──► journal thread
//!                                            │                               └──► effects ──► outboxes, wake their threads
//!                                            └─ busy: who has the lock looks into the inboxes again after unlocking
//! ```
//! At low load nobody wakes anybody to get a command carried out; under load, batches grow while the lock is held.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker::{Broker, Outgoing, Step};
use bytes::Bytes;
use journal::{Batch, Load, Submitter};
use model::{Command, Commands, ConnectionId, Envelope, Lsn, Time};
use net::{Addressed, Core, Wakers};

use crate::access::AuditLog;
use crate::buffers::Buffers;
use crate::gauge::Gauge;

/// Commands of one thread that may wait before it waits for the lock too.
const INBOX_COMMANDS: usize = 65_536;
/// Milliseconds between two looks at the memory of the process.
const MEASURE_EVERY: u64 = 100;

pub(crate) struct Engine {
    core: Mutex<Inner>,
    /// One for each IO thread, and one for what the journal has read.
    inboxes: Vec<Mutex<Inbox>>,
    /// Bytes of bodies in one of them, beyond which its thread waits for the lock.
    inbox_room: usize,
    outboxes: Vec<Mutex<Vec<Addressed>>>,
    /// Some inbox has something.
    pending: AtomicBool,
    durable: AtomicU64,
    /// Per thread, the last record that one of its effects waits for.
    awaited: Vec<AtomicU64>,
    /// When the broker wants to be called again; `u64::MAX`: never.
    timeout: AtomicU64,
    stopping: AtomicBool,
    /// Backups that the broker wants: their numbers and folders.
    backups: Sender<(u64, String)>,
    audit: AuditLog,
    wakers: Wakers,
}

/// What the engine works with.
pub(crate) struct Around {
    /// `None`: nothing is kept.
    pub(crate) journal: Option<Submitter>,
    pub(crate) durable: Lsn,
    pub(crate) wakers: Wakers,
    /// Bytes of bodies that may wait for the broker.
    pub(crate) room: usize,
    /// Takes what is to be copied and where to.
    pub(crate) backups: Sender<(u64, String)>,
    pub(crate) audit: AuditLog,
}

/// Commands that wait for whoever has the lock.
#[derive(Default)]
struct Inbox {
    envelopes: Vec<Envelope>,
    /// Of the bodies in them.
    bytes: usize,
}

struct Inner {
    broker: Broker,
    step: Step,
    batch: Commands,
    now: Time,
    gauge: Option<Gauge>,
    measured: Time,
    /// Effects of this step by thread.
    sorted: Vec<Vec<Addressed>>,
    buffers: Buffers,
    /// `None`: nothing is kept, everything counts as durable at once.
    journal: Option<Submitter>,
}

impl Inner {
    /// Tells the broker now and then what the process really takes.
    fn measure(&mut self) {
        if self.measured.plus(MEASURE_EVERY) > self.now {
            return;
        }
        self.measured = self.now;
        if let Some(bytes) = self.gauge.as_ref().and_then(Gauge::anonymous) {
            self.broker.note_memory(bytes);
        }
    }
}

impl Engine {
    /// `step` may have records already, of what the configuration defined; they go to the journal first.
    pub(crate) fn new(broker: Broker, step: Step, around: Around) -> Self {
        let Around { journal, durable, wakers, room, backups, audit } = around;
        let threads = wakers.len();
        let inner = Inner {
            broker,
            step,
            batch: Commands::default(),
            now: Time::ZERO,
            gauge: Gauge::open(),
            measured: Time::ZERO,
            sorted: (0..threads).map(|_| Vec::new()).collect(),
            buffers: Buffers::default(),
            journal,
        };
        Self {
            core: Mutex::new(inner),
            inboxes: (0..=threads).map(|_| Mutex::default()).collect(),
            inbox_room: room / threads.max(1),
            outboxes: (0..threads).map(|_| Mutex::default()).collect(),
            pending: AtomicBool::new(false),
            durable: AtomicU64::new(durable.0),
            awaited: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            timeout: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            backups,
            audit,
            wakers,
        }
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wakers.wake_all();
    }

    /// At the end of an orderly stop, when no thread runs any more: the next start has next to nothing to read.
    pub(crate) fn finish(&self) {
        let mut inner = guard(&self.core);
        let Inner { broker, step, now, .. } = &mut *inner;
        broker.finish(*now, step);
        self.hand_on(&mut inner, 0, &mut Vec::new());
    }

    /// Everything up to `lsn` is on disk: threads that wait for it go on.
    pub(crate) fn set_durable(&self, lsn: Lsn) {
        let before = self.durable.fetch_max(lsn.0, Ordering::SeqCst);
        for (thread, awaited) in self.awaited.iter().enumerate() {
            if awaited.load(Ordering::SeqCst) > before {
                self.wakers.wake(thread as u16);
            }
        }
    }

    /// The journal has read what the broker asked for.
    pub(crate) fn loaded(&self, load: u64, records: Option<Vec<Bytes>>) {
        self.tell(Command::Loaded { load, records });
    }

    /// Lets the broker know something that no connection says.
    pub(crate) fn tell(&self, command: Command) {
        let envelope = Envelope { connection: ConnectionId::default(), command };
        if let Some(inbox) = self.inboxes.last() {
            guard(inbox).envelopes.push(envelope);
        }
        self.pending.store(true, Ordering::SeqCst);
        self.wakers.wake(0);
    }

    /// Runs the broker with everything that waits, until nothing does.
    fn work(&self, inner: &mut Inner, thread: u16, now: Time, own: &mut Commands, inbox: &mut Vec<Addressed>) {
        inner.now = inner.now.max(now);
        inner.measure();
        // Made before what follows, so it is applied before.
        inbox.append(&mut guard(&self.outboxes[usize::from(thread)]));
        std::mem::swap(&mut inner.batch.batch, &mut own.batch);
        loop {
            if self.pending.swap(false, Ordering::SeqCst) {
                for waiting in &self.inboxes {
                    let mut waiting = guard(waiting);
                    waiting.bytes = 0;
                    inner.batch.batch.append(&mut waiting.envelopes);
                }
            }
            inner.broker.step(inner.now, &mut inner.batch, &mut inner.step);
            self.hand_on(inner, thread, inbox);
            if !self.pending.load(Ordering::SeqCst) {
                break;
            }
        }
        std::mem::swap(&mut inner.batch.batch, &mut own.batch);
        let timeout = inner.broker.poll_timeout().map_or(u64::MAX, |at| at.0);
        self.timeout.store(timeout, Ordering::SeqCst);
    }

    /// Records to the journal, effects to their threads.
    fn hand_on(&self, inner: &mut Inner, thread: u16, inbox: &mut Vec<Addressed>) {
        let Inner { step, sorted, journal, now, buffers, .. } = inner;
        if step.count > 0 {
            let (first, count) = (step.first, std::mem::take(&mut step.count));
            let holds = std::mem::take(&mut step.holds);
            let checkpoint = step.checkpoint.take().map(|first| journal::Lsn(first.0));
            let payload = step.records.take(|buffer| buffers.take(buffer)).into();
            let reread = std::mem::take(&mut step.reread);
            match journal {
                Some(journal) => {
                    let (holds, releases) = (put_holds(holds.added), put_holds(holds.released));
                    let first = journal::Lsn(first.0);
                    journal.submit(Batch { first, count, time: now.0, payload, holds, releases, checkpoint, reread });
                }
                None => self.set_durable(Lsn(first.0 + u64::from(count) - 1)),
            }
        }
        for load in step.loads.drain(..) {
            if let Some(journal) = journal {
                let (first, last) = (journal::Lsn(load.first.0), journal::Lsn(load.last.0));
                journal.load(Load { first, last, token: load.load });
            }
        }
        for audit in step.audits.drain(..) {
            self.audit.operation(*now, &audit);
        }
        for (job, folder) in step.backups.drain(..) {
            let _ = self.backups.send((job, folder));
        }
        for Outgoing { connection, after, effect } in step.effects.drain(..) {
            let to = usize::from(connection.thread);
            if let Some(awaited) = self.awaited.get(to)
                && after.0 > awaited.load(Ordering::Relaxed)
            {
                awaited.store(after.0, Ordering::SeqCst);
            }
            let addressed = Addressed { connection, after, effect };
            if connection.thread == thread {
                inbox.push(addressed);
            } else if let Some(list) = sorted.get_mut(to) {
                list.push(addressed);
            }
        }
        for (to, list) in sorted.iter_mut().enumerate() {
            if !list.is_empty() {
                guard(&self.outboxes[to]).append(list);
                self.wakers.wake(to as u16);
            }
        }
    }
}

impl Core for Engine {
    fn run(&self, thread: u16, now: Time, batch: &mut Commands, inbox: &mut Vec<Addressed>) -> Option<Time> {
        let mut free = self.core.try_lock().ok();
        if free.is_none() && !batch.batch.is_empty() {
            let waiting = &self.inboxes[usize::from(thread)];
            let crowded = {
                let mut waiting = guard(waiting);
                waiting.bytes += batch.batch.iter().map(bytes_of).sum::<usize>();
                waiting.envelopes.append(&mut batch.batch);
                waiting.envelopes.len() > INBOX_COMMANDS || waiting.bytes > self.inbox_room
            };
            self.pending.store(true, Ordering::SeqCst);
            // Either the one who has the lock sees `pending` after unlocking, or this gets it.
            free = if crowded { Some(guard(&self.core)) } else { self.core.try_lock().ok() };
        }
        while let Some(mut inner) = free {
            self.work(&mut inner, thread, now, batch, inbox);
            drop(inner);
            free = if self.pending.load(Ordering::SeqCst) { self.core.try_lock().ok() } else { None };
        }
        inbox.append(&mut guard(&self.outboxes[usize::from(thread)]));
        match self.timeout.load(Ordering::SeqCst) {
            u64::MAX => None,
            at => Some(Time(at)),
        }
    }

    fn durable(&self) -> Lsn {
        Lsn(self.durable.load(Ordering::SeqCst))
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// What the broker says of records that are needed, or not any more, in the journal's words.
pub(crate) fn put_holds(holds: Vec<broker::Hold>) -> Vec<journal::Hold> {
    let put =
        |hold: broker::Hold| journal::Hold { lsn: journal::Lsn(hold.lsn.0), bytes: hold.bytes, count: hold.count };
    holds.into_iter().map(put).collect()
}

/// A lock whose holder panicked is as good as before: the broker stops the process when it panics.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a command holds besides itself.
fn bytes_of(envelope: &Envelope) -> usize {
    match &envelope.command {
        Command::Publish(publish) => publish.message.properties.len() + publish.message.body.len(),
        _ => 0,
    }
}
