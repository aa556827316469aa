use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest as _, Sha512};

use super::{HashError, same};

/// One check may not take more.
const MAX_ITERATIONS: u32 = 1_000_000;
const SALT_BYTES: core::ops::RangeInclusive<usize> = 1..=64;
const HASH_BYTES: usize = 64;

/// What `mosquitto_passwd` writes: `$7$iterations$salt$hash` is PBKDF2 with HMAC-SHA-512, the older `$6$salt$hash` one
/// SHA-512 over password and salt.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mosquitto {
    /// `None`: the older form.
    iterations: Option<u32>,
    salt: Vec<u8>,
    hash: [u8; HASH_BYTES],
}

impl Mosquitto {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let parts: Vec<&str> = text.split('$').collect();
        let (iterations, salt, hash) = match parts[..] {
            ["", "6", salt, hash] => (None, salt, hash),
            ["", "7", iterations, salt, hash] => (Some(parse_iterations(iterations)?), salt, hash),
            _ => return Err(HashError::Damaged("it has not the parts of a hash by mosquitto_passwd")),
        };
        let decode = |text, otherwise| STANDARD.decode(text).map_err(|_| HashError::Damaged(otherwise));
        let salt = decode(salt, "its salt is not base64")?;
        if !SALT_BYTES.contains(&salt.len()) {
            return Err(HashError::Damaged("its salt has not 1 to 64 bytes"));
        }
        let hash = decode(hash, "its hash is not base64")?;
        let hash = hash.try_into().map_err(|_| HashError::Damaged("its hash has not 64 bytes"))?;
        Ok(Self { iterations, salt, hash })
    }

    pub(super) fn to_text(&self) -> String {
        let (salt, hash) = (STANDARD.encode(&self.salt), STANDARD.encode(self.hash));
        match self.iterations {
            Some(iterations) => format!("$7${iterations}${salt}${hash}"),
            None => format!("$6${salt}${hash}"),
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut digest = [0; HASH_BYTES];
        match self.iterations {
            Some(iterations) => pbkdf2_hmac::<Sha512>(password, &self.salt, iterations, &mut digest),
            None => digest = Sha512::new().chain_update(password).chain_update(&self.salt).finalize().into(),
        }
        same(&digest, &self.hash)
    }
}

fn parse_iterations(text: &str) -> Result<u32, HashError> {
    match text.parse::<u64>() {
        Ok(0) | Err(_) => Err(HashError::Damaged("its number of iterations is none")),
        Ok(number) => match u32::try_from(number) {
            Ok(number) if number <= MAX_ITERATIONS => Ok(number),
            _ => Err(HashError::TooCostly("the number of iterations", MAX_ITERATIONS.into())),
        },
    }
}
