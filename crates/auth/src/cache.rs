//! Passwords that were right a moment ago: a thousand clients that come back at once cost no thousand Argon2id.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use model::{Secret, Time};

use crate::code::code;
use crate::identity::Identity;

/// What was found out, by a digest of user and password that is worth nothing outside of this process.
pub struct Cache {
    key: [u8; 32],
    /// Milliseconds; 0: nothing is remembered.
    lifetime: u64,
    capacity: usize,
    entries: BTreeMap<Digest, Entry>,
    /// All entries, in the order in which they end; those that are gone already may stand here, too.
    order: VecDeque<(Time, Digest)>,
}

/// Of a user and a password.
type Digest = [u8; 32];

#[derive(Debug)]
struct Entry {
    ends: Time,
    user: String,
    known: Known,
}

/// Who somebody was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The user of the users file with this name; what it says of the user now is what counts.
    InFile,
    /// As a directory said.
    Elsewhere(Identity),
}

impl Known {
    fn is_valid(&self, now: Time) -> bool {
        match self {
            Self::InFile => true,
            Self::Elsewhere(identity) => identity.is_valid(now),
        }
    }
}

impl Cache {
    /// `key`: 32 random bytes of this process. `lifetime` in milliseconds.
    pub fn new(key: [u8; 32], lifetime: u64, capacity: usize) -> Self {
        Self { key, lifetime, capacity, entries: BTreeMap::new(), order: VecDeque::new() }
    }

    pub fn digest(&self, user: &str, password: &Secret) -> [u8; 32] {
        code(&self.key, &[user.as_bytes(), &[0], password.expose()])
    }

    pub fn find(&mut self, now: Time, digest: &Digest) -> Option<Known> {
        self.expire(now);
        self.entries
            .get(digest)
            .filter(|entry| entry.ends > now && entry.known.is_valid(now))
            .map(|entry| entry.known.clone())
    }

    pub fn put(&mut self, now: Time, digest: Digest, user: &str, known: Known) {
        self.expire(now);
        if self.lifetime == 0 || self.capacity == 0 {
            return;
        }
        let ends = now.plus(self.lifetime);
        let entry = Entry { ends, user: user.to_owned(), known };
        if self.entries.insert(digest, entry).is_none_or(|old| old.ends != ends) {
            self.order.push_back((ends, digest));
        }
        while self.entries.len() > self.capacity || self.order.len() > 2 * self.capacity {
            self.drop_first();
        }
    }

    /// Forgets the users of whom `is_meant` is true.
    pub fn forget(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.entries.retain(|_, entry| !is_meant(&entry.user));
        let entries = &self.entries;
        self.order.retain(|(ends, digest)| entries.get(digest).is_some_and(|entry| entry.ends == *ends));
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn expire(&mut self, now: Time) {
        while self.order.front().is_some_and(|(ends, _)| *ends <= now) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((ends, digest)) = self.order.pop_front()
            && self.entries.get(&digest).is_some_and(|entry| entry.ends == ends)
        {
            self.entries.remove(&digest);
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} remembered logins", self.entries.len())
    }
}

#[cfg(test)]
mod tests;
