//! `destination` and `reply-to` headers.
//!
//! | destination | means |
//! |---|---|
//! | `/queue/NAME`, `queue://NAME`, `NAME` | the queue, made when it is first used |
//! | `/topic/KEY`, `topic://KEY` | a key of `amq.topic`; for SUBSCRIBE a pattern: `*` one word, `>` or `#` the rest |
//! | `/exchange/NAME`, `/exchange/NAME/KEY` | a key of another exchange |
//! | `/amq/queue/NAME` | a queue that must be there |
//! | `/temp-queue/NAME`, `/temp-topic/NAME` | this connection's own |
//! | `/remote-temp-queue/NAME`, `/reply-queue/NAME` | a queue that a `reply-to` names; what comes too late is dropped |
//! | `/remote-temp-topic/KEY` | a topic that a `reply-to` names |
//!
//! Names are literal to their end, as in ActiveMQ (`/queue/a/b` is the queue `a/b`), but in RabbitMQ's own forms
//! `/exchange/…` and `/amq/queue/…` they are percent-encoded.

use bytes::{BufMut, BytesMut};
use model::{Address, Exchange, Name, Namespace, limits};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What RabbitMQ's forms encode of a name.
const ENCODED: &AsciiSet = &CONTROLS.add(b'/').add(b'%').add(b' ');

/// Temporary queues and topics are called by these and their connection's session.
const TEMPORARY_QUEUE: &str = "stomp.temp-queue.";
const TEMPORARY_TOPIC: &str = "stomp.temp-topic.";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Queue {
        name: Name,
        kind: QueueKind,
    },
    /// A topic, or a key of another exchange.
    Key {
        exchange: Exchange,
        key: Name,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueKind {
    /// Made if it is not there.
    Lasting,
    /// Must be there.
    Existing,
    /// This connection's own.
    Temporary,
    /// Where a reply goes, if anybody still waits for it.
    Remote,
}

/// Why a text names no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDestination {
    Unknown,
    NoName,
    TooLong,
}

impl Destination {
    /// `session` is what this connection's temporary queues are called by.
    pub(crate) fn parse(text: &str, session: &str) -> Result<Self, NoDestination> {
        let literal = |name: &str, kind| Self::queue(Name::from(name), kind);
        let decoded = |text: &str| Name::from(percent_decode_str(text).decode_utf8_lossy().into_owned());
        let topic = |key: &str| Self::key(Exchange::Topic, Name::from(key));
        let Some((prefix, rest)) = split_prefix(text) else {
            return if text.starts_with('/') { Err(NoDestination::Unknown) } else { literal(text, QueueKind::Lasting) };
        };
        match prefix {
            "/queue/" | "queue://" => literal(rest, QueueKind::Lasting),
            "/topic/" | "topic://" | "/remote-temp-topic/" => topic(rest),
            "/remote-temp-queue/" | "/reply-queue/" => literal(rest, QueueKind::Remote),
            "/amq/queue/" => Self::queue(decoded(rest), QueueKind::Existing),
            "/temp-queue/" if rest.is_empty() => Err(NoDestination::NoName),
            "/temp-queue/" => Self::queue(temporary_queue(session, rest), QueueKind::Temporary),
            "/temp-topic/" if rest.is_empty() => Err(NoDestination::NoName),
            "/temp-topic/" => Self::key(Exchange::Topic, format!("{TEMPORARY_TOPIC}{session}.{rest}").into()),
            _ => {
                let (exchange, key) = rest.split_once('/').unwrap_or((rest, ""));
                if exchange.is_empty() {
                    return Err(NoDestination::NoName);
                }
                let name = decoded(exchange);
                Self::check(&name, limits::NAME_BYTES)?;
                let key = decoded(key);
                match Exchange::named(&name.to_text()) {
                    exchange if key.as_bytes().len() <= limits::KEY_BYTES => Ok(Self::Key { exchange, key }),
                    _ => Err(NoDestination::TooLong),
                }
            }
        }
    }

    fn queue(name: Name, kind: QueueKind) -> Result<Self, NoDestination> {
        Self::check(&name, limits::NAME_BYTES)?;
        Ok(Self::Queue { name, kind })
    }

    fn key(exchange: Exchange, key: Name) -> Result<Self, NoDestination> {
        Self::check(&key, limits::KEY_BYTES)?;
        Ok(Self::Key { exchange, key })
    }

    fn check(name: &Name, most: usize) -> Result<(), NoDestination> {
        match name.as_bytes().len() {
            0 => Err(NoDestination::NoName),
            length if length > most => Err(NoDestination::TooLong),
            _ => Ok(()),
        }
    }
}

/// All prefixes, and what comes behind the one that `text` has.
fn split_prefix(text: &str) -> Option<(&'static str, &str)> {
    const PREFIXES: [&str; 11] = [
        "/queue/",
        "/topic/",
        "/temp-queue/",
        "/temp-topic/",
        "/remote-temp-queue/",
        "/remote-temp-topic/",
        "/reply-queue/",
        "/exchange/",
        "/amq/queue/",
        "queue://",
        "topic://",
    ];
    PREFIXES.into_iter().find_map(|prefix| Some((prefix, text.strip_prefix(prefix)?)))
}

fn temporary_queue(session: &str, name: &str) -> Name {
    format!("{TEMPORARY_QUEUE}{session}.{name}").into()
}

/// The parts of ActiveMQ's composite destination: several ones with commas between them.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut =
            text.match_indices(',').map(|(at, _)| at).find(|at| split_prefix(text[at + 1..].trim_start()).is_some());
        let part = cut.map_or(text, |at| &text[..at]);
        rest = cut.map(|at| text[at + 1..].trim_start());
        Some(part)
    })
}

/// A subscription's pattern as the core has it: `>` is the rest, and what comes behind it means nothing, as in ActiveMQ.
pub(crate) fn pattern(key: &Name) -> Name {
    let mut out = Vec::with_capacity(key.as_bytes().len());
    for (place, word) in key.as_bytes().split(|byte| *byte == b'.').enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        if word == b">" {
            out.push(b'#');
            break;
        }
        out.extend_from_slice(word);
    }
    Name::from(bytes::Bytes::from(out))
}

/// The `destination` header's value for what was sent to `exchange` and `key`.
pub(crate) fn write(exchange: &Exchange, key: &Name, session: &str, out: &mut BytesMut) {
    let text = key.to_text();
    match exchange {
        Exchange::Default => match text.strip_prefix(TEMPORARY_QUEUE) {
            Some(rest) => write_temporary("queue", rest, &text, session, out),
            None => put(&["/queue/", &text], out),
        },
        Exchange::Topic => match text.strip_prefix(TEMPORARY_TOPIC) {
            Some(rest) => write_temporary("topic", rest, &text, session, out),
            None => put(&["/topic/", &text], out),
        },
        other => {
            let name = other.to_text();
            put(&["/exchange/"], out);
            utf8_percent_encode(&name, ENCODED).for_each(|part| out.put_slice(part.as_bytes()));
            if !text.is_empty() {
                out.put_u8(b'/');
                utf8_percent_encode(&text, ENCODED).for_each(|part| out.put_slice(part.as_bytes()));
            }
        }
    }
}

fn write_temporary(kind: &str, rest: &str, name: &str, session: &str, out: &mut BytesMut) {
    match rest.strip_prefix(session).and_then(|own| own.strip_prefix('.')) {
        Some(own) => put(&["/temp-", kind, "/", own], out),
        None => put(&["/remote-temp-", kind, "/", name], out),
    }
}

fn put(parts: &[&str], out: &mut BytesMut) {
    parts.iter().for_each(|part| out.put_slice(part.as_bytes()));
}

/// What a `reply-to` must say so that others find this connection's temporary queue or topic; `None` if it is neither.
pub(crate) fn public_reply_to(text: &str, session: &str) -> Option<(String, Option<Name>)> {
    if let Some(name) = text.strip_prefix("/temp-queue/").filter(|name| !name.is_empty()) {
        let name = temporary_queue(session, name);
        return Some((format!("/remote-temp-queue/{}", name.to_text()), Some(name)));
    }
    let name = text.strip_prefix("/temp-topic/").filter(|name| !name.is_empty())?;
    Some((format!("/remote-temp-topic/{TEMPORARY_TOPIC}{session}.{name}"), None))
}

/// A STOMP `reply-to` as all protocols know it; text that is no destination stays.
pub(crate) fn to_canonical(text: &str) -> String {
    match Destination::parse(text, "") {
        Ok(Destination::Queue { .. }) if !text.starts_with('/') && !text.starts_with("queue://") => text.to_owned(),
        Ok(Destination::Queue { kind: QueueKind::Temporary, .. }) | Err(_) => text.to_owned(),
        Ok(Destination::Queue { name, .. }) => format!("queue://{}", name.to_text()),
        Ok(Destination::Key { exchange: Exchange::Topic, key }) if !text.starts_with("/temp-") => {
            format!("topic://{}", key.to_text())
        }
        Ok(Destination::Key { .. }) => match text.strip_prefix("/exchange/") {
            Some(rest) => format!("/exchanges/{rest}"),
            None => text.to_owned(),
        },
    }
}

/// The other way.
pub(crate) fn of_canonical(text: &str) -> String {
    let written = |exchange, key: &str| {
        let mut out = BytesMut::new();
        write(&exchange, &key.into(), "", &mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    if let Some(name) = text.strip_prefix("queue://") {
        written(Exchange::Default, name)
    } else if let Some(key) = text.strip_prefix("topic://") {
        written(Exchange::Topic, key)
    } else if let Some(rest) = text.strip_prefix("/exchanges/") {
        format!("/exchange/{rest}")
    } else {
        text.to_owned()
    }
}

/// Where SEND puts a message.
pub(crate) fn address(namespace: Namespace, destination: Destination) -> Address {
    match destination {
        Destination::Queue { name, .. } => Address::queue(namespace, name),
        Destination::Key { exchange, key } => Address { namespace, exchange, key },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, kind: QueueKind) -> Result<Destination, NoDestination> {
        Ok(Destination::Queue { name: name.into(), kind })
    }

    fn key(exchange: &str, key: &str) -> Result<Destination, NoDestination> {
        Ok(Destination::Key { exchange: Exchange::named(exchange), key: key.into() })
    }

    #[test]
    fn destinations_are_told_apart() {
        use QueueKind::*;
        for (text, expected) in [
            ("/queue/a.b", queue("a.b", Lasting)),
            ("/queue/a/b", queue("a/b", Lasting)),
            ("/queue//a", queue("/a", Lasting)),
            ("/queue/a%2Fb", queue("a%2Fb", Lasting)),
            ("queue://a", queue("a", Lasting)),
            ("a", queue("a", Lasting)),
            ("a/b", queue("a/b", Lasting)),
            ("/amq/queue/a%2Fb", queue("a/b", Existing)),
            ("/temp-queue/a", queue("stomp.temp-queue.s.a", Temporary)),
            ("/remote-temp-queue/stomp.temp-queue.s.a", queue("stomp.temp-queue.s.a", Remote)),
            ("/reply-queue/q", queue("q", Remote)),
            ("/topic/a.b", key("amq.topic", "a.b")),
            ("/topic/a/b", key("amq.topic", "a/b")),
            ("topic://a", key("amq.topic", "a")),
            ("/temp-topic/a", key("amq.topic", "stomp.temp-topic.s.a")),
            ("/remote-temp-topic/x", key("amq.topic", "x")),
            ("/exchange/x", key("x", "")),
            ("/exchange/x/", key("x", "")),
            ("/exchange/x/a/b", key("x", "a/b")),
            ("/exchange/amq.fanout", key("amq.fanout", "")),
            ("/exchange/a%2Fb/c%25", key("a/b", "c%")),
            ("", Err(NoDestination::NoName)),
            ("/queue/", Err(NoDestination::NoName)),
            ("/topic/", Err(NoDestination::NoName)),
            ("/temp-queue/", Err(NoDestination::NoName)),
            ("/exchange/", Err(NoDestination::NoName)),
            ("/amq/queue/", Err(NoDestination::NoName)),
            ("/", Err(NoDestination::Unknown)),
            ("/queues/a", Err(NoDestination::Unknown)),
            ("/dsub/a", Err(NoDestination::Unknown)),
        ] {
            assert_eq!(Destination::parse(text, "s"), expected, "{text}");
        }
        let long = format!("/queue/{}", "x".repeat(limits::NAME_BYTES + 1));
        assert_eq!(Destination::parse(&long, "s"), Err(NoDestination::TooLong));
        let long = format!("/topic/{}", "x".repeat(limits::KEY_BYTES + 1));
        assert_eq!(Destination::parse(&long, "s"), Err(NoDestination::TooLong));
    }

    #[test]
    fn what_was_sent_to_an_address_is_called_as_it_is_sent_to() {
        for text in [
            "/queue/a.b",
            "/topic/a.b",
            "/topic/a/b",
            "/temp-queue/a",
            "/temp-topic/a.b",
            "/remote-temp-queue/stomp.temp-queue.t.a",
            "/remote-temp-topic/stomp.temp-topic.t.a",
            "/exchange/x",
            "/exchange/a%2Fb/c%25d%20",
            "/exchange/amq.fanout/k",
        ] {
            let Address { exchange, key, .. } = address(Namespace(0), Destination::parse(text, "s").unwrap());
            let mut out = BytesMut::new();
            write(&exchange, &key, "s", &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn patterns_of_activemq_become_those_of_the_core() {
        for (text, expected) in [
            ("a.b", "a.b"),
            ("a.*.c", "a.*.c"),
            ("a.>", "a.#"),
            (">", "#"),
            ("a.>.c", "a.#"),
            ("a.#.c", "a.#.c"),
            ("a.b>", "a.b>"),
            ("a..b", "a..b"),
        ] {
            assert_eq!(pattern(&text.into()), Name::from(expected), "{text}");
        }
    }

    #[test]
    fn lists_are_cut_only_before_a_destination() {
        let all = |text| parts(text).collect::<Vec<_>>();
        assert_eq!(all("/queue/a"), ["/queue/a"]);
        assert_eq!(all("/queue/a,b"), ["/queue/a,b"]);
        assert_eq!(all("/queue/a,/queue/b, /topic/c"), ["/queue/a", "/queue/b", "/topic/c"]);
        assert_eq!(all("/queue/a,b,topic://c"), ["/queue/a,b", "topic://c"]);
    }

    #[test]
    fn replies_find_their_way_through_every_protocol() {
        for (stomp, canonical) in [
            ("/queue/q", "queue://q"),
            ("/topic/k", "topic://k"),
            ("/exchange/x/a%2Fb", "/exchanges/x/a%2Fb"),
            ("/remote-temp-queue/stomp.temp-queue.s.a", "queue://stomp.temp-queue.s.a"),
            ("/remote-temp-topic/stomp.temp-topic.s.a", "topic://stomp.temp-topic.s.a"),
            ("anything", "anything"),
            ("/unknown/x", "/unknown/x"),
        ] {
            assert_eq!(to_canonical(stomp), canonical);
            assert_eq!(of_canonical(canonical), stomp);
        }
        assert_eq!(to_canonical("/reply-queue/q"), "queue://q");
        assert_eq!(to_canonical("/amq/queue/a%2Fb"), "queue://a/b");
        assert_eq!(to_canonical("/temp-queue/q"), "/temp-queue/q", "nobody else could find it");
        let (text, name) = public_reply_to("/temp-queue/a", "s").unwrap();
        assert_eq!(
            (text.as_str(), name),
            ("/remote-temp-queue/stomp.temp-queue.s.a", Some("stomp.temp-queue.s.a".into()))
        );
        assert_eq!(public_reply_to("/temp-topic/a", "s").unwrap().0, "/remote-temp-topic/stomp.temp-topic.s.a");
        assert_eq!(public_reply_to("/queue/a", "s"), None);
    }
}
