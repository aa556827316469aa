//! Rules between the settings of one directory server or token server.

use std::net::IpAddr;

use crate::error::{Cause, Error, excerpt};
use crate::value::{Table, Value};

pub(crate) fn check(table: &Table, errors: &mut Vec<Error>) {
    for ldap in table.tables("ldap") {
        check_hosts(ldap, errors);
        check_service_account(ldap, errors);
        check_placeholder(ldap, "user_search_matching", &["={0})"], errors);
        check_placeholder(ldap, "role_search_matching", &["{0}", "{1}"], errors);
    }
    let servers = table.tables("oauth");
    for (i, oauth) in servers.iter().enumerate() {
        check_keys(oauth, errors);
        let issuer = oauth.text_of("issuer");
        let first = servers[..i].iter().find(|other| issuer.is_some() && other.text_of("issuer") == issuer);
        if let (Some(issuer), Some(first)) = (issuer, first) {
            let first = first.origin("issuer").clone();
            let cause = Cause::Duplicate { table: "oauth", name: issuer.to_owned(), first };
            errors.push(Error::new(oauth.origin("issuer").clone(), cause));
        }
    }
}

/// Passwords go over the network encrypted, or somebody has said that they need not.
fn check_hosts(ldap: &Table, errors: &mut Vec<Error>) {
    let Some(Value::Texts(hosts)) = ldap.value("hosts") else { return };
    let start_tls = ldap.bool_of("start_tls") == Some(true);
    let open = ldap.bool_of("plaintext") == Some(true);
    for host in hosts {
        let plain = host.strip_prefix("ldap://");
        let cause = match plain {
            None if start_tls => Cause::StartTlsInTls { host: host.clone() },
            Some(rest) if !start_tls && !open && !is_loopback(rest) => Cause::LdapReadable { host: host.clone() },
            _ => continue,
        };
        errors.push(Error::new(ldap.origin("hosts").clone(), cause));
    }
}

/// A name without a password would be an anonymous login (RFC 4513, 5.1.2).
fn check_service_account(ldap: &Table, errors: &mut Vec<Error>) {
    let (name, password) = ("service_account_username", "service_account_password");
    for (given, needed) in [(name, password), (password, name)] {
        if ldap.entries.contains_key(given) && !ldap.entries.contains_key(needed) {
            errors.push(Error::new(ldap.origin(given).clone(), Cause::Alone { key: given, needed }));
        }
    }
}

fn check_placeholder(ldap: &Table, key: &'static str, any: &'static [&'static str], errors: &mut Vec<Error>) {
    let Some(text) = ldap.text_of(key) else { return };
    if !any.iter().any(|needed| text.contains(needed)) {
        let cause = Cause::NoPlaceholder { key, value: excerpt(text), needed: any[0] };
        errors.push(Error::new(ldap.origin(key).clone(), cause));
    }
}

fn check_keys(oauth: &Table, errors: &mut Vec<Error>) {
    let Some(issuer) = oauth.text_of("issuer") else { return };
    let url = oauth.text_of("jwks_url");
    if url.is_some() == oauth.entries.contains_key("jwks_file") {
        errors.push(Error::new(oauth.origin.clone(), Cause::OneKeySet { issuer: excerpt(issuer) }));
    }
    let Some(url) = url else { return };
    let fine = url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        || url.strip_prefix("http://").is_some_and(is_loopback);
    if !fine {
        errors.push(Error::new(oauth.origin("jwks_url").clone(), Cause::KeysReadable { url: excerpt(url) }));
    }
}

/// Whether the rest of a URL begins with a host that is this machine.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
