//! Public keys as JSON (RFC 7517, RFC 7518, RFC 8037), and what they sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::Algorithm;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Map, Value};

use super::token::algorithm;

/// One public key. Its kind says which algorithms it can be used with, whatever a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    id: Option<String>,
    /// `None`: every one of its kind.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The keys of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet(Vec<Key>);

/// Of one set.
const MOST_KEYS: usize = 128;

impl KeySet {
    /// Keys of kinds that are unknown here, or that are not for signatures, are left out (RFC 7517, 5).
    ///
    /// # Errors
    /// In a few words, when it is no key set, or none of its keys can be used.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let set: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("no key set: \"keys\" is no list")?;
        if keys.len() > MOST_KEYS {
            return Err(format!("more than {MOST_KEYS} keys"));
        }
        let keys: Vec<_> = keys.iter().filter_map(Value::as_object).filter_map(Key::parse).collect();
        if keys.is_empty() { Err("no key in it can be used".to_owned()) } else { Ok(Self(keys)) }
    }

    /// Those that a token with this key id may be signed with; without one, all.
    pub(super) fn named<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        self.0.iter().filter(move |key| id.is_none_or(|id| key.id.as_deref() == Some(id)))
    }
}

impl Key {
    fn parse(key: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        let for_signatures = text("use").is_none_or(|usage| usage == "sig");
        let operations = key.get("key_ops").and_then(Value::as_array);
        let may_verify = operations.is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !for_signatures || !may_verify {
            return None;
        }
        let point = |size: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == size && y.len() == size).then(|| [&[4], x.as_slice(), y.as_slice()].concat())
        };
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                // The verifier takes no leading zeros, which some servers write.
                let number = |name: &str| Some(bytes(name)?.into_iter().skip_while(|byte| *byte == 0).collect());
                Material::Rsa { modulus: number("n")?, exponent: number("e")? }
            }
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            _ => return None,
        };
        // A key for an algorithm that does not count here is of no use.
        let algorithm = match text("alg") {
            None => None,
            Some(name) => Some(algorithm(name)?),
        };
        Some(Self { id: text("kid").map(str::to_owned), algorithm, material })
    }

    /// Whether it signed this by that algorithm.
    pub(super) fn signed(&self, by: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|own| own != by) {
            return false;
        }
        let verified = |how: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(how, key).verify(message, signature).is_ok()
        };
        match (&self.material, by) {
            (Material::Rsa { modulus, exponent }, by) => rsa(by).is_some_and(|how| {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(how, message, signature).is_ok()
            }),
            (Material::P256(key), Algorithm::Es256) => verified(&signature::ECDSA_P256_SHA256_FIXED, key),
            (Material::P384(key), Algorithm::Es384) => verified(&signature::ECDSA_P384_SHA384_FIXED, key),
            (Material::Ed25519(key), Algorithm::EdDsa) => verified(&signature::ED25519, key),
            (Material::P256(_) | Material::P384(_) | Material::Ed25519(_), _) => false,
        }
    }
}

/// RSA keys have at least 2,048 bits (RFC 7518, 3.3).
fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_left_out() {
        let x = "A".repeat(43);
        let good = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"good"}}"#);
        for left_out in [
            r#"{"kty":"oct","k":"AAAA"}"#.to_owned(),
            good.replace('}', r#","use":"enc"}"#),
            good.replace('}', r#","key_ops":["encrypt"]}"#),
            good.replace('}', r#","alg":"HS256"}"#),
            good.replace("Ed25519", "X25519"),
            good.replace(&x, "AAAA"),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#),
            "1".to_owned(),
        ] {
            let set = KeySet::parse(&format!(r#"{{"keys":[{left_out},{good}]}}"#)).unwrap();
            assert_eq!(set.0.len(), 1, "{left_out}");
            assert_eq!(set.named(Some("good")).count(), 1);
            assert_eq!((set.named(Some("other")).count(), set.named(None).count()), (0, 1));
        }
    }

    #[test]
    fn what_is_no_key_set() {
        let many = format!(r#"{{"keys":[{}1]}}"#, "1,".repeat(MOST_KEYS));
        for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, &many] {
            assert!(KeySet::parse(bad).is_err(), "{bad}");
        }
    }
}
