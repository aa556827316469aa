//! How a request says who sends it: the credentials that the shell verifies, and what no signature can make good.

use bytes::Bytes;
use http::Request;
use http::header::HeaderName;
use model::{Signature, Time};

use crate::credentials::{Claim, incomplete};
use crate::date;
use crate::error::Fault;
use crate::request::TARGET;
use crate::sigv4::{Canonical, Signed};

/// Milliseconds by which a client's clock may be wrong, and for which a presigned request is good.
const SKEW: u64 = 15 * 60 * 1_000;
/// Seconds of the longest `X-Amz-Expires`: 7 days.
const LONGEST_EXPIRES: u64 = 604_800;

static CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// What a request shows, ready to be verified.
pub(crate) struct Login {
    pub(crate) signature: Signature,
    /// Why the request is refused although its signature is right. Where signatures are not verified it does not count.
    pub(crate) doubt: Option<Fault>,
}

impl Login {
    /// `service`: the one that the request is for, as scopes name it.
    pub(crate) fn of(now: Time, request: &Request<Bytes>, service: &str) -> Result<Self, Fault> {
        let claim = Claim::of(request)?;
        let signed = Signed {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            presigned: claim.presigned,
            headers: request.headers(),
            authority: request.uri().authority().map(|authority| authority.as_str()),
            body: request.body(),
            signed_headers: &claim.signed_headers,
        };
        let canonical = signed.canonical();
        let doubt = check_scope(&claim, service)
            .and_then(|()| check_time(now, &claim))
            .and_then(|()| check_request(request, &claim, &canonical));
        let time = claim.time.as_deref().unwrap_or_default();
        let Claim { credential, signature, .. } = &claim;
        let signature = Signature {
            access_key: credential.access_key().to_owned(),
            scope: credential.scope().to_owned(),
            string_to_sign: canonical.string_to_sign(time, credential.scope()),
            signature: signature.as_ref().to_owned(),
        };
        Ok(Self { signature, doubt: doubt.err() })
    }

    pub(crate) fn region(&self) -> &str {
        self.signature.scope.split('/').nth(1).unwrap_or_default()
    }
}

fn check_scope(claim: &Claim<'_>, service: &str) -> Result<(), Fault> {
    let Some(time) = claim.time.as_deref() else {
        return Err(incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."));
    };
    if claim.credential.service() != service {
        return Err(Fault::Signature(format!("Credential should be scoped to correct service: '{service}'.")));
    }
    let date = claim.credential.date();
    if !time.starts_with(date) {
        return Err(Fault::Signature(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' in '{time}'."
        )));
    }
    Ok(())
}

/// A presigned request may ask for less than the 15 minutes, but as with SQS itself not for more.
fn check_time(now: Time, claim: &Claim<'_>) -> Result<(), Fault> {
    let text = claim.time.as_deref().unwrap_or_default();
    let Some(time) = date::read(text) else {
        return Err(incomplete("Date must be in ISO-8601 'basic format', as in 20150830T123600Z."));
    };
    let (earliest, latest) = (Time(now.0.saturating_sub(SKEW)), now.plus(SKEW));
    if time < earliest {
        let (earliest, now) = (date::written(earliest), date::written(now));
        return Err(Fault::Signature(format!(
            "Signature expired: {text} is now earlier than {earliest} ({now} - 15 min.)"
        )));
    }
    if time > latest {
        let (latest, now) = (date::written(latest), date::written(now));
        return Err(Fault::Signature(format!(
            "Signature not yet current: {text} is still later than {latest} ({now} + 15 min.)"
        )));
    }
    let Some(expires) = claim.expires.as_deref() else { return Ok(()) };
    match expires.parse() {
        Ok(seconds @ 1..=LONGEST_EXPIRES) if now <= time.plus(seconds * 1_000) => Ok(()),
        Ok(1..=LONGEST_EXPIRES) => Err(Fault::Expired),
        _ => Err(incomplete("X-Amz-Expires has to be a number of seconds from 1 to 604800.")),
    }
}

/// What decides over the request must be signed: nobody may turn one request into another.
fn check_request(request: &Request<Bytes>, claim: &Claim<'_>, canonical: &Canonical) -> Result<(), Fault> {
    let is_signed = |name: &str| claim.signed_headers.split(';').any(|signed| signed == name);
    let unsigned =
        |name: &str| Fault::Signature(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."));
    if !is_signed("host") {
        return Err(unsigned("Host"));
    }
    if request.headers().contains_key(&TARGET) && !is_signed(TARGET.as_str()) {
        return Err(unsigned("X-Amz-Target"));
    }
    // Also whoever leaves his body unsigned, or signs it in chunks, as only S3 takes it.
    if request.headers().get_all(&CONTENT).iter().any(|text| !canonical.has_body(text.as_bytes())) {
        return Err(Fault::ContentDigest);
    }
    if canonical.is_whole { Ok(()) } else { Err(Fault::signature_mismatch()) }
}
