//! Sent against received: what was lost, what came twice.

use std::collections::BTreeMap;

use serde::Serialize;

/// The numbers one receiver has seen from one sender, who counts from 0.
#[derive(Default)]
pub struct Sequence {
    next: u64,
    /// Missing ranges below `next`: first → one past the last.
    gaps: BTreeMap<u64, u64>,
    duplicated: u64,
}

/// The account of a whole run, after draining.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Deliveries owed: messages sent × receivers.
    pub owed: u64,
    pub received: u64,
    pub lost: u64,
    pub duplicated: u64,
}

impl Sequence {
    /// Notes `number`; false if it was seen before.
    pub fn see(&mut self, number: u64) -> bool {
        if number == self.next {
            self.next += 1;
            return true;
        }
        if number > self.next {
            self.gaps.insert(self.next, number);
            self.next = number + 1;
            return true;
        }
        let Some((&from, &to)) = self.gaps.range(..=number).next_back().filter(|(_, to)| number < **to) else {
            self.duplicated += 1;
            return false;
        };
        self.gaps.remove(&from);
        if from < number {
            self.gaps.insert(from, number);
        }
        if number + 1 < to {
            self.gaps.insert(number + 1, to);
        }
        true
    }

    /// The account when the sender has sent `sent` messages.
    pub fn account(&self, sent: u64) -> Account {
        let missing: u64 = self.gaps.iter().map(|(from, to)| to - from).sum();
        let received = self.next - missing;
        Account { owed: sent, received, lost: sent.saturating_sub(received), duplicated: self.duplicated }
    }
}

impl Account {
    pub fn add(&mut self, other: Self) {
        self.owed += other.owed;
        self.received += other.received;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see_all(numbers: &[u64]) -> Sequence {
        let mut sequence = Sequence::default();
        for number in numbers {
            sequence.see(*number);
        }
        sequence
    }

    #[test]
    fn in_order_owes_nothing() {
        let account = see_all(&[0, 1, 2]).account(3);
        assert_eq!(account, Account { owed: 3, received: 3, lost: 0, duplicated: 0 });
    }

    #[test]
    fn a_gap_in_the_middle_and_a_missing_tail_are_lost() {
        assert_eq!(see_all(&[0, 1, 5, 6]).account(8), Account { owed: 8, received: 4, lost: 4, duplicated: 0 });
    }

    #[test]
    fn late_messages_fill_their_gap_once() {
        let account = see_all(&[9, 5, 5, 0, 4, 9]).account(10);
        assert_eq!(account, Account { owed: 10, received: 4, lost: 6, duplicated: 2 });
    }

    #[test]
    fn any_order_of_everything_is_complete() {
        let numbers: Vec<u64> = (0..100).map(|n| n * 37 % 100).collect();
        assert_eq!(see_all(&numbers).account(100), Account { owed: 100, received: 100, lost: 0, duplicated: 0 });
    }
}
