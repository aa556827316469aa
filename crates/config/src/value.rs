//! A setting's value after it was checked, and the tree of such values that all sources are read into.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::binding::HeaderValue;
use crate::origin::Origin;
use crate::setting::{Kind, LIST_LENGTH};
use crate::units::{parse_duration, parse_size, write_duration, write_size};

/// Always of the kind and within the bounds of its setting. Not `Debug`, as it may be a secret.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Integer(u64),
    Size(u64),
    Duration(Duration),
    /// Also paths and words.
    Text(String),
    Texts(Vec<String>),
    Paths(Vec<PathBuf>),
    Address(IpAddr),
    Networks(Vec<IpNet>),
    Bytes(Vec<u8>),
    Headers(BTreeMap<String, HeaderValue>),
    Tables(Vec<Table>),
    /// A secret that is still to be read from there.
    InFile(PathBuf),
}

/// A value and who set it.
#[derive(Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// The settings that one table sets, by name. The names are those of the table of settings.
#[derive(Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) origin: Origin,
    pub(crate) entries: BTreeMap<&'static str, Found>,
}

impl Value {
    /// The value that `text` stands for in the environment or in a flag; `None` if it is not allowed. Lists and headers
    /// are not written this way.
    pub(crate) fn parse(kind: &Kind, text: &str) -> Option<Self> {
        match *kind {
            Kind::Bool => match text {
                "true" | "1" => Some(Self::Bool(true)),
                "false" | "0" => Some(Self::Bool(false)),
                _ => None,
            },
            Kind::Integer { min, max } => {
                Some(text.parse().ok()?).filter(|n| (min..=max).contains(n)).map(Self::Integer)
            }
            Kind::Size { min, max } => parse_size(text).filter(|n| (min..=max).contains(n)).map(Self::Size),
            Kind::Duration { min, max } => parse_duration(text)
                .filter(|d| (u128::from(min)..=u128::from(max)).contains(&d.as_millis()))
                .map(Self::Duration),
            Kind::Text(form) => form.accepts(text).then(|| Self::Text(text.to_owned())),
            Kind::Texts(form) => Self::list(text.split(','), |text| form.accepts(text)),
            Kind::Choices(words) => Self::list(text.split(','), |text| words.contains(&text)),
            Kind::Path => path(text).map(Self::Text),
            Kind::Paths => path(text).map(|path| Self::Paths(vec![path.into()])),
            Kind::Networks => network(text).map(|network| Self::Networks(vec![network])),
            Kind::Address => text.parse().ok().map(Self::Address),
            Kind::Choice(words) => words.contains(&text).then(|| Self::Text(text.to_owned())),
            Kind::Hex(bytes) => parse_hex(text).filter(|parsed| parsed.len() == bytes).map(Self::Bytes),
            Kind::Headers | Kind::Tables(_) => None,
        }
    }

    /// A list whose elements are all accepted; `None` if it is empty or too long, too.
    pub(crate) fn list<'a>(elements: impl Iterator<Item = &'a str>, accepts: impl Fn(&str) -> bool) -> Option<Self> {
        let elements: Option<Vec<_>> =
            elements.map(|text| accepts(text.trim()).then(|| text.trim().to_owned())).collect();
        elements.filter(|list| (1..=LIST_LENGTH).contains(&list.len())).map(Self::Texts)
    }

    /// One value with what is in both lists; `None` if they are no lists of the same kind.
    pub(crate) fn joined(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Paths(first), Self::Paths(second)) => Some(Self::Paths([first, second].concat())),
            (Self::Networks(first), Self::Networks(second)) => Some(Self::Networks([first, second].concat())),
            _ => None,
        }
    }

    /// As in the file; lists of tables and secrets in files are not written this way.
    pub(crate) fn to_toml(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Size(bytes) => {
                let text = write_size(*bytes);
                if text.ends_with('B') { quote(&text) } else { text }
            }
            Self::Duration(duration) => quote(&write_duration(*duration)),
            Self::Text(text) => quote(text),
            Self::Texts(texts) => format!("[{}]", texts.iter().map(|text| quote(text)).collect::<Vec<_>>().join(", ")),
            Self::Address(address) => quote(&address.to_string()),
            Self::Paths(paths) => list(paths.iter().map(|path| path.display().to_string())),
            Self::Networks(networks) => list(networks.iter().map(ToString::to_string)),
            Self::Bytes(bytes) => quote(&write_hex(bytes)),
            Self::Headers(headers) => {
                let pairs: Vec<_> = headers.iter().map(|(name, value)| format!("{} = {value}", quote(name))).collect();
                format!("{{ {} }}", pairs.join(", "))
            }
            Self::Tables(_) | Self::InFile(_) => String::new(),
        }
    }
}

/// Only names: some values are secrets, which no log may hold.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quote(text)),
            Self::Integer(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

fn path(text: &str) -> Option<String> {
    (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
}

/// An address is the network of itself.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(network.trunc())
}

fn list(texts: impl Iterator<Item = String>) -> String {
    format!("[{}]", texts.map(|text| quote(&text)).collect::<Vec<_>>().join(", "))
}

/// A TOML basic string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => write!(out, "\\u{:04X}", u32::from(c)).expect("writing to a String cannot fail"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn write_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
