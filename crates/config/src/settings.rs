//! The one table of settings: names, kinds, defaults and meanings. Validation, the environment, the flags and the
//! reference page are all derived from it. Names stay for ever.

use crate::directory_settings::{LDAP, OAUTH};
use crate::listener_settings::LISTENER;
use crate::setting::{Form, Kind, Preset, Rule, Setting, UNBOUNDED};
use crate::words::{
    CertificateUser, ClientCertificate, Durability, Encryption, ExchangeKind, Match, Overflow, TlsVersion,
};

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
        "allow_plaintext",
        Kind::Bool,
        Preset::Is("false"),
        "Listeners that are open to the network may be without TLS: whoever is on the way can read passwords and messages.",
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
    setting(
        "permissions_file",
        Kind::Path,
        Preset::Unset("`permissions.toml` in `data`, if it is there"),
        "Who may do what. Without the file, users may use all queues and topics, and only administrators the rest. A change \
         counts within a second.",
    ),
    setting(
        "audit_log",
        Kind::Path,
        Preset::Unset("`audit.log` in `data`"),
        "Logins, refusals and changes, one JSON object a line. At 64 MiB a file is set aside; eight of those are kept.",
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
        "max_connections_per_user",
        Kind::Integer { min: 1, max: 10_000_000 },
        Preset::Unset("no limit"),
        "Connections of one user; who has as many already cannot log in once more.",
    ),
    setting(
        "slow_consumer_timeout",
        Kind::Duration { min: 0, max: DAY },
        Preset::Is("2m"),
        "How long a client may take nothing of what is being sent to it. Then it is disconnected, and what it has not \
         acknowledged goes to others. `0s`: for ever.",
    ),
    setting(
        "max_keep_alive",
        Kind::Duration { min: 1_000, max: 65_535_000 },
        Preset::Unset("as clients wish"),
        "The longest keep-alive of MQTT: a client that asks for a longer one, or for none, is sent away after one and a \
         half times this long a silence.",
    ),
    setting(
        "max_queues",
        Kind::Integer { min: 1, max: 100_000_000 },
        Preset::Is("1000000"),
        "Queues that there may be, sessions and subscriptions among them; another one is refused.",
    ),
    setting(
        "max_queues_per_user",
        Kind::Integer { min: 1, max: 100_000_000 },
        Preset::Unset("no limit"),
        "Queues that one user may have made since the broker started, beside those that are gone again.",
    ),
    setting(
        "login_timeout",
        Kind::Duration { min: 1, max: 3_600_000 },
        Preset::Is("10s"),
        "How long a new connection may take until it has logged in. Its TLS handshake must be done within it, too, from \
         the moment it was accepted.",
    ),
    setting(
        "tls_dir",
        Kind::Path,
        Preset::Unset("TLS only on listeners with certificates of their own"),
        "A folder with `server.pem` and `server.key`, any number of further pairs `server-….pem` and `server-….key` for \
         other host names, `ca.pem` for client certificates, and `crl.pem` if some are revoked; `causeway certs` makes \
         one. With it the faces listen on their TLS ports, too. Files that change are read again without a restart.",
    ),
    setting(
        "tls_only",
        Kind::Bool,
        Preset::Is("false"),
        "Every listener speaks TLS and nothing else: the faces' ports without TLS are not opened, and a listener with \
         another `tls` than `on` is refused.",
    ),
    setting(
        "tls_min_version",
        Kind::Choice(TlsVersion::NAMES),
        Preset::Is("1.2"),
        "The oldest version of TLS that is spoken. There is nothing older than 1.2 and nothing newer than 1.3.",
    ),
    setting(
        "client_certificate",
        Kind::Choice(ClientCertificate::NAMES),
        Preset::Is("none"),
        "Whether TLS clients are asked for a certificate of an authority in `ca.pem` of `tls_dir` (or `client_ca_file` of \
         the listener). `optional`: who shows one must show a good one. `required` needs `tls = \"on\"` on every \
         listener that it counts for, because others would let clients in without.",
    ),
    setting(
        "login_cache",
        Kind::Duration { min: 0, max: DAY },
        Preset::Is("10m"),
        "How long a password that was right is remembered, in memory and as a digest, so that clients that come back cost \
         little. A change of the user ends it at once. `0s`: every login is checked anew.",
    ),
    setting(
        "password_memory",
        Kind::Size { min: MIB, max: 256 * MIB },
        Preset::Is("19MiB"),
        "Memory that each look at a password takes (Argon2id), so that guessing it from a stolen users file takes as much. \
         Weaker hashes are replaced when their users log in.",
    ),
    setting(
        "password_passes",
        Kind::Integer { min: 1, max: 64 },
        Preset::Is("2"),
        "How often each look at a password goes over that memory.",
    ),
    setting(
        "users_file",
        Kind::Path,
        Preset::Unset("`users.toml` in `data`"),
        "Users and access keys. `causeway user` and `causeway key` write it; a change counts within a second.",
    ),
    setting(
        "anonymous",
        Kind::Text(Form::Name),
        Preset::Unset("they are refused"),
        "Which user clients are that show neither credentials nor a certificate. Its groups count, if the users file \
         knows it, but it is never an administrator or monitor.",
    ),
    setting(
        "certificate_user",
        Kind::Choice(CertificateUser::NAMES),
        Preset::Is("mapped"),
        "Which user a client certificate is. `mapped`: the one whose `certificate` in the users file names its subject, its \
         common name or an alternative name. `cn`: that one, else the user whose name is its common name, also if the \
         users file does not know the name.",
    ),
    Setting {
        name: "secret_key",
        kind: Kind::Hex(32),
        preset: Preset::Unset("made once by the store"),
        secret: true,
        in_file: true,
        doc: "Signs the receipt handles of SQS. Brokers that take over from each other need the same one.",
    },
    Setting {
        name: "master_key",
        kind: Kind::Hex(32),
        preset: Preset::Unset("the file `master.key` in `data`, made once"),
        secret: true,
        in_file: true,
        doc: "Encrypts the secrets of access keys in the users file. Brokers that share a users file need the same one.",
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
        Preset::Unset("one per face on 127.0.0.1, with `tls_dir` two"),
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
    setting(
        "ldap",
        Kind::Tables(LDAP),
        Preset::Unset("none"),
        "Directory servers that know users. Several are asked one after the other, until one lets the user in.",
    ),
    setting(
        "oauth",
        Kind::Tables(OAUTH),
        Preset::Unset("none"),
        "OAuth 2.0 servers whose tokens (JWT) are passwords. A password that looks like a token is shown to nobody else.",
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
    setting("region", Kind::Text(Form::Region), Preset::Rule(Rule::OfBroker("region")), "The AWS region.");

pub(crate) const fn setting(name: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Setting {
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
