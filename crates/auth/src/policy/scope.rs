//! Where a rule counts, and under which conditions of the login.

use core::fmt;
use core::net::IpAddr;

use model::Name;

use super::network::Network;

/// What a login was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// What the client calls itself (MQTT's client id); empty: nothing. Nobody has proved it.
    pub client: Name,
    /// `None`: not over a network.
    pub address: Option<IpAddr>,
    /// By TLS, or without a network.
    pub secure: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// `None`: every one.
    pub(super) namespace: Option<Name>,
    /// How the file says that.
    pub(super) virtual_host: String,
    /// Empty: from anywhere.
    pub(super) from: Vec<Network>,
    pub(super) secure: bool,
}

impl Scope {
    pub(super) fn covers(&self, namespace: &Name) -> bool {
        self.namespace.as_ref().is_none_or(|own| own == namespace)
    }

    /// Conditions that are as this rule wants them, and else the same.
    pub(super) fn met(&self, conditions: &Conditions) -> Conditions {
        let mut met = conditions.clone();
        met.secure |= self.secure;
        if !self.from.is_empty() && !conditions.address.is_some_and(|address| self.is_from(address)) {
            met.address = self.from.first().map(|network| network.address());
        }
        met
    }

    pub(super) fn holds(&self, conditions: &Conditions) -> bool {
        let from = self.from.is_empty() || conditions.address.is_some_and(|address| self.is_from(address));
        from && (!self.secure || conditions.secure)
    }

    fn is_from(&self, address: IpAddr) -> bool {
        self.from.iter().any(|network| network.contains(address))
    }
}

/// The conditions, for people: ", only over TLS".
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.from.is_empty() {
            write!(f, ", only from {}", self.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))?;
        }
        if self.secure { f.write_str(", only over TLS") } else { Ok(()) }
    }
}
