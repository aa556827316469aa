//! What a producer has sent and not seen confirmed.

use std::collections::VecDeque;
use std::io;
use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

use crate::oracle::Id;
use crate::producers::Route;
use crate::world::{World, mix, unexpected};

/// Publishes in flight per client.
pub(crate) const WINDOW: usize = 100;
/// One transaction of so many is rolled back.
const ROLLED_BACK: u64 = 6;
const LONGEST_TRANSACTION: u64 = 20;

/// Publishes of one connection, by the numbers that its protocol answers with.
#[derive(Default)]
pub(crate) struct InFlight(VecDeque<(u64, Id)>);

impl InFlight {
    /// The bytes that fill the window, if much of it is free. `encode` appends a message, and says its number.
    pub(crate) fn fill(
        &mut self,
        world: &World,
        route: Route,
        next: &mut u32,
        mut encode: impl FnMut(Id, &mut Vec<u8>) -> u64,
    ) -> Vec<u8> {
        let mut burst = Vec::new();
        // One who had nothing to send would be done.
        while self.0.is_empty() && world.is_crowded(route.id(*next)) {
            thread::park_timeout(Duration::from_millis(2));
        }
        let is_free = self.0.len() <= WINDOW / 2 && (self.0.is_empty() || !world.is_crowded(route.id(*next)));
        if !world.is_finishing() && is_free {
            while self.0.len() < WINDOW {
                let id = route.id(*next);
                world.oracle().sent(id);
                self.0.push_back((encode(id, &mut burst), id));
                *next += 1;
            }
        }
        burst
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The broker has confirmed what has these numbers; an error if nothing has.
    pub(crate) fn confirm(&mut self, world: &World, numbers: &RangeInclusive<u64>) -> io::Result<()> {
        let before = self.0.len();
        self.0.retain(|(number, id)| {
            let is_confirmed = numbers.contains(number);
            if is_confirmed {
                world.oracle().confirmed(*id);
            }
            !is_confirmed
        });
        if self.0.len() < before { Ok(()) } else { Err(unexpected(numbers)) }
    }
}

/// The messages of one transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    first: Id,
    count: u32,
    pub(crate) is_rolled_back: bool,
}

impl Batch {
    /// The next ones of a producer, told to the oracle as sent.
    pub(crate) fn next(world: &World, route: Route, next: &mut u32) -> Self {
        let first = route.id(*next);
        let noise = mix(world.seed ^ u64::from(first.producer) << 32 ^ u64::from(first.number) << 8);
        let count = 1 + (noise % LONGEST_TRANSACTION) as u32;
        let batch = Self { first, count, is_rolled_back: (noise >> 32).is_multiple_of(ROLLED_BACK) };
        *next += count;
        let mut oracle = world.oracle();
        if batch.is_rolled_back {
            batch.ids().for_each(|id| oracle.withdrawn(id));
        } else {
            oracle.sent_together(first, count);
        }
        batch
    }

    pub(crate) fn ids(self) -> impl Iterator<Item = Id> {
        (self.first.number..self.first.number + self.count).map(move |number| Id { number, ..self.first })
    }

    /// The broker has answered its end.
    pub(crate) fn ended(self, world: &World) {
        if !self.is_rolled_back {
            let mut oracle = world.oracle();
            self.ids().for_each(|id| oracle.confirmed(id));
        }
    }
}
