//! The one table of settings: names, kinds, defaults and meanings. Validation, the environment, the flags and the
//! reference page are all derived from it. Names stay for ever.

use crate::setting::{Form, Kind, Preset, Rule, Setting, UNBOUNDED};
use crate::words::{Dialect, Durability, Encryption, ExchangeKind, Face, Match, Overflow};

const DAY: u64 = 86_400_000;
const CENTURY: u64 = 36_500 * DAY;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Everything that can be set, in the order of the reference page.
pub const SETTINGS: &[Setting] = &[
    setting("data", Kind::Path, Preset::Is("./data"), "The folder of the store. It is made if it does not exist."),
    setting(
        "ephemeral",
        Kind::Bool,
        Preset::Is("false"),
        "Nothing is written to disk: messages, queues and topics are gone when the process ends. `data` is not used.",
    ),
    setting(
        "durability",
        Kind::Choice(Durability::NAMES),
        Preset::Is("fsync"),
        "What survives of what was confirmed. `fsync`: everything, after a crash of the process or of the system and \
         after a power cut. `os`: everything after a crash of the process; a crash of the system or a power cut costs \
         the last messages. `none`: everything after an orderly stop; a crash of the process costs the last messages, too.",
    ),
    setting(
        "disk_limit",
        Kind::Size { min: 4 * MIB, max: UNBOUNDED },
        Preset::Unset("the whole disk"),
        "The files of the store may not take more, at least four times `segment_size`. At it publishers are slowed down, \
         as on a full disk; consumers go on.",
    ),
    setting(
        "segment_size",
        Kind::Size { min: MIB, max: GIB },
        Preset::Is("64MiB"),
        "The size of a file of the log. Space is taken and given back in such pieces.",
    ),
    setting(
        "checkpoint_size",
        Kind::Size { min: 256 * KIB, max: UNBOUNDED },
        Preset::Is("64MiB"),
        "Bytes of the log after which there is a checkpoint. A start reads what was written since the last one.",
    ),
    Setting {
        name: "repair",
        kind: Kind::Bool,
        preset: Preset::Is("false"),
        secret: false,
        in_file: false,
        doc: "Starts although the log is damaged, cutting it there: what was written later is lost. `causeway store \
              check` tells where that is. Not in the file, because it is meant for one start.",
    },
    setting(
        "memory_limit",
        Kind::Size { min: 16 * MIB, max: 1 << 50 },
        Preset::Rule(Rule::HalfOfMemory),
        "What messages may take in memory, bodies and queue entries alike. From half of it on, durable ones that wait rest on disk; at it publishers are slowed down. The idle process and buffers come on top.",
    ),
    setting(
        "dev",
        Kind::Bool,
        Preset::Is("false"),
        "Development mode: every credential is accepted, and listeners may be open to the network.",
    ),
    setting(
        "region",
        Kind::Text(Form::Region),
        Preset::Is("us-east-1"),
        "The AWS region of the broker's own namespace, as it stands in ARNs and queue URLs.",
    ),
    setting("auto_create", Kind::Bool, Preset::Is("true"), "Unknown queues are made when they are first used."),
    setting(
        "io_threads",
        Kind::Integer { min: 1, max: 64 },
        Preset::Rule(Rule::HalfOfCores),
        "Threads that read, parse, encode and write for the connections.",
    ),
    setting("log", Kind::Text(Form::Filter), Preset::Is("info"), "What is logged: a level, or levels per module."),
    setting(
        "max_message_size",
        // Above what RabbitMQ 4 takes by default (16 MiB), far above SQS (1 MiB), and a quarter of MQTT's own limit: one
        // peer that has not logged in for long cannot pin the memory of a small machine.
        Kind::Size { min: 1_024, max: 256 * MIB },
        Preset::Rule(Rule::AtMostQuarterOfLimit(64 * MIB)),
        "The largest message, with its properties. A protocol's own limit (SQS: 1 MiB) counts where it is lower.",
    ),
    setting(
        "max_connections",
        Kind::Integer { min: 1, max: 10_000_000 },
        Preset::Is("100000"),
        "Connections of all listeners together; one more is closed at once.",
    ),
    setting(
        "login_timeout",
        Kind::Duration { min: 1, max: 3_600_000 },
        Preset::Is("10s"),
        "How long a new connection may take until it has logged in.",
    ),
    Setting {
        name: "secret_key",
        kind: Kind::Hex(32),
        preset: Preset::Unset("made once by the store"),
        secret: true,
        in_file: true,
        doc: "Signs the receipt handles of SQS. Brokers that take over from each other need the same one.",
    },
    setting(
        "encryption",
        Kind::Choice(Encryption::NAMES),
        Preset::Unset("off, or as the store is"),
        "Whether what is written to the store is encrypted, and how. It needs a master key, from exactly one of the next \
         three settings. A store that is not encrypted yet becomes it as it is rewritten; `causeway store compact` rewrites \
         what is older than the last checkpoint at once. With `off` and its key an encrypted store becomes a plain one in \
         the same way.",
    ),
    Setting {
        name: "encryption_key",
        kind: Kind::Hex(32),
        preset: Preset::Unset("none"),
        secret: true,
        in_file: true,
        doc: "The master key of the store. Who loses it loses the store. `causeway store rekey` changes it.",
    },
    setting(
        "encryption_key_credential",
        Kind::Text(Form::Name),
        Preset::Unset("none"),
        "The name of a systemd credential (`LoadCredential=`, `LoadCredentialEncrypted=`) that holds the master key, as \
         64 hexadecimal digits.",
    ),
    setting(
        "encryption_key_command",
        Kind::Text(Form::Command),
        Preset::Unset("none"),
        "A command of the shell that prints the master key, as 64 hexadecimal digits. It runs once at start and has 30 s.",
    ),
    Setting {
        name: "encryption_new_key",
        kind: Kind::Hex(32),
        preset: Preset::Unset("none"),
        secret: true,
        in_file: false,
        doc: "The master key that `causeway store rekey` changes the store to. Not in the file, because it is meant for one run.",
    },
    setting(
        "listener",
        Kind::Tables(LISTENER),
        Preset::Unset("one per face on 127.0.0.1"),
        "Where clients connect. Listing any listener of a face replaces that face's default and what a weaker source \
         lists for it; other faces keep theirs.",
    ),
    setting("queue", Kind::Tables(QUEUE), Preset::Unset("none"), "Queues that exist from the start."),
    setting("topic", Kind::Tables(TOPIC), Preset::Unset("none"), "Topics that exist from the start."),
    setting("exchange", Kind::Tables(EXCHANGE), Preset::Unset("none"), "Exchanges that exist from the start."),
    setting("binding", Kind::Tables(BINDING), Preset::Unset("none"), "Which messages of an exchange a queue gets."),
    setting("subscription", Kind::Tables(SUBSCRIPTION), Preset::Unset("none"), "Which topics a queue gets."),
    setting(
        "virtual_host",
        Kind::Tables(VIRTUAL_HOST),
        Preset::Unset("none"),
        "Virtual hosts of AMQP and STOMP that are accounts of their own; every other name is the broker's own account.",
    ),
];

const LISTENER: &[Setting] = &[
    setting("face", Kind::Choice(Face::NAMES), Preset::Required, "Who connects here."),
    setting("enabled", Kind::Bool, Preset::Is("true"), "`false` in a face's only listener switches the face off."),
    setting(
        "address",
        Kind::Address,
        Preset::Is("127.0.0.1"),
        "The IP address to listen on. One that is not loopback needs `dev = true`.",
    ),
    setting(
        "port",
        Kind::Integer { min: 0, max: 65_535 },
        Preset::Rule(Rule::PortOfFace),
        "The TCP port; 0 lets the system choose one.",
    ),
    setting("tls", Kind::Bool, Preset::Is("false"), "Not built yet: `true` is refused."),
    setting(
        "path",
        Kind::Text(Form::UrlPath),
        Preset::Unset("the face's own"),
        "The URL path of a face that is reached over HTTP or WebSocket.",
    ),
    setting(
        "dialect",
        Kind::Choice(Dialect::NAMES),
        Preset::Is("activemq"),
        "Whose habits count where ActiveMQ and RabbitMQ contradict each other.",
    ),
];

const QUEUE: &[Setting] = &[
    setting("name", Kind::Text(Form::Name), Preset::Required, "The name, the same for every protocol."),
    ACCOUNT,
    REGION,
    setting("durable", Kind::Bool, Preset::Is("true"), "The queue and its persistent messages survive a restart."),
    setting(
        "max_length",
        Kind::Integer { min: 1, max: UNBOUNDED },
        Preset::Unset("no limit"),
        "Messages that may wait in it; those that receivers have do not count.",
    ),
    setting(
        "max_bytes",
        Kind::Size { min: 1, max: UNBOUNDED },
        Preset::Unset("no limit"),
        "Bytes of bodies and properties that it may hold.",
    ),
    setting(
        "overflow",
        Kind::Choice(Overflow::NAMES),
        Preset::Is("reject"),
        "When it is full: the new message is refused, or the oldest ready one is dropped or dead-lettered.",
    ),
    setting(
        "ttl",
        Kind::Duration { min: 1, max: CENTURY },
        Preset::Unset("for ever"),
        "How long a message may wait here, whatever its own expiry.",
    ),
    setting(
        "delay",
        Kind::Duration { min: 0, max: CENTURY },
        Preset::Is("0s"),
        "How long a message is held back before its first delivery, unless it has a delay of its own.",
    ),
    setting(
        "lease",
        Kind::Duration { min: 0, max: DAY / 2 },
        Preset::Is("30s"),
        "The visibility time-out: how long a receiver with a deadline may keep a message.",
    ),
    setting(
        "max_priority",
        Kind::Integer { min: 0, max: 9 },
        Preset::Is("0"),
        "0 keeps the order of arrival; else messages are ordered by priority up to this one.",
    ),
    setting(
        "dead_letter",
        Kind::Text(Form::Name),
        Preset::Unset("none"),
        "The queue, in the same account and region, that gets what is rejected, expires or comes back too often.",
    ),
    setting(
        "max_deliveries",
        Kind::Integer { min: 1, max: u32::MAX as u64 },
        Preset::Unset("no limit"),
        "Deliveries after which a message that comes back goes to `dead_letter`.",
    ),
];

const TOPIC: &[Setting] =
    &[setting("name", Kind::Text(Form::Name), Preset::Required, "The name, levels separated by `.`."), ACCOUNT, REGION];

const EXCHANGE: &[Setting] = &[
    setting("name", Kind::Text(Form::Name), Preset::Required, "The name. Names that begin with `amq.` are reserved."),
    ACCOUNT,
    REGION,
    setting("type", Kind::Choice(ExchangeKind::NAMES), Preset::Is("direct"), "How it compares keys or headers."),
    setting("durable", Kind::Bool, Preset::Is("true"), "It survives a restart."),
];

const BINDING: &[Setting] = &[
    setting("queue", Kind::Text(Form::Name), Preset::Required, "The queue that gets the messages."),
    ACCOUNT,
    REGION,
    setting("exchange", Kind::Text(Form::Name), Preset::Is("amq.topic"), "The exchange they come from."),
    setting(
        "key",
        Kind::Text(Form::Key),
        Preset::Unset("the empty key"),
        "The routing key, or for a topic exchange a pattern: `*` is one level, `#` any number of levels.",
    ),
    setting("headers", Kind::Headers, Preset::Unset("none"), "For a headers exchange: what the headers must be."),
    setting("match", Kind::Choice(Match::NAMES), Preset::Is("all"), "Whether all headers must match, or any."),
];

const VIRTUAL_HOST: &[Setting] = &[
    setting(
        "name",
        Kind::Text(Form::Name),
        Preset::Required,
        "What clients say: AMQP 0-9-1's virtual host, AMQP 1.0's hostname, STOMP's `host`.",
    ),
    ACCOUNT,
    REGION,
];

const SUBSCRIPTION: &[Setting] = &[
    setting("topic", Kind::Text(Form::Name), Preset::Required, "The topic, or a pattern: `*` one level, `#` the rest."),
    setting("queue", Kind::Text(Form::Name), Preset::Required, "The queue that gets the messages."),
    ACCOUNT,
    REGION,
    setting(
        "filter",
        Kind::Text(Form::Selector),
        Preset::Unset("every message"),
        "A JMS selector on the message's properties.",
    ),
];

const ACCOUNT: Setting = setting(
    "account",
    Kind::Text(Form::Account),
    Preset::Is("000000000000"),
    "The AWS account. With `region` it names the namespace.",
);

const REGION: Setting =
    setting("region", Kind::Text(Form::Region), Preset::Rule(Rule::RegionOfBroker), "The AWS region.");

const fn setting(name: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Setting {
    Setting { name, kind, preset, secret: false, in_file: true, doc }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn the_table_is_sound() {
        check(SETTINGS, 0);
    }

    fn check(settings: &[Setting], depth: usize) {
        for (i, setting) in settings.iter().enumerate() {
            let name = setting.name;
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(settings[i + 1..].iter().all(|other| other.name != name), "{name} stands twice");
            assert!(setting.doc.ends_with('.'), "{name}: {}", setting.doc);
            if let Preset::Is(text) = setting.preset {
                assert!(Value::parse(&setting.kind, text).is_some(), "{name}: default {text}");
            }
            if let Kind::Tables(inner) = setting.kind {
                assert_eq!(depth, 0, "{name}: tables inside tables have no name in the environment");
                check(inner, depth + 1);
            }
        }
    }
}
