use std::borrow::Cow;

use http::Request;
use http::header::AUTHORIZATION;

use crate::characters::is_account;
use crate::error::Fault;
use crate::request::query_value;
use crate::service::HOME_ACCOUNT;

/// Who asks, by the request's signature (AWS Signature Version 4). The signature itself is not looked at: there are no
/// secrets yet to check it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller<'a> {
    pub(crate) access_key: Cow<'a, str>,
    pub(crate) region: Cow<'a, str>,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl<'a> Caller<'a> {
    /// The caller of a request that is signed in its header or (presigned) in its query.
    pub(crate) fn of<B>(request: &'a Request<B>) -> Result<Self, Fault> {
        if let Some(header) = request.headers().get(AUTHORIZATION) {
            let text = header.to_str().map_err(|_| incomplete("Authorization header is no text."))?;
            return Self::from_header(text);
        }
        let query = request.uri().query().unwrap_or("");
        let scope = query_value(query, "X-Amz-Credential").ok_or(Fault::MissingToken)?;
        let missing = ["X-Amz-Algorithm", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]
            .into_iter()
            .find(|name| query_value(query, name).is_none());
        match missing {
            Some(name) => Err(incomplete(&format!("AWS query-string parameters must include '{name}'."))),
            None => match scope {
                Cow::Borrowed(scope) => Self::from_scope(scope),
                Cow::Owned(scope) => {
                    let Caller { access_key, region } = Caller::from_scope(&scope)?;
                    let owned = |part: Cow<'_, str>| Cow::Owned(part.into_owned());
                    Ok(Self { access_key: owned(access_key), region: owned(region) })
                }
            },
        }
    }

    /// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
    pub(crate) fn from_header(header: &'a str) -> Result<Self, Fault> {
        let parameters = header
            .strip_prefix(ALGORITHM)
            .filter(|rest| rest.starts_with(' '))
            .ok_or_else(|| incomplete(&format!("Authorization header requires the algorithm {ALGORITHM}.")))?;
        let (mut credential, mut headers, mut signature) = (None, None, None);
        for parameter in parameters.split(',') {
            match parameter.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => headers = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                _ => return Err(incomplete("Authorization header holds something that is no parameter.")),
            }
        }
        let parts = [("Credential", credential), ("Signature", signature), ("SignedHeaders", headers)];
        let missing: Vec<String> = parts
            .iter()
            .filter(|(_, value)| value.is_none_or(str::is_empty))
            .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
            .collect();
        if !missing.is_empty() {
            return Err(incomplete(&missing.join(" ")));
        }
        if signature.is_some_and(|text| text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Err(incomplete("The signature has to be 64 hexadecimal digits."));
        }
        Self::from_scope(credential.unwrap_or_default())
    }

    /// `key/date/region/service/aws4_request`
    fn from_scope(scope: &'a str) -> Result<Self, Fault> {
        let parts: [&str; 5] = split_exactly(scope).ok_or_else(|| {
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
        if !plain(key, 128) || !plain(region, 64) || !plain(service, 64) {
            return Err(incomplete("Credential should be scoped to a valid key, region and service."));
        }
        Ok(Self { access_key: Cow::Borrowed(key), region: Cow::Borrowed(region) })
    }

    /// The caller's account: an access key of 12 digits is one, all others share the first.
    pub(crate) fn account(&self) -> &str {
        if is_account(&self.access_key) { &self.access_key } else { HOME_ACCOUNT }
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

fn incomplete(text: &str) -> Fault {
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

    #[test]
    fn the_access_key_names_the_account_and_the_scope_the_region() {
        let text = header("123456789012", "eu-west-1");
        let caller = Caller::from_header(&text).unwrap();
        assert_eq!((caller.account(), &*caller.region), ("123456789012", "eu-west-1"));
        let text = header("test", "us-east-1").replace(", ", ",");
        assert_eq!(Caller::from_header(&text).unwrap().account(), HOME_ACCOUNT);
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = Caller::from_header("AWS4-HMAC-SHA256 Credential=k/20260101/r/sqs/aws4_request").unwrap_err();
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
            let fault = Caller::from_header(&good.replacen(part, replaced, 1)).map(|caller| caller.region.into_owned());
            assert!(matches!(fault, Err(Fault::IncompleteSignature(_))), "{part} → {replaced}: {fault:?}");
        }
    }

    #[test]
    fn presigned_requests_have_their_caller_in_the_query() {
        let query = "Action=X&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=000000000042%2F20260101%2Fus-west-2%2Fsts%2Faws4_request\
                     &X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
        let request = Request::get(format!("/?{query}")).body(()).unwrap();
        let caller = Caller::of(&request).unwrap();
        assert_eq!((caller.account(), &*caller.region), ("000000000042", "us-west-2"));
        let unsigned = Request::get("/?Action=X").body(()).unwrap();
        assert_eq!(Caller::of(&unsigned), Err(Fault::MissingToken));
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_harm(header: String) {
            let _ = Caller::from_header(&header);
            let _ = Caller::from_header(&format!("{ALGORITHM} {header}"));
        }
    }
}
