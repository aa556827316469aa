//! AWS access keys: secrets that must be known to check a signature, so they are kept encrypted.

mod master;
mod signing;
#[cfg(test)]
mod tests;

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use master::{MasterKey, Sealed};
use model::Signature;
pub use signing::SigningKeys;

use crate::users::{Key, User, Users, UsersError, Wrong};

/// The secrets of all access keys, decrypted.
#[derive(Clone, Default)]
pub struct AccessKeys {
    keys: BTreeMap<String, Opened>,
}

#[derive(Clone)]
struct Opened {
    key: Arc<Key>,
    user: Arc<User>,
    secret: Arc<str>,
}

/// Why a signature is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSignature {
    UnknownKey,
    DisabledKey,
    /// The scope is not `YYYYMMDD/region/service/aws4_request`, or what was signed is not for it.
    Malformed,
    Wrong,
}

impl AccessKeys {
    /// # Errors
    /// A secret was encrypted with another master key.
    pub fn open(users: &Users, master: &MasterKey) -> Result<Self, UsersError> {
        let mut keys = BTreeMap::new();
        for key in users.keys() {
            let wrong = |wrong| UsersError { line: 0, entry: Some(format!("key {:?}", key.id)), wrong };
            let secret = master.open(&key.id, &key.secret).ok_or_else(|| wrong(Wrong::MasterKey))?;
            let user = users.find(&key.user).ok_or_else(|| wrong(Wrong::NoSuchUser(key.user.clone())))?;
            keys.insert(key.id.clone(), Opened { key: key.clone(), user: user.clone(), secret: secret.into() });
        }
        Ok(Self { keys })
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whose request this is. Whether it is recent enough is the caller's business: the time of a presigned request
    /// counts differently.
    ///
    /// # Errors
    /// It is nobody's.
    pub fn verify(
        &self,
        signature: &Signature,
        known: &mut SigningKeys,
    ) -> Result<(&Arc<Key>, &Arc<User>), BadSignature> {
        let opened = self.keys.get(&signature.access_key).ok_or(BadSignature::UnknownKey)?;
        if opened.key.disabled {
            return Err(BadSignature::DisabledKey);
        }
        signing::verify(signature, &opened.secret, known)?;
        Ok((&opened.key, &opened.user))
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}
