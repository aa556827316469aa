//! Who those that have logged in are now, whatever they were then.

use std::sync::Arc;

use auth::policy::Roster;
use auth::{Accounts, CertificateUser, Identity, Source};
use net::Clock;

#[derive(Debug)]
pub(crate) struct Everybody(pub(crate) Arc<Accounts>);

impl Roster for Everybody {
    fn now(&self, identity: &Identity) -> Option<Identity> {
        if identity.valid_until.is_some_and(|until| until <= Clock::default().now()) {
            return None;
        }
        let user = self.0.users().find(&identity.name);
        match identity.source {
            Source::File | Source::Key => user.map(|user| user.identity(identity.source)),
            // Without an entry there is a user if the certificate's name is enough.
            Source::Certificate => match user {
                Some(user) => Some(user.identity(identity.source)),
                None => (self.0.rules().certificate_user == CertificateUser::CommonName).then(|| identity.clone()),
            },
            Source::Anonymous => {
                let same = self.0.rules().anonymous.as_ref() == Some(&identity.name);
                same.then(|| identity.clone())
            }
            // Until their next login: nobody tells when something changes there.
            Source::Ldap | Source::OAuth | Source::Local => Some(identity.clone()),
        }
    }
}
