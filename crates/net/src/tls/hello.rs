//! What a client offered, for people who want to know why it did not get in. The library has read it, too, and refused
//! it; nothing is decided here.

use rustls::CipherSuite;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SUPPORTED_VERSIONS: u16 = 43;
/// Suites that are named; the rest is counted.
const MOST_SUITES: usize = 12;

/// What a ClientHello (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2) offers, as far as it was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// With the extension of that name, every version; without it, the newest.
    versions: Vec<u16>,
    is_list: bool,
    suites: Vec<u16>,
}

impl Offer {
    /// `heard`: the first bytes of a connection.
    pub(super) fn read(heard: &[u8]) -> Option<Self> {
        let message = fragments(heard);
        let mut hello = Reader(message.as_slice());
        if hello.byte()? != CLIENT_HELLO {
            return None;
        }
        hello.take(3)?;
        let mut offer = Self { versions: vec![hello.number()?], is_list: false, suites: Vec::new() };
        // What is missing behind this was not heard.
        offer.read_rest(&mut hello);
        Some(offer)
    }

    fn read_rest(&mut self, hello: &mut Reader<'_>) -> Option<()> {
        hello.take(32)?;
        let session = hello.byte()?;
        hello.take(session.into())?;
        let length = hello.number()?;
        self.suites =
            hello.take(length.into())?.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let compressions = hello.byte()?;
        hello.take(compressions.into())?;
        hello.number()?;
        loop {
            let (kind, length) = (hello.number()?, hello.number()?);
            let content = hello.take(length.into())?;
            if kind == SUPPORTED_VERSIONS {
                let (_, versions) = content.split_first()?;
                let all = versions.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                self.versions = all.filter(|version| !is_grease(*version)).collect();
                self.is_list = true;
            }
        }
    }

    /// 0 if nothing is known.
    pub(super) fn newest(&self) -> u16 {
        self.versions.iter().copied().max().unwrap_or(0)
    }

    pub(super) fn versions(&self) -> String {
        let names: Vec<String> = self.versions.iter().map(|version| version_name(*version)).collect();
        let or_older = if self.is_list { "" } else { " or older" };
        format!("{}{or_older}", names.join(", "))
    }

    pub(super) fn suites(&self) -> String {
        // Signals, not suites: RFC 5746 and RFC 7507.
        let real = |suite: &&u16| !is_grease(**suite) && ![0x00FF, 0x5600].contains(*suite);
        let names: Vec<String> = self.suites.iter().filter(real).map(|suite| suite_name(*suite)).collect();
        let more = names.len().saturating_sub(MOST_SUITES);
        let named = names[..names.len() - more].join(", ");
        if more == 0 { named } else { format!("{named} and {more} more") }
    }
}

/// The handshake bytes of the records.
fn fragments(mut heard: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    while let Some(([HANDSHAKE, _, _, high, low], rest)) = heard.split_first_chunk::<5>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        message.extend_from_slice(&rest[..length]);
        heard = &rest[length..];
    }
    message
}

/// Values that mean nothing, so that nobody relies on knowing all (RFC 8701).
fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0F == 0x0A
}

fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".into(),
        0x0301 => "TLS 1.0".into(),
        0x0302 => "TLS 1.1".into(),
        0x0303 => "TLS 1.2".into(),
        0x0304 => "TLS 1.3".into(),
        other => format!("{other:#06x}"),
    }
}

pub(super) fn suite_name(suite: u16) -> String {
    if let Some((_, name)) = BYGONE.iter().find(|(number, _)| *number == suite) {
        return (*name).to_owned();
    }
    match format!("{:?}", CipherSuite::from(suite)) {
        known if known.starts_with("TLS") => known,
        _ => format!("{suite:#06x}"),
    }
}

/// What old devices offer and the library does not know even by name (IANA, TLS Cipher Suites).
const BYGONE: [(u16, &str); 18] = [
    (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x003C, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003D, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0x006B, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (0x008C, "TLS_PSK_WITH_AES_128_CBC_SHA"),
    (0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009D, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xC0AE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"),
];

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

/// What fuzzing runs: whatever the bytes, what is said about them stays short.
///
/// # Panics
/// If that is not so.
pub fn run(data: &[u8]) {
    if let Some(offer) = Offer::read(data) {
        assert!(offer.suites().len() <= 64 * (MOST_SUITES + 1), "{offer:?}");
        assert!(offer.versions().len() <= 16 * 130, "{offer:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello(version: u16, suites: &[u16], extensions: &[u8]) -> Vec<u8> {
        let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.extend([2, 1, 2]);
        body.extend((suites.len() as u16).to_be_bytes());
        body.extend(suites);
        body.extend([1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let length = (body.len() as u32).to_be_bytes();
        [&[CLIENT_HELLO], &length[1..], &body].concat()
    }

    fn records(message: &[u8], piece: usize) -> Vec<u8> {
        let record = |part: &[u8]| [&[HANDSHAKE, 3, 1], (part.len() as u16).to_be_bytes().as_slice(), part].concat();
        message.chunks(piece).flat_map(record).collect()
    }

    #[test]
    fn old_clients_are_named() {
        let old = hello(0x0302, &[0xC013, 0x002F, 0x00FF, 0x1301], &[]);
        for piece in [1, 10, 1_000] {
            let offer = Offer::read(&records(&old, piece)).unwrap();
            assert_eq!(offer.versions(), "TLS 1.1 or older");
            let expected = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_AES_128_CBC_SHA, TLS13_AES_128_GCM_SHA256";
            assert_eq!(offer.suites(), expected);
        }
    }

    #[test]
    fn versions_are_listed_and_signals_left_out() {
        let extensions = [0, 1, 0, 1, 4, 0, 43, 0, 7, 6, 0x0A, 0x0A, 3, 4, 3, 3];
        let offer = Offer::read(&records(&hello(0x0303, &[0x0A0A, 0xFEFE], &extensions), 1_000)).unwrap();
        assert_eq!((offer.versions().as_str(), offer.suites().as_str()), ("TLS 1.3, TLS 1.2", "0xfefe"));
        let many: Vec<u16> = (0xFE00..0xFE20).collect();
        assert!(Offer::read(&records(&hello(0x0303, &many, &[]), 1_000)).unwrap().suites().ends_with(" and 20 more"));
    }

    #[test]
    fn what_was_not_heard_is_left_out() {
        let whole = records(&hello(0x0301, &[0x002F], &[]), 1_000);
        let offer = Offer::read(&whole[..20]).unwrap();
        assert_eq!((offer.versions().as_str(), offer.suites().as_str()), ("TLS 1.0 or older", ""));
        assert_eq!(Offer::read(&whole[..6]), None);
        assert_eq!(Offer::read(b"GET / HTTP/1.1\r\n"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(data in prop::collection::vec(any::<u8>(), 0..300), piece in 1..50usize) {
            run(&data);
            run(&records(&[&[CLIENT_HELLO], data.as_slice()].concat(), piece));
        }
    }
}
