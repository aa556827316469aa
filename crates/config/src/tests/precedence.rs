use super::*;
use crate::CertificateUser;
use crate::KeySource;
use crate::{Certificates, ClientCertificate, Durability, TlsMode, TlsVersion};

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
        ("CAUSEWAY_TLS_DIR", "/certs"),
        ("CAUSEWAY_TLS_ONLY", "1"),
        ("CAUSEWAY_TLS_MIN_VERSION", "1.3"),
        ("CAUSEWAY_CLIENT_CERTIFICATE", "optional"),
    ]);
    assert_eq!(config.data, PathBuf::from("/var/lib/causeway"));
    assert!(config.ephemeral && config.dev && !config.auto_create);
    assert_eq!((config.durability, config.disk_limit, config.repair), (Durability::Os, Some(1 << 30), true));
    assert_eq!((config.segment_size, config.checkpoint_size), (1 << 20, 256 << 10));
    assert_eq!((config.memory_limit, config.max_message_size), (512 << 20, 1 << 20));
    assert_eq!((config.io_threads, config.max_connections), (2, 10));
    assert_eq!((config.log.as_str(), config.login_timeout.as_millis()), ("warn,net=debug", 250));
    for listener in config.listeners {
        let Certificates { folder, clients, min_version, .. } = listener.certificates;
        assert_eq!((listener.tls, folder), (TlsMode::On, Some(PathBuf::from("/certs"))));
        assert_eq!((clients, min_version), (ClientCertificate::Optional, TlsVersion::Tls13));
    }
}

/// Each flag with a value of its own.
fn all_flags() -> Flags {
    let text = |text: &str| Some(text.to_owned());
    Flags {
        data: text("/d"),
        ephemeral: Some(true),
        durability: text("none"),
        disk_limit: text("4GiB"),
        segment_size: text("1GiB"),
        checkpoint_size: text("1TiB"),
        repair: Some(true),
        memory_limit: text("1GB"),
        dev: Some(true),
        allow_plaintext: Some(true),
        region: text("r"),
        auto_create: Some(false),
        io_threads: text("5"),
        permissions_file: text("/p"),
        audit_log: text("/a"),
        log: text("debug"),
        max_message_size: text("2MiB"),
        max_connections: text("7"),
        max_connections_per_user: text("3"),
        slow_consumer_timeout: text("9s"),
        max_keep_alive: text("10m"),
        max_queues: text("11"),
        max_queues_per_user: text("12"),
        login_timeout: text("1m"),
        tls_dir: text("/certs"),
        tls_only: Some(false),
        tls_min_version: text("1.2"),
        client_certificate: text("none"),
        login_cache: text("0s"),
        password_memory: text("64MiB"),
        password_passes: text("3"),
        users_file: text("/u"),
        anonymous: text("guest"),
        certificate_user: text("cn"),
        mqtt_port: text("1"),
        mqtt_tls_port: text("6"),
        amqp_tls_port: text("7"),
        stomp_tls_port: text("8"),
        console_tls_port: text("9"),
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
        master_key_file: None,
        encryption: text("aes-256-gcm"),
        encryption_key_file: None,
        encryption_key_credential: text("causeway"),
        encryption_key_command: None,
        encryption_new_key_file: None,
    }
}

#[test]
fn every_flag() {
    let flags = all_flags();
    let config = load("", &[], flags).unwrap();
    assert_eq!((config.data, config.region, config.log), (PathBuf::from("/d"), "r".into(), "debug".into()));
    assert!(config.ephemeral && config.dev && !config.auto_create);
    assert_eq!((config.durability, config.disk_limit, config.repair), (Durability::None, Some(4 << 30), true));
    assert_eq!((config.segment_size, config.checkpoint_size), (1 << 30, 1 << 40));
    assert_eq!((config.memory_limit, config.max_message_size), (1_000_000_000, 2 << 20));
    assert_eq!((config.io_threads, config.max_connections, config.login_timeout.as_secs()), (5, 7, 60));
    assert_eq!((config.password_memory, config.password_passes), (64 << 20, 3));
    assert_eq!((config.login_cache.as_secs(), config.users_file), (0, PathBuf::from("/u")));
    assert_eq!((config.anonymous.as_deref(), config.certificate_user), (Some("guest"), CertificateUser::CommonName));
    assert_eq!(config.encryption_key, Some(KeySource::Credential("causeway".into())));
    let sockets: Vec<_> = config.listeners.iter().map(|listener| listener.socket.to_string()).collect();
    assert_eq!(
        sockets,
        ["0.0.0.0:1", "0.0.0.0:6", "[::1]:4", "[::1]:7", "[::1]:5", "[::1]:8", "[::1]:2", "127.0.0.3:3", "127.0.0.3:9",]
    );
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
