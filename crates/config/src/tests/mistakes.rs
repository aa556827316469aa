use super::*;

fn check(table: &[(&str, &str)]) {
    for (file, expected) in table {
        assert_eq!(file_errors(file), *expected, "in\n{file}");
    }
}

fn check_environment(table: &[(&str, &str, &str)]) {
    for (name, value, expected) in table {
        assert_eq!(environment_errors(&[(name, value)]), format!("{name}{expected}"), "{name}={value}");
    }
}

#[test]
fn unknown_keys() {
    check(&[
        ("\n  memory_limt = 1", "causeway.toml:2:3: unknown key \"memory_limt\" (did you mean \"memory_limit\"?)"),
        ("secret_key_fil = 1", "causeway.toml:1:1: unknown key \"secret_key_fil\" (did you mean \"secret_key_file\"?)"),
        ("colour = 'red'", "causeway.toml:1:1: unknown key \"colour\""),
        (
            "mqtt_port = 1",
            "causeway.toml:1:1: mqtt_port counts only in the environment and as a flag: set port in a [[listener]] with \
             face = \"mqtt\"",
        ),
        (
            "repair = true",
            "causeway.toml:1:1: repair counts only in the environment and as a flag: it is meant for one start",
        ),
        (
            "[[topic]]\nname = 'a'\nrepair = true",
            "causeway.toml:3:1: repair counts only in the environment and as a flag: it is meant for one start",
        ),
        (
            "[[topic]]\nname = 'a'\ndev = true",
            "causeway.toml:3:1: dev is no key of [[topic]]: write it above the first [[table]]",
        ),
        (
            "[[topic]]\nname = 'a'\nsecret_key = '1'",
            "causeway.toml:3:1: secret_key is no key of [[topic]]: write it above \
            the first [[table]]",
        ),
        ("[[listener]]\nface = 'mqtt'\nprt = 1", "causeway.toml:3:1: unknown key \"prt\" (did you mean \"port\"?)"),
        ("[[queues]]\nname = 'a'", "causeway.toml:1:3: unknown key \"queues\" (did you mean \"queue\"?)"),
        ("\"a\\nb\" = 1", "causeway.toml:1:1: unknown key \"a\\nb\""),
    ]);
    check_environment(&[
        ("CAUSEWAY_MEMORY_LIMT", "1", ": unknown variable (did you mean \"CAUSEWAY_MEMORY_LIMIT\"?)"),
        ("CAUSEWAY_MQT_PORT", "1", ": unknown variable (did you mean \"CAUSEWAY_MQTT_PORT\"?)"),
        ("CAUSEWAY_CONFIGS", "1", ": unknown variable (did you mean \"CAUSEWAY_CONFIG\"?)"),
        ("CAUSEWAY_COLOUR", "1", ": unknown variable"),
        ("CAUSEWAY_", "1", ": unknown variable"),
        ("CAUSEWAY_LISTENER", "[{face='aws', prt=1}]", ":1:15: unknown key \"prt\" (did you mean \"port\"?)"),
    ]);
}

#[test]
fn not_toml() {
    check(&[
        (
            "dev = true\nregion = eu",
            "causeway.toml:2:10: not TOML: string values must be quoted, expected literal string",
        ),
        ("dev = true\ndev = false", "causeway.toml:2:1: not TOML: duplicate key \"dev\""),
        ("é = 1", "causeway.toml:1:1: not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`"),
    ]);
    let line = environment_errors(&[("CAUSEWAY_QUEUE", "[{name='a'}")]);
    assert!(line.starts_with("CAUSEWAY_QUEUE:1:12: not TOML: unclosed array"), "{line}");
}

#[test]
fn a_file_that_is_not_toml_does_not_accuse_others() {
    let errors = load("dev = yes", &[("CAUSEWAY_MQTT_ADDRESS", "0.0.0.0")], Flags::default()).unwrap_err();
    assert_eq!(errors.0.len(), 1, "{errors}");
}

#[test]
fn wrong_scalars() {
    let size = "must be a size such as \"512MiB\", \"8GB\" or 4096 (bytes), from 16MiB to 1024TiB";
    let duration = "must be a duration such as \"500ms\", \"30s\", \"5m\", \"12h\" or \"7d\", from 1ms to 1h";
    check(&[
        ("data = ''", "causeway.toml:1:8: data = '': must be a path"),
        ("data = 1", "causeway.toml:1:8: data = 1: must be a path"),
        ("ephemeral = 'yes'", "causeway.toml:1:13: ephemeral = 'yes': must be true or false"),
        ("dev = 1", "causeway.toml:1:7: dev = 1: must be true or false"),
        ("dev = 'true'", "causeway.toml:1:7: dev = 'true': must be true or false"),
        ("auto_create = {}", "causeway.toml:1:15: auto_create = {}: must be true or false"),
        ("memory_limit = 'lots'", &format!("causeway.toml:1:16: memory_limit = 'lots': {size}")),
        ("memory_limit = '1MiB'", &format!("causeway.toml:1:16: memory_limit = '1MiB': {size}")),
        ("memory_limit = -1", &format!("causeway.toml:1:16: memory_limit = -1: {size}")),
        ("memory_limit = 1.5", &format!("causeway.toml:1:16: memory_limit = 1.5: {size}")),
        ("login_timeout = 10", &format!("causeway.toml:1:17: login_timeout = 10: {duration}")),
        ("login_timeout = '0s'", &format!("causeway.toml:1:17: login_timeout = '0s': {duration}")),
        ("login_timeout = '2h'", &format!("causeway.toml:1:17: login_timeout = '2h': {duration}")),
        ("io_threads = 0", "causeway.toml:1:14: io_threads = 0: must be a whole number from 1 to 64"),
        ("io_threads = 65", "causeway.toml:1:14: io_threads = 65: must be a whole number from 1 to 64"),
        ("io_threads = '2'", "causeway.toml:1:14: io_threads = '2': must be a whole number from 1 to 64"),
        (
            "max_connections = 99999999999999999999",
            "causeway.toml:1:19: max_connections = 99999999999999999999: must be a whole number from 1 to 10000000",
        ),
        (
            "region = 'EU West'",
            "causeway.toml:1:10: region = 'EU West': must be 1 to 32 lower-case letters, digits or \"-\"",
        ),
        ("log = ''", "causeway.toml:1:7: log = '': must be a log filter such as \"info\" or \"warn,net=debug\""),
        ("queue = 1", "causeway.toml:1:9: queue = 1: must be a list of tables: write [[queue]]"),
        ("queue = ['a']", "causeway.toml:1:10: queue = 'a': must be a list of tables: write [[queue]]"),
        ("[queue]\nname = 'a'", "causeway.toml:1:1: queue = [queue]: must be a list of tables: write [[queue]]"),
    ]);
    check_environment(&[
        ("CAUSEWAY_DEV", "yes", ": dev = \"yes\": must be true or false"),
        ("CAUSEWAY_DEV", "", ": dev = \"\": must be true or false"),
        ("CAUSEWAY_MEMORY_LIMIT", "lots", &format!(": memory_limit = \"lots\": {size}")),
        ("CAUSEWAY_MQTT_PORT", "70000", ": mqtt_port = \"70000\": must be a whole number from 0 to 65535"),
        (
            "CAUSEWAY_AWS_ADDRESS",
            "localhost",
            ": aws_address = \"localhost\": must be an IP address such as \"127.0.0.1\" or \"::1\"",
        ),
        ("CAUSEWAY_QUEUE", "'a'", ":1:1: queue = 'a': must be a list of tables: write [[queue]]"),
    ]);
    let flags = Flags { memory_limit: Some("lots".into()), ..Flags::default() };
    let line = load("", &[], flags).unwrap_err().to_string();
    assert_eq!(line, format!("--memory-limit: memory_limit = \"lots\": {size}"));
}

#[test]
fn wrong_values_in_tables() {
    let listener = |text: &str| format!("[[listener]]\nface = 'mqtt'\n{text}");
    let queue = |text: &str| format!("[[queue]]\nname = 'a'\n{text}");
    check(&[
        (
            "[[listener]]\nface = 'smtp'",
            "causeway.toml:2:8: listener.face = 'smtp': must be one of \"mqtt\", \"amqp\", \"stomp\", \"aws\", \"console\"",
        ),
        (
            "[[listener]]\nport = 1",
            "causeway.toml:1:1: [[listener]] needs \"face\": one of \"mqtt\", \"amqp\", \"stomp\", \"aws\", \"console\"",
        ),
        (
            &listener("address = 'localhost'"),
            "causeway.toml:3:11: listener.address = 'localhost': must be an IP address such as \"127.0.0.1\" or \"::1\"",
        ),
        (&listener("port = 65536"), "causeway.toml:3:8: listener.port = 65536: must be a whole number from 0 to 65535"),
        (&listener("path = 'ws'"), "causeway.toml:3:8: listener.path = 'ws': must be a path that begins with \"/\""),
        (
            &listener("dialect = 'x'"),
            "causeway.toml:3:11: listener.dialect = 'x': must be one of \"activemq\", \"rabbitmq\"",
        ),
        (
            "[[queue]]\nttl = '1s'",
            "causeway.toml:1:1: [[queue]] needs \"name\": a name of 1 to 1024 bytes without control characters",
        ),
        (
            "[[topic]]\nname = \"a\\nb\"",
            "causeway.toml:2:8: topic.name = \"a\\nb\": must be a name of 1 to 1024 bytes without control characters",
        ),
        (&queue("account = '12'"), "causeway.toml:3:11: queue.account = '12': must be 12 digits"),
        (&queue("max_length = 0"), "causeway.toml:3:14: queue.max_length = 0: must be a whole number from 1"),
        (
            &queue("max_bytes = 0"),
            "causeway.toml:3:13: queue.max_bytes = 0: must be a size such as \"512MiB\", \"8GB\" or 4096 (bytes), at \
             least 1",
        ),
        (
            &queue("overflow = 'drop'"),
            "causeway.toml:3:12: queue.overflow = 'drop': must be one of \"reject\", \"drop-head\", \"dead-letter\"",
        ),
        (
            &queue("max_priority = 10"),
            "causeway.toml:3:16: queue.max_priority = 10: must be a whole number from 0 to 9",
        ),
        (
            "[[exchange]]\nname = 'x'\ntype = 'any'",
            "causeway.toml:3:8: exchange.type = 'any': must be one of \"direct\", \"fanout\", \"topic\", \"headers\"",
        ),
        (
            "[[binding]]\nqueue = 'q'\nexchange = 'amq.headers'\nheaders = { a = 1.5 }",
            "causeway.toml:4:17: binding.headers.a = 1.5: must be a table of header names with texts, whole numbers, \
             true or false",
        ),
        (
            "[[subscription]]\nqueue = 'q'",
            "causeway.toml:1:1: [[subscription]] needs \"topic\": a name of 1 to 1024 bytes without control characters",
        ),
    ]);
}

#[test]
fn rules_between_settings() {
    check(&[
        (
            "[[listener]]\nface = 'mqtt'\naddress = '0.0.0.0'",
            "causeway.toml:3:11: listener mqtt: address 0.0.0.0 is not loopback and has no TLS: set tls_only = true and \
             tls_dir, or allow_plaintext = true, or dev = true (everyone is let in)",
        ),
        (
            "[[listener]]\nface = 'mqtt'\nport = 4566",
            "causeway.toml:3:8: listener mqtt: 127.0.0.1:4566 is taken by listener aws",
        ),
        (
            "[[listener]]\nface = 'mqtt'\n[[listener]]\nface = 'mqtt'",
            "causeway.toml:3:1: listener mqtt: 127.0.0.1:1883 is taken by listener mqtt",
        ),
        (
            "dev = true\n[[listener]]\nface = 'console'\naddress = '0.0.0.0'\nport = 1883",
            "causeway.toml:5:8: listener console: 0.0.0.0:1883 is taken by listener mqtt",
        ),
        (
            "disk_limit = '200MiB'",
            "causeway.toml:1:14: disk_limit = 200MiB: must be at least 256MiB, 4 times segment_size",
        ),
        (
            "memory_limit = '16MiB'\nmax_message_size = '32MiB'",
            "causeway.toml:2:20: max_message_size = 32MiB: must be at most memory_limit, which is 16MiB",
        ),
        (
            "[[queue]]\nname = 'a'\n[[queue]]\nname = 'a'\nregion = 'x'\n[[queue]]\nname = 'a'",
            "causeway.toml:7:8: queue \"a\" is defined twice, first at causeway.toml:2:8",
        ),
        (
            "[[queue]]\nname = 'a'\noverflow = 'dead-letter'",
            "causeway.toml:3:12: queue \"a\": overflow = \"dead-letter\" needs dead_letter: the name of a queue",
        ),
        (
            "[[queue]]\nname = 'a'\nmax_deliveries = 3",
            "causeway.toml:3:18: queue \"a\": max_deliveries needs dead_letter: the name of a queue",
        ),
        (
            "[[queue]]\nname = 'a'\ndead_letter = 'a'",
            "causeway.toml:3:15: queue \"a\": dead_letter must be another queue",
        ),
        (
            "[[exchange]]\nname = 'amq.topic'",
            "causeway.toml:2:8: exchange \"amq.topic\": names that begin with \"amq.\" are reserved",
        ),
        (
            "[[binding]]\nqueue = 'q'",
            "causeway.toml:1:1: binding of queue \"q\": exchange \"amq.topic\" compares keys: set key",
        ),
        (
            "[[exchange]]\nname = 'x'\n[[binding]]\nqueue = 'q'\nexchange = 'x'\nkey = ''\nheaders = {}",
            "causeway.toml:7:11: binding of queue \"q\": exchange \"x\" does not look at headers: use a headers exchange",
        ),
    ]);
    let file = "[[listener]]\nface = 'mqtt'\n[[listener]]\nface = 'mqtt'\nport = 0";
    let line = load(file, &[("CAUSEWAY_MQTT_PORT", "1")], Flags::default()).unwrap_err().to_string();
    assert_eq!(line, "CAUSEWAY_MQTT_PORT: mqtt has 2 listeners: set their ports in [[listener]]");
}

#[test]
fn bindings_that_can_match_are_accepted() {
    from_file("[[binding]]\nqueue = 'q'\nexchange = 'amq.fanout'");
    from_file("[[binding]]\nqueue = 'q'\nexchange = 'unlisted'\nheaders = { a = 1 }");
    from_file("[[binding]]\nqueue = 'q'\nexchange = 'amq.match'\nheaders = { a = 1 }");
    from_file("[[binding]]\nqueue = 'q'\nexchange = 'amq.direct'\nkey = ''");
}

#[test]
fn all_mistakes_at_once_in_order() {
    let file = "dev = 1\n[[queue]]\nname = 'a'\nmax_priority = 10\n[[queue]]\nname = 'a'\ncolour = 1";
    let variables = [("CAUSEWAY_LOG", ""), ("CAUSEWAY_AWS_PORT", "x"), ("CAUSEWAY_DATE", "y")];
    let flags = Flags { io_threads: Some("0".into()), ..Flags::default() };
    let errors = load(file, &variables, flags).unwrap_err();
    let places: Vec<_> = errors.0.iter().map(|error| error.origin.to_string()).collect();
    let expected = [
        "causeway.toml:1:7",
        "causeway.toml:4:16",
        "causeway.toml:6:8",
        "causeway.toml:7:1",
        "CAUSEWAY_AWS_PORT",
        "CAUSEWAY_DATE",
        "CAUSEWAY_LOG",
        "--io-threads",
    ];
    assert_eq!(places, expected, "{errors}");
    assert_eq!(errors.to_string().lines().count(), expected.len());
}

#[test]
fn long_values_are_shortened() {
    let line = file_errors(&format!("dev = '{}'", "x".repeat(1_000)));
    assert_eq!(line, format!("causeway.toml:1:7: dev = '{}…: must be true or false", "x".repeat(59)));
    let line = file_errors("dev = '''a\nb'''");
    assert_eq!(line, "causeway.toml:1:7: dev = '''a\\nb''': must be true or false");
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        file_errors("data = 'é'\nqueue = [{ name = 'é', ttl = 1 }]").split(": ").next(),
        Some("causeway.toml:2:30")
    );
}

#[test]
fn an_unreadable_file() {
    let errors = crate::read_file(std::path::Path::new("/no/such/causeway.toml")).unwrap_err();
    let expected = "/no/such/causeway.toml: cannot be read: No such file or directory (os error 2)";
    assert_eq!(errors.to_string(), expected);
}
