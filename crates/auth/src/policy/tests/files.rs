use super::hosts;
use crate::policy::Policy;

fn mistakes(text: &str) -> Vec<String> {
    match Policy::parse(text, &hosts()) {
        Ok(policy) => panic!("{policy:?} is sound"),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn mistakes_say_where_what_and_what_is_allowed() {
    let text = r#"
[[destination]]
queue = "a.>.b"
reed = ["x"]
from = []

[[destination]]
queue = "a"
topic = "b"
read = ["", 5]

[[permission]]
user = "alice"
group = "g"
write = "(?=x)"
read = "a{username}"
secure = "yes"

[[topic_permission]]
user = ""
virtual_host = "moon"
write = "[{client_id}]"

[[topic]]
filter = "a/#/b"
access = "all"

[[topics]]
"#;
    let expected = [
        r##"line 3: [[destination]]: queue = "a.>.b": must be a name, or a pattern of levels separated by "." (at most 127), in which "*" alone is one level and a last ">" the rest"##,
        r##"line 4: [[destination]]: unknown key "reed": the keys are virtual_host, from, secure, queue, topic, exchange, admin, write, read"##,
        r##"line 5: [[destination]]: from = []: must be a list of networks or addresses such as ["10.0.0.0/8", "2001:db8::/32", "127.0.0.1"]"##,
        r##"line 7: [[destination]]: queue, topic and exchange cannot stand together"##,
        r##"line 10: [[destination]]: read = ["", 5]: must be a list of groups, "user:NAME", "*" (every user) or "anonymous", such as ["drivers", "user:alice"]"##,
        r##"line 12: [[permission]]: user and group cannot stand together"##,
        r##"line 15: [[permission]]: write = "(?=x)": must be a regular expression: look-around, including look-ahead and look-behind, is not supported"##,
        r##"line 16: [[permission]]: read = "a{username}": must be a regular expression: variables stand in a [[topic_permission]] of one virtual_host"##,
        r##"line 17: [[permission]]: secure = "yes": must be true or false"##,
        r##"line 19: [[topic_permission]] needs exchange: the name of one, such as "amq.topic""##,
        r##"line 20: [[topic_permission]]: user = "": must be a user's name, "*" (every user) or "$anonymous""##,
        r##"line 21: [[topic_permission]]: virtual_host = "moon": must be "/", "*" (every one), a [[virtual_host]] of the configuration, or ACCOUNT/REGION"##,
        r##"line 22: [[topic_permission]]: write = "[{client_id}]": must be a regular expression: a variable cannot stand in brackets"##,
        r##"line 25: [[topic]]: filter = "a/#/b": must be an MQTT topic filter: levels separated by "/" (at most 127), in which "+", "%u" and "%c" are levels of their own and "#" is the last; or $queue/NAME, or $queue/# for every queue"##,
        r##"line 26: [[topic]]: access = "all": must be "read", "write", "readwrite" or "deny""##,
        r##"line 28: unknown table "topics": the tables are [[destination]], [[temporary]], [[permission]], [[topic_permission]] and [[topic]]"##,
    ];
    assert_eq!(mistakes(text), expected);
}

#[test]
fn what_is_no_list_of_tables_is_refused() {
    for (text, expected) in [
        ("[topic]\n", "line 1: [[topic]] needs to be a list of tables, each under its [[…]]"),
        ("topic = [1]\n", "line 1: [[topic]] needs to be a list of tables, each under its [[…]]"),
        (
            "default = \"allow\"\n",
            "line 1: unknown table \"default\": the tables are [[destination]], [[temporary]], \
          [[permission]], [[topic_permission]] and [[topic]]",
        ),
        ("[[permission]]\n", "line 1: [[permission]] needs user or group"),
        (
            "[[topic]]\nfilter = \"a\"\n",
            "line 1: [[topic]] needs access: \"read\", \"write\", \"readwrite\" or \"deny\"",
        ),
        ("[[destination]]\n", "line 1: [[destination]] needs one of queue, topic and exchange"),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
    assert!(mistakes("[[topic\n")[0].starts_with("line 1: not TOML: "));
    assert!(mistakes("[[topic]]\nfilter = \"a\"\nfilter = \"b\"\n")[0].contains("duplicate key \"filter\""));
}

#[test]
fn everything_has_a_limit() {
    assert_eq!(mistakes(&"#".repeat((4 << 20) + 1)), ["line 1: bytes over the limit of 4194304"]);
    let many = "[[temporary]]\n".repeat(10_001);
    assert_eq!(mistakes(&many), ["line 10001: entries over the limit of 10000"]);
    assert!(Policy::parse(&many[14..], &hosts()).is_ok());
    assert_eq!(mistakes(&"[[permission]]\n".repeat(200)).len(), 50);
    let large = mistakes("[[permission]]\nuser = \"a\"\nread = \"(\\\\w{100}){100}\"\n");
    assert_eq!(
        large,
        [
            r##"line 3: [[permission]]: read = "(\\w{100}){100}": must be a regular expression: it takes more than 262144 bytes"##
        ]
    );
    let long = mistakes(&format!("[[permission]]\nuser = \"a\"\nread = \"{}\"\n", "a".repeat(4_097)));
    assert!(long[0].len() < 200, "{long:?}");
    let nested = mistakes(&format!("[[permission]]\nuser = \"a\"\nread = \"{}\"\n", "(".repeat(100)));
    assert!(nested[0].contains("regular expression: "), "{nested:?}");
}

#[test]
fn an_empty_file_is_a_policy() {
    assert_eq!(Policy::parse("", &hosts()).unwrap().entries(), 0);
}
