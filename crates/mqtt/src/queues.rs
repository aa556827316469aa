//! `$queue/NAME` subscriptions: each is a consumer of that queue.

use bytes::{Bytes, BytesMut};
use model::{
    Alteration, Command, Consume, ConsumerIndex, CreditMode, Declare, DeclareMode, Hold, Io, Lease, Mode, Name,
    Namespace, QueueId, QueueInfo, QueueRef, QueueSettings, Settlement, Token,
};

use crate::codec::Qos;
use crate::connect::{SESSION_CONSUMER, SESSION_PREFIX, session_name};
use crate::flights::HALF;
use crate::session::Session;
use crate::subscribe::Asked;
use crate::token::Request;
use crate::topic;

/// `$queue/…` subscriptions of one connection, those included that are about to end.
const QUEUE_SUBSCRIPTIONS: usize = 1_000;
/// Window of those that come when half of the packet ids for `$queue/…` are promised.
const SMALL_WINDOW: u32 = 16;
/// A kept session's queue has one such setting for each `$queue/…` subscription, named by this and the queue's name. It
/// holds the QoS.
const QUEUE_EXTRA: &str = "mqtt.queue.";

/// A subscription to `$queue/NAME`.
#[derive(Clone, Debug)]
pub(crate) struct QueueSubscription {
    name: Name,
    /// As MQTT calls it.
    pub(crate) topic: Bytes,
    pub(crate) qos: Qos,
    /// Deliveries that may be unacknowledged.
    window: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The core is asked for a consumer, for this filter of this SUBSCRIBE. `None`: by the session's earlier wish.
    Asked(Option<(u32, u16)>),
    Live,
    /// The consumer is cancelled; deliveries may still be on their way.
    Ended,
}

impl Session {
    /// Consumes a queue, making it if it is not there; wildcards are in no queue's name. The QoS is 1 at most: a message whose consumer is gone goes to
    /// another one, who cannot know that it was received already.
    pub(crate) fn subscribe_queue(
        &mut self,
        name: &[u8],
        qos: Qos,
        asker: Option<(u32, u16)>,
        io: &mut Io<'_>,
    ) -> Asked {
        let qos = qos.min(Qos::AtLeastOnce);
        if let Some(at) = self.find_queue(name) {
            if self.queues[at].as_ref().is_some_and(|it| it.qos == qos && it.state == State::Live) {
                return Asked::Granted(qos);
            }
            // The same again replaces it (3.8.4).
            self.end_queue(at, io);
        }
        let at = self.queues.iter().position(Option::is_none).unwrap_or(self.queues.len());
        let window = self.window_for(qos);
        let mut topic = BytesMut::new();
        if at >= QUEUE_SUBSCRIPTIONS
            || window == 0
            || name.starts_with(SESSION_PREFIX)
            || topic::append_queue_topic(name, &mut topic).is_err()
        {
            return Asked::Failed;
        }
        let name = Name::from(Bytes::copy_from_slice(name));
        if at == self.queues.len() {
            self.queues.push(None);
        }
        let state = State::Asked(asker);
        self.queues[at] = Some(QueueSubscription { name: name.clone(), topic: topic.freeze(), qos, window, state });
        self.consume_queue(at as u16, name, qos, window, io);
        Asked::Waits(qos)
    }

    fn consume_queue(&mut self, at: u16, name: Name, qos: Qos, window: u32, io: &mut Io<'_>) {
        let namespace = Namespace(0);
        io.commands.push(Command::Declare(Box::new(Declare {
            token: Request::Ignored.token(),
            namespace,
            name: name.clone(),
            settings: QueueSettings::default(),
            mode: DeclareMode::IfAbsent,
            own: model::Own::No,
        })));
        let settlement = if qos == Qos::AtMostOnce { Settlement::Presettled } else { Settlement::Explicit };
        let consumer = index(at.into());
        io.commands.push(Command::Consume(Box::new(Consume {
            token: Request::ConsumeQueue(at).token(),
            consumer,
            queue: QueueRef::Named(namespace, name),
            mode: Mode::Leasing { settlement, lease: Lease::Connection },
            credit: self.owed(consumer).rest_of(window),
            credit_mode: CreditMode::Window,
            selector: None,
            exclusive: false,
            priority: 0,
        })));
    }

    /// All that wait for acknowledgement need packet ids, also those of subscriptions that have ended.
    fn window_for(&self, qos: Qos) -> u32 {
        if qos == Qos::AtMostOnce {
            return self.options.window;
        }
        let leasing = self.queues.iter().flatten().filter(|it| it.qos != Qos::AtMostOnce);
        let promised = self.flights.others() + leasing.map(|it| u64::from(it.window)).sum::<u64>();
        let left = HALF.saturating_sub(promised) as u32;
        let window = if u64::from(left) > HALF / 2 { self.options.window } else { SMALL_WINDOW };
        window.min(self.options.window).min(left)
    }

    /// Ends a subscription. True if UNSUBACK has to wait for an answer to `token`.
    pub(crate) fn unsubscribe_queue(&mut self, name: &[u8], token: Token, io: &mut Io<'_>) -> bool {
        if let Some(at) = self.find_queue(name) {
            self.end_queue(at, io);
        }
        // Also without it: the queue may have been deleted, and the wish for it is still known.
        if !self.clean {
            self.remember_queue(&Name::from(Bytes::copy_from_slice(name)), None, token, io);
        }
        !self.clean
    }

    fn find_queue(&self, name: &[u8]) -> Option<usize> {
        let same = |it: &QueueSubscription| it.name.as_bytes() == name && it.state != State::Ended;
        self.queues.iter().position(|slot| slot.as_ref().is_some_and(same))
    }

    fn end_queue(&mut self, at: usize, io: &mut Io<'_>) {
        let Some(Some(subscription)) = self.queues.get_mut(at) else { return };
        let state = std::mem::replace(&mut subscription.state, State::Ended);
        io.commands.push(Command::Cancel { consumer: index(at) });
        // A cancellation is not answered. This is, and after all that came before it: nobody holds such a number.
        let hold = Hold { queue: QueueId::default(), number: u32::MAX };
        io.commands.push(Command::Unhold { token: Request::CancelQueue(at as u16).token(), hold });
        if let State::Asked(Some((request, place))) = state {
            self.subscribed_to(request, place, true, io);
        }
    }

    /// The answer to a Consume.
    pub(crate) fn queue_is_consumed(&mut self, at: u16, done: bool, io: &mut Io<'_>) {
        let Some(slot) = self.queues.get_mut(usize::from(at)) else { return };
        let Some(QueueSubscription { name, qos, state, .. }) = slot else { return };
        let State::Asked(asker) = *state else { return };
        let (name, qos) = (name.clone(), *qos);
        if done {
            *state = State::Live;
        } else {
            *slot = None;
        }
        let Some((request, place)) = asker else { return };
        if done && !self.clean {
            // SUBACK comes when the session remembers it.
            self.remember_queue(&name, Some(qos), Request::Subscribe(request, place).token(), io);
            return;
        }
        if !done && !self.clean {
            self.remember_queue(&name, None, Request::Ignored.token(), io);
        }
        self.subscribed_to(request, place, done, io);
    }

    /// Nothing comes any more from a cancelled consumer.
    pub(crate) fn queue_is_left(&mut self, at: u16) {
        if let Some(slot) = self.queues.get_mut(usize::from(at)) {
            *slot = None;
        }
    }

    /// The queue was deleted under its consumer. A kept session subscribes to it again when it resumes.
    pub(crate) fn queue_is_gone(&mut self, consumer: ConsumerIndex) {
        if let Some(slot) = consumer.0.checked_sub(1).and_then(|at| self.queues.get_mut(at as usize))
            && slot.as_ref().is_some_and(|it| it.state != State::Ended)
        {
            *slot = None;
        }
    }

    pub(crate) fn queue_subscription(&self, consumer: ConsumerIndex) -> Option<&QueueSubscription> {
        self.queues.get((consumer.0 as usize).checked_sub(1)?)?.as_ref()
    }

    /// Whether a consumer is there to take credit.
    pub(crate) fn is_consuming(&self, consumer: ConsumerIndex) -> bool {
        consumer == SESSION_CONSUMER
            || self.queue_subscription(consumer).is_some_and(|subscription| subscription.state != State::Ended)
    }

    /// A kept session keeps its `$queue/…` subscriptions too; `None` forgets one.
    fn remember_queue(&self, name: &Name, qos: Option<Qos>, token: Token, io: &mut Io<'_>) {
        let value = qos.map_or(String::new(), |qos| (qos as u8).to_string());
        let extras = vec![(format!("{QUEUE_EXTRA}{}", name.to_text()), value)];
        let alteration = Box::new(Alteration { extras, ..Alteration::default() });
        let queue = QueueRef::Named(Namespace(0), session_name(&self.client));
        io.commands.push(Command::Alter { token, queue, alteration });
    }

    /// Takes up the `$queue/…` subscriptions of an earlier connection.
    pub(crate) fn resume_queues(&mut self, info: &QueueInfo, io: &mut Io<'_>) {
        for (extra, qos) in &info.settings.extras {
            if let Some(name) = extra.strip_prefix(QUEUE_EXTRA)
                && let Some(qos) = qos.parse().ok().and_then(Qos::from_bits)
            {
                self.subscribe_queue(name.as_bytes(), qos, None, io);
            }
        }
    }
}

/// Index 0 is the session's own consumer.
fn index(at: usize) -> ConsumerIndex {
    ConsumerIndex(at as u32 + 1)
}
