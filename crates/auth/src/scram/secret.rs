use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest as _, Sha256};

use crate::code::code;
use crate::hash::MAX_PASSWORD;

/// RFC 7677, 4: at least.
const MIN_ITERATIONS: u32 = 4_096;
/// The work is the client's, but a file should not be able to ask for a minute of it.
const MAX_ITERATIONS: u32 = 10_000_000;
/// Of new secrets. Cyrus SASL, which Qpid's clients use, takes at most 65,536.
const NEW_ITERATIONS: u32 = 60_000;
const SALT_BYTES: usize = 16;
const PREFIX: &str = "SCRAM-SHA-256$";

/// What the server keeps of a password so that SCRAM works: enough to check a proof, not enough to make one.
///
/// Written as `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, the last three in base64: after RFC 5803, as
/// PostgreSQL does.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramSecret {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

/// What is wrong with a secret for SCRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    #[error("`scram` is damaged: it must be SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey")]
    Damaged,
    #[error("`scram` asks for {0} iterations; {MIN_ITERATIONS} to {MAX_ITERATIONS} are allowed")]
    Iterations(u64),
    #[error("a password for SCRAM must have 1 to {MAX_PASSWORD} bytes, and no characters that RFC 4013 prohibits")]
    Password,
}

impl ScramSecret {
    /// # Errors
    /// The password is empty, too long or prohibited by SASLprep.
    pub fn new(password: &str, salt: [u8; SALT_BYTES]) -> Result<Self, ScramError> {
        Self::with_iterations(password, salt, NEW_ITERATIONS)
    }

    pub(crate) fn with_iterations(password: &str, salt: [u8; SALT_BYTES], iterations: u32) -> Result<Self, ScramError> {
        let prepared = stringprep::saslprep(password).map_err(|_| ScramError::Password)?;
        if prepared.is_empty() || password.len() > MAX_PASSWORD {
            return Err(ScramError::Password);
        }
        let mut salted = [0; 32];
        pbkdf2_hmac::<Sha256>(prepared.as_bytes(), &salt, iterations, &mut salted);
        let stored_key = Sha256::digest(code(&salted, &[b"Client Key"])).into();
        let server_key = code(&salted, &[b"Server Key"]);
        Ok(Self { iterations, salt: salt.to_vec(), stored_key, server_key })
    }

    /// Of somebody who has none: looks like one, and nothing fits it.
    pub(crate) fn fake(user: &str, key: &[u8; 32]) -> Self {
        let part = |label: &[u8]| code(key, &[label, user.as_bytes()]);
        let salt = part(b"salt")[..SALT_BYTES].to_vec();
        Self { iterations: NEW_ITERATIONS, salt, stored_key: part(b"stored"), server_key: part(b"server") }
    }

    /// # Errors
    /// Not in this form, or with too little or too much work.
    pub fn parse(text: &str) -> Result<Self, ScramError> {
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('$')).ok_or(ScramError::Damaged)?;
        let (iterations, salt) = parts.0.split_once(':').ok_or(ScramError::Damaged)?;
        let (stored_key, server_key) = parts.1.split_once(':').ok_or(ScramError::Damaged)?;
        let iterations: u64 = iterations.parse().map_err(|_| ScramError::Damaged)?;
        let allowed =
            u32::try_from(iterations).ok().filter(|number| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(number));
        let salt =
            STANDARD.decode(salt).ok().filter(|salt| (8..=64).contains(&salt.len())).ok_or(ScramError::Damaged)?;
        Ok(Self {
            iterations: allowed.ok_or(ScramError::Iterations(iterations))?,
            salt,
            stored_key: decode_key(stored_key)?,
            server_key: decode_key(server_key)?,
        })
    }

    pub fn to_text(&self) -> String {
        let Self { iterations, salt, stored_key, server_key } = self;
        let [salt, stored_key, server_key] = [&salt[..], stored_key, server_key].map(|bytes| STANDARD.encode(bytes));
        format!("{PREFIX}{iterations}:{salt}${stored_key}:{server_key}")
    }

    pub(super) const fn iterations(&self) -> u32 {
        self.iterations
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }

    pub(super) const fn stored_key(&self) -> &[u8; 32] {
        &self.stored_key
    }

    pub(super) const fn server_key(&self) -> &[u8; 32] {
        &self.server_key
    }
}

fn decode_key(text: &str) -> Result<[u8; 32], ScramError> {
    STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(ScramError::Damaged)
}

impl fmt::Debug for ScramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(SCRAM secret)")
    }
}
