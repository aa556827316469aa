//! The file as text: TOML with a version, `[[user]]` and `[[key]]` tables.

use core::ops::Range;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Key, MAX_ENTRIES, MAX_FILE, User, Users, UsersError, Wrong};
use crate::hash::Hash;
use crate::keys::Sealed;
use crate::scram::ScramSecret;

/// Of the file. A program refuses files that are newer than itself.
const FORMAT: i64 = 1;
const HEADER: &str =
    "# Users and access keys. `causeway user` and `causeway key` write this file anew: comments are lost.\n\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    format: Option<i64>,
    #[serde(default)]
    user: Vec<RawUser<Spanned<String>>>,
    #[serde(default)]
    key: Vec<RawKey<Spanned<String>>>,
}

#[derive(Serialize)]
struct WrittenFile {
    format: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user: Vec<RawUser<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key: Vec<RawKey<String>>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawUser<S> {
    name: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<S>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    administrator: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    monitor: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scram: Option<S>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    certificate: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawKey<S> {
    id: S,
    user: String,
    secret: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    created: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    disabled: bool,
}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

pub(super) fn parse(text: &str) -> Result<Users, UsersError> {
    let whole = |wrong| UsersError { line: 0, entry: None, wrong };
    if text.len() > MAX_FILE {
        return Err(whole(Wrong::TooLarge(MAX_FILE)));
    }
    let raw: RawFile = toml::from_str(text).map_err(|error| UsersError {
        line: error.span().map_or(0, |span| line_of(text, &span)),
        entry: None,
        wrong: Wrong::Syntax(error.message().to_owned()),
    })?;
    match raw.format {
        Some(FORMAT) => {}
        Some(other) => return Err(whole(Wrong::Format(other))),
        None => return Err(whole(Wrong::NoFormat)),
    }
    for (what, count) in [("users", raw.user.len()), ("keys", raw.key.len())] {
        if count > MAX_ENTRIES {
            return Err(whole(Wrong::TooMany(what, MAX_ENTRIES)));
        }
    }
    let mut users = Users::default();
    for raw in raw.user {
        let place = Place::new(text, "user", &raw.name);
        put_user(&mut users, raw, &place)?;
    }
    for raw in raw.key {
        let place = Place::new(text, "key", &raw.id);
        put_key(&mut users, raw, &place)?;
    }
    Ok(users)
}

/// Where in the file something stands, for errors.
struct Place<'a> {
    text: &'a str,
    entry: String,
    span: Range<usize>,
}

impl<'a> Place<'a> {
    fn new(text: &'a str, kind: &str, name: &Spanned<String>) -> Self {
        let shown: String = name.get_ref().chars().take(super::MAX_NAME).collect();
        Self { text, entry: format!("{kind} {shown:?}"), span: name.span() }
    }

    fn wrong(&self, wrong: impl Into<Wrong>) -> UsersError {
        self.wrong_at(&self.span, wrong)
    }

    fn wrong_at(&self, span: &Range<usize>, wrong: impl Into<Wrong>) -> UsersError {
        UsersError { line: line_of(self.text, span), entry: Some(self.entry.clone()), wrong: wrong.into() }
    }
}

fn put_user(users: &mut Users, raw: RawUser<Spanned<String>>, place: &Place<'_>) -> Result<(), UsersError> {
    let hash = raw.hash.map(|text| Hash::parse(text.get_ref()).map_err(|error| place.wrong_at(&text.span(), error)));
    let scram =
        raw.scram.map(|text| ScramSecret::parse(text.get_ref()).map_err(|error| place.wrong_at(&text.span(), error)));
    let user = User {
        name: raw.name.into_inner(),
        hash: hash.transpose()?,
        groups: BTreeSet::from_iter(raw.groups),
        administrator: raw.administrator,
        monitor: raw.monitor,
        scram: scram.transpose()?,
        certificates: raw.certificate,
    };
    if users.find(&user.name).is_some() {
        return Err(place.wrong(Wrong::Twice));
    }
    users.put(user).map_err(|wrong| place.wrong(wrong))
}

fn put_key(users: &mut Users, raw: RawKey<Spanned<String>>, place: &Place<'_>) -> Result<(), UsersError> {
    let secret = Sealed::parse(raw.secret.get_ref());
    let key = Key {
        id: raw.id.into_inner(),
        user: raw.user,
        secret: secret.ok_or_else(|| place.wrong_at(&raw.secret.span(), Wrong::Secret))?,
        account: raw.account,
        created: raw.created,
        disabled: raw.disabled,
    };
    if users.find_key(&key.id).is_some() {
        return Err(place.wrong(Wrong::Twice));
    }
    users.put_key(key).map_err(|wrong| place.wrong(wrong))
}

pub(super) fn to_text(users: &Users) -> String {
    let user = |user: &User| RawUser {
        name: user.name.clone(),
        hash: user.hash.as_ref().map(Hash::to_text),
        groups: user.groups.iter().cloned().collect(),
        administrator: user.administrator,
        monitor: user.monitor,
        scram: user.scram.as_ref().map(ScramSecret::to_text),
        certificate: user.certificates.clone(),
    };
    let key = |key: &Key| RawKey {
        id: key.id.clone(),
        user: key.user.clone(),
        secret: key.secret.to_text(),
        account: key.account.clone(),
        created: key.created,
        disabled: key.disabled,
    };
    let file = WrittenFile {
        format: FORMAT,
        user: users.iter().map(|entry| user(entry)).collect(),
        key: users.keys().map(|entry| key(entry)).collect(),
    };
    let text = toml::to_string(&file).expect("tables of texts, numbers and flags can be written");
    format!("{HEADER}{text}")
}

/// Counted from 1.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.as_bytes()[..span.start.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
