use std::collections::VecDeque;

use model::{Delivery, QueueId};

use crate::codec::PacketId;

/// PUBLISHes that were sent with QoS 1 or 2 and are not yet acknowledged, in order of sending.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    list: VecDeque<Flight>,
    /// Counts deliveries from `$queue/…`, for their ids.
    others: u64,
    /// Per class, a range that holds the numbers of all its flights. Ids within half a round of each other differ.
    spans: [Option<(u64, u64)>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) id: PacketId,
    pub(crate) delivery: Delivery,
    pub(crate) exactly_once: bool,
    /// PUBREC came: only PUBREL and PUBCOMP are left.
    pub(crate) decided: bool,
    class: Class,
    /// What the id was made of; `None` if it had to be another one.
    number: Option<u64>,
}

/// Half of the packet ids belong to the session's own queue, half to `$queue/…` subscriptions.
const HALF: u64 = 32_767;

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
        self.list.push_back(Flight { id, delivery, exactly_once, decided: false, class, number });
        id
    }

    /// A delivery that was decided in an earlier connection of the session.
    pub(crate) fn resume(&mut self, delivery: Delivery, id: PacketId) {
        let (class, number) = (Class::Session, None);
        self.list.push_back(Flight { id, delivery, exactly_once: true, decided: true, class, number });
        self.spans[class as usize] = None;
    }

    pub(crate) fn get_mut(&mut self, id: PacketId) -> Option<&mut Flight> {
        match self.list.front() {
            Some(first) if first.id == id => self.list.front_mut(),
            _ => self.list.iter_mut().find(|flight| flight.id == id),
        }
    }

    pub(crate) fn remove(&mut self, id: PacketId) -> Option<Flight> {
        let at = self.list.iter().position(|flight| flight.id == id)?;
        let flight = if at == 0 { self.list.pop_front() } else { self.list.remove(at) };
        if self.list.is_empty() {
            self.spans = [None; 2];
            if self.list.capacity() > 64 {
                self.list.shrink_to(16);
            }
        }
        flight
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
        let free = (1..2 * HALF).map(|i| id(class, number + i)).find(|id| self.is_free(*id));
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
                    prop_assert_eq!(flights.remove(id).map(|flight| flight.id), Some(id));
                }
            }
        }
    }
}
