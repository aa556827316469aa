//! What a request says of its signature (AWS Signature Version 4): in its `Authorization` header, or in its query if it
//! is presigned.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, Request};

use crate::error::Fault;
use crate::request::query_value;

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
static DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// Bytes of the parts of a credential.
const KEY_BYTES: usize = 128;
const SCOPE_PART_BYTES: usize = 64;

/// A claim about who signed a request, of the right form and not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    pub(crate) credential: Credential<'a>,
    /// `host;x-amz-date`
    pub(crate) signed_headers: Cow<'a, str>,
    /// 64 hexadecimal digits.
    pub(crate) signature: Cow<'a, str>,
    /// `X-Amz-Date`, whatever it is.
    pub(crate) time: Option<Cow<'a, str>>,
    pub(crate) presigned: bool,
    /// `X-Amz-Expires` of a presigned request.
    pub(crate) expires: Option<Cow<'a, str>>,
}

/// `key/date/region/service/aws4_request`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential<'a> {
    text: Cow<'a, str>,
    /// Bytes of key, date, region and service.
    lengths: [usize; 4],
}

impl<'a> Claim<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Result<Self, Fault> {
        let mut headers = request.headers().get_all(AUTHORIZATION).iter();
        match (headers.next(), headers.next()) {
            (None, _) => Self::from_query(request.uri().query().unwrap_or("")),
            (Some(header), None) => {
                let text = header.to_str().map_err(|_| incomplete("Authorization header is no text."))?;
                Self::from_header(text, request.headers())
            }
            (Some(_), Some(_)) => Err(incomplete("A request can have one Authorization header only.")),
        }
    }

    fn from_query(query: &'a str) -> Result<Self, Fault> {
        let credential = query_value(query, "X-Amz-Credential").ok_or(Fault::MissingToken)?;
        let value = |name: &str| {
            let missing = || incomplete(&format!("AWS query-string parameters must include '{name}'."));
            query_value(query, name).ok_or_else(missing)
        };
        if value("X-Amz-Algorithm")? != ALGORITHM {
            return Err(incomplete(&format!("X-Amz-Algorithm has to be {ALGORITHM}.")));
        }
        Ok(Self {
            signature: checked_signature(value("X-Amz-Signature")?)?,
            signed_headers: value("X-Amz-SignedHeaders")?,
            time: Some(value("X-Amz-Date")?),
            credential: Credential::read(credential)?,
            presigned: true,
            expires: query_value(query, "X-Amz-Expires"),
        })
    }

    /// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
    fn from_header(header: &'a str, headers: &'a HeaderMap) -> Result<Self, Fault> {
        let parameters = header
            .strip_prefix(ALGORITHM)
            .filter(|rest| rest.starts_with(' '))
            .ok_or_else(|| incomplete(&format!("Authorization header requires the algorithm {ALGORITHM}.")))?;
        let (mut credential, mut signed, mut signature) = ("", "", "");
        for parameter in parameters.split(',') {
            match parameter.trim().split_once('=') {
                Some(("Credential", value)) => credential = value,
                Some(("SignedHeaders", value)) => signed = value,
                Some(("Signature", value)) => signature = value,
                _ => return Err(incomplete("Authorization header holds something that is no parameter.")),
            }
        }
        let parts = [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed)];
        if parts.iter().any(|(_, value)| value.is_empty()) {
            let missing = parts.iter().filter(|(_, value)| value.is_empty());
            let texts = missing.map(|(name, _)| format!("Authorization header requires '{name}' parameter."));
            return Err(incomplete(&texts.collect::<Vec<_>>().join(" ")));
        }
        Ok(Self {
            signature: checked_signature(Cow::Borrowed(signature))?,
            signed_headers: Cow::Borrowed(signed),
            time: headers.get(&DATE).and_then(|value| value.to_str().ok()).map(Cow::Borrowed),
            credential: Credential::read(Cow::Borrowed(credential))?,
            presigned: false,
            expires: None,
        })
    }
}

fn checked_signature(text: Cow<'_, str>) -> Result<Cow<'_, str>, Fault> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(incomplete("The signature has to be 64 hexadecimal digits."));
    }
    Ok(text)
}

impl<'a> Credential<'a> {
    fn read(text: Cow<'a, str>) -> Result<Self, Fault> {
        let parts: [&str; 5] = split_exactly(&text).ok_or_else(|| {
            incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
        })?;
        let [key, date, region, service, term] = parts;
        let plain = |text: &str, longest: usize| {
            (1..=longest).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
            return Err(incomplete("Date in Credential scope has to be of the form YYYYMMDD."));
        }
        if term != "aws4_request" {
            return Err(incomplete("Credential should be scoped with a valid terminator: 'aws4_request'."));
        }
        if !plain(key, KEY_BYTES) || !plain(region, SCOPE_PART_BYTES) || !plain(service, SCOPE_PART_BYTES) {
            return Err(incomplete("Credential should be scoped to a valid key, region and service."));
        }
        let lengths = [key, date, region, service].map(str::len);
        Ok(Self { text, lengths })
    }

    pub(crate) fn access_key(&self) -> &str {
        &self.text[..self.lengths[0]]
    }

    /// `date/region/service/aws4_request`
    pub(crate) fn scope(&self) -> &str {
        &self.text[self.lengths[0] + 1..]
    }

    /// `YYYYMMDD`
    pub(crate) fn date(&self) -> &str {
        self.part(1)
    }

    #[cfg(test)]
    fn region(&self) -> &str {
        self.part(2)
    }

    pub(crate) fn service(&self) -> &str {
        self.part(3)
    }

    fn part(&self, n: usize) -> &str {
        let start = self.lengths[..n].iter().sum::<usize>() + n;
        &self.text[start..start + self.lengths[n]]
    }
}

fn split_exactly<const N: usize>(scope: &str) -> Option<[&str; N]> {
    let mut parts = [""; N];
    let mut count = 0;
    for part in scope.split('/') {
        *parts.get_mut(count)? = part;
        count += 1;
    }
    (count == N).then_some(parts)
}

pub(crate) fn incomplete(text: &str) -> Fault {
    Fault::IncompleteSignature(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(key: &str, region: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
            "0".repeat(64)
        )
    }

    fn read(header: &str) -> Result<(String, String), Fault> {
        let headers = HeaderMap::new();
        let Claim { credential, .. } = Claim::from_header(header, &headers)?;
        Ok((credential.access_key().to_owned(), credential.region().to_owned()))
    }

    #[test]
    fn the_parts_of_a_claim() {
        let request = Request::post("/")
            .header("x-amz-date", "20260101T000000Z")
            .header("authorization", header("test", "eu-west-1").replace(", ", ","))
            .body(())
            .unwrap();
        let claim = Claim::of(&request).unwrap();
        let credential = &claim.credential;
        assert_eq!((credential.access_key(), credential.date()), ("test", "20260101"));
        assert_eq!((credential.region(), credential.service()), ("eu-west-1", "sqs"));
        assert_eq!(credential.scope(), "20260101/eu-west-1/sqs/aws4_request");
        assert_eq!((&*claim.signed_headers, claim.signature.len()), ("host;x-amz-date", 64));
        assert_eq!((claim.time.as_deref(), claim.presigned), (Some("20260101T000000Z"), false));
        let twice = Request::post("/").header("authorization", header("a", "r")).header("authorization", "Basic x");
        assert!(matches!(Claim::of(&twice.body(()).unwrap()), Err(Fault::IncompleteSignature(_))));
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = read("AWS4-HMAC-SHA256 Credential=k/20260101/r/sqs/aws4_request").unwrap_err();
        let expected = "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.";
        assert_eq!(fault.to_string(), expected);
        let good = header("test", "r");
        for (part, replaced) in [
            ("AWS4-HMAC-SHA256 ", "Basic "),
            ("/20260101/", "/today/"),
            ("/20260101/", "/"),
            ("/sqs/", "/sqs/x/"),
            ("aws4_request", "aws4"),
            ("test", ""),
            ("/r/", "/ü/"),
            ("000", "00"),
            (", ", ", x, "),
        ] {
            let fault = read(&good.replacen(part, replaced, 1));
            assert!(matches!(fault, Err(Fault::IncompleteSignature(_))), "{part} → {replaced}: {fault:?}");
        }
    }

    #[test]
    fn presigned_requests_have_their_claim_in_the_query() {
        let query = format!(
            "Action=X&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=000000000042%2F20260101%2Fus-west-2%2Fsts%2Faws4_request\
             &X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={}",
            "0".repeat(64)
        );
        let request = Request::get(format!("/?{query}")).body(()).unwrap();
        let claim = Claim::of(&request).unwrap();
        assert_eq!((claim.credential.access_key(), claim.credential.region()), ("000000000042", "us-west-2"));
        assert_eq!((claim.time.as_deref(), claim.expires.as_deref()), (Some("20260101T000000Z"), Some("60")));
        assert!(claim.presigned);
        for (part, replaced) in [
            ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            ("X-Amz-Algorithm", "Algorithm"),
            ("X-Amz-Signature=0", "X-Amz-Signature="),
            ("X-Amz-SignedHeaders", "SignedHeaders"),
            ("X-Amz-Date", "Date"),
            ("sts%2F", ""),
        ] {
            let request = Request::get(format!("/?{}", query.replacen(part, replaced, 1))).body(()).unwrap();
            let fault = Claim::of(&request);
            assert!(matches!(fault, Err(Fault::IncompleteSignature(_))), "{part} → {replaced}: {fault:?}");
        }
        let unsigned = Request::get("/?Action=X").body(()).unwrap();
        assert_eq!(Claim::of(&unsigned), Err(Fault::MissingToken));
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_harm(header: String, query: String) {
            let _ = read(&header);
            let _ = read(&format!("{ALGORITHM} {header}"));
            let _ = Claim::from_query(&query);
            let _ = Credential::read(header.into()).map(|credential| credential.part(3).len());
        }
    }
}
