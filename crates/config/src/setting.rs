//! What a setting is: its name, what it may be, and what holds without it. The list stands in `settings.rs`.

use std::time::Duration;

use crate::units::{write_duration, write_size};
use crate::words::Face;

/// One key of the configuration.
#[derive(Debug)]
pub struct Setting {
    /// As in the file; the environment's and the flag's names are derived from it.
    pub name: &'static str,
    pub kind: Kind,
    pub preset: Preset,
    /// Never shown, may not be a flag, and `<name>_file` names a file that holds it.
    pub secret: bool,
    /// Whether it may stand in the file; what is meant for one start may not.
    pub in_file: bool,
    /// One or more sentences of Markdown.
    pub doc: &'static str,
}

/// What a value may be. Bounds are inclusive.
#[derive(Debug)]
pub enum Kind {
    Bool,
    Integer {
        min: u64,
        max: u64,
    },
    /// Bytes.
    Size {
        min: u64,
        max: u64,
    },
    /// Milliseconds.
    Duration {
        min: u64,
        max: u64,
    },
    Text(Form),
    /// A list of such; in a text separated by commas.
    Texts(Form),
    Path,
    /// One path or a list of them.
    Paths,
    /// An IP address.
    Address,
    /// One network or a list of them.
    Networks,
    Choice(&'static [&'static str]),
    /// A list of such words, not empty; in a text separated by commas.
    Choices(&'static [&'static str]),
    /// This many bytes, as hexadecimal digits.
    Hex(usize),
    /// A table of header names and what they must be.
    Headers,
    /// `[[name]]` tables with these keys.
    Tables(&'static [Setting]),
}

/// What a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A queue, topic or exchange name.
    Name,
    /// A routing key or pattern; may be empty.
    Key,
    /// An AWS account number.
    Account,
    Region,
    /// A path of a URL.
    UrlPath,
    /// A line for the shell.
    Command,
    /// A log filter: its grammar is the logger's business.
    Filter,
    /// A JMS selector: its grammar is the selector's business.
    Selector,
    /// Something short whose grammar is somebody else's business.
    Line,
    /// A URL `ldaps://host[:port]` or `ldap://host[:port]`.
    DirectoryHost,
}

/// What holds if nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A value, written as in the environment.
    Is(&'static str),
    Rule(Rule),
    /// No value, which means this.
    Unset(&'static str),
    /// The table is refused without it.
    Required,
}

/// A default that depends on the machine or on other settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    HalfOfMemory,
    HalfOfCores,
    /// `Sized(bytes)`: that many, or a quarter of `memory_limit` if that is less.
    AtMostQuarterOfLimit(u64),
    PortOfFace,
    TlsOfFace,
    /// What the setting of this name says above all tables.
    OfBroker(&'static str),
}

/// The largest number that every TOML reader takes: no bound of its own.
pub(crate) const UNBOUNDED: u64 = i64::MAX as u64;
/// Of a queue, topic or exchange name (the broker's own limit).
const NAME_BYTES: usize = 1_024;
/// Of a routing key (MQTT 5.0, 1.5.4: 65,535).
const KEY_BYTES: usize = 65_535;
const TEXT_BYTES: usize = 65_535;
/// Of values that are lists.
pub(crate) const LIST_LENGTH: usize = 16;

impl Setting {
    /// `memory_limit` → `CAUSEWAY_MEMORY_LIMIT`.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// `memory_limit` → `--memory-limit`; a secret has only `--<name>-file`, because flags are public on a machine.
    pub fn flag(&self) -> Option<String> {
        match self.kind {
            Kind::Tables(_) => None,
            _ if self.secret => Some(flag(&file_name(self.name))),
            _ => Some(flag(self.name)),
        }
    }
}

impl Kind {
    /// What is allowed, to follow "must be".
    pub fn allowed(&self) -> String {
        match *self {
            Self::Bool => "true or false".to_owned(),
            Self::Integer { min, max: UNBOUNDED } => format!("a whole number from {min}"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Size { min, max } => {
                let range = range(min, max, write_size);
                format!("a size such as \"512MiB\", \"8GB\" or 4096 (bytes), {range}")
            }
            Self::Duration { min, max } => {
                let range = range(min, max, |millis| write_duration(Duration::from_millis(millis)));
                format!("a duration such as \"500ms\", \"30s\", \"5m\", \"12h\" or \"7d\", {range}")
            }
            Self::Text(form) => form.allowed(),
            Self::Texts(form) => format!("a list of 1 to {LIST_LENGTH}, each {}", form.allowed()),
            Self::Path => "a path".to_owned(),
            Self::Paths => "a path or a list of paths".to_owned(),
            Self::Networks => {
                "a network such as \"10.0.0.0/8\" or \"fd00::/8\", an IP address, or a list of these".to_owned()
            }
            Self::Address => "an IP address such as \"127.0.0.1\" or \"::1\"".to_owned(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Choices(words) => format!("a list of some of {}", quoted(words)),
            Self::Hex(bytes) => format!("{} hexadecimal digits", bytes * 2),
            Self::Headers => "a table of header names with texts, whole numbers, true or false".to_owned(),
            Self::Tables(_) => "a list of tables".to_owned(),
        }
    }
}

impl Form {
    pub(crate) fn accepts(self, text: &str) -> bool {
        let printable = !text.chars().any(char::is_control);
        match self {
            Self::Name => printable && (1..=NAME_BYTES).contains(&text.len()),
            Self::Key => printable && text.len() <= KEY_BYTES,
            Self::Account => text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
            Self::Region => {
                (1..=32).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            }
            Self::UrlPath => {
                text.starts_with('/') && text.len() <= NAME_BYTES && text.bytes().all(|b| b.is_ascii_graphic())
            }
            Self::Filter | Self::Command => printable && (1..=NAME_BYTES).contains(&text.len()),
            Self::Selector => (1..=TEXT_BYTES).contains(&text.len()),
            Self::Line => printable && (1..=NAME_BYTES).contains(&text.len()),
            Self::DirectoryHost => is_directory_host(text),
        }
    }

    fn allowed(self) -> String {
        match self {
            Self::Name => format!("a name of 1 to {NAME_BYTES} bytes without control characters"),
            Self::Key => format!("a text of at most {KEY_BYTES} bytes without control characters"),
            Self::Account => "12 digits".to_owned(),
            Self::Region => "1 to 32 lower-case letters, digits or \"-\"".to_owned(),
            Self::UrlPath => "a path that begins with \"/\"".to_owned(),
            Self::Command => format!("a command of 1 to {NAME_BYTES} bytes in one line"),
            Self::Filter => "a log filter such as \"info\" or \"warn,net=debug\"".to_owned(),
            Self::Selector => format!("a selector of 1 to {TEXT_BYTES} bytes"),
            Self::Line => format!("a text of 1 to {NAME_BYTES} bytes without control characters"),
            Self::DirectoryHost => "a URL \"ldaps://host:port\" or \"ldap://host:port\"".to_owned(),
        }
    }
}

impl Rule {
    pub(crate) fn describe(self) -> String {
        match self {
            Self::HalfOfMemory => "half of the memory of the machine or its cgroup".to_owned(),
            Self::HalfOfCores => "half of the cores, at least 1".to_owned(),
            Self::AtMostQuarterOfLimit(bytes) => {
                format!("{}, or a quarter of `memory_limit` if that is less", write_size(bytes))
            }
            Self::PortOfFace => {
                let ports = Face::ALL.iter().map(|face| format!("{} {}", face.name(), face.default_port()));
                let tls = Face::ALL.iter().filter_map(|face| Some(format!("{} {}", face.name(), face.tls_port()?)));
                format!(
                    "{}; with `tls = \"on\"` {}",
                    ports.collect::<Vec<_>>().join(", "),
                    tls.collect::<Vec<_>>().join(", ")
                )
            }
            Self::TlsOfFace => {
                "`on` with `tls_only`; with `certificate_files` `on`, aws `both`; with `tls_dir` aws `both`; else `off`"
                    .to_owned()
            }
            Self::OfBroker(name) => format!("`{name}` of the broker"),
        }
    }
}

/// The name of the environment variable of `name`.
pub(crate) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// The name of the command-line flag of `name`.
pub(crate) fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// The name under which the file that holds a secret is given.
pub(crate) fn file_name(name: &str) -> String {
    format!("{name}_file")
}

/// What every environment variable of the broker begins with.
pub const PREFIX: &str = "CAUSEWAY_";

/// Host names are what certificates and resolvers take; an IPv6 address stands in brackets.
fn is_directory_host(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("ldaps://").or_else(|| text.strip_prefix("ldap://")) else { return false };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let bracketed = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let host_is_good = match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            (1..=253).contains(&host.len())
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    };
    host_is_good && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

fn range(min: u64, max: u64, write: impl Fn(u64) -> String) -> String {
    if max == UNBOUNDED { format!("at least {}", write(min)) } else { format!("from {} to {}", write(min), write(max)) }
}
