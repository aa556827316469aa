//! AWS Signature Version 4 for the requests that are made here.

use std::fmt::Write;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use ring::digest::{SHA256, digest};
use ring::hmac;

/// The headers that are signed, and how the last one begins.
pub const SIGNED_HEADERS: &str = "host;x-amz-date;x-amz-target";
pub const TARGET: &str = "X-Amz-Target: ";
/// In a request in place of its signature.
pub const PLACE: &str = "Signature=";
const DIGITS: usize = 64;
const REGION: &str = "us-east-1";

/// An access key; written `ID:SECRET`.
#[derive(Clone, Debug)]
pub struct AccessKey {
    id: String,
    secret: String,
}

/// Signs for one day, region and service.
#[derive(Clone, Debug)]
pub struct Signer {
    key: hmac::Key,
    /// Of the canonical request all before the target.
    canonical: String,
    string_to_sign: String,
    pub date: String,
    pub credential: String,
}

/// One that only brokers take that look at none.
impl Default for AccessKey {
    fn default() -> Self {
        Self { id: "test".to_owned(), secret: "test".to_owned() }
    }
}

impl FromStr for AccessKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, secret) = text.split_once(':').ok_or("an access key is written ID:SECRET")?;
        Ok(Self { id: id.to_owned(), secret: secret.to_owned() })
    }
}

impl Signer {
    /// For requests to `host` from now on; they are good for a quarter of an hour.
    pub fn new(key: &AccessKey, host: SocketAddr) -> Result<Self> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?.as_secs();
        Ok(Self::at(key, host, seconds))
    }

    fn at(key: &AccessKey, host: SocketAddr, seconds: u64) -> Self {
        let date = date(seconds);
        let day = &date[..8];
        let scope = format!("{day}/{REGION}/sqs/aws4_request");
        let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", key.secret).as_bytes());
        let key_of =
            |key: hmac::Key, part: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        Self {
            key: scope.split('/').fold(first, key_of),
            canonical: format!("POST\n/\n\nhost:{host}\nx-amz-date:{date}\nx-amz-target:"),
            string_to_sign: format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n"),
            credential: format!("{}/{scope}", key.id),
            date,
        }
    }

    /// Puts the signature into a whole request.
    pub fn sign(&self, request: &mut [u8]) {
        let find = |what: &[u8]| memchr::memmem::find(request, what).map(|at| at + what.len());
        let (target, place, body) = (find(TARGET.as_bytes()), find(PLACE.as_bytes()), find(b"\r\n\r\n"));
        let (Some(target), Some(at), Some(body)) = (target, place, body) else { return };
        let target = request[target..].split(|byte| *byte == b'\r').next().unwrap_or_default();
        let target = String::from_utf8_lossy(target);
        let body = hex(digest(&SHA256, &request[body..]).as_ref());
        let canonical = format!("{}{target}\n\n{SIGNED_HEADERS}\n{body}", self.canonical);
        let canonical = digest(&SHA256, canonical.as_bytes());
        let text = format!("{}{}", self.string_to_sign, hex(canonical.as_ref()));
        let signature = hex(hmac::sign(&self.key, text.as_bytes()).as_ref());
        request[at..at + DIGITS].copy_from_slice(signature.as_bytes());
    }
}

/// `YYYYMMDDTHHMMSSZ` of seconds since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "19700101T000000Z");
        assert_eq!(date(951_782_399), "20000228T235959Z");
        assert_eq!(date(951_782_400), "20000229T000000Z");
        assert_eq!(date(1_440_938_160), "20150830T123600Z");
    }

    #[test]
    fn a_signature_depends_on_body_and_secret() {
        let host = "127.0.0.1:1".parse().unwrap();
        let sign = |secret: &str, body: &str| {
            let key = AccessKey { id: "id".into(), secret: secret.into() };
            let signer = Signer::at(&key, host, 1_440_938_160);
            assert_eq!(signer.credential, "id/20150830/us-east-1/sqs/aws4_request");
            let mut request =
                format!("POST / HTTP/1.1\r\n{TARGET}t\r\nA: {PLACE}{:0>64}\r\n\r\n{body}", 0).into_bytes();
            signer.sign(&mut request);
            String::from_utf8(request).unwrap()
        };
        let one = sign("a", "body");
        assert!(one.ends_with("\r\n\r\nbody") && !one.contains("00000000"));
        assert!(one == sign("a", "body") && one != sign("b", "body") && one[..100] != sign("a", "bodx")[..100]);
    }
}
