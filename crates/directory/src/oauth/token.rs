//! A token in its written form: three parts in Base64, signed over the first two (RFC 7515, 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::Algorithm;
use serde_json::{Map, Value};

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 16 << 10;
/// Of a key id, in bytes.
const LONGEST_KEY_ID: usize = 256;

pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// What is signed.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    /// Not to be believed before the signature is checked; only the issuer may be looked at, to know who is asked.
    pub(super) claims: Map<String, Value>,
}

/// Why it is none that can be checked. For the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the token is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the token's parts are not Base64 of JSON objects")]
    Parts,
    #[error("the token's algorithm is missing or no signature that could count")]
    Algorithm,
    /// RFC 7515, 4.1.11.
    #[error("the token asks for extensions that are unknown here")]
    Critical,
    #[error("the token's key id is no text of 1 to {LONGEST_KEY_ID} bytes")]
    KeyId,
}

/// Whether a password is meant as a token: three parts of which the first is a JSON object with an algorithm.
pub(crate) fn is_token(password: &[u8]) -> bool {
    let mut parts = password.split(|byte| *byte == b'.');
    let header = parts.next().unwrap_or_default();
    parts.count() == 2 && header.len() <= LONGEST && object(header).is_some_and(|header| header.contains_key("alg"))
}

impl<'a> Token<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
        let parts: Vec<_> = bytes.split(|byte| *byte == b'.').collect();
        let [header, claims, signature] = parts[..] else { return Err(Malformed::Parts) };
        let signed = &bytes[..header.len() + 1 + claims.len()];
        let header = object(header).ok_or(Malformed::Parts)?;
        if header.contains_key("crit") {
            return Err(Malformed::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(algorithm).ok_or(Malformed::Algorithm)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) if (1..=LONGEST_KEY_ID).contains(&id.len()) => Some(id.clone()),
            Some(_) => return Err(Malformed::KeyId),
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Malformed::Parts)?;
        Ok(Self { algorithm, key_id, signed, signature, claims: object(claims).ok_or(Malformed::Parts)? })
    }
}

/// `none` and everything symmetric have no name here.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    Algorithm::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
}

fn object(part: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    fn mistake(header: &str) -> Malformed {
        Token::parse(token(header, "{}").as_bytes()).err().unwrap()
    }

    #[test]
    fn parts() {
        let text = token(r#"{"alg":"ES256","kid":"a"}"#, r#"{"iss":"b"}"#);
        let token = Token::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((token.algorithm, token.key_id.as_deref()), (Algorithm::Es256, Some("a")));
        assert_eq!(token.signed, &text.as_bytes()[..text.len() - 5]);
        assert_eq!((token.signature.as_slice(), &token.claims["iss"]), (&[0; 3][..], &Value::from("b")));
    }

    #[test]
    fn what_is_no_token() {
        for algorithm in ["none", "None", "HS256", "HS512", "es256", "ES512", ""] {
            assert_eq!(mistake(&format!(r#"{{"alg":"{algorithm}"}}"#)), Malformed::Algorithm, "{algorithm}");
        }
        assert_eq!(mistake(r#"{"alg":["ES256"]}"#), Malformed::Algorithm);
        assert_eq!(mistake("{}"), Malformed::Algorithm);
        assert_eq!(mistake(r#"{"alg":"ES256","crit":["b64"],"b64":false}"#), Malformed::Critical);
        assert_eq!(mistake(r#"{"alg":"ES256","kid":1}"#), Malformed::KeyId);
        assert_eq!(mistake("[]"), Malformed::Parts);
        let long = "a".repeat(LONGEST + 1);
        for (bad, why) in [("", Malformed::Parts), ("a.b", Malformed::Parts), (&long, Malformed::TooLong)] {
            assert_eq!(Token::parse(bad.as_bytes()).err(), Some(why));
        }
    }

    #[test]
    fn passwords_are_no_tokens() {
        for password in ["", "secret", "a.b.c", "eyJ.eyJ.x", "{}.{}.{}"] {
            assert!(!is_token(password.as_bytes()), "{password}");
        }
        assert!(is_token(token(r#"{"alg":"none"}"#, "{}").as_bytes()));
        assert!(!is_token(format!("{}.x", token(r#"{"alg":"none"}"#, "{}")).as_bytes()));
    }

    proptest! {
        #[test]
        fn nothing_panics(header in any::<String>(), parts in prop::collection::vec(any::<Vec<u8>>(), 0..4)) {
            let raw = parts.join(&b'.');
            let encoded = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".");
            let headed = format!("{}.{encoded}", URL_SAFE_NO_PAD.encode(header));
            for bytes in [raw.as_slice(), encoded.as_bytes(), headed.as_bytes()] {
                is_token(bytes);
                Token::parse(bytes).ok();
            }
        }
    }
}
