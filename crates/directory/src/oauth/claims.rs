//! What a token says of its bearer (RFC 7519, RFC 9068), once its signature is known to be good.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::{Identity, Scopes, Source, is_name};
use config::Oauth;
use model::{Name, Time};
use serde_json::{Map, Value};

use crate::directories::MOST_GROUPS;

/// Why a token does not count. For the log; what it quotes is escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("the token is for {0}, not for this broker")]
    Audience(String),
    #[error("the token is by another issuer")]
    Issuer,
    #[error("the token has no end")]
    NoEnd,
    #[error("the token has ended")]
    Ended,
    #[error("the token does not count yet")]
    Early,
    #[error("the token names nobody by {0:?}")]
    Nobody(String),
    #[error("the token has more than {MOST_GROUPS} groups, or some without a name")]
    Groups,
}

/// Who bears a token with these claims.
pub(super) fn identity(
    claims: &Map<String, Value>,
    settings: &Oauth,
    virtual_hosts: &[(String, Name)],
    now: Time,
) -> Result<Identity, Unfit> {
    if claims.get("iss").and_then(Value::as_str) != Some(settings.issuer.as_str()) {
        return Err(Unfit::Issuer);
    }
    check_audience(claims, &settings.resource_server_id)?;
    let valid_until = check_times(claims, settings, now)?;
    let name = name(claims, settings)?;
    let groups = groups(claims, settings)?;
    let scopes = scopes(claims, settings, virtual_hosts);
    let in_group = |group: &Option<String>| group.as_ref().is_some_and(|group| groups.contains(group));
    Ok(Identity {
        administrator: scopes.administrator() || in_group(&settings.administrator_group),
        monitor: scopes.monitor() || in_group(&settings.monitor_group),
        scopes: Arc::new(scopes),
        valid_until: Some(valid_until),
        ..Identity::new(name, groups, Source::OAuth)
    })
}

/// One text, or a list of them (RFC 7519, 4.1.3).
fn check_audience(claims: &Map<String, Value>, own: &str) -> Result<(), Unfit> {
    const CHARACTERS: usize = 100;
    let audience = claims.get("aud");
    let meant = match audience {
        Some(Value::String(only)) => only == own,
        Some(Value::Array(several)) => several.iter().any(|one| one == own),
        _ => false,
    };
    if meant {
        return Ok(());
    }
    let text = audience.map_or_else(|| "nobody".to_owned(), ToString::to_string);
    Err(Unfit::Audience(text.chars().take(CHARACTERS).collect::<String>().escape_debug().to_string()))
}

/// When the connection ends.
fn check_times(claims: &Map<String, Value>, settings: &Oauth, now: Time) -> Result<Time, Unfit> {
    let leeway = u64::try_from(settings.leeway.as_millis()).unwrap_or(u64::MAX);
    let end = claims.get("exp").and_then(milliseconds).ok_or(Unfit::NoEnd)?.plus(leeway);
    if now >= end {
        return Err(Unfit::Ended);
    }
    for beginning in ["nbf", "iat"] {
        let Some(value) = claims.get(beginning) else { continue };
        if milliseconds(value).is_none_or(|begins| begins > now.plus(leeway)) {
            return Err(Unfit::Early);
        }
    }
    Ok(end)
}

/// Of seconds since 1970, which may have a fraction (RFC 7519, 2). Negative ones are long ago.
fn milliseconds(value: &Value) -> Option<Time> {
    if let Some(seconds) = value.as_u64() {
        return Some(Time(seconds.saturating_mul(1_000)));
    }
    // The cast stops at both ends.
    value.as_f64().map(|seconds| Time((seconds * 1_000.0) as u64))
}

fn name(claims: &Map<String, Value>, settings: &Oauth) -> Result<String, Unfit> {
    let text = |claim: &str| find(claims, claim).and_then(Value::as_str).filter(|name| is_name(name));
    let (name, wanted) = match &settings.user_claim {
        Some(claim) => (text(claim), claim.as_str()),
        None => (text("sub").or_else(|| text("client_id")), "sub"),
    };
    name.map(str::to_owned).ok_or_else(|| Unfit::Nobody(wanted.to_owned()))
}

fn groups(claims: &Map<String, Value>, settings: &Oauth) -> Result<BTreeSet<String>, Unfit> {
    let Some(value) = settings.groups_claim.as_ref().and_then(|claim| find(claims, claim)) else {
        return Ok(BTreeSet::new());
    };
    let groups = match value {
        Value::String(only) => vec![only.as_str()],
        Value::Array(several) => several.iter().map(Value::as_str).collect::<Option<_>>().ok_or(Unfit::Groups)?,
        _ => return Err(Unfit::Groups),
    };
    let fit = groups.len() <= MOST_GROUPS && groups.iter().all(|group| is_name(group));
    if fit { Ok(groups.into_iter().map(str::to_owned).collect()) } else { Err(Unfit::Groups) }
}

/// A text with spaces between (RFC 8693, 4.2), or a list of such.
fn scopes(claims: &Map<String, Value>, settings: &Oauth, virtual_hosts: &[(String, Name)]) -> Scopes {
    let texts = match find(claims, &settings.scope_claim) {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let own = format!("{}.", settings.resource_server_id);
    let prefix = settings.scope_prefix.as_deref().unwrap_or(&own);
    let all = texts.into_iter().flat_map(|text| text.split(' '));
    Scopes::parse(all.filter_map(|scope| scope.strip_prefix(prefix)), virtual_hosts)
}

/// The claim of this name, which may have dots; else the one that its parts lead to.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let (first, rest) = match claims.get(name) {
        Some(value) => return Some(value),
        None => name.split_once('.')?,
    };
    find(claims.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests;
