use super::*;
use crate::Durability;
use crate::KeySource;

#[test]
fn flags_over_environment_over_file_over_default() {
    let file = "region = 'file'";
    let variables = [("CAUSEWAY_REGION", "environment")];
    let flags = Flags { region: Some("flag".into()), ..Flags::default() };
    assert_eq!(load("", &[], Flags::default()).unwrap().region, "us-east-1");
    assert_eq!(load(file, &[], Flags::default()).unwrap().region, "file");
    assert_eq!(load(file, &variables, Flags::default()).unwrap().region, "environment");
    assert_eq!(load(file, &variables, flags.clone()).unwrap().region, "flag");
    assert_eq!(load(file, &[], flags).unwrap().region, "flag");
}

#[test]
fn a_list_in_the_environment_replaces_the_files() {
    let file = "[[queue]]\nname = 'a'\n[[queue]]\nname = 'b'";
    let config = load(file, &[("CAUSEWAY_QUEUE", "[{name = 'c', ttl = '1h'}]")], Flags::default()).unwrap();
    assert_eq!(config.queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["c"]);
    let config = load(file, &[("CAUSEWAY_QUEUE", "[]")], Flags::default()).unwrap();
    assert!(config.queues.is_empty());
}

#[test]
fn every_scalar_of_the_environment() {
    let config = from_environment(&[
        ("CAUSEWAY_DATA", "/var/lib/causeway"),
        ("CAUSEWAY_EPHEMERAL", "1"),
        ("CAUSEWAY_DURABILITY", "os"),
        ("CAUSEWAY_DISK_LIMIT", "1GiB"),
        ("CAUSEWAY_SEGMENT_SIZE", "1MiB"),
        ("CAUSEWAY_CHECKPOINT_SIZE", "256KiB"),
        ("CAUSEWAY_REPAIR", "true"),
        ("CAUSEWAY_MEMORY_LIMIT", "512MiB"),
        ("CAUSEWAY_DEV", "true"),
        ("CAUSEWAY_AUTO_CREATE", "0"),
        ("CAUSEWAY_IO_THREADS", "2"),
        ("CAUSEWAY_LOG", "warn,net=debug"),
        ("CAUSEWAY_MAX_MESSAGE_SIZE", "1048576"),
        ("CAUSEWAY_MAX_CONNECTIONS", "10"),
        ("CAUSEWAY_LOGIN_TIMEOUT", "250ms"),
    ]);
    assert_eq!(config.data, PathBuf::from("/var/lib/causeway"));
    assert!(config.ephemeral && config.dev && !config.auto_create);
    assert_eq!((config.durability, config.disk_limit, config.repair), (Durability::Os, Some(1 << 30), true));
    assert_eq!((config.segment_size, config.checkpoint_size), (1 << 20, 256 << 10));
    assert_eq!((config.memory_limit, config.max_message_size), (512 << 20, 1 << 20));
    assert_eq!((config.io_threads, config.max_connections), (2, 10));
    assert_eq!((config.log.as_str(), config.login_timeout.as_millis()), ("warn,net=debug", 250));
}

#[test]
fn every_flag() {
    let text = |text: &str| Some(text.to_owned());
    let flags = Flags {
        data: text("/d"),
        ephemeral: Some(true),
        durability: text("none"),
        disk_limit: text("4GiB"),
        segment_size: text("1GiB"),
        checkpoint_size: text("1TiB"),
        repair: Some(true),
        memory_limit: text("1GB"),
        dev: Some(true),
        region: text("r"),
        auto_create: Some(false),
        io_threads: text("5"),
        log: text("debug"),
        max_message_size: text("2MiB"),
        max_connections: text("7"),
        login_timeout: text("1m"),
        mqtt_port: text("1"),
        mqtt_address: text("0.0.0.0"),
        amqp_port: text("4"),
        amqp_address: text("::1"),
        stomp_port: text("5"),
        stomp_address: text("::1"),
        aws_port: text("2"),
        aws_address: text("::1"),
        console_port: text("3"),
        console_address: text("127.0.0.3"),
        secret_key_file: None,
        encryption: text("aes-256-gcm"),
        encryption_key_file: None,
        encryption_key_credential: text("causeway"),
        encryption_key_command: None,
        encryption_new_key_file: None,
    };
    let config = load("", &[], flags).unwrap();
    assert_eq!((config.data, config.region, config.log), (PathBuf::from("/d"), "r".into(), "debug".into()));
    assert!(config.ephemeral && config.dev && !config.auto_create);
    assert_eq!((config.durability, config.disk_limit, config.repair), (Durability::None, Some(4 << 30), true));
    assert_eq!((config.segment_size, config.checkpoint_size), (1 << 30, 1 << 40));
    assert_eq!((config.memory_limit, config.max_message_size), (1_000_000_000, 2 << 20));
    assert_eq!((config.io_threads, config.max_connections, config.login_timeout.as_secs()), (5, 7, 60));
    assert_eq!(config.encryption_key, Some(KeySource::Credential("causeway".into())));
    let sockets: Vec<_> = config.listeners.iter().map(|listener| listener.socket.to_string()).collect();
    assert_eq!(sockets, ["0.0.0.0:1", "[::1]:4", "[::1]:5", "[::1]:2", "127.0.0.3:3"]);
}

#[test]
fn other_peoples_variables_are_passed_over() {
    let config = from_environment(&[
        ("PATH", "/bin"),
        ("causeway_dev", "nonsense"),
        ("CAUSEWAY_CONFIG", "/etc/causeway.toml"),
        ("CAUSEWAY_SERVICE_HOST", "10.0.0.1"),
        ("CAUSEWAY_SERVICE_PORT", "1883"),
        ("CAUSEWAY_SERVICE_PORT_MQTT", "1883"),
        ("CAUSEWAY_PORT", "tcp://10.0.0.1:1883"),
        ("CAUSEWAY_PORT_1883_TCP_ADDR", "10.0.0.1"),
    ]);
    assert_eq!(config, from_file(""));
}
