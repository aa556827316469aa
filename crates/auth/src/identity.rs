use std::collections::BTreeSet;
use std::sync::Arc;

use model::Time;

use crate::scope::Scopes;

/// Somebody whose login was good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, for listings, rules and the audit log.
    pub name: String,
    /// What rules may name in place of the user.
    pub groups: BTreeSet<String>,
    /// May do everything.
    pub administrator: bool,
    /// May see everything.
    pub monitor: bool,
    /// The AWS account that the user works in; `None`: the broker's own.
    pub account: Option<String>,
    pub source: Source,
    /// Rights that the login itself brought along, beside those that rules give.
    pub scopes: Arc<Scopes>,
    /// When it ends to be true; the connection ends with it, and it is remembered no longer.
    pub valid_until: Option<Time>,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The users file.
    File,
    /// A client certificate.
    Certificate,
    Ldap,
    /// A token of an OAuth 2.0 server.
    OAuth,
    /// Nobody: the client showed nothing, and a setting lets such in.
    Anonymous,
    /// An AWS access key.
    Key,
    /// The machine that the broker runs on.
    Local,
}

impl Identity {
    /// An ordinary user of the broker's own account.
    pub fn new(name: impl Into<String>, groups: BTreeSet<String>, source: Source) -> Self {
        Self {
            name: name.into(),
            groups,
            administrator: false,
            monitor: false,
            account: None,
            source,
            scopes: Arc::default(),
            valid_until: None,
        }
    }

    pub fn is_valid(&self, now: Time) -> bool {
        self.valid_until.is_none_or(|until| now < until)
    }
}

impl Source {
    /// In lower case, for listings and the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Certificate => "certificate",
            Self::Ldap => "ldap",
            Self::OAuth => "oauth",
            Self::Anonymous => "anonymous",
            Self::Key => "key",
            Self::Local => "local",
        }
    }
}
