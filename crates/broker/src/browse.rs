//! Cursors: they look at what is in a queue or log and take nothing.

use model::limits::STEP_BUDGET;
use model::{Deliver, Delivery, Effect, Lsn, Time};

use crate::broker::Broker;
use crate::consumer::ConsumerKey;
use crate::entry::{Entry, State};
use crate::queue::Queue;
use crate::step::{Outgoing, Step};
use crate::view::View;

/// What a cursor comes to next.
enum Seen<'a> {
    Entry(u64, &'a Entry),
    /// A block that rests.
    Rests(u64),
    End,
}

impl Queue {
    /// The first entry at or after `seq` that `visible` lets through, before the first place that a commit has yet to
    /// fill.
    fn seen_from(&self, seq: u64, visible: impl Fn(&Entry) -> bool) -> Seen<'_> {
        for block in self.entries.blocks_from(self.entries.block_of(seq)) {
            if let Some(page) = block.page.as_ref().filter(|_| block.rests()) {
                if !page.damaged && (page.ready > 0 || self.is_log()) {
                    return Seen::Rests(block.no);
                }
                continue;
            }
            let in_order = block.from(seq).take_while(|(seq, _)| !self.waits_for_commit(*seq));
            if let Some((seq, entry)) = in_order.into_iter().find(|(_, entry)| visible(entry)) {
                return Seen::Entry(seq, entry);
            }
        }
        Seen::End
    }
}

impl Broker {
    /// Shows every cursor of a queue what it has credit for.
    pub(crate) fn pump_cursors(&mut self, now: Time, n: u32, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        if queue.cursors.is_empty() {
            return;
        }
        for key in queue.cursors.clone() {
            self.pump(now, n, key, step);
        }
    }

    fn pump(&mut self, now: Time, n: u32, key: ConsumerKey, step: &mut Step) {
        for _ in 0..STEP_BUDGET {
            let Some(queue) = self.registry.queue(n) else { return };
            let Some(consumer) = self.consumers.get_mut(key) else { return };
            if !consumer.wants() {
                if consumer.drain {
                    self.drained(n, key, step);
                }
                return;
            }
            let is_log = queue.is_log();
            let since = consumer.since;
            let visible = |entry: &Entry| {
                (is_log || entry.state == State::Ready) && entry.arrived >= since && !queue.is_expired(entry, now)
            };
            let (seq, entry) = match queue.seen_from(consumer.next, visible) {
                Seen::Entry(seq, entry) => (seq, entry),
                Seen::Rests(block) => return self.want_page(n, block, step),
                Seen::End => {
                    consumer.next = consumer.next.max(queue.promised.unwrap_or(queue.next_seq()));
                    if queue.promised.is_some() {
                        return;
                    }
                    if consumer.drain || consumer.fetch.is_some() {
                        self.drained(n, key, step);
                    }
                    return;
                }
            };
            if entry.message.is_none() {
                return self.load_for_cursor(n, seq, step);
            }
            self.show(n, key, seq, step);
            self.let_rest(n, seq);
        }
        self.later(n);
    }

    /// Shows one entry whose body is here, if the cursor's selector matches.
    fn show(&mut self, n: u32, key: ConsumerKey, seq: u64, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        let Some(entry) = queue.entry(seq) else { return };
        let Some(consumer) = self.consumers.get_mut(key) else { return };
        let Some(message) = entry.message.clone() else { return };
        consumer.next = seq + 1;
        let view = View { message: &message, encodings: &self.options.encodings };
        if consumer.selector.as_ref().is_some_and(|selector| !selector.matches(&view)) {
            return;
        }
        consumer.spend(entry.size.into());
        if queue.is_log()
            && let Some(located) = entry.located
        {
            // A reader remembers its position, which must not become another message's after a crash.
            consumer.after = consumer.after.max(Lsn(located.lsn));
        }
        let deliver = Deliver {
            consumer: consumer.index,
            delivery: Delivery { queue: queue.id(), seq, attempt: entry.attempts },
            message,
            number: entry.number,
            arrived: entry.arrived,
            first_acquired: entry.first_acquired,
            failed: entry.failed,
            redelivered: entry.attempts > 0,
            settled: true,
            retained: entry.retained,
            history: entry.history.clone().filter(|history| !history.deaths.is_empty()),
            tags: entry.tags.clone(),
        };
        let (connection, after) = (consumer.connection, consumer.after);
        step.effects.push(Outgoing { connection, after, effect: Effect::Deliver(deliver) });
    }

    /// Asks for the bodies from `seq` on, as far ahead as for a queue's head.
    fn load_for_cursor(&mut self, n: u32, seq: u64, step: &mut Step) {
        let Some(queue) = self.registry.queue(n) else { return };
        if queue.loading > 0 {
            return;
        }
        let absent = queue.without_body(seq);
        self.load_all(n, absent, step);
    }
}
