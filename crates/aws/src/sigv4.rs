//! Verifies AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests").
//!
//! The service does not call it yet: there are no secrets to verify with. It stands ready for the day there are.

use hmac::{Hmac, Mac as _};
use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

use crate::hash::push_hex;

/// A request as it was received, and what its `Authorization` says of its signature.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub method: &'a str,
    /// As it stood in the request line, encoded.
    pub path: &'a str,
    /// As it stood in the request line, without `?` and without `X-Amz-Signature`.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// `host;x-amz-date`: names in lower case, in order.
    pub signed_headers: &'a str,
    /// `YYYYMMDDTHHMMSSZ`, from `X-Amz-Date`.
    pub time: &'a str,
    /// `YYYYMMDD`.
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    /// 64 hexadecimal digits.
    pub signature: &'a str,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Signed<'_> {
    /// Whether the owner of `secret` signed this very request. Takes the same time wherever a wrong signature differs.
    pub fn is_by(&self, secret: &str) -> bool {
        let mut signature = [0; 32];
        if !read_hex(self.signature, &mut signature) || !self.time.starts_with(self.date) {
            return false;
        }
        let Some(request) = self.canonical_request() else { return false };
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let mut text = format!("{ALGORITHM}\n{}\n{scope}\n", self.time).into_bytes();
        push_hex(&mut text, &Sha256::digest(request));
        let key = signing_key(secret, self.date, self.region, self.service);
        mac(&key, &text).verify_slice(&signature).is_ok()
    }

    /// `None` if a header that should be signed is missing or `host` is not signed.
    fn canonical_request(&self) -> Option<Vec<u8>> {
        let mut out = format!("{}\n{}\n{}\n", self.method, canonical_path(self.path), canonical_query(self.query));
        if !self.signed_headers.split(';').any(|name| name == "host") {
            return None;
        }
        for name in self.signed_headers.split(';') {
            let mut values = self.headers.get_all(name).iter().peekable();
            values.peek()?;
            let values: Option<Vec<String>> = values.map(|value| value.to_str().ok().map(canonical_value)).collect();
            out.push_str(&format!("{name}:{}\n", values?.join(",")));
        }
        out.push_str(&format!("\n{}\n", self.signed_headers));
        let mut out = out.into_bytes();
        push_hex(&mut out, &Sha256::digest(self.body));
        Some(out)
    }
}

/// The key that signs for one day, region and service.
pub fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
    let first = format!("AWS4{secret}").into_bytes();
    [date, region, service, "aws4_request"].iter().fold(first, |key, part| code(&key, part.as_bytes()).to_vec())[..]
        .try_into()
        .expect("a code has 32 bytes")
}

fn code(key: &[u8], text: &[u8]) -> [u8; 32] {
    mac(key, text).finalize().into_bytes().into()
}

fn mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(text);
    mac
}

/// Dots and doubled slashes resolved (RFC 3986, 5.2.4), and each segment, encoded already, encoded once more.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut out = String::from("/");
    for (i, segment) in segments.iter().enumerate() {
        if i > 0 {
            out.push('/');
        }
        out.extend(percent_encode(segment.as_bytes(), ENCODED));
    }
    if path.len() > 1 && path.ends_with('/') && !segments.is_empty() {
        out.push('/');
    }
    out
}

/// Pairs in order of their encoded names, then values.
fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let spaced = text.replace('+', " ");
        let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
        percent_encode(&bytes, ENCODED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Without space around, and with single spaces inside.
fn canonical_value(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_hex(text: &str, out: &mut [u8; 32]) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.len() == 64
        && text.as_bytes().chunks_exact(2).zip(out).all(|(pair, byte)| match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => {
                *byte = high << 4 | low;
                true
            }
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// A request of 2015-08-30T12:36:00Z in us-east-1.
    struct Case {
        method: &'static str,
        target: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
        service: &'static str,
        signature: &'static str,
    }

    impl Case {
        fn check(&self, check: impl Fn(Signed<'_>)) {
            let mut headers =
                HeaderMap::from_iter([("x-amz-date".parse().unwrap(), "20150830T123600Z".parse().unwrap())]);
            for (name, value) in self.headers {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
            names.sort();
            let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
            check(Signed {
                method: self.method,
                path,
                query,
                headers: &headers,
                body: self.body.as_bytes(),
                signed_headers: &names.join(";"),
                time: "20150830T123600Z",
                date: "20150830",
                region: "us-east-1",
                service: self.service,
                signature: self.signature,
            });
        }
    }

    /// AWS's test suite (get-vanilla, get-vanilla-query-order-key-case, post-vanilla), the example of its reference
    /// (ListUsers), and two that botocore signed.
    const CASES: [Case; 6] = [
        Case {
            method: "GET",
            target: "/",
            headers: &[("host", "example.amazonaws.com")],
            body: "",
            service: "service",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        },
        Case {
            method: "GET",
            target: "/?Param2=value2&Param1=value1",
            headers: &[("host", "example.amazonaws.com")],
            body: "",
            service: "service",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        },
        Case {
            method: "POST",
            target: "/",
            headers: &[("host", "example.amazonaws.com")],
            body: "",
            service: "service",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        },
        Case {
            method: "GET",
            target: "/?Action=ListUsers&Version=2010-05-08",
            headers: &[
                ("host", "iam.amazonaws.com"),
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ],
            body: "",
            service: "iam",
            signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        },
        Case {
            method: "POST",
            target: "/",
            headers: &[
                ("host", "localhost:4566"),
                ("content-type", "application/x-amz-json-1.0"),
                ("x-amz-target", "AmazonSQS.SendMessage"),
            ],
            body: "{\"MessageBody\": \"hi\"}",
            service: "sqs",
            signature: "32e5295bd0f00a221f7a254af2b4ceeceefad2701d2fea98d193bc70398000ba",
        },
        Case {
            method: "GET",
            target: "/000000000000/a%20b%2Fc//d/../e?Action=List%20it&x=%C3%A9~%2A&b=2&b=1&flag=",
            headers: &[("host", "localhost:4566"), ("my-header", "  a   b  ")],
            body: "",
            service: "sqs",
            signature: "156817824adc229804288fa2c48cce3d2d923a1f4ebc3a0d2c9241dfa6a7d70e",
        },
    ];

    #[test]
    fn published_signatures_are_verified() {
        for case in &CASES {
            case.check(|signed| {
                assert!(signed.is_by(SECRET), "{} {}", case.method, case.target);
                assert!(!signed.is_by("another secret"));
                assert!(!Signed { body: b"another body", ..signed }.is_by(SECRET));
                assert!(!Signed { method: "PUT", ..signed }.is_by(SECRET));
                assert!(!Signed { path: "/other", ..signed }.is_by(SECRET));
                assert!(!Signed { query: "Param1=other", ..signed }.is_by(SECRET));
                assert!(!Signed { region: "us-west-1", ..signed }.is_by(SECRET));
                assert!(!Signed { date: "20150831", ..signed }.is_by(SECRET));
                assert!(!Signed { headers: &HeaderMap::new(), ..signed }.is_by(SECRET));
                assert!(!Signed { signed_headers: "x-amz-date", ..signed }.is_by(SECRET));
                let wrong = signed.signature.replacen(|c: char| c != '0', "0", 1);
                assert!(!Signed { signature: &wrong, ..signed }.is_by(SECRET));
                assert!(!Signed { signature: &signed.signature[1..], ..signed }.is_by(SECRET));
            });
        }
    }

    #[test]
    fn the_published_signing_key() {
        let mut hex = Vec::new();
        push_hex(&mut hex, &signing_key(SECRET, "20150830", "us-east-1", "iam"));
        assert_eq!(hex, b"c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at_without_harm(path: String, query: String, signed_headers: String, signature: String) {
            CASES[0].check(|signed| {
                let odd = Signed { path: &path, query: &query, signed_headers: &signed_headers, ..signed };
                assert!(!odd.is_by(SECRET));
                assert!(!Signed { signature: &signature, ..signed }.is_by(SECRET));
            });
        }
    }
}
