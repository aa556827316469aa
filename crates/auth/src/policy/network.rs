//! Networks of client addresses (RFC 4632, RFC 4291).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a network must be, to follow "must be".
pub(super) const ALLOWED: &str =
    "a list of networks or addresses such as [\"10.0.0.0/8\", \"2001:db8::/32\", \"127.0.0.1\"]";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// Without the bits that are not the network's.
    address: IpAddr,
    /// Of an address of its family.
    prefix: u32,
}

impl Network {
    /// `10.0.0.0/8`, or one address. `None` if it is neither, or has bits behind its prefix.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (prefix <= most && masked(address, prefix) == address).then_some(Self { address, prefix })
    }

    /// Its first one.
    pub(super) const fn address(self) -> IpAddr {
        self.address
    }

    /// An IPv4 address is the same one if a socket of IPv6 shows it.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.prefix) == self.address
    }
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
