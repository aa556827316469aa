//! Which user a client certificate belongs to.

use std::sync::Arc;

use model::Certificate;

use super::{User, Users};

impl Users {
    /// The users that name this certificate, each once: by its subject, its common name or one of its alternative names.
    /// More than one is an ambiguity that only people can resolve.
    pub fn of_certificate(&self, certificate: &Certificate) -> Vec<&Arc<User>> {
        let subject = (!certificate.subject.is_empty()).then_some(&certificate.subject);
        let names = subject.into_iter().chain(&certificate.common_name).chain(&certificate.alternative_names);
        let mut found: Vec<&Arc<User>> = Vec::new();
        for owner in names.filter_map(|name| self.certificates.get(&normal(name))) {
            if let Some(user) = self.users.get(owner).filter(|user| found.iter().all(|other| other.name != user.name)) {
                found.push(user);
            }
        }
        found
    }
}

/// What is compared: distinguished names in one spelling, everything else as it is.
pub(super) fn normal(name: &str) -> String {
    distinguished_name(name).unwrap_or_else(|| name.trim().to_owned())
}

/// `cn = alice, O=Acme` → `CN=alice,O=Acme`: types in upper case, no space around types, values and commas. `None`: that
/// is no distinguished name (RFC 4514). Values are not touched, and neither is the order.
fn distinguished_name(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in split_unescaped(text) {
        let (kind, value) = part.split_once('=')?;
        let kind = kind.trim();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if kind.is_empty() || !kind.bytes().all(plain) {
            return None;
        }
        parts.push(format!("{}={}", kind.to_ascii_uppercase(), trim_unescaped(value)));
    }
    Some(parts.join(","))
}

/// At commas that have no backslash before them.
fn split_unescaped(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            ',' if !escaped => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// A value may end with an escaped space.
fn trim_unescaped(value: &str) -> &str {
    let value = value.trim_start();
    let trimmed = value.trim_end();
    if trimmed.ends_with('\\') && trimmed.len() < value.len() { &value[..trimmed.len() + 1] } else { trimmed }
}
