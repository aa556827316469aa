//! What AWS Signature Version 4 signs of a request (AWS General Reference, "Signing AWS API requests"): its canonical
//! form and the string to sign. The shell has the secrets and verifies the rest.

use http::HeaderMap;
use http::header::HOST;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

use crate::credentials::ALGORITHM;
use crate::hash::push_hex;

/// A request as it was received, and which of its headers are said to be signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// As it stood in the request line, encoded.
    pub(crate) path: &'a str,
    /// As it stood in the request line, without `?`.
    pub(crate) query: &'a str,
    /// Its query holds the signature, which is then no part of what is signed.
    pub(crate) presigned: bool,
    pub(crate) headers: &'a HeaderMap,
    /// The host of a request line that names one; stands in for a `host` header.
    pub(crate) authority: Option<&'a str>,
    pub(crate) body: &'a [u8],
    /// `host;x-amz-date`: names in lower case, in order.
    pub(crate) signed_headers: &'a str,
}

/// What a request comes to.
pub(crate) struct Canonical {
    /// SHA-256 of the canonical request, and of the body.
    digest: [u8; 32],
    body: [u8; 32],
    /// All headers that are said to be signed are there, each named once and in order.
    pub(crate) is_whole: bool,
}

/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Signed<'_> {
    pub(crate) fn canonical(&self) -> Canonical {
        let body: [u8; 32] = Sha256::digest(self.body).into();
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(self.method.as_bytes());
        out.push(b'\n');
        push_path(&mut out, self.path);
        out.push(b'\n');
        push_query(&mut out, self.query, self.presigned);
        out.push(b'\n');
        let is_whole = self.push_headers(&mut out);
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.as_bytes());
        out.push(b'\n');
        push_hex(&mut out, &body);
        Canonical { digest: Sha256::digest(out).into(), body, is_whole }
    }

    /// Stops where a name is not behind the one before: nobody can make us write a long header many times.
    fn push_headers(&self, out: &mut Vec<u8>) -> bool {
        let mut before = "";
        for name in self.signed_headers.split(';') {
            if name <= before {
                return false;
            }
            before = name;
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            let mut values = self.headers.get_all(name).iter().peekable();
            if values.peek().is_none() {
                match self.authority.filter(|_| name == HOST) {
                    Some(authority) => out.extend_from_slice(authority.as_bytes()),
                    None => return false,
                }
            }
            for (n, value) in values.enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                push_value(out, value.as_bytes());
            }
            out.push(b'\n');
        }
        true
    }
}

impl Canonical {
    /// `time`: `YYYYMMDDTHHMMSSZ`; `scope`: `YYYYMMDD/region/service/aws4_request`.
    pub(crate) fn string_to_sign(&self, time: &str, scope: &str) -> String {
        let mut out = Vec::with_capacity(ALGORITHM.len() + time.len() + scope.len() + 3 + 64);
        for line in [ALGORITHM, time, scope] {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        push_hex(&mut out, &self.digest);
        String::from_utf8(out).expect("text and hexadecimal digits")
    }

    /// Whether `text` is the SHA-256 of the body, in hexadecimal digits.
    pub(crate) fn has_body(&self, text: &[u8]) -> bool {
        let mut digits = Vec::with_capacity(64);
        push_hex(&mut digits, &self.body);
        text.eq_ignore_ascii_case(&digits)
    }
}

/// Dots and doubled slashes resolved (RFC 3986, 5.2.4), and each segment, encoded already, encoded once more.
fn push_path(out: &mut Vec<u8>, path: &str) {
    out.push(b'/');
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
    for (i, segment) in segments.iter().enumerate() {
        if i > 0 {
            out.push(b'/');
        }
        percent_encode(segment.as_bytes(), ENCODED).for_each(|piece| out.extend_from_slice(piece.as_bytes()));
    }
    if path.len() > 1 && path.ends_with('/') && !segments.is_empty() {
        out.push(b'/');
    }
}

/// Pairs in order of their encoded names, then values.
fn push_query(out: &mut Vec<u8>, query: &str, presigned: bool) {
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
        .filter(|(name, _)| !presigned || name != "X-Amz-Signature")
        .collect();
    pairs.sort();
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push(b'&');
        }
        for text in [name, "=", value] {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Without space around, and with single spaces inside.
fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (i, word) in words.enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, Mac as _};
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const TIME: &str = "20150830T123600Z";

    fn code(key: &[u8], text: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }

    /// What the owner of the secret answers to a string to sign.
    fn sign(text: &str, secret: &str, scope: &str) -> String {
        let first = format!("AWS4{secret}").into_bytes();
        let key = scope.split('/').fold(first, |key, part| code(&key, part.as_bytes()));
        let mut hex = Vec::new();
        push_hex(&mut hex, &code(&key, text.as_bytes()));
        String::from_utf8(hex).unwrap()
    }

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
            let mut headers = HeaderMap::from_iter([("x-amz-date".parse().unwrap(), TIME.parse().unwrap())]);
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
                presigned: false,
                headers: &headers,
                authority: None,
                body: self.body.as_bytes(),
                signed_headers: &names.join(";"),
            });
        }

        fn signature_of(&self, signed: Signed<'_>) -> String {
            let scope = format!("20150830/us-east-1/{}/aws4_request", self.service);
            sign(&signed.canonical().string_to_sign(TIME, &scope), SECRET, &scope)
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
    fn published_signatures_are_found_again() {
        for case in &CASES {
            case.check(|signed| {
                let is_signed = |signed: Signed<'_>| case.signature_of(signed) == case.signature;
                assert!(is_signed(signed) && signed.canonical().is_whole, "{} {}", case.method, case.target);
                assert!(!is_signed(Signed { body: b"another body", ..signed }));
                assert!(!is_signed(Signed { method: "PUT", ..signed }));
                assert!(!is_signed(Signed { path: "/other", ..signed }));
                assert!(!is_signed(Signed { query: "Param1=other", ..signed }));
                assert!(!is_signed(Signed { headers: &HeaderMap::new(), ..signed }));
                assert!(!is_signed(Signed { signed_headers: "x-amz-date", ..signed }));
            });
        }
    }

    #[test]
    fn a_host_may_stand_in_the_request_line() {
        CASES[0].check(|signed| {
            let mut headers = signed.headers.clone();
            headers.remove("host");
            let without = Signed { headers: &headers, ..signed };
            assert!(!without.canonical().is_whole);
            let signed = Signed { authority: Some("example.amazonaws.com"), ..without };
            assert_eq!(CASES[0].signature_of(signed), CASES[0].signature);
        });
    }

    #[test]
    fn headers_that_are_missing_doubled_or_out_of_order_are_noticed() {
        CASES[0].check(|signed| {
            for names in ["", ";", "x-amz-date;host", "host;host", "host;host;x-amz-date", "host;x-other", "host;;x"] {
                assert!(!Signed { signed_headers: names, ..signed }.canonical().is_whole, "{names}");
            }
        });
    }

    #[test]
    fn the_digest_of_a_body_is_known() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        CASES[0].check(|signed| {
            let canonical = signed.canonical();
            assert!(canonical.has_body(empty.as_bytes()) && canonical.has_body(empty.to_uppercase().as_bytes()));
            for other in ["", "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &empty[1..]] {
                assert!(!canonical.has_body(other.as_bytes()), "{other}");
            }
        });
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at_without_harm(path: String, query: String, signed_headers: String, presigned: bool) {
            CASES[0].check(|signed| {
                let odd = Signed { path: &path, query: &query, signed_headers: &signed_headers, presigned, ..signed };
                let text = odd.canonical().string_to_sign(TIME, "scope");
                assert_eq!(text.lines().count(), 4);
            });
        }
    }
}
