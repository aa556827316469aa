use std::collections::BTreeSet;

use serde::Deserialize;

use super::{ImportError, Imported, shortened};
use crate::hash::Hash;
use crate::users::User;

/// What of the definitions is about users.
#[derive(Deserialize)]
struct Definitions {
    #[serde(default)]
    users: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    password_hash: String,
    #[serde(default)]
    hashing_algorithm: Option<String>,
    #[serde(default)]
    tags: Tags,
}

/// A list since RabbitMQ 3.9, before that a text with commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Vec<String>),
    Text(String),
}

impl Default for Tags {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Users, with tags as groups; the tag `administrator` makes one, `monitoring` lets see everything.
pub(super) fn parse(text: &str) -> Result<Imported, ImportError> {
    let Definitions { users } = serde_json::from_str(text).map_err(|error| ImportError::Json(error.to_string()))?;
    let mut imported = Imported::default();
    for entry in users {
        let hash = hash(&entry)?;
        if hash.is_none() {
            imported
                .notes
                .push(format!("User {:?} has no password and cannot log in with one.", shortened(&entry.name)));
        }
        let mut user = User { hash, ..User::new(&entry.name) };
        let mut groups: BTreeSet<String> = entry.tags.names().collect();
        user.administrator = groups.remove("administrator");
        user.monitor = groups.remove("monitoring");
        user.groups = groups;
        imported.users.push(user);
    }
    Ok(imported)
}

/// Who has none may not log in with a password there either.
fn hash(entry: &Entry) -> Result<Option<Hash>, ImportError> {
    if entry.password_hash.is_empty() {
        return Ok(None);
    }
    let prefix = match entry.hashing_algorithm.as_deref() {
        Some("rabbit_password_hashing_sha256") | None => "rabbitmq_sha256",
        Some("rabbit_password_hashing_sha512") => "rabbitmq_sha512",
        Some(other) => return Err(ImportError::Algorithm(shortened(&entry.name), shortened(other))),
    };
    let hash = Hash::parse(&format!("{prefix}:{}", entry.password_hash));
    hash.map(Some).map_err(|wrong| ImportError::Hash { user: shortened(&entry.name), wrong })
}

impl Tags {
    fn names(self) -> impl Iterator<Item = String> {
        let list = match self {
            Self::List(list) => list,
            Self::Text(text) => text.split(',').map(str::to_owned).collect(),
        };
        list.into_iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty())
    }
}
