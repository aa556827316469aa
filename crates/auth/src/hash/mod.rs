//! Passwords as the users file keeps them.

mod argon2id;
mod mosquitto;
mod rabbitmq;
#[cfg(test)]
mod tests;

use core::fmt;

use argon2id::Argon2id;
pub use argon2id::Cost;
use mosquitto::Mosquitto;
use rabbitmq::RabbitMq;
use subtle::ConstantTimeEq as _;

/// Longer passwords are never right: hashing them would cost whoever sends them nothing and us something.
pub const MAX_PASSWORD: usize = 1_024;
/// Of a hash as text.
const MAX_HASH: usize = 512;

/// One password, hashed.
///
/// Written as a PHC string for Argon2id (RFC 9106), which is what new ones are, or as another broker wrote it:
/// `rabbitmq_sha256:` or `rabbitmq_sha512:` with the base64 of RabbitMQ's definitions behind it, and mosquitto's `$6$…`
/// and `$7$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Argon2id(Argon2id),
    RabbitMq(RabbitMq),
    Mosquitto(Mosquitto),
}

/// What a look at a password gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, but the hash is weaker than new ones are: it should be replaced by one of this password.
    Outdated,
}

/// What is wrong with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    #[error("the hash is empty; a user without a password has no `hash` at all")]
    Empty,
    #[error("the hash is longer than {MAX_HASH} bytes")]
    TooLong,
    #[error(
        "the hash is of no known kind: it must begin with $argon2id$, rabbitmq_sha256:, rabbitmq_sha512:, $7$ or $6$"
    )]
    Unknown,
    #[error("the hash is damaged: {0}")]
    Damaged(&'static str),
    /// The factor, and the most it may be.
    #[error("the hash asks for more work than is allowed: {0} is over {1}")]
    TooCostly(&'static str, u64),
    #[error("a password must have 1 to {MAX_PASSWORD} bytes")]
    Password,
}

impl Hash {
    /// A new one of `password`.
    ///
    /// # Errors
    /// The password is empty or longer than [`MAX_PASSWORD`].
    pub fn new(password: &[u8], salt: [u8; 16], cost: Cost) -> Result<Self, HashError> {
        if !is_password(password) {
            return Err(HashError::Password);
        }
        Ok(Self(Kind::Argon2id(Argon2id::new(password, &salt, cost))))
    }

    /// # Errors
    /// Not one of the known forms, or one whose check would take too much memory or time.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        if text.is_empty() {
            return Err(HashError::Empty);
        }
        if text.len() > MAX_HASH {
            return Err(HashError::TooLong);
        }
        let kind = if text.starts_with("$argon2id$") {
            Kind::Argon2id(Argon2id::parse(text)?)
        } else if text.starts_with("rabbitmq_") {
            Kind::RabbitMq(RabbitMq::parse(text)?)
        } else if text.starts_with("$6$") || text.starts_with("$7$") {
            Kind::Mosquitto(Mosquitto::parse(text)?)
        } else {
            return Err(HashError::Unknown);
        };
        Ok(Self(kind))
    }

    pub fn to_text(&self) -> String {
        match &self.0 {
            Kind::Argon2id(hash) => hash.to_text(),
            Kind::RabbitMq(hash) => hash.to_text(),
            Kind::Mosquitto(hash) => hash.to_text(),
        }
    }

    /// Takes as long for a wrong password as for a right one. `cost` is what new hashes have.
    ///
    /// Whatever the hash is, a wrong password costs one Argon2id, so that time does not tell what kind of hash a user has.
    pub fn verify(&self, password: &[u8], cost: Cost) -> Verdict {
        if !is_password(password) {
            verify_nothing(password, cost);
            return Verdict::Wrong;
        }
        let right = match &self.0 {
            Kind::Argon2id(hash) => hash.verify(password),
            Kind::RabbitMq(hash) => hash.verify(password),
            Kind::Mosquitto(hash) => hash.verify(password),
        };
        match &self.0 {
            Kind::Argon2id(hash) if right && hash.is_at_least(cost) => Verdict::Right,
            Kind::Argon2id(_) if !right => Verdict::Wrong,
            _ if right => Verdict::Outdated,
            _ => {
                verify_nothing(password, cost);
                Verdict::Wrong
            }
        }
    }
}

/// Takes as long as a look at the password of somebody who exists.
pub(crate) fn verify_nothing(password: &[u8], cost: Cost) {
    let password = &password[..password.len().min(MAX_PASSWORD)];
    core::hint::black_box(Argon2id::new(password, &[0; 16], cost));
}

fn is_password(password: &[u8]) -> bool {
    (1..=MAX_PASSWORD).contains(&password.len())
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Argon2id(_) => "argon2id",
            Kind::RabbitMq(_) => "rabbitmq",
            Kind::Mosquitto(_) => "mosquitto",
        })
    }
}
