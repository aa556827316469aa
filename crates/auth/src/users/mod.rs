//! The users file: who there is.

mod error;
mod file;
mod key;
mod mapping;
mod names;
#[cfg(test)]
mod tests;
mod user;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use error::{UsersError, Wrong};
pub use key::{Key, MAX_KEY_ID, is_key_id};
pub use names::{MAX_GROUPS, MAX_NAME, is_name};
pub use user::User;

/// Of users, and of access keys.
const MAX_ENTRIES: usize = 100_000;
/// Of the file as text.
const MAX_FILE: usize = 64 << 20;

/// Users and access keys, by name and id. Every key has its user, and no certificate has two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    users: BTreeMap<String, Arc<User>>,
    keys: BTreeMap<String, Arc<Key>>,
    /// Whose a certificate with this name is; see `mapping.rs`.
    certificates: BTreeMap<String, String>,
}

impl Users {
    /// Reads the text of a users file.
    ///
    /// # Errors
    /// The first mistake, with its line. Nothing is passed over: an entry that cannot be read makes the whole file wrong,
    /// never a user whom nothing is asked of.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        file::parse(text)
    }

    /// The file that holds exactly this; `parse` reads it back.
    pub fn to_text(&self) -> String {
        file::to_text(self)
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub fn find(&self, name: &str) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    pub fn find_key(&self, id: &str) -> Option<&Arc<Key>> {
        self.keys.get(id)
    }

    /// All, by id.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values()
    }

    /// Whether somebody may do everything.
    pub fn has_administrator(&self) -> bool {
        self.users.values().any(|user| user.administrator)
    }

    /// Whether SCRAM may be offered: everybody who has a password can use it. Clients take the strongest mechanism they
    /// are offered, so one that fails for some shuts those out.
    pub fn all_have_scram(&self) -> bool {
        let mut with_password = self.users.values().filter(|user| user.hash.is_some()).peekable();
        with_password.peek().is_some() && with_password.all(|user| user.scram.is_some())
    }

    /// Puts `user` in, in place of one of the same name.
    ///
    /// # Errors
    /// It is not allowed to be like this, or another has one of its certificates.
    pub fn put(&mut self, user: User) -> Result<(), Wrong> {
        user.check()?;
        if self.users.len() >= MAX_ENTRIES && !self.users.contains_key(&user.name) {
            return Err(Wrong::TooMany("users", MAX_ENTRIES));
        }
        for name in user.certificate_names() {
            if let Some(other) = self.certificates.get(&name).filter(|other| **other != user.name) {
                return Err(Wrong::CertificateTaken(name, other.clone()));
            }
        }
        self.drop_certificates(&user.name);
        self.certificates.extend(user.certificate_names().map(|name| (name, user.name.clone())));
        self.users.insert(user.name.clone(), Arc::new(user));
        Ok(())
    }

    /// Removes the user and the user's keys. `None`: there is none of this name.
    pub fn remove(&mut self, name: &str) -> Option<Arc<User>> {
        self.drop_certificates(name);
        let user = self.users.remove(name)?;
        self.keys.retain(|_, key| key.user != name);
        Some(user)
    }

    fn drop_certificates(&mut self, of: &str) {
        let names = self.users.get(of).into_iter().flat_map(|user| user.certificate_names());
        for name in names {
            self.certificates.remove(&name);
        }
    }

    /// Puts `key` in, in place of one of the same id.
    ///
    /// # Errors
    /// It is not allowed to be like this, or its user does not exist.
    pub fn put_key(&mut self, key: Key) -> Result<(), Wrong> {
        key.check()?;
        if !self.users.contains_key(&key.user) {
            return Err(Wrong::NoSuchUser(key.user));
        }
        if self.keys.len() >= MAX_ENTRIES && !self.keys.contains_key(&key.id) {
            return Err(Wrong::TooMany("keys", MAX_ENTRIES));
        }
        self.keys.insert(key.id.clone(), Arc::new(key));
        Ok(())
    }

    pub fn remove_key(&mut self, id: &str) -> Option<Arc<Key>> {
        self.keys.remove(id)
    }
}
