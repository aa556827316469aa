use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use model::{Action, Exchange, Name, What};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PermissionsCommand {
    /// Read a permissions file and say what is wrong with it; exit code 2 if something is
    Check {
        /// In place of the broker's own
        file: Option<PathBuf>,
    },
    /// Write a permissions file that says what one of another broker says: ActiveMQ's XML, RabbitMQ's definitions (JSON),
    /// or mosquitto's access control list
    Import {
        file: PathBuf,
        /// Whose it is, if that is not plain from its first character
        #[arg(long, value_enum)]
        from: Option<Broker>,
    },
    /// Say whether a user may do something, and which entry decides
    Explain(Question),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Broker {
    Activemq,
    Rabbitmq,
    Mosquitto,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Question {
    /// A user's name; "$anonymous" is who shows nothing
    pub(super) user: String,
    /// enter, see, configure, write, read, subscribe, monitor or administer
    #[arg(value_parser = action)]
    pub(super) action: Action,
    /// queue:NAME, topic:KEY, exchange:NAME, key:EXCHANGE:KEY, temporary, namespace or broker; keys as in AMQP, with dots
    #[arg(value_parser = Subject::parse)]
    pub(super) what: Subject,
    /// A permissions file in place of the broker's own
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// A group that the user is in, besides those of the users file; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub(super) groups: Vec<String>,
    /// The virtual host, or ACCOUNT/REGION
    #[arg(long, value_name = "NAME", default_value = "/")]
    pub(super) virtual_host: String,
    /// What the client calls itself (MQTT's client id)
    #[arg(long, value_name = "ID", default_value = "")]
    pub(super) client: String,
    /// The client's address
    #[arg(long, value_name = "IP")]
    pub(super) from: Option<IpAddr>,
    /// The client is connected by TLS
    #[arg(long)]
    pub(super) secure: bool,
}

/// What is asked about, with the names that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Broker,
    Namespace,
    Temporary,
    Queue(Name),
    Exchange(Exchange),
    Key(Exchange, Name),
}

impl Subject {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("broker", "") => Ok(Self::Broker),
            ("namespace", "") => Ok(Self::Namespace),
            ("temporary", "") => Ok(Self::Temporary),
            ("queue", name) if !name.is_empty() => Ok(Self::Queue(name.into())),
            ("topic", key) if !key.is_empty() => Ok(Self::Key(Exchange::Topic, key.into())),
            ("exchange", name) => Ok(Self::Exchange(named(name))),
            ("key", rest) => match rest.split_once(':') {
                Some((exchange, key)) => Ok(Self::Key(named(exchange), key.into())),
                None => Err("key:EXCHANGE:KEY is needed".to_owned()),
            },
            _ => {
                Err("queue:NAME, topic:KEY, exchange:NAME, key:EXCHANGE:KEY, temporary, namespace or broker".to_owned())
            }
        }
    }

    pub(super) const fn what(&self) -> What<'_> {
        match self {
            Self::Broker => What::Broker,
            Self::Namespace => What::Namespace,
            Self::Temporary => What::Temporary,
            Self::Queue(name) => What::Queue(name),
            Self::Exchange(exchange) => What::Exchange(exchange),
            Self::Key(exchange, key) => What::Address(exchange, key),
        }
    }
}

/// Also by the name that RabbitMQ's permissions have for the default exchange.
fn named(name: &str) -> Exchange {
    if name == "amq.default" { Exchange::Default } else { Exchange::named(name) }
}

fn action(text: &str) -> Result<Action, String> {
    match text {
        "enter" => Ok(Action::Enter),
        "see" => Ok(Action::See),
        "configure" => Ok(Action::Configure),
        "write" => Ok(Action::Write),
        "read" => Ok(Action::Read),
        "subscribe" => Ok(Action::Subscribe),
        "monitor" => Ok(Action::Monitor),
        "administer" => Ok(Action::Administer),
        _ => Err("enter, see, configure, write, read, subscribe, monitor or administer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_about_is_read() {
        let topic = Subject::Key(Exchange::Topic, Name::from("a:b"));
        for (text, expected) in [
            ("topic:a:b", topic.clone()),
            ("key:amq.topic:a:b", topic),
            ("queue:a", Subject::Queue("a".into())),
            ("exchange:amq.default", Subject::Exchange(Exchange::Default)),
            ("exchange:e", Subject::Exchange(Exchange::Named("e".into()))),
            ("temporary", Subject::Temporary),
        ] {
            assert_eq!(Subject::parse(text), Ok(expected), "{text}");
        }
        for wrong in ["queue", "queue:", "topic", "key:e", "thing:x", "broker:x", ""] {
            assert!(Subject::parse(wrong).is_err(), "{wrong}");
        }
    }
}
