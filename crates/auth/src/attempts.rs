//! Guessing made slow. What is counted is failures of one user from one address: somebody elsewhere cannot shut the user
//! out.

use core::net::IpAddr;
use std::collections::BTreeMap;

use model::Time;

use crate::code::code;

/// How failures slow down what follows. Times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Failures that cost nothing.
    pub free: u32,
    /// After the first one that does; each further one doubles it.
    pub first_delay: u64,
    pub longest_delay: u64,
    /// Who would have to wait longer is refused at once.
    pub longest_wait: u64,
    /// After this long without a failure all are forgotten.
    pub forget: u64,
    /// Pairs of user and address that are remembered.
    pub entries: usize,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            free: 5,
            first_delay: 1_000,
            longest_delay: 60_000,
            longest_wait: 5_000,
            forget: 15 * 60_000,
            entries: 65_536,
        }
    }
}

/// Whether a login may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Now,
    /// Not before; its place is kept, so it need not ask again.
    At(Time),
    /// There were too many: do not look at it.
    Never,
}

/// The failures that count.
#[derive(Debug)]
pub struct Attempts {
    limits: AttemptLimits,
    /// So that nobody can choose whom to collide with.
    key: [u8; 32],
    slots: Vec<Slot>,
    index: BTreeMap<Id, usize>,
    /// Where the search for a slot to give away goes on.
    hand: usize,
}

/// Of a user and an address, whatever their lengths.
type Id = [u8; 16];

#[derive(Clone, Copy, Debug)]
struct Slot {
    id: Id,
    failures: u32,
    last: Time,
    /// When the next one may be looked at.
    free_at: Time,
}

/// Slots that are compared when one must be given away.
const COMPARED: usize = 16;

impl Attempts {
    /// `key`: 32 random bytes.
    pub fn new(limits: AttemptLimits, key: [u8; 32]) -> Self {
        Self { limits, key, slots: Vec::new(), index: BTreeMap::new(), hand: 0 }
    }

    /// Asks for a look at a login. Whoever has to wait takes a place in the line: those who come at once do not get
    /// their looks at once.
    pub fn admit(&mut self, now: Time, user: &str, address: Option<IpAddr>) -> Admission {
        let Some(&at) = self.index.get(&self.id(user, address)) else { return Admission::Now };
        let (limits, slot) = (self.limits, &mut self.slots[at]);
        if !limits.slow(slot, now) {
            return Admission::Now;
        }
        if slot.free_at > now.plus(limits.longest_wait) {
            return Admission::Never;
        }
        let start = slot.free_at.max(now);
        slot.free_at = start.plus(limits.delay(slot.failures));
        if start > now { Admission::At(start) } else { Admission::Now }
    }

    /// Whether [`admit`](Self::admit) gives out places in a line.
    pub fn slows(&self, now: Time, user: &str, address: Option<IpAddr>) -> bool {
        self.index.get(&self.id(user, address)).is_some_and(|at| self.limits.slow(&self.slots[*at], now))
    }

    /// It was not the right password.
    pub fn failed(&mut self, now: Time, user: &str, address: Option<IpAddr>) {
        if self.limits.entries == 0 {
            return;
        }
        let id = self.id(user, address);
        let at = match self.index.get(&id) {
            Some(&at) => at,
            None => self.take_slot(id),
        };
        let (limits, slot) = (self.limits, &mut self.slots[at]);
        if now.since(slot.last) >= limits.forget {
            (slot.failures, slot.free_at) = (0, Time::ZERO);
        }
        slot.failures = slot.failures.saturating_add(1);
        slot.last = now;
        slot.free_at = slot.free_at.max(now.plus(limits.delay(slot.failures)));
    }

    /// It was; what was before is forgotten.
    pub fn succeeded(&mut self, user: &str, address: Option<IpAddr>) {
        let Some(at) = self.index.remove(&self.id(user, address)) else { return };
        self.slots.swap_remove(at);
        if let Some(moved) = self.slots.get(at) {
            self.index.insert(moved.id, at);
        }
    }

    /// Pairs of user and address that are remembered.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// A new slot, or the one of a few that would be free soonest: guessing many names does not clear one's record with
    /// a name that was guessed often.
    fn take_slot(&mut self, id: Id) -> usize {
        let slot = Slot { id, failures: 0, last: Time::ZERO, free_at: Time::ZERO };
        let at = if self.slots.len() < self.limits.entries {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            let count = self.slots.len();
            let candidates = (0..COMPARED.min(count)).map(|step| (self.hand + step) % count);
            let at = candidates.min_by_key(|at| self.slots[*at].free_at).unwrap_or_default();
            self.hand = (self.hand + COMPARED) % count;
            self.index.remove(&self.slots[at].id);
            self.slots[at] = slot;
            at
        };
        self.index.insert(id, at);
        at
    }

    fn id(&self, user: &str, address: Option<IpAddr>) -> Id {
        let digest = code(&self.key, &[&network(address), user.as_bytes()]);
        *digest.first_chunk().expect("a code has 32 bytes")
    }
}

impl AttemptLimits {
    fn slow(&self, slot: &Slot, now: Time) -> bool {
        now.since(slot.last) < self.forget && slot.failures >= self.free
    }

    /// Milliseconds after this many failures.
    fn delay(self, failures: u32) -> u64 {
        match failures.checked_sub(self.free) {
            None => 0,
            Some(doublings) => {
                let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
                self.first_delay.saturating_mul(factor).min(self.longest_delay)
            }
        }
    }
}

/// What one client can send from: of IPv6, where it may choose, the first half of the address.
fn network(address: Option<IpAddr>) -> [u8; 9] {
    let mut out = [0; 9];
    match address.map(|address| address.to_canonical()) {
        None => {}
        Some(IpAddr::V4(address)) => {
            out[0] = 4;
            out[1..5].copy_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            out[0] = 6;
            out[1..].copy_from_slice(&address.octets()[..8]);
        }
    }
    out
}

#[cfg(test)]
mod tests;
