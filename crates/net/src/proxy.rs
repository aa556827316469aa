//! The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): what a load balancer says in front of a
//! connection about who its client is.
//!
//! ```text
//! 1   "PROXY TCP4 192.0.2.7 198.51.100.1 40000 8883\r\n"             at most 107 bytes
//!
//! 2  ┌────────────────────────────────────┬──────┬────────┬────────┬───────────────────────────┬──────
//!    │ 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A │ 2·cmd │ family │ length │ addresses of that family  │ TLVs
//!    └────────────────────────────────────┴──────┴────────┴────────┴───────────────────────────┴──────
//!      12 bytes                             1      1        2        12 (IPv4), 36 (IPv6)
//! ```
//!
//! TLVs are read over: what they say of TLS between the client and the balancer is not taken for a secure connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// "PROXY UNKNOWN\r\n": no header of either version is shorter.
const SHORTEST: usize = 15;
const LONGEST_LINE: usize = 107;
/// Of version 2, before the addresses.
const HEAD: usize = 16;
/// Addresses and TLVs of version 2. Balancers send less than 1 KiB; the protocol would allow 64.
const LONGEST_REST: usize = 4_096;

/// What is known after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// So many more bytes, at least 1, certainly belong to the header.
    Need(usize),
    /// This was all of it: the client's address, or `None` if the balancer speaks for itself (a health check) or does
    /// not know it.
    Done(Option<SocketAddr>),
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    #[error("the line of its PROXY header has no end within {LONGEST_LINE} bytes")]
    LongLine,
    #[error("the line of its PROXY header is malformed")]
    Line,
    #[error("its PROXY header has the unknown version or command {0:#04x}")]
    Command(u8),
    #[error("its PROXY header has {0} bytes; at most {LONGEST_REST} are read")]
    Long(usize),
    #[error("its PROXY header is too short for its addresses")]
    Short,
}

/// Looks at the beginning of a connection, of which no byte behind the header has been taken.
pub(crate) fn parse(bytes: &[u8]) -> Result<Progress, Malformed> {
    if bytes.is_empty() {
        // The first byte may tell already that this is none.
        return Ok(Progress::Need(1));
    }
    let prefixed = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    if prefixed(SIGNATURE) {
        binary(bytes)
    } else if prefixed(b"PROXY ") {
        line(bytes)
    } else {
        Err(Malformed::NoHeader)
    }
}

fn line(bytes: &[u8]) -> Result<Progress, Malformed> {
    if bytes.len() < SHORTEST {
        return Ok(Progress::Need(SHORTEST - bytes.len()));
    }
    let Some(line) = bytes.strip_suffix(b"\n") else {
        return if bytes.len() < LONGEST_LINE { Ok(Progress::Need(1)) } else { Err(Malformed::LongLine) };
    };
    let line = line.strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok()).ok_or(Malformed::Line)?;
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => Ok(Progress::Done(None)),
        ["PROXY", "TCP4", source, target, port, target_port] => {
            client::<Ipv4Addr>(source, target, port, target_port).ok_or(Malformed::Line)
        }
        ["PROXY", "TCP6", source, target, port, target_port] => {
            client::<Ipv6Addr>(source, target, port, target_port).ok_or(Malformed::Line)
        }
        _ => Err(Malformed::Line),
    }
}

fn client<T: FromStr + Into<IpAddr>>(source: &str, target: &str, port: &str, target_port: &str) -> Option<Progress> {
    let source: T = source.parse().ok()?;
    target.parse::<T>().ok()?;
    let (port, _) = (decimal(port)?, decimal(target_port)?);
    Some(Progress::Done(Some(SocketAddr::new(source.into(), port))))
}

/// Rust's own would take a sign.
fn decimal(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn binary(bytes: &[u8]) -> Result<Progress, Malformed> {
    if bytes.len() < SHORTEST {
        return Ok(Progress::Need(SHORTEST - bytes.len()));
    }
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Ok(Progress::Need(HEAD - bytes.len())) };
    let [.., command, family, high, low] = *head;
    let local = match command {
        0x20 => true,
        0x21 => false,
        other => return Err(Malformed::Command(other)),
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_REST {
        return Err(Malformed::Long(length));
    }
    let rest = &bytes[HEAD..];
    if rest.len() < length {
        return Ok(Progress::Need(length - rest.len()));
    }
    // Datagrams and Unix sockets are no addresses of a TCP client.
    let client = match family {
        _ if local => None,
        0x11 => Some(ipv4(rest).ok_or(Malformed::Short)?),
        0x21 => Some(ipv6(rest).ok_or(Malformed::Short)?),
        _ => None,
    };
    Ok(Progress::Done(client))
}

/// Source, target, source port, target port.
fn ipv4(rest: &[u8]) -> Option<SocketAddr> {
    let [a, b, c, d, _, _, _, _, high, low, _, _] = *rest.first_chunk::<12>()?;
    Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
}

fn ipv6(rest: &[u8]) -> Option<SocketAddr> {
    let all = rest.first_chunk::<36>()?;
    let source = *all.first_chunk::<16>()?;
    Some(SocketAddr::new(Ipv6Addr::from(source).into(), u16::from_be_bytes([all[32], all[33]])))
}

/// What fuzzing runs: whatever the bytes, the parser never asks for more than a header may have, and what it asks for
/// brings it further.
///
/// # Panics
/// If that is not so.
pub fn run(data: &[u8]) {
    let mut taken = 0;
    loop {
        match parse(&data[..taken]) {
            Ok(Progress::Need(more)) => {
                assert!(more > 0 && taken + more <= HEAD + LONGEST_REST, "{more} more after {taken}");
                taken += more;
            }
            Ok(Progress::Done(_)) | Err(_) => return,
        }
        if taken > data.len() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads as a connection does, and says how many bytes that took.
    fn read(bytes: &[u8]) -> Result<(Option<SocketAddr>, usize), Malformed> {
        let mut taken = 0;
        loop {
            match parse(&bytes[..taken])? {
                Progress::Need(more) if taken + more > bytes.len() => panic!("{more} more than {bytes:?} has"),
                Progress::Need(more) => taken += more,
                Progress::Done(client) => return Ok((client, taken)),
            }
        }
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        [SIGNATURE, [command, family].as_slice(), &(rest.len() as u16).to_be_bytes(), rest].concat()
    }

    #[test]
    fn lines() {
        for (text, client) in [
            ("PROXY TCP4 192.0.2.7 198.51.100.1 40000 8883\r\n", Some("192.0.2.7:40000")),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", Some("[2001:db8::1]:1")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
        ] {
            let with_more = [text.as_bytes(), b"\x16\x03\x01rest"].concat();
            let client = client.map(|client| client.parse().unwrap());
            assert_eq!(read(&with_more), Ok((client, text.len())), "{text}");
        }
        for text in [
            "PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +4 8883\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 4 88830\r\n",
            "PROXY TCP4  192.0.2.7 198.51.100.1 4 8\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 4 8\n",
            "PROXY UDP4 192.0.2.7 198.51.100.1 4 8\r\n",
            "PROXY \x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0B\r\n",
        ] {
            assert_eq!(read(text.as_bytes()), Err(Malformed::Line), "{text}");
        }
        assert_eq!(read(format!("PROXY UNKNOWN {}\r\n", "x".repeat(200)).as_bytes()), Err(Malformed::LongLine));
    }

    #[test]
    fn binary_headers() {
        let four = [192, 0, 2, 7, 198, 51, 100, 1, 0x9C, 0x40, 0x22, 0xB3];
        let client = Some("192.0.2.7:40000".parse().unwrap());
        assert_eq!(read(&version_2(0x21, 0x11, &four)), Ok((client, 28)));
        let with_tlv = [four.as_slice(), &[0xEA, 0, 3, 1, 2, 3]].concat();
        assert_eq!(read(&version_2(0x21, 0x11, &with_tlv)), Ok((client, 34)));
        let mut six = [0; 36];
        (six[0], six[15], six[33]) = (0x20, 1, 9);
        assert_eq!(read(&version_2(0x21, 0x21, &six)), Ok((Some("[2000::1]:9".parse().unwrap()), 52)));
        assert_eq!(read(&version_2(0x20, 0x11, &four)), Ok((None, 28)), "a health check");
        assert_eq!(read(&version_2(0x21, 0x00, &[])), Ok((None, 16)));
        assert_eq!(read(&version_2(0x21, 0x11, &four[..11])), Err(Malformed::Short));
        assert_eq!(read(&version_2(0x22, 0x11, &four)), Err(Malformed::Command(0x22)));
        assert_eq!(read(&version_2(0x11, 0x11, &four)), Err(Malformed::Command(0x11)));
        assert_eq!(read(&version_2(0x21, 0x11, &[0; 5_000])), Err(Malformed::Long(5_000)));
    }

    #[test]
    fn clients_that_come_directly_are_told_apart_at_once() {
        for begin in
            [b"\x10\x1F\x00\x04MQTT\x04\x02\x00\x3C\x00\x00\x00".as_slice(), b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"]
        {
            assert_eq!(parse(begin), Err(Malformed::NoHeader));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_read_too_far(data in prop::collection::vec(any::<u8>(), 0..200), begin in 0..3usize) {
            let begin: &[u8] = [b"".as_slice(), b"PROXY TCP4 ", SIGNATURE][begin];
            run(&[begin, &data].concat());
        }

        #[test]
        fn every_address_comes_back(address: SocketAddr, target: SocketAddr, rest in prop::collection::vec(any::<u8>(), 0..50)) {
            let (address, target) = match address.ip() {
                IpAddr::V4(_) => (address, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), target.port())),
                // A zone is not sent.
                IpAddr::V6(ip) => (SocketAddr::new(ip.into(), address.port()), SocketAddr::new(Ipv6Addr::LOCALHOST.into(), target.port())),
            };
            let family = if address.is_ipv4() { "TCP4" } else { "TCP6" };
            let line = format!("PROXY {family} {} {} {} {}\r\n", address.ip(), target.ip(), address.port(), target.port());
            let bytes = [line.as_bytes(), &rest].concat();
            prop_assert_eq!(read(&bytes), Ok((Some(address), line.len())));
        }
    }
}
