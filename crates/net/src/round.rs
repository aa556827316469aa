//! The end of a round: the batch goes to the core, effects come back, output leaves.

use std::cmp::Reverse;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use model::{CloseReason, Effect, Time};

use crate::core::Addressed;
use crate::listen::Arrivals;
use crate::slots::Kind;
use crate::thread::{Options, Shared, Thread};

/// Hand-overs to the core in one round: effects make connections ask for more.
const TURNS_PER_ROUND: usize = 4;
/// How often a thread looks whether its connections are gone, while it stops.
const STOPPING: Duration = Duration::from_millis(10);
/// How long connections have to read our goodbye when the process stops.
const STOPPING_PATIENCE: Duration = Duration::from_secs(2);

/// Runs rounds until the core stops and the connections are gone.
pub(crate) async fn rounds(thread: &Shared, options: &Options, arrivals: &Arrivals) {
    let number = thread.borrow().number;
    loop {
        let wait = thread.borrow().time_to_wait();
        {
            let mut due = pin!(poll_fn(|cx| {
                let mut thread = thread.borrow_mut();
                thread.register_round(cx.waker());
                if thread.round_is_due { Poll::Ready(()) } else { Poll::Pending }
            }));
            tokio::select! {
                biased;
                () = &mut due => {}
                () = options.wakers.woken(number) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        crate::listen::take_arrivals(thread, options.limits, arrivals);
        thread.borrow_mut().round();
        if options.core.is_stopping() {
            return stop(thread).await;
        }
    }
}

/// Says goodbye to everybody and waits, not for ever, until it is said.
async fn stop(thread: &Shared) {
    let ids = thread.borrow().slots.ids();
    for id in ids {
        thread.borrow_mut().end(id, CloseReason::ShuttingDown);
    }
    let patience = tokio::time::Instant::now() + STOPPING_PATIENCE;
    while tokio::time::Instant::now() < patience {
        thread.borrow_mut().round();
        if thread.borrow().slots.is_empty() {
            return;
        }
        tokio::time::sleep(STOPPING).await;
    }
}

impl Thread {
    /// Until the next thing that is due, if nothing else happens.
    fn time_to_wait(&self) -> Duration {
        if self.round_is_due {
            return Duration::ZERO;
        }
        let own = self.timers.peek().map(|Reverse((at, _))| *at);
        match own.into_iter().chain(self.core_timeout).min() {
            Some(at) => Duration::from_millis(at.since(self.clock.now())),
            None => Duration::from_secs(3600),
        }
    }

    fn round(&mut self) {
        self.ring();
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

    fn apply(&mut self, id: model::ConnectionId, effect: Effect) {
        if let Effect::Close { reason } = effect {
            return self.end(id, reason);
        }
        if let Effect::Throttle { reason } = effect {
            self.throttle(reason);
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
    fn throttle(&mut self, reason: Option<&'static str>) {
        if self.alarm == reason {
            return;
        }
        self.alarm = reason;
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
        let now = self.clock.now();
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
