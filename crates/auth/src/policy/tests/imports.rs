use crate::policy::import::{ImportError, Imported, Origin, import};
use crate::policy::tests::{ask, ask_in, client, user};
use crate::policy::{Conditions, HostNames, Policy};
use model::Action::{Configure, Read, Write};
use model::Name;

fn read(imported: &Imported) -> Policy {
    let hosts: HostNames = imported.hosts.iter().map(|host| (host.clone(), Name::from(host.as_str()))).collect();
    let policy = Policy::parse(&imported.toml, &hosts).unwrap_or_else(|errors| panic!("{errors}\n{}", imported.toml));
    assert_eq!(policy.entries(), imported.entries);
    policy
}

const DEFINITIONS: &str = r#"{
  "rabbit_version": "4.2.1",
  "users": [
    {"name": "guest", "password_hash": "x", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ["administrator"], "limits": {}},
    {"name": "eye", "password_hash": "x", "tags": "monitoring,management"},
    {"name": "shop", "password_hash": "x", "tags": []}
  ],
  "vhosts": [{"name": "/"}, {"name": "shop"}],
  "permissions": [
    {"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "shop", "vhost": "shop", "configure": "^shop\\.", "write": "^(amq\\.default|shop\\..*|amq\\.topic)$", "read": "^shop\\.|^amq\\.topic$"},
    {"user": "eye", "vhost": "/", "configure": "^(?!x)", "write": "", "read": ""},
    {"user": "*", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
  ],
  "topic_permissions": [
    {"user": "shop", "vhost": "shop", "exchange": "amq.topic", "write": "^{username}\\.", "read": ".*"},
    {"user": "guest", "vhost": "/", "exchange": "amq.topic", "write": "(?<=a)b", "read": ".*"}
  ],
  "parameters": [], "policies": [], "queues": [], "exchanges": [], "bindings": []
}"#;

#[test]
fn definitions_of_rabbitmq() {
    assert_eq!(Origin::guess(DEFINITIONS), Origin::RabbitMq);
    let imported = import(DEFINITIONS, Origin::RabbitMq).unwrap();
    let expected = r#"# Permissions of RabbitMQ.
# left out: the permissions of user "eye" in "/": [[permission]]: configure = "^(?!x)": must be a regular expression: look-around, including look-ahead and look-behind, is not supported
# left out: user "*" in "/": the name would mean more than one
# left out: the topic permissions of user "guest" in "/" at "amq.topic": [[topic_permission]]: write = "(?<=a)b": must be a regular expression: look-around, including look-ahead and look-behind, is not supported
# virtual host "shop" must be a [[virtual_host]] of the configuration
# user "guest" could act as administrator: say so in the users file if it is to stay so
# user "eye" could act as monitor: say so in the users file if it is to stay so

[[permission]]
user = "guest"
configure = ".*"
write = ".*"
read = ".*"

[[permission]]
user = "shop"
virtual_host = "shop"
configure = '^shop\.'
write = '^(amq\.default|shop\..*|amq\.topic)$'
read = '^shop\.|^amq\.topic$'

[[topic_permission]]
user = "shop"
virtual_host = "shop"
exchange = "amq.topic"
write = '^{username}\.'
read = ".*"

[[topic_permission]]
user = "guest"
exchange = "amq.topic"
write = ""
read = ""
"#;
    assert_eq!(imported.toml, expected);
    let (policy, shop) = (read(&imported), user("shop", &[]));
    for (action, what, expected) in [
        (Configure, "queue shop.q", true),
        (Configure, "queue q", false),
        (Write, "send anything", true),
        (Write, "topic shop.x", true),
        (Write, "topic other.x", false),
    ] {
        let verdict = ask_in("shop", &policy, &shop, &Conditions::default(), action, what);
        assert_eq!(verdict.allowed, expected, "{action:?} {what}");
    }
}

const ACCESS_LIST: &str = "# people without a name\ntopic read public/#\r\n\nuser alice\ntopic home/hall\ntopic read a b/c\n\
     topic deny home/secret\ntopic write x/%c\nuser *\ntopic readwrite all/#\npattern readwrite devices/%c/#\npattern read dev-%u/x\n\
     topics x\nuser bob smith\ntopic sometimes x/y\n";

#[test]
fn access_lists_of_mosquitto() {
    assert_eq!(Origin::guess(ACCESS_LIST), Origin::Mosquitto);
    let imported = import(ACCESS_LIST, Origin::Mosquitto).unwrap();
    let filter = r#"must be an MQTT topic filter: levels separated by "/" (at most 127), in which "+", "%u" and "%c" are levels of their own and "\#" is the last; or $queue/NAME, or $queue/\# for every queue"#.replace('\\', "");
    let expected = format!(r#"# Permissions of mosquitto.
# left out: line 8: topic write x/%c: in a topic line this is no variable, which no rule here can say
# left out, with what follows: line 9: user *: no user's name
# left out: line 12: pattern read dev-%u/x: [[topic]]: filter = "dev-%u/x": {filter}
# left out: line 13: topics x: unknown
# left out: line 15: topic sometimes x/y: [[topic]]: access = "sometimes": must be "read", "write", "readwrite" or "deny"

[[topic]]
user = "$anonymous"
filter = "public/\#"
access = "read"

[[topic]]
user = "alice"
filter = "home/hall"
access = "readwrite"

[[topic]]
user = "alice"
filter = "a b/c"
access = "read"

[[topic]]
user = "alice"
filter = "home/secret"
access = "deny"

[[topic]]
filter = "devices/%c/\#"
access = "readwrite"
"#).replace('\\', "");
    assert_eq!(imported.toml, expected);
    let policy = read(&imported);
    assert!(ask(&policy, &user("alice", &[]), &client("m1"), Write, "topic devices.m1.t").allowed);
    assert!(!ask(&policy, &user("alice", &[]), &client("m1"), Read, "topic public.x").allowed);
}

#[test]
fn a_denial_that_cannot_be_said_ends_the_import() {
    for text in ["user a\ntopic deny x/%u\n", "pattern deny a%c\n", "user *\ntopic deny a\n", "topic deny a/#/b"] {
        assert!(matches!(import(text, Origin::Mosquitto), Err(ImportError::Denial(_))), "{text}");
    }
}

const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<beans xmlns="http://www.springframework.org/schema/beans">
<broker xmlns="http://activemq.apache.org/schema/core" brokerName="b">
  <plugins>
    <authorizationPlugin>
      <map>
        <authorizationMap>
          <authorizationEntries>
            <authorizationEntry queue="&gt;" read="admins" write="admins" admin="admins"/>
            <authorizationEntry queue="ORDERS.>, RETURNS.*" read="drivers, admins" write="*" admin="admins" />
            <authorizationEntry topic="ActiveMQ.Advisory.>" read="anonymous" write="anonymous" admin="anonymous,user:x"/>
            <authorizationEntry queue="BAD*" read="admins"/>
            <authorizationEntry read="admins"/>
            <!-- <authorizationEntry queue="commented" read="*"/> -->
          </authorizationEntries>
          <tempDestinationAuthorizationEntry>
            <tempDestinationAuthorizationEntry read="drivers" write="drivers" admin="drivers"/>
          </tempDestinationAuthorizationEntry>
        </authorizationMap>
      </map>
    </authorizationPlugin>
  </plugins>
</broker>
</beans>"#;

#[test]
fn authorization_maps_of_activemq() {
    assert_eq!(Origin::guess(CONFIGURATION), Origin::ActiveMq);
    let imported = import(CONFIGURATION, Origin::ActiveMq).unwrap();
    let expected = r#"# Permissions of ActiveMQ.
# left out: group "user:x": here it would name a user
# left out: the entry of queue "BAD*": [[destination]]: queue = "BAD*": must be a name, or a pattern of levels separated by "." (at most 127), in which "*" alone is one level and a last ">" the rest
# left out: an authorizationEntry without queue and topic

[[destination]]
queue = ">"
admin = ["admins"]
write = ["admins"]
read = ["admins"]

[[destination]]
queue = "ORDERS.>"
admin = ["admins"]
write = ["*"]
read = ["drivers", "admins"]

[[destination]]
queue = "RETURNS.*"
admin = ["admins"]
write = ["*"]
read = ["drivers", "admins"]

[[destination]]
topic = "ActiveMQ.Advisory.>"
admin = ["anonymous"]
write = ["anonymous"]
read = ["anonymous"]

[[temporary]]
admin = ["drivers"]
write = ["drivers"]
read = ["drivers"]
"#;
    assert_eq!(imported.toml, expected);
    let policy = read(&imported);
    assert!(ask(&policy, &user("d", &["drivers"]), &Conditions::default(), Read, "queue RETURNS.eu").allowed);
}

#[test]
fn hostile_files_are_refused() {
    let entity = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><authorizationMap/>";
    assert_eq!(import(entity, Origin::ActiveMq), Err(ImportError::DocumentType));
    let unknown = "<authorizationMap><authorizationEntry queue=\"&b;\"/></authorizationMap>";
    assert!(matches!(import(unknown, Origin::ActiveMq), Err(ImportError::Xml(_))));
    assert_eq!(import("<beans/>", Origin::ActiveMq), Err(ImportError::NoAuthorizationMap));
    assert!(matches!(import("<a><b></a>", Origin::ActiveMq), Err(ImportError::Xml(_))));
    assert!(matches!(import(&"[".repeat(10_000), Origin::RabbitMq), Err(ImportError::Json(_))));
    assert!(matches!(import("{}", Origin::RabbitMq), Err(ImportError::Json(_))));
    let breaks = "user a\u{85}\u{1b}[2J\ntopic read x\u{7}/y\npattern read a\u{7}+\n";
    let imported = import(breaks, Origin::Mosquitto).unwrap();
    read(&imported);
    assert!(!imported.notes.concat().contains(char::is_control), "{imported:?}");
}
