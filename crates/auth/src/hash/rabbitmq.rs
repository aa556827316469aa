use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256, Sha512};

use super::{HashError, same};

/// RabbitMQ's guide to passwords: 4 bytes of salt, then the hash of salt and password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RabbitMq {
    algorithm: Algorithm,
    salt: [u8; SALT_BYTES],
    hash: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha512,
}

const SALT_BYTES: usize = 4;

impl RabbitMq {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let (algorithm, encoded) = text.split_once(':').ok_or(HashError::Unknown)?;
        let algorithm = Algorithm::from_prefix(algorithm).ok_or(HashError::Unknown)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| HashError::Damaged("it is not base64"))?;
        match bytes.split_first_chunk() {
            Some((salt, hash)) if hash.len() == algorithm.bytes() => {
                Ok(Self { algorithm, salt: *salt, hash: hash.to_vec() })
            }
            _ => Err(HashError::Damaged("it has not the length of a salt of 4 bytes and a hash")),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let encoded = STANDARD.encode([&self.salt, &self.hash[..]].concat());
        format!("{}:{encoded}", self.algorithm.prefix())
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        same(&self.algorithm.digest(&self.salt, password), &self.hash)
    }
}

impl Algorithm {
    fn from_prefix(prefix: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|algorithm| algorithm.prefix() == prefix)
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Sha256 => "rabbitmq_sha256",
            Self::Sha512 => "rabbitmq_sha512",
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn digest(self, salt: &[u8], password: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::new().chain_update(salt).chain_update(password).finalize().to_vec(),
            Self::Sha512 => Sha512::new().chain_update(salt).chain_update(password).finalize().to_vec(),
        }
    }
}
