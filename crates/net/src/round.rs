//! The end of a round: the batch goes to the core, effects come back, output leaves.

use std::cmp::Reverse;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use model::{CloseReason, Effect, Time};
use tokio::time::{Instant, Sleep};

use crate::core::Addressed;
use crate::listen::Arrivals;
use crate::slots::Kind;
use crate::thread::{Options, Shared, Thread};

/// Hand-overs to the core in one round: effects make connections ask for more.
const TURNS_PER_ROUND: usize = 4;
/// How often a thread looks whether its connections are gone, while it stops.
const STOPPING: Duration = Duration::from_millis(10);
/// The timer looks at least so often.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// How long connections have to read our goodbye when the process stops.
const STOPPING_PATIENCE: Duration = Duration::from_secs(2);

/// Runs rounds until the core stops and the connections are gone. A task like those of the connections, so that waking
/// it from one of them costs no system call, and it runs after those that are ready already.
pub(crate) async fn rounds(thread: Shared, options: Options, arrivals: Arrivals) {
    let number = thread.borrow().number;
    let mut alarm = Alarm::new();
    let mut woken = Box::pin(options.wakers.clone().woken(number));
    // Something happened that no round has looked at.
    let mut due = false;
    poll_fn(|cx| {
        thread.borrow_mut().register_round(cx.waker());
        if woken.as_mut().poll(cx).is_ready() {
            woken = Box::pin(options.wakers.clone().woken(number));
            due = true;
        }
        due |= alarm.poll(cx);
        if std::mem::take(&mut due) || thread.borrow().round_is_due {
            crate::listen::take_arrivals(&thread, options.limits, &arrivals);
            let mut thread = thread.borrow_mut();
            thread.round();
            alarm.set(thread.clock.now(), thread.next_due());
            // Both have to know this task before it rests.
            if woken.as_mut().poll(cx).is_ready() {
                woken = Box::pin(options.wakers.clone().woken(number));
                due = true;
            }
            due |= alarm.poll(cx);
            if due {
                cx.waker().wake_by_ref();
            }
        }
        if options.core.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    stop(&thread).await;
}

/// The thread's one timer. It is only moved when something earlier comes up; what is later is found when it rings.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    at: Option<Time>,
}

impl Alarm {
    fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), at: Some(Time::ZERO) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let rings = self.at.is_some() && self.sleep.as_mut().poll(cx).is_ready();
        if rings {
            self.at = None;
        }
        rings
    }

    fn set(&mut self, now: Time, due: Option<Time>) {
        let Some(due) = due.filter(|due| self.at.is_none_or(|at| *due < at)) else { return };
        self.at = Some(due);
        // A far one is looked at again before the timer could overflow.
        let wait = Duration::from_millis(due.since(now)).min(LONGEST_SLEEP);
        self.sleep.as_mut().reset(Instant::now() + wait);
    }
}

/// Says goodbye to everybody and waits, not for ever, until it is said.
async fn stop(thread: &Shared) {
    let ids = thread.borrow().slots.ids();
    for id in ids {
        thread.borrow_mut().end(id, CloseReason::ShuttingDown);
    }
    let patience = Instant::now() + STOPPING_PATIENCE;
    while Instant::now() < patience {
        thread.borrow_mut().round();
        if thread.borrow().slots.is_empty() {
            return;
        }
        tokio::time::sleep(STOPPING).await;
    }
}

impl Thread {
    /// The next thing that is due, if nothing else happens.
    fn next_due(&self) -> Option<Time> {
        let own = self.timers.peek().map(|Reverse((at, _))| *at);
        own.into_iter().chain(self.core_timeout).min()
    }

    fn round(&mut self) {
        self.ring();
        self.take_answers();
        self.taken = 0;
        for _ in 0..TURNS_PER_ROUND {
            self.round_is_due = false;
            let now = self.clock.now();
            self.core_timeout = self.core.clone().run(self.number, now, &mut self.commands, &mut self.inbox);
            self.apply_inbox();
            if self.commands.batch.is_empty() {
                break;
            }
        }
        self.flush_dirty();
        let due = self.core_timeout.is_some_and(|at| at <= self.clock.now());
        if !self.commands.batch.is_empty() || due {
            // More to do, but readable sockets have their turn first.
            self.round_is_due = false;
            self.wake_round();
        }
    }

    /// Applies what may leave now, and keeps back the rest.
    fn apply_inbox(&mut self) {
        let mut inbox = std::mem::take(&mut self.inbox);
        let durable = self.core.durable();
        while self.held.front().is_some_and(|held| held.after <= durable) {
            if let Some(Addressed { connection, effect, .. }) = self.held.pop_front() {
                self.apply(connection, effect);
            }
        }
        for addressed in inbox.drain(..) {
            if addressed.after <= durable {
                self.apply(addressed.connection, addressed.effect);
            } else {
                self.hold(addressed);
            }
        }
        self.inbox = inbox;
    }

    /// In order of record; nearly always at the end.
    fn hold(&mut self, addressed: Addressed) {
        let mut at = self.held.len();
        while at > 0 && self.held[at - 1].after > addressed.after {
            at -= 1;
        }
        self.held.insert(at, addressed);
    }

    /// Gives one effect to the connection that it is for.
    pub(crate) fn apply(&mut self, id: model::ConnectionId, effect: Effect) {
        if let Effect::Close { reason } = effect {
            return self.end(id, reason);
        }
        if let Effect::Throttle { reason } = &effect {
            self.throttle(reason.as_ref());
        }
        let Some(slot) = self.slots.get(id) else { return };
        match slot.kind {
            Kind::Raw(_) => {
                self.with_raw(id, |connection, now, io| {
                    connection.apply(now, effect, io);
                    Ok(())
                });
            }
            Kind::Http(_) => {
                self.with_http(id, |connection, now, io| connection.apply(now, effect, io));
            }
        }
    }

    /// An alarm begins or ends. At its end, what was parked goes on its way.
    fn throttle(&mut self, reason: Option<&model::Alarm>) {
        if self.alarm.as_ref() == reason {
            return;
        }
        self.alarm = reason.cloned();
        if reason.is_some() {
            return;
        }
        for id in self.slots.ids() {
            let Some(slot) = self.slots.get(id) else { continue };
            let parked = std::mem::take(&mut slot.parked);
            if parked.is_empty() {
                continue;
            }
            if let Some(waker) = &slot.waker {
                waker.wake_by_ref();
            }
            self.commands.connection = id;
            parked.into_iter().for_each(|command| self.commands.push(command));
            self.wake_round();
        }
    }

    /// Connections whose time has come.
    fn ring(&mut self) {
        let (now, slow_timeout) = (self.clock.now(), self.slow_timeout);
        while let Some(Reverse((at, id))) = self.timers.peek().copied() {
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(slot) = self.slots.get(id) else { continue };
            if slot.armed != Some(at) {
                continue;
            }
            slot.armed = None;
            match &mut slot.kind {
                Kind::Raw(raw) if raw.closing.is_some() => self.forget(id),
                Kind::Raw(raw) if is_due(raw.stalled.zip(slow_timeout).map(|(since, for_)| since.plus(for_)), now) => {
                    tracing::warn!(connection = ?id, "ended: it takes nothing of what it is being sent");
                    self.end(id, CloseReason::Idle);
                }
                // If it is not time yet, the call only sets the alarm anew.
                Kind::Raw(raw) => {
                    let due = is_due(raw.connection.poll_timeout(), now);
                    self.with_raw(
                        id,
                        |connection, now, io| {
                            if due { connection.handle_timeout(now, io) } else { Ok(()) }
                        },
                    );
                }
                Kind::Http(http) if http.idle_until.is_some_and(|at| at <= now) => self.end(id, CloseReason::Idle),
                Kind::Http(http) => {
                    let due = is_due(http.connection.poll_timeout(), now);
                    self.with_http(id, |connection, now, io| {
                        if due {
                            connection.handle_timeout(now, io);
                        }
                    });
                }
            }
        }
    }
}

fn is_due(timeout: Option<Time>, now: Time) -> bool {
    timeout.is_some_and(|at| at <= now)
}
