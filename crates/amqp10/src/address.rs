//! Addresses of sources, targets and messages: those of ActiveMQ and those of RabbitMQ.
//!
//! | address | node |
//! |---|---|
//! | `queue://Q`, `/queue/Q`, plain `Q` | the queue `Q`, made if it is not there |
//! | `/queues/Q`, `/amq/queue/Q` | the queue `Q`, which must be there |
//! | `topic://T`, `/topic/T`, plain `T` with the capability `topic` | the key or pattern `T` of `amq.topic` |
//! | `/exchanges/X/K`, `/exchange/X/K` | the key or pattern `K` of the exchange `X`, which must be there |
//!
//! Names behind `/queues/` and `/exchanges/` are percent-encoded.

use model::{Address, Exchange, Name, Namespace, limits};

use crate::codec::Symbol;

/// What an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// `create`: it is made when it is not there.
    Queue {
        name: Name,
        create: bool,
    },
    Topic(Name),
    Exchange {
        exchange: Exchange,
        key: Name,
    },
}

/// Why an address names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("an empty address")]
    Empty,
    #[error("{0:?} is no address: /queues/NAME, /exchanges/NAME/KEY, queue://NAME or topic://NAME is")]
    Form(String),
    #[error("{0:?} is not percent-encoded UTF-8")]
    Encoding(String),
    #[error("an address of {0} bytes")]
    Long(usize),
}

impl Node {
    /// The node of an address, for a terminus with these capabilities (JMS mapping, 5.1).
    pub(crate) fn of(address: &str, capabilities: &[Symbol]) -> Result<Self, AddressError> {
        let forms: [(&str, Form); 10] = [
            ("queue://", Form::Queue),
            ("topic://", Form::Topic),
            ("temp-queue://", Form::Queue),
            ("temp-topic://", Form::Topic),
            ("/queues/", Form::Encoded),
            ("/exchanges/", Form::EncodedExchange),
            ("/queue/", Form::Queue),
            ("/topic/", Form::Topic),
            ("/amq/queue/", Form::Existing),
            ("/exchange/", Form::Exchange),
        ];
        let found = forms.iter().find_map(|(prefix, form)| Some((address.strip_prefix(prefix)?, *form)));
        let (rest, form) = match found {
            Some(found) => found,
            None if address.starts_with('/') => return Err(AddressError::Form(address.to_owned())),
            None if is_topic(capabilities) => (address, Form::Topic),
            None => (address, Form::Queue),
        };
        if rest.is_empty() {
            let error = if address.is_empty() { AddressError::Empty } else { AddressError::Form(address.to_owned()) };
            return Err(error);
        }
        form.node(rest)
    }

    /// The node as an address of its own, for messages and answers.
    pub(crate) fn to_address(&self) -> String {
        match self {
            Self::Queue { name, .. } => format!("queue://{}", name.to_text()),
            Self::Topic(key) => format!("topic://{}", key.to_text()),
            Self::Exchange { exchange, key } => {
                format!("/exchanges/{}/{}", encoded(&exchange.to_text()), encoded(&key.to_text()))
            }
        }
    }

    /// Where a message for this node is published.
    pub(crate) fn publish_address(&self, namespace: Namespace) -> Address {
        match self {
            Self::Queue { name, .. } => Address::queue(namespace, name.clone()),
            Self::Topic(key) => Address::topic(namespace, key.clone()),
            Self::Exchange { exchange, key } => Address { namespace, exchange: exchange.clone(), key: key.clone() },
        }
    }
}

/// JMS mapping, 5.1 and 5.2: what kind of node a plain name is.
pub(crate) fn is_topic(capabilities: &[Symbol]) -> bool {
    capabilities.iter().any(|it| *it == "topic" || *it == "temporary-topic")
}

/// A pattern as the core has it: `>` takes the rest, as `#`, and what follows it means nothing.
pub(crate) fn pattern(key: &Name) -> Name {
    let bytes = key.as_bytes();
    let words = bytes.split(|byte| *byte == b'.');
    let mut at = 0;
    for word in words {
        if word == b">" {
            return Name::from(bytes::Bytes::from([&bytes[..at], b"#"].concat()));
        }
        at += word.len() + 1;
    }
    key.clone()
}

/// Whether a name is of those that this crate gives to queues: nobody else makes such a queue.
fn is_reserved(name: &str) -> bool {
    ["amqp.temporary.", "amqp.subscriber.", "amqp.subscription.", "amqp.shared."].iter().any(|it| name.starts_with(it))
}

#[derive(Clone, Copy)]
enum Form {
    Queue,
    Existing,
    /// A queue, percent-encoded.
    Encoded,
    Topic,
    Exchange,
    EncodedExchange,
}

impl Form {
    fn node(self, rest: &str) -> Result<Node, AddressError> {
        Ok(match self {
            Self::Queue => Node::Queue { name: name(rest)?, create: !is_reserved(rest) },
            Self::Existing => Node::Queue { name: name(rest)?, create: false },
            Self::Encoded => Node::Queue { name: name(&decoded(rest)?)?, create: false },
            Self::Topic => Node::Topic(key(rest)?),
            Self::Exchange => {
                let (exchange, key) = rest.split_once('/').unwrap_or((rest, ""));
                exchange_node(exchange, key)?
            }
            Self::EncodedExchange => {
                let (exchange, key) = rest.split_once('/').unwrap_or((rest, ""));
                exchange_node(&decoded(exchange)?, &decoded(key)?)?
            }
        })
    }
}

fn exchange_node(exchange: &str, routing_key: &str) -> Result<Node, AddressError> {
    Ok(match exchange {
        "" | "amq.default" => Node::Queue { name: name(routing_key)?, create: false },
        other => {
            name(other)?;
            Node::Exchange { exchange: Exchange::named(other), key: key(routing_key)? }
        }
    })
}

fn name(text: &str) -> Result<Name, AddressError> {
    match text.len() {
        0 => Err(AddressError::Empty),
        1..=limits::NAME_BYTES => Ok(Name::from(text)),
        long => Err(AddressError::Long(long)),
    }
}

fn key(text: &str) -> Result<Name, AddressError> {
    if text.len() <= limits::KEY_BYTES { Ok(Name::from(text)) } else { Err(AddressError::Long(text.len())) }
}

/// RFC 3986, 2.1.
fn decoded(text: &str) -> Result<String, AddressError> {
    let wrong = || AddressError::Encoding(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match *first {
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2).ok_or_else(wrong)?;
                let digits = str::from_utf8(digits).ok().filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
                bytes.push(digits.and_then(|it| u8::from_str_radix(it, 16).ok()).ok_or_else(wrong)?);
                rest = behind;
            }
            // A separator of segments, and there are no more of them.
            b'/' => return Err(AddressError::Form(text.to_owned())),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// RFC 3986, 2.3: all but unreserved characters are encoded.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, create: bool) -> Result<Node, AddressError> {
        Ok(Node::Queue { name: name.into(), create })
    }

    fn topic(key: &str) -> Result<Node, AddressError> {
        Ok(Node::Topic(key.into()))
    }

    fn exchange(exchange: &str, key: &str) -> Result<Node, AddressError> {
        Ok(Node::Exchange { exchange: Exchange::named(exchange), key: key.into() })
    }

    #[test]
    fn addresses_of_both_worlds_name_nodes() {
        let of = |address: &str| Node::of(address, &[]);
        assert_eq!(of("queue://A.B"), queue("A.B", true));
        assert_eq!(of("A.B"), queue("A.B", true));
        assert_eq!(of("amqp.temporary.1"), queue("amqp.temporary.1", false));
        assert_eq!(of("temp-queue://ID:1"), queue("ID:1", true));
        assert_eq!(of("/queue/a/b"), queue("a/b", true));
        assert_eq!(of("/queues/a%2Fb%20%C3%A4"), queue("a/b ä", false));
        assert_eq!(of("/amq/queue/a"), queue("a", false));
        assert_eq!(of("topic://a.>"), topic("a.>"));
        assert_eq!(of("/topic/a.#"), topic("a.#"));
        assert_eq!(of("/exchanges/amq.topic/a.*"), exchange("amq.topic", "a.*"));
        assert_eq!(of("/exchanges/x"), exchange("x", ""));
        assert_eq!(of("/exchange/x/k/l"), exchange("x", "k/l"));
        assert_eq!(of("/exchanges/amq.default/q"), queue("q", false));
        let capable = |name: &'static str| Node::of("a", &[Symbol::from_static(name)]);
        assert_eq!(capable("topic"), topic("a"));
        assert_eq!(capable("temporary-topic"), topic("a"));
        assert_eq!(capable("queue"), queue("a", true));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let of = |address: &str| Node::of(address, &[]).unwrap_err();
        assert_eq!(of(""), AddressError::Empty);
        assert_eq!(of("/exchanges//q/r"), AddressError::Form("q/r".into()));
        for form in ["/", "/stream/x", "queue://", "/queues/", "/topics/a"] {
            assert_eq!(of(form), AddressError::Form(form.into()));
        }
        for text in ["a%2", "a%zz", "%ff", "%+1"] {
            assert_eq!(of(&format!("/queues/{text}")), AddressError::Encoding(text.into()));
        }
        assert_eq!(of("/exchanges/x/a/b"), AddressError::Form("a/b".into()));
        assert_eq!(of(&"q".repeat(2000)), AddressError::Long(2000));
    }

    #[test]
    fn what_a_node_is_called_names_it() {
        for address in ["queue://a/b ä", "topic://a.b", "/exchanges/x%2Fy/k%20%25"] {
            assert_eq!(Node::of(address, &[]).unwrap().to_address(), address);
        }
    }

    #[test]
    fn the_rest_of_a_pattern_is_a_hash() {
        let of = |text: &str| pattern(&text.into());
        assert_eq!(of("a.*.>"), "a.*.#".into());
        assert_eq!(of(">"), "#".into());
        assert_eq!(of("a.>.b"), "a.#".into());
        assert_eq!(of("a.b>"), "a.b>".into());
    }
}
