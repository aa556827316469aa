use std::collections::VecDeque;

use model::{Delivery, QueueId};

use crate::codec::PacketId;

/// PUBLISHes that were sent with QoS 1 or 2 and are not yet acknowledged, in order of sending.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    list: VecDeque<Flight>,
    /// Counts deliveries from `$queue/…`, for their ids.
    others: u64,
    /// Those that wait for PUBCOMP, and those that wait for their turn to.
    releasing: usize,
    waiting: usize,
    /// Per class, a range that holds the numbers of all its flights. Ids within half a round of each other differ.
    spans: [Option<(u64, u64)>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flight {
    id: PacketId,
    delivery: Delivery,
    state: State,
    class: Class,
    /// What the id was made of; `None` if it had to be another one.
    number: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// QoS 1: PUBACK ends it.
    AtLeastOnce,
    /// QoS 2, before PUBREC.
    ExactlyOnce,
    /// PUBREC came while as many as may be waited for PUBCOMP.
    Waiting,
    /// PUBREC came; the core has not yet recorded it.
    Deciding,
    /// PUBREL was sent: only PUBCOMP is left.
    Decided,
}

/// What a PUBREC calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// To record that the message has arrived.
    Decide(Delivery),
    /// PUBREL.
    Release,
    /// Nothing now: PUBREL comes when the first PUBREC is recorded.
    Nothing,
}

/// Half of the packet ids belong to the session's own queue, half to `$queue/…` subscriptions.
pub(crate) const HALF: u64 = 32_767;

/// Which half an id is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// The id is a function of the sequence number, so it is the same after a restart (MQTT-4.4.0-1).
    Session,
    Other,
}

impl Flights {
    pub(crate) fn send(&mut self, delivery: Delivery, session: Option<QueueId>, exactly_once: bool) -> PacketId {
        let (class, number) = if session == Some(delivery.queue) {
            (Class::Session, delivery.seq)
        } else {
            self.others += 1;
            (Class::Other, self.others)
        };
        let (id, number) = self.id_for(class, number);
        let state = if exactly_once { State::ExactlyOnce } else { State::AtLeastOnce };
        self.list.push_back(Flight { id, delivery, state, class, number });
        id
    }

    /// A delivery that was decided in an earlier connection of the session.
    pub(crate) fn resume(&mut self, delivery: Delivery, id: PacketId) {
        self.list.push_back(Flight { id, delivery, state: State::Decided, class: Class::Session, number: None });
        self.releasing += 1;
        self.spans[Class::Session as usize] = None;
    }

    /// Takes back a PUBLISH that was not sent after all.
    pub(crate) fn forget(&mut self, id: PacketId) {
        if let Some(at) = self.position(id) {
            self.remove(at);
        }
    }

    /// PUBACK.
    pub(crate) fn acknowledged(&mut self, id: PacketId) -> Option<Delivery> {
        let at = self.position(id)?;
        (self.list[at].state == State::AtLeastOnce).then(|| self.remove(at))
    }

    /// PUBREC. At most `most` deliveries wait for PUBCOMP; the client's credit for others comes back only then.
    pub(crate) fn received(&mut self, id: PacketId, most: usize) -> Received {
        let Some(at) = self.position(id) else { return Received::Release };
        let flight = &mut self.list[at];
        match flight.state {
            State::ExactlyOnce if self.releasing < most => {
                flight.state = State::Deciding;
                self.releasing += 1;
                Received::Decide(flight.delivery)
            }
            State::ExactlyOnce => {
                flight.state = State::Waiting;
                self.waiting += 1;
                Received::Nothing
            }
            State::Waiting | State::Deciding => Received::Nothing,
            State::AtLeastOnce | State::Decided => Received::Release,
        }
    }

    /// The core has recorded a PUBREC.
    pub(crate) fn decided(&mut self, id: PacketId) {
        if let Some(at) = self.position(id)
            && self.list[at].state == State::Deciding
        {
            self.list[at].state = State::Decided;
        }
    }

    /// PUBCOMP: the delivery is over.
    pub(crate) fn completed(&mut self, id: PacketId) -> Option<Delivery> {
        let at = self.position(id)?;
        (self.list[at].state == State::Decided).then(|| {
            self.releasing -= 1;
            self.remove(at)
        })
    }

    /// The first PUBREC that has waited for its turn, if it is its turn.
    pub(crate) fn next_waiting(&mut self, most: usize) -> Option<(PacketId, Delivery)> {
        if self.waiting == 0 || self.releasing >= most {
            return None;
        }
        let flight = self.list.iter_mut().find(|flight| flight.state == State::Waiting)?;
        flight.state = State::Deciding;
        self.waiting -= 1;
        self.releasing += 1;
        Some((flight.id, flight.delivery))
    }

    /// How many are from `$queue/…`.
    pub(crate) fn others(&self) -> u64 {
        self.list.iter().filter(|flight| flight.class == Class::Other).count() as u64
    }

    /// Acknowledgements come in order of sending, nearly always (MQTT-4.6.0-2).
    fn position(&self, id: PacketId) -> Option<usize> {
        self.list.iter().position(|flight| flight.id == id)
    }

    fn remove(&mut self, at: usize) -> Delivery {
        let delivery = self.list[at].delivery;
        if at == 0 {
            self.list.pop_front();
        } else {
            self.list.remove(at);
        }
        if self.list.is_empty() {
            self.spans = [None; 2];
            if self.list.capacity() > 64 {
                self.list.shrink_to(16);
            }
        }
        delivery
    }

    /// A free id: the one made of `number` if it can be.
    fn id_for(&mut self, class: Class, number: u64) -> (PacketId, Option<u64>) {
        let wanted = id(class, number);
        let span = self.spans[class as usize].or_else(|| self.span(class, number));
        let wider = span.map(|(low, high)| (low.min(number), high.max(number)));
        if let Some((low, high)) = wider.filter(|(low, high)| high - low < HALF) {
            self.spans[class as usize] = Some((low, high));
            return (wanted, Some(number));
        }
        // Too wide for what was in flight since: measured anew, and if something old is really still there, looked for.
        self.spans[class as usize] = None;
        if self.is_free(wanted) {
            return (wanted, Some(number));
        }
        let free = (1..HALF).map(|i| id(class, number + i)).find(|id| self.is_free(*id));
        (free.unwrap_or(wanted), None)
    }

    /// The range of numbers in flight, with `number`; `None` if an id there is not made of its number.
    fn span(&self, class: Class, number: u64) -> Option<(u64, u64)> {
        let mut span = (number, number);
        for flight in self.list.iter().filter(|flight| flight.class == class) {
            span = (span.0.min(flight.number?), span.1.max(flight.number?));
        }
        Some(span)
    }

    fn is_free(&self, id: PacketId) -> bool {
        self.list.iter().all(|flight| flight.id != id)
    }
}

fn id(class: Class, number: u64) -> PacketId {
    let place = (number % HALF) as u16;
    let id = match class {
        Class::Session => place + 1,
        Class::Other => u16::MAX - place,
    };
    PacketId::new(id).unwrap_or(PacketId::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SESSION: QueueId = QueueId { shard: 0, n: 1 };

    fn delivery(seq: u64) -> Delivery {
        Delivery { queue: SESSION, seq, attempt: 1 }
    }

    #[test]
    fn a_session_gives_a_message_the_same_id_again() {
        let (mut first, mut second) = (Flights::default(), Flights::default());
        for seq in 40_000..40_100 {
            let id = first.send(delivery(seq), Some(SESSION), true);
            if seq > 40_050 {
                assert_eq!(second.send(delivery(seq), Some(SESSION), true), id);
            }
        }
    }

    #[test]
    fn so_many_wait_for_pubcomp_and_no_more() {
        let mut flights = Flights::default();
        let ids: Vec<_> = (1..=4).map(|seq| flights.send(delivery(seq), Some(SESSION), true)).collect();
        let mut received = |id: usize| flights.received(ids[id], 2);
        assert_eq!(received(0), Received::Decide(delivery(1)));
        assert_eq!(received(0), Received::Nothing, "not yet recorded");
        assert_eq!(received(1), Received::Decide(delivery(2)));
        assert_eq!([received(3), received(2), received(3)], [Received::Nothing; 3]);
        assert_eq!(flights.completed(ids[0]), None, "before PUBREL");
        flights.decided(ids[0]);
        assert_eq!(flights.received(ids[0], 2), Received::Release);
        assert_eq!(flights.next_waiting(2), None);
        assert_eq!(flights.completed(ids[0]), Some(delivery(1)));
        assert_eq!(flights.next_waiting(2), Some((ids[2], delivery(3))));
        assert_eq!(flights.next_waiting(2), None);
    }

    proptest! {
        #[test]
        fn no_id_is_in_flight_twice(steps in prop::collection::vec((any::<bool>(), 0u64..40_000, any::<prop::sample::Index>()), 1..200)) {
            let mut flights = Flights::default();
            let mut seq = 1;
            let mut out: Vec<PacketId> = Vec::new();
            for (own, gap, settle) in steps {
                seq += 1 + gap;
                let queue = if own { SESSION } else { QueueId { shard: 0, n: 2 } };
                let id = flights.send(Delivery { queue, seq, attempt: 1 }, Some(SESSION), false);
                prop_assert!(!out.contains(&id));
                out.push(id);
                if out.len() > 20 {
                    let id = out.swap_remove(settle.index(out.len()));
                    prop_assert!(flights.acknowledged(id).is_some());
                }
            }
        }
    }
}
