//! AWS Signature Version 4, from the string to sign onwards (AWS General Reference, "Signing AWS API requests").

use core::fmt;
use std::collections::BTreeMap;

use hmac::Mac as _;
use model::Signature;

use super::BadSignature;
use crate::code::{code, mac};

/// Signing keys that are remembered: a day has one for each access key, region and service.
const MAX_REMEMBERED: usize = 4_096;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERM: &str = "aws4_request";

/// Derived keys, so that a request costs one HMAC in place of five.
#[derive(Default)]
pub struct SigningKeys {
    /// By access key and scope.
    keys: BTreeMap<(String, String), [u8; 32]>,
}

impl SigningKeys {
    /// For when secrets have changed.
    pub fn clear(&mut self) {
        self.keys.clear();
    }

    fn remember(&mut self, access_key: &str, scope: &str, key: [u8; 32]) {
        if self.keys.len() >= MAX_REMEMBERED {
            // Mostly those of days that are over: what is needed is soon here again.
            self.keys.clear();
        }
        self.keys.insert((access_key.to_owned(), scope.to_owned()), key);
    }
}

pub(super) fn verify(signature: &Signature, secret: &str, known: &mut SigningKeys) -> Result<(), BadSignature> {
    let code = read_hex(&signature.signature).ok_or(BadSignature::Malformed)?;
    let scope = parse_scope(&signature.scope).ok_or(BadSignature::Malformed)?;
    if !is_for(&signature.string_to_sign, &signature.scope, scope[0]) {
        return Err(BadSignature::Malformed);
    }
    let remembered = known.keys.get(&(signature.access_key.clone(), signature.scope.clone())).copied();
    let key = remembered.unwrap_or_else(|| signing_key(secret, scope));
    if mac(&key, &[signature.string_to_sign.as_bytes()]).verify_slice(&code).is_err() {
        return Err(BadSignature::Wrong);
    }
    // Only now, so that nobody without a secret can fill the memory.
    if remembered.is_none() {
        known.remember(&signature.access_key, &signature.scope, key);
    }
    Ok(())
}

/// The key that signs for one day, region and service.
fn signing_key(secret: &str, scope: [&str; 3]) -> [u8; 32] {
    let first = code(format!("AWS4{secret}").as_bytes(), &[scope[0].as_bytes()]);
    [scope[1], scope[2], TERM].iter().fold(first, |key, part| code(&key, &[part.as_bytes()]))
}

/// Date, region and service of `YYYYMMDD/region/service/aws4_request`.
fn parse_scope(scope: &str) -> Option<[&str; 3]> {
    let mut parts = scope.split('/');
    let scope = [parts.next()?, parts.next()?, parts.next()?];
    let ends = parts.next() == Some(TERM) && parts.next().is_none();
    let is_date = scope[0].len() == 8 && scope[0].bytes().all(|byte| byte.is_ascii_digit());
    (ends && is_date && scope.iter().all(|part| !part.is_empty() && part.len() <= 64)).then_some(scope)
}

/// Whether the string to sign is algorithm, time, scope and a digest, each on its line, and of that day.
fn is_for(text: &str, scope: &str, date: &str) -> bool {
    let lines: Vec<&str> = text.split('\n').collect();
    matches!(lines[..], [ALGORITHM, time, named, digest]
        if time.starts_with(date) && named == scope && read_hex(digest).is_some())
}

fn read_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (pair, byte) in text.as_bytes().chunks_exact(2).zip(&mut out) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signing keys", self.keys.len())
    }
}
