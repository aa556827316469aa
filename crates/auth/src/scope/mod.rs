//! Rights that a token brings along, as RabbitMQ writes them into the scopes of OAuth 2.0.
//!
//! `configure:HOST/NAME`, `write:HOST/NAME/KEY` and `read:…` are about a virtual host, a queue or exchange, and a routing
//! key. In each of the three `*` stands for any characters, separators too, and what is meant literally is
//! percent-encoded (`%2F`, `%2A`). `tag:administrator` and `tag:monitoring` are about the whole broker.

mod glob;

use model::{Action, Exchange, Name, Protected, What};

use crate::scope::glob::Glob;

/// Longest scope that counts, in bytes.
pub const MAX_SCOPE: usize = 1_024;
/// Of one login; the others do not count.
const MAX_SCOPES: usize = 1_024;

/// What all scopes of one login give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    rights: Vec<Scope>,
    administrator: bool,
    monitor: bool,
}

/// One right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    right: Right,
    host: Glob,
    /// Namespaces that have a virtual host of another name which `host` means.
    namespaces: Vec<Name>,
    name: Glob,
    /// `None` says nothing of topics.
    key: Option<Glob>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Configure,
    Write,
    Read,
}

impl Scopes {
    /// Of scopes without what they have in front for this broker. `virtual_hosts` are those that have a namespace of
    /// their own, with it. What is no scope of this kind gives nothing.
    pub fn parse<'a>(texts: impl Iterator<Item = &'a str>, virtual_hosts: &[(String, Name)]) -> Self {
        let mut scopes = Self::default();
        for text in texts.take(MAX_SCOPES) {
            match text {
                "tag:administrator" => scopes.administrator = true,
                "tag:monitoring" => scopes.monitor = true,
                _ => scopes.rights.extend(Scope::parse(text, virtual_hosts)),
            }
        }
        scopes
    }

    pub const fn administrator(&self) -> bool {
        self.administrator
    }

    pub const fn monitor(&self) -> bool {
        self.monitor
    }

    /// Rights, without those that concern the whole broker.
    pub const fn len(&self) -> usize {
        self.rights.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rights.is_empty() && !self.administrator && !self.monitor
    }

    /// Whether one of the scopes gives this right. What concerns the whole broker is not asked here.
    pub fn allows(&self, action: Action, protected: &Protected<'_>) -> bool {
        self.rights.iter().any(|scope| scope.allows(action, protected))
    }
}

impl Scope {
    /// `None` if it is none, or longer than [`MAX_SCOPE`].
    fn parse(text: &str, virtual_hosts: &[(String, Name)]) -> Option<Self> {
        let (right, rest) = text.split_once(':').filter(|_| text.len() <= MAX_SCOPE)?;
        let right = match right {
            "configure" => Right::Configure,
            "write" => Right::Write,
            "read" => Right::Read,
            _ => return None,
        };
        let parts = rest.split('/').map(Glob::parse).collect::<Option<Vec<_>>>()?;
        let (host, name, key) = match <[Glob; 3]>::try_from(parts) {
            Ok([host, name, key]) => (host, name, Some(key)),
            Err(parts) => {
                let [host, name] = <[Glob; 2]>::try_from(parts).ok()?;
                (host, name, None)
            }
        };
        let meant = virtual_hosts.iter().filter(|(virtual_host, _)| host.matches(virtual_host.as_bytes()));
        let namespaces = meant.map(|(_, namespace)| namespace.detached()).collect();
        Some(Self { right, host, namespaces, name, key })
    }

    fn allows(&self, action: Action, protected: &Protected<'_>) -> bool {
        if !self.host.matches(protected.namespace.as_bytes()) && !self.namespaces.contains(protected.namespace) {
            return false;
        }
        let right = match action {
            Action::Enter => return true,
            Action::See => return self.sees(&protected.what),
            Action::Configure => Right::Configure,
            Action::Write => Right::Write,
            Action::Read | Action::Subscribe => Right::Read,
            Action::Monitor | Action::Administer => return false,
        };
        match protected.what {
            // Nobody else's. To send something there is another matter: others wait for answers.
            What::Temporary => right != Right::Write || self.right == Right::Write,
            What::Broker | What::Namespace => false,
            _ if right != self.right => false,
            What::Address(Exchange::Default, name) | What::Queue(name) => self.name.matches(name.as_bytes()),
            What::Exchange(exchange) => self.name.matches(exchange.to_text().as_bytes()),
            What::Address(exchange, key) => {
                self.name.matches(exchange.to_text().as_bytes()) && self.takes(action, exchange, key)
            }
        }
    }

    /// Whether the keys are among those that it is about. As in RabbitMQ a topic needs a scope that says which.
    fn takes(&self, action: Action, exchange: &Exchange, key: &Name) -> bool {
        match (&self.key, action) {
            (None, _) => *exchange != Exchange::Topic,
            (Some(glob), Action::Subscribe) => glob.overlaps(key.as_bytes()),
            (Some(glob), _) => glob.matches(key.as_bytes()),
        }
    }

    fn sees(&self, what: &What<'_>) -> bool {
        match what {
            What::Broker => false,
            What::Namespace | What::Temporary => true,
            What::Queue(name) | What::Address(Exchange::Default, name) => self.name.matches(name.as_bytes()),
            What::Exchange(exchange) | What::Address(exchange, _) => self.name.matches(exchange.to_text().as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &[(&str, &str)] = &[("prod-a", "111111111111/eu-west-1"), ("test", "222222222222/eu-west-1")];

    fn scopes(texts: &str) -> Scopes {
        let hosts: Vec<_> = HOSTS.iter().map(|(host, space)| ((*host).to_owned(), Name::from(*space))).collect();
        Scopes::parse(texts.split(' '), &hosts)
    }

    fn asked(texts: &str, action: Action, namespace: &str, what: What<'_>) -> bool {
        scopes(texts).allows(action, &Protected { namespace: &namespace.into(), what })
    }

    #[test]
    fn queues_and_virtual_hosts() {
        let orders = Name::from("orders.eu");
        for (scope, expected) in [
            ("read:*/*", true),
            ("read:%2F/orders.eu", true),
            ("read:%2f/orders*", true),
            ("read:*/*.eu", true),
            ("read:test/*", false),
            ("read:%2F/orders", false),
            ("read:%2F/%2A", false),
            ("write:*/*", false),
            ("configure:*/*", false),
            ("read://orders.eu", false),
            ("read:*", false),
            ("read:*/*/*/*", false),
            ("read:*/%zz*", false),
            ("openid", false),
        ] {
            assert_eq!(asked(scope, Action::Read, "/", What::Queue(&orders)), expected, "{scope}");
        }
        assert!(asked("read:prod*/*", Action::Read, "111111111111/eu-west-1", What::Queue(&orders)));
        assert!(!asked("read:prod*/*", Action::Read, "222222222222/eu-west-1", What::Queue(&orders)));
        assert!(asked("read:222222222222%2Feu-west-1/*", Action::Read, "222222222222/eu-west-1", What::Queue(&orders)));
        assert!(asked("write:*/orders*", Action::Write, "/", What::Address(&Exchange::Default, &orders)));
        assert!(!asked(&format!("read:*/{}*", "o".repeat(MAX_SCOPE)), Action::Enter, "/", What::Namespace));
    }

    #[test]
    fn topics_need_a_key() {
        let key = Name::from("a.b.c");
        let topic = What::Address(&Exchange::Topic, &key);
        assert!(asked("write:*/amq.topic/a.*", Action::Write, "/", topic));
        assert!(asked("write:*/*/*", Action::Write, "/", topic));
        assert!(!asked("write:*/*", Action::Write, "/", topic));
        assert!(!asked("write:*/amq.topic/b.*", Action::Write, "/", topic));
        let own = Exchange::Named("own".into());
        assert!(asked("write:*/own", Action::Write, "/", What::Address(&own, &key)));
        assert!(!asked("write:*/own/x", Action::Write, "/", What::Address(&own, &key)));
        for (pattern, expected) in [("a.#", true), ("*.b", true), ("b.#", false), ("#", true)] {
            let pattern = Name::from(pattern);
            let what = What::Address(&Exchange::Topic, &pattern);
            assert_eq!(asked("read:*/amq.topic/a.*b", Action::Subscribe, "/", what), expected, "{pattern}");
        }
    }

    #[test]
    fn the_rest() {
        let name = Name::from("q");
        assert!(asked("read:%2F/x", Action::Enter, "/", What::Namespace));
        assert!(!asked("read:test/x", Action::Enter, "/", What::Namespace));
        assert!(asked("write:*/q", Action::See, "/", What::Queue(&name)));
        assert!(!asked("write:*/x", Action::See, "/", What::Queue(&name)));
        assert!(asked("read:*/x", Action::Configure, "/", What::Temporary));
        assert!(!asked("read:*/x", Action::Write, "/", What::Temporary));
        assert!(!asked("configure:*/* write:*/* read:*/*", Action::Configure, "/", What::Namespace));
        for action in [Action::Monitor, Action::Administer, Action::See] {
            assert!(!asked("configure:*/* tag:administrator", action, "/", What::Broker));
        }
        let both = scopes("tag:administrator tag:monitoring tag:other");
        assert!(both.administrator() && both.monitor());
        assert!(scopes("openid tag:policymaker").is_empty());
    }
}
