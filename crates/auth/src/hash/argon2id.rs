use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{HashError, same};

/// One check may not take more, whatever a file says.
const MAX_MEMORY_KIB: u32 = 256 << 10;
const MAX_ITERATIONS: u32 = 64;
const MAX_LANES: u32 = 16;
const SALT_BYTES: core::ops::RangeInclusive<usize> = 8..=64;
const HASH_BYTES: core::ops::RangeInclusive<usize> = 16..=64;
const NEW_HASH_BYTES: usize = 32;

/// `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, salt and hash in base64 without padding.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Argon2id {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// How much work an Argon2id hash is (RFC 9106, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    iterations: u32,
    lanes: u32,
}

impl Cost {
    /// # Errors
    /// Less than Argon2id can, or more than a login may take: 256 MiB, 64 iterations, 16 lanes.
    pub fn new(memory_kib: u32, iterations: u32, lanes: u32) -> Result<Self, HashError> {
        for (name, value, most) in
            [("m", memory_kib, MAX_MEMORY_KIB), ("t", iterations, MAX_ITERATIONS), ("p", lanes, MAX_LANES)]
        {
            if value > most {
                return Err(HashError::TooCostly(name, most.into()));
            }
        }
        match Params::new(memory_kib, iterations, lanes, None) {
            Ok(_) => Ok(Self { memory_kib, iterations, lanes }),
            Err(_) => Err(HashError::Damaged("its m, t or p is too small")),
        }
    }

    const fn at_least(self, other: Self) -> bool {
        self.memory_kib >= other.memory_kib && self.iterations >= other.iterations
    }
}

/// What OWASP's password storage guide recommends: 19 MiB, two passes, one lane.
impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, lanes: 1 }
    }
}

impl Argon2id {
    pub(super) fn new(password: &[u8], salt: &[u8], cost: Cost) -> Self {
        Self { cost, salt: salt.to_vec(), hash: digest(password, salt, cost, NEW_HASH_BYTES) }
    }

    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let mut parts = text.split('$').skip(2);
        let mut next = |what| parts.next().ok_or(HashError::Damaged(what));
        if next("it has no version")? != "v=19" {
            return Err(HashError::Damaged("its version is not v=19"));
        }
        let cost = parse_cost(next("it has no parameters")?)?;
        let salt = decode(next("it has no salt")?, SALT_BYTES, "its salt is not 8 to 64 bytes of base64")?;
        let hash = decode(next("it has no hash")?, HASH_BYTES, "its hash is not 16 to 64 bytes of base64")?;
        match parts.next() {
            None => Ok(Self { cost, salt, hash }),
            Some(_) => Err(HashError::Damaged("there is something behind it")),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let Cost { memory_kib, iterations, lanes } = self.cost;
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        format!("$argon2id$v=19$m={memory_kib},t={iterations},p={lanes}${salt}${hash}")
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        same(&digest(password, &self.salt, self.cost, self.hash.len()), &self.hash)
    }

    pub(super) const fn is_at_least(&self, cost: Cost) -> bool {
        self.cost.at_least(cost)
    }
}

/// `m=19456,t=2,p=1`
fn parse_cost(text: &str) -> Result<Cost, HashError> {
    const DAMAGED: HashError = HashError::Damaged("its parameters are not m=…,t=…,p=…");
    let mut parts = text.split(',');
    let mut number = |prefix| {
        let digits = parts.next().and_then(|part: &str| part.strip_prefix(prefix)).ok_or(DAMAGED)?;
        digits.parse::<u64>().map_err(|_| DAMAGED).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    };
    let (memory_kib, iterations, lanes) = (number("m=")?, number("t=")?, number("p=")?);
    match parts.next() {
        None => Cost::new(memory_kib, iterations, lanes),
        Some(_) => Err(DAMAGED),
    }
}

fn decode(text: &str, bytes: core::ops::RangeInclusive<usize>, otherwise: &'static str) -> Result<Vec<u8>, HashError> {
    let decoded = STANDARD_NO_PAD.decode(text).ok().filter(|decoded| bytes.contains(&decoded.len()));
    decoded.ok_or(HashError::Damaged(otherwise))
}

fn digest(password: &[u8], salt: &[u8], cost: Cost, bytes: usize) -> Vec<u8> {
    let params = Params::new(cost.memory_kib, cost.iterations, cost.lanes, Some(bytes)).expect("a cost was checked");
    let mut memory = vec![Block::default(); params.block_count()];
    let mut out = vec![0; bytes];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut out, &mut memory)
        .expect("the lengths of password, salt and hash were checked");
    out
}
