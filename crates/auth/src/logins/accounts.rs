use std::collections::BTreeSet;
use std::sync::Arc;

use model::Certificate;

use super::{CertificateUser, Reason, Rules};
use crate::directory::Directory;
use crate::identity::{Identity, Source};
use crate::keys::{AccessKeys, MasterKey};
use crate::users::{Users, UsersError, is_name};

/// All that says who there is, at one moment: made anew when a file or setting changes, never changed.
#[derive(Clone, Debug)]
pub struct Accounts {
    users: Users,
    keys: AccessKeys,
    rules: Rules,
    /// Asked after the users file.
    directory: Option<Arc<dyn Directory>>,
    /// What salts of users who do not exist are made of.
    fakes: [u8; 32],
}

impl Accounts {
    /// # Errors
    /// The secret of an access key was encrypted with another master key.
    pub fn new(
        users: Users,
        master: &MasterKey,
        rules: Rules,
        directory: Option<Arc<dyn Directory>>,
    ) -> Result<Self, UsersError> {
        let keys = AccessKeys::open(&users, master)?;
        Ok(Self { users, keys, rules, directory, fakes: master.derive("salts of users who do not exist") })
    }

    pub fn users(&self) -> &Users {
        &self.users
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn directory(&self) -> Option<&Arc<dyn Directory>> {
        self.directory.as_ref()
    }

    /// Whether SCRAM may be offered to clients; not where a directory is, which cannot do it.
    pub fn offers_scram(&self) -> bool {
        self.directory.is_none() && self.users.all_have_scram()
    }

    pub(super) fn keys(&self) -> &AccessKeys {
        &self.keys
    }

    pub(super) fn fakes(&self) -> &[u8; 32] {
        &self.fakes
    }

    /// Who shows this certificate.
    pub(super) fn of_certificate(&self, certificate: &Certificate) -> Result<Identity, Reason> {
        match self.users.of_certificate(certificate)[..] {
            [user] => return Ok(user.identity(Source::Certificate)),
            [] => {}
            _ => return Err(Reason::AmbiguousCertificate(certificate.subject.clone())),
        }
        let unknown = || Reason::UnknownCertificate(certificate.subject.clone());
        match (self.rules.certificate_user, &certificate.common_name) {
            (CertificateUser::CommonName, Some(name)) if is_name(name) => Ok(self.named(name, Source::Certificate)),
            _ => Err(unknown()),
        }
    }

    /// Who somebody is who shows nothing. Never more than an ordinary user.
    pub(super) fn anonymous(&self) -> Result<Identity, Reason> {
        let name = self.rules.anonymous.as_ref().ok_or(Reason::Anonymous)?;
        let identity = self.named(name, Source::Anonymous);
        Ok(Identity { administrator: false, monitor: false, ..identity })
    }

    /// As the users file knows this name, or somebody without groups.
    fn named(&self, name: &str, source: Source) -> Identity {
        let plain = || Identity::new(name, BTreeSet::new(), source);
        self.users.find(name).map_or_else(plain, |user| user.identity(source))
    }
}
