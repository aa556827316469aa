use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// As long as nobody has waited longer, whoever came first is next.
const IN_TURN: Duration = Duration::from_secs(2);

/// Who waits for a thread. Some may not have their turn before a certain time.
///
/// First come, first served, until there are more than can be served: then the newest is next. Who has waited long will
/// soon have given up, and what is done for those is done for nobody; it would be so for everybody if each had its turn
/// when its patience ends. Who has given up leaves the line when it is looked at.
#[derive(Debug)]
pub(crate) struct Line<T> {
    later: BinaryHeap<Reverse<Place<T>>>,
    /// In the order in which their times came.
    ready: VecDeque<Place<T>>,
    number: u64,
    left: u64,
}

/// Somebody whose patience may end.
pub(crate) trait Waits {
    fn is_there(&self) -> bool;
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    Now(T),
    /// Nobody before this time has passed.
    After(Duration),
    Nobody,
}

/// Ordered by time, then by arrival.
#[derive(Debug)]
struct Place<T> {
    due: Instant,
    number: u64,
    who: T,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { later: BinaryHeap::new(), ready: VecDeque::new(), number: 0, left: 0 }
    }
}

impl<T: Waits> Line<T> {
    pub(crate) fn len(&self) -> usize {
        self.later.len() + self.ready.len()
    }

    /// Who left without having had their turn, ever.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn push(&mut self, now: Instant, after: Duration, who: T) {
        self.number += 1;
        let place = Place { due: now + after, number: self.number, who };
        if after.is_zero() { self.ready.push_back(place) } else { self.later.push(Reverse(place)) }
    }

    pub(crate) fn next(&mut self, now: Instant) -> Next<T> {
        while self.later.peek().is_some_and(|Reverse(place)| place.due <= now) {
            self.ready.extend(self.later.pop().map(|Reverse(place)| place));
        }
        while self.ready.front().is_some_and(|place| !place.who.is_there()) {
            self.ready.pop_front();
            self.left += 1;
        }
        let crowded = self.ready.front().is_some_and(|oldest| now.saturating_duration_since(oldest.due) > IN_TURN);
        while let Some(Place { who, .. }) = if crowded { self.ready.pop_back() } else { self.ready.pop_front() } {
            if who.is_there() {
                return Next::Now(who);
            }
            self.left += 1;
        }
        let next = self.later.peek().map(|Reverse(place)| place.due.saturating_duration_since(now));
        next.map_or(Next::Nobody, Next::After)
    }
}

impl<T> PartialEq for Place<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Place<T> {}

impl<T> PartialOrd for Place<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Place<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Guest(u64, Rc<Cell<bool>>);

    impl Waits for Guest {
        fn is_there(&self) -> bool {
            self.1.get()
        }
    }

    fn guest(number: u64) -> Guest {
        Guest(number, Rc::new(Cell::new(true)))
    }

    fn who(next: Next<Guest>) -> u64 {
        let Next::Now(Guest(number, _)) = next else { panic!("{next:?}") };
        number
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn first_come_first_served_but_nobody_before_his_time() {
        let (mut line, now) = (Line::default(), Instant::now());
        line.push(now, SECOND, guest(0));
        line.push(now, Duration::ZERO, guest(1));
        line.push(now, Duration::ZERO, guest(2));
        assert_eq!((who(line.next(now)), who(line.next(now))), (1, 2));
        assert_eq!(line.next(now), Next::After(SECOND));
        assert_eq!(who(line.next(now + SECOND)), 0);
        assert_eq!((line.next(now), line.len()), (Next::Nobody, 0));
    }

    #[test]
    fn when_the_first_has_waited_long_the_newest_is_next() {
        let (mut line, now) = (Line::default(), Instant::now());
        for number in 0..4 {
            line.push(now + SECOND * number as u32, Duration::ZERO, guest(number));
        }
        assert_eq!(who(line.next(now + IN_TURN)), 0);
        let late = now + IN_TURN + SECOND * 3 / 2;
        assert_eq!((who(line.next(late)), who(line.next(late))), (3, 2));
        assert_eq!((who(line.next(late)), line.next(late)), (1, Next::Nobody));
    }

    #[test]
    fn who_has_given_up_has_no_turn_and_takes_no_room() {
        let (mut line, now) = (Line::default(), Instant::now());
        let guests: Vec<Guest> = (0..5).map(guest).collect();
        for guest in &guests {
            line.push(now, Duration::ZERO, guest.clone());
        }
        for gone in [0, 1, 4] {
            guests[gone].1.set(false);
        }
        let late = now + IN_TURN + SECOND;
        assert_eq!((who(line.next(late)), line.len()), (3, 1));
        assert_eq!((who(line.next(late)), line.next(late), line.left()), (2, Next::Nobody, 3));
    }

    /// Twice as many come as can be served, and each has patience for ten: half of them are served, and none for nobody.
    #[test]
    fn under_an_overload_nothing_is_done_for_nobody() {
        let (mut line, start) = (Line::default(), Instant::now());
        let mut guests: VecDeque<Guest> = VecDeque::new();
        let mut served = 0;
        for second in 0..1_000_u64 {
            let now = start + SECOND * second as u32;
            for half in 0..2 {
                guests.push_back(guest(second * 2 + half));
                line.push(now, Duration::ZERO, guests.back().unwrap().clone());
            }
            while guests.len() > 20 {
                guests.pop_front().unwrap().1.set(false);
            }
            served += u64::from(matches!(line.next(now), Next::Now(_)));
            assert!(line.len() <= 20, "{}", line.len());
        }
        assert_eq!(served, 1_000);
    }
}
