use std::time::Duration;

use super::*;
use crate::{CertificateUser, Dialect, Durability, ExchangeKind, Face, HeaderValue, Match, Namespace, Overflow};

#[test]
fn nothing_is_set() {
    let config = from_file("");
    assert_eq!(config.data, PathBuf::from("./data"));
    assert!(!config.ephemeral && !config.dev && config.auto_create);
    assert_eq!((config.region.as_str(), config.log.as_str()), ("us-east-1", "info"));
    assert_eq!((config.memory_limit, config.max_message_size), (4 * GIB, 64 << 20));
    assert_eq!((config.io_threads, config.max_connections), (3, 100_000));
    assert_eq!(config.login_timeout, Duration::from_secs(10));
    assert_eq!((&config.secret_key, &config.master_key), (&None, &None));
    assert_eq!((config.password_memory, config.password_passes), (19 << 20, 2));
    assert_eq!((config.login_cache, &config.anonymous), (Duration::from_secs(600), &None));
    assert_eq!(config.users_file, PathBuf::from("./data/users.toml"));
    assert_eq!(config.certificate_user, CertificateUser::Mapped);
    assert_eq!((config.durability, config.disk_limit, config.repair), (Durability::Fsync, None, false));
    assert_eq!((config.segment_size, config.checkpoint_size), (64 << 20, 64 << 20));
    let listeners: Vec<_> = config.listeners.iter().map(|l| (l.face, l.socket.to_string(), l.dialect)).collect();
    let expected = [
        (Face::Mqtt, "127.0.0.1:1883"),
        (Face::Amqp, "127.0.0.1:5672"),
        (Face::Stomp, "127.0.0.1:61613"),
        (Face::Aws, "127.0.0.1:4566"),
        (Face::Console, "127.0.0.1:8161"),
    ];
    assert_eq!(listeners, expected.map(|(face, socket)| (face, socket.to_owned(), Dialect::ActiveMq)));
    assert!(config.queues.is_empty() && config.topics.is_empty() && config.exchanges.is_empty());
    assert!(config.bindings.is_empty() && config.subscriptions.is_empty() && config.virtual_hosts.is_empty());
}

#[test]
fn no_file_is_an_empty_file() {
    let none = std::iter::empty();
    let config = Config::load(Sources { file: None, environment: none, flags: Flags::default(), machine: MACHINE });
    assert_eq!(config.unwrap(), from_file(""));
}

#[test]
fn defaults_follow_the_machine() {
    let table = [
        (Machine { cores: 1, memory: Some(GIB), cgroup_memory: None }, 1, GIB / 2, 64 << 20),
        (Machine { cores: 8, memory: Some(8 * GIB), cgroup_memory: Some(256 << 20) }, 4, 128 << 20, 32 << 20),
        (Machine { cores: 256, memory: None, cgroup_memory: None }, 64, 256 << 20, 64 << 20),
        (Machine { cores: 2, memory: Some(1 << 20), cgroup_memory: None }, 1, 16 << 20, 4 << 20),
    ];
    for (machine, threads, memory, message) in table {
        let config = load_on(machine, "", &[], Flags::default()).unwrap();
        let found = (config.io_threads, config.memory_limit, config.max_message_size);
        assert_eq!(found, (threads, memory, message), "{machine:?}");
    }
}

#[test]
fn the_largest_message_follows_the_memory_limit() {
    assert_eq!(from_file("memory_limit = '32MiB'").max_message_size, 8 << 20);
    assert_eq!(from_file("memory_limit = '32MiB'\nmax_message_size = '16MiB'").max_message_size, 16 << 20);
}

#[test]
fn a_queue_and_its_defaults() {
    let config = from_file("region = 'eu-west-1'\n[[queue]]\nname = 'orders'");
    let queue = &config.queues[0];
    let home = Namespace { account: "000000000000".into(), region: "eu-west-1".into() };
    assert_eq!((queue.name.as_str(), &queue.namespace), ("orders", &home));
    assert!(queue.durable);
    assert_eq!((queue.max_length, queue.max_bytes, queue.overflow), (None, None, Overflow::Reject));
    assert_eq!((queue.ttl, queue.delay, queue.lease), (None, Duration::ZERO, Duration::from_secs(30)));
    assert_eq!((queue.max_priority, &queue.dead_letter, queue.max_deliveries), (0, &None, None));
}

#[test]
fn everything_of_a_queue() {
    let config = from_file(
        "[[queue]]\nname = 'a'\naccount = '111122223333'\nregion = 'eu-central-1'\ndurable = false\n\
         max_length = 10_000\nmax_bytes = '1GB'\noverflow = 'drop-head'\nttl = '7d'\ndelay = '1m'\nlease = '500ms'\n\
         max_priority = 9\ndead_letter = 'b'\nmax_deliveries = 0x5",
    );
    let queue = &config.queues[0];
    assert_eq!(queue.namespace, Namespace { account: "111122223333".into(), region: "eu-central-1".into() });
    assert!(!queue.durable);
    assert_eq!((queue.max_length, queue.max_bytes), (Some(10_000), Some(1_000_000_000)));
    assert_eq!(queue.overflow, Overflow::DropHead);
    assert_eq!((queue.ttl, queue.delay), (Some(Duration::from_secs(604_800)), Duration::from_secs(60)));
    assert_eq!((queue.lease, queue.max_priority), (Duration::from_millis(500), 9));
    assert_eq!((queue.dead_letter.as_deref(), queue.max_deliveries), (Some("b"), Some(5)));
}

#[test]
fn topics_exchanges_bindings_subscriptions() {
    let config = from_file(
        "[[topic]]\nname = 'news'\n\
         [[exchange]]\nname = 'x'\ntype = 'headers'\ndurable = false\n\
         [[binding]]\nqueue = 'q'\nkey = 'a.*.#'\n\
         [[binding]]\nqueue = 'q'\nexchange = 'x'\nmatch = 'any'\n[binding.headers]\ncolour = 'red'\nn = -1\nb = true\n\
         [[subscription]]\ntopic = 'news.#'\nqueue = 'q'\nfilter = \"colour = 'red'\"",
    );
    assert_eq!(config.topics[0].name, "news");
    let exchange = &config.exchanges[0];
    assert_eq!((exchange.name.as_str(), exchange.kind, exchange.durable), ("x", ExchangeKind::Headers, false));
    let [first, second] = config.bindings.as_slice() else { panic!("{:?}", config.bindings) };
    assert_eq!((first.queue.as_str(), first.exchange.as_str(), first.key.as_str()), ("q", "amq.topic", "a.*.#"));
    assert_eq!((first.matching, first.headers.len()), (Match::All, 0));
    assert_eq!((second.matching, second.key.as_str()), (Match::Any, ""));
    let headers: Vec<_> = second.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let red = HeaderValue::Text("red".into());
    assert_eq!(headers, [("b", HeaderValue::Bool(true)), ("colour", red), ("n", HeaderValue::Integer(-1))]);
    let subscription = &config.subscriptions[0];
    assert_eq!((subscription.topic.as_str(), subscription.queue.as_str()), ("news.#", "q"));
    assert_eq!(subscription.filter.as_deref(), Some("colour = 'red'"));
}

#[test]
fn virtual_hosts_are_accounts() {
    let config = from_file("[[virtual_host]]\nname = 'shop'\naccount = '000000000001'\n[[virtual_host]]\nname = 'own'");
    let hosts: Vec<_> =
        config.virtual_hosts.iter().map(|it| (it.name.as_str(), it.namespace.account.as_str())).collect();
    assert_eq!(hosts, [("shop", "000000000001"), ("own", "000000000000")]);
}
