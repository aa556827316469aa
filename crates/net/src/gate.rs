//! Who may connect to a listener at all, before a byte of theirs is read.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use model::Time;

use crate::bucket::Bucket;

/// Addresses that are counted one by one. With more at once, new ones are refused until some are at rest.
const ADDRESSES: usize = 65_536;
/// Milliseconds between two searches for addresses at rest.
const SWEEP: u64 = 100;
/// Whoever has an IPv6 address has the whole network of this length.
const IPV6_PREFIX: u32 = 64;

/// The rules of one listener; without any, everybody may connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// If there are any, all others are refused.
    pub allow: Vec<IpNet>,
    /// Refused even where `allow` has them.
    pub deny: Vec<IpNet>,
    pub connections: Option<usize>,
    /// IPv6 addresses are counted by their first 64 bits.
    pub connections_per_address: Option<usize>,
    /// New connections a second; after a pause as many at once.
    pub rate: Option<u32>,
    pub rate_per_address: Option<u32>,
}

/// Why somebody may not connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("its network is denied")]
    Denied,
    #[error("its network is not allowed")]
    NotAllowed,
    #[error("there are {0} connections already")]
    Full(usize),
    #[error("there are {0} connections from its address already")]
    FullForAddress(usize),
    #[error("there were {0} new connections within a second")]
    TooFast(u32),
    #[error("there were {0} new connections from its address within a second")]
    TooFastForAddress(u32),
    #[error("connections come from {ADDRESSES} addresses already")]
    Crowded,
}

/// The rules and who is there.
#[derive(Debug)]
struct Gate {
    access: Access,
    open: usize,
    bucket: Option<Bucket>,
    /// Only where addresses are counted.
    addresses: HashMap<IpAddr, Address>,
    swept: Time,
}

/// Of one address.
#[derive(Debug)]
struct Address {
    open: usize,
    bucket: Option<Bucket>,
}

impl Gate {
    fn new(access: Access, now: Time) -> Self {
        let bucket = access.rate.map(|rate| Bucket::new(rate, now));
        Self { access, open: 0, bucket, addresses: HashMap::new(), swept: Time::ZERO }
    }

    fn admit(&mut self, now: Time, address: IpAddr) -> Result<(), Refused> {
        self.check_network(address)?;
        if let Some(most) = self.access.connections.filter(|most| self.open >= *most) {
            return Err(Refused::Full(most));
        }
        if self.bucket.as_mut().is_some_and(|bucket| !bucket.has_one(now)) {
            return Err(Refused::TooFast(self.access.rate.unwrap_or_default()));
        }
        if self.counts_addresses() {
            self.admit_address(now, address)?;
        }
        self.bucket.as_mut().map(|bucket| bucket.take(now));
        self.open += 1;
        Ok(())
    }

    fn check_network(&self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        if within(&self.access.deny) {
            return Err(Refused::Denied);
        }
        if !self.access.allow.is_empty() && !within(&self.access.allow) {
            return Err(Refused::NotAllowed);
        }
        Ok(())
    }

    fn counts_addresses(&self) -> bool {
        self.access.connections_per_address.is_some() || self.access.rate_per_address.is_some()
    }

    fn admit_address(&mut self, now: Time, address: IpAddr) -> Result<(), Refused> {
        let counted = counted_as(address);
        if self.addresses.len() >= ADDRESSES && !self.addresses.contains_key(&counted) {
            self.sweep(now);
            if self.addresses.len() >= ADDRESSES {
                return Err(Refused::Crowded);
            }
        }
        let rate = self.access.rate_per_address;
        let fresh = || Address { open: 0, bucket: rate.map(|rate| Bucket::new(rate, now)) };
        let known = self.addresses.entry(counted).or_insert_with(fresh);
        if let Some(most) = self.access.connections_per_address.filter(|most| known.open >= *most) {
            return Err(Refused::FullForAddress(most));
        }
        if known.bucket.as_mut().is_some_and(|bucket| !bucket.take(now)) {
            return Err(Refused::TooFastForAddress(rate.unwrap_or_default()));
        }
        known.open += 1;
        Ok(())
    }

    /// Forgets addresses about which there is nothing to remember.
    fn sweep(&mut self, now: Time) {
        if now.since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        self.addresses
            .retain(|_, known| known.open > 0 || known.bucket.as_mut().is_some_and(|bucket| !bucket.is_full(now)));
    }

    fn leave(&mut self, address: IpAddr) {
        self.open = self.open.saturating_sub(1);
        let Some(known) = self.addresses.get_mut(&counted_as(address)) else { return };
        known.open = known.open.saturating_sub(1);
        if known.open == 0 && known.bucket.is_none() {
            self.addresses.remove(&counted_as(address));
        }
    }
}

fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> (128 - IPV6_PREFIX) << (128 - IPV6_PREFIX);
            Ipv6Addr::from(network).into()
        }
        address => address,
    }
}

/// A listener's gate, shared by the threads its connections live on.
#[derive(Clone, Debug)]
pub(crate) struct Door(Arc<Mutex<Gate>>);

impl Door {
    pub(crate) fn new(access: Access, now: Time) -> Self {
        Self(Arc::new(Mutex::new(Gate::new(access, now))))
    }

    pub(crate) fn admit(&self, now: Time, address: IpAddr) -> Result<Guest, Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).admit(now, address)?;
        Ok(Guest { door: self.clone(), address })
    }
}

/// Somebody who was let in; counted as long as it lives.
#[derive(Debug)]
pub(crate) struct Guest {
    door: Door,
    address: IpAddr,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.door.0.lock().unwrap_or_else(PoisonError::into_inner).leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(access: Access) -> Gate {
        Gate::new(access, Time::ZERO)
    }

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_allowed_and_denied() {
        let access = Access {
            allow: networks(&["10.0.0.0/8", "fd00::/8"]),
            deny: networks(&["10.9.0.0/16"]),
            ..Access::default()
        };
        let mut gate = gate(access);
        for (address, expected) in [
            ("10.1.2.3", Ok(())),
            ("::ffff:10.1.2.3", Ok(())),
            ("fd12::1", Ok(())),
            ("10.9.2.3", Err(Refused::Denied)),
            ("::ffff:10.9.2.3", Err(Refused::Denied)),
            ("192.168.0.1", Err(Refused::NotAllowed)),
            ("fe80::1", Err(Refused::NotAllowed)),
        ] {
            assert_eq!(gate.admit(Time(1), ip(address)), expected, "{address}");
        }
        assert_eq!(gate.open, 3);
    }

    #[test]
    fn connections_are_counted_until_they_leave() {
        let limits = Access { connections: Some(3), connections_per_address: Some(2), ..Access::default() };
        let mut gate = gate(limits);
        let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
        assert_eq!(gate.admit(Time(1), a), Ok(()));
        assert_eq!(gate.admit(Time(1), a), Ok(()));
        assert_eq!(gate.admit(Time(1), a), Err(Refused::FullForAddress(2)));
        assert_eq!(gate.admit(Time(1), b), Ok(()));
        assert_eq!(gate.admit(Time(1), b), Err(Refused::Full(3)));
        gate.leave(a);
        assert_eq!(gate.admit(Time(1), b), Ok(()));
        gate.leave(b);
        gate.leave(b);
        gate.leave(a);
        assert!(gate.open == 0 && gate.addresses.is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let mut gate = gate(Access { connections_per_address: Some(1), ..Access::default() });
        assert_eq!(gate.admit(Time(1), ip("2001:db8::1")), Ok(()));
        assert_eq!(gate.admit(Time(1), ip("2001:db8::ffff:1")), Err(Refused::FullForAddress(1)));
        assert_eq!(gate.admit(Time(1), ip("2001:db8:0:1::1")), Ok(()));
    }

    #[test]
    fn new_connections_have_a_rate() {
        let mut gate = gate(Access { rate: Some(3), rate_per_address: Some(2), ..Access::default() });
        let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
        let mut at = |now, address| {
            let admitted = gate.admit(Time(now), address);
            if admitted.is_ok() {
                gate.leave(address);
            }
            admitted
        };
        assert_eq!((at(1, a), at(1, a)), (Ok(()), Ok(())));
        assert_eq!(at(1, a), Err(Refused::TooFastForAddress(2)));
        assert_eq!(at(1, b), Ok(()), "a refusal costs the others nothing");
        assert_eq!(at(1, b), Err(Refused::TooFast(3)));
        assert_eq!(at(501, a), Ok(()));
    }

    #[test]
    fn the_memory_of_addresses_is_bounded_and_clears() {
        let mut gate = gate(Access { rate_per_address: Some(1), ..Access::default() });
        let address = |number: u32| IpAddr::from(std::net::Ipv4Addr::from(number));
        for number in 0..ADDRESSES as u32 {
            gate.admit(Time(1_000), address(number)).unwrap();
            if number > 0 {
                gate.leave(address(number));
            }
        }
        assert_eq!(gate.admit(Time(1_999), address(u32::MAX)), Err(Refused::Crowded));
        assert_eq!(gate.admit(Time(1_999), address(0)), Err(Refused::TooFastForAddress(1)), "a known one is known");
        assert_eq!(gate.admit(Time(2_100), address(u32::MAX)), Ok(()));
        assert_eq!(gate.addresses.len(), 2, "the one that is open, and the new one");
    }
}
