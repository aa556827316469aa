use model::{Action, Exchange, Name, Protected, What};

use super::{Conditions, anonymous, client, policy, user};
use crate::Identity;
use crate::policy::{Policy, explain};

const FILE: &str = r#"[[destination]]
queue = "orders.>"
read = ["drivers"]

[[permission]]
user = "alice"
write = "^amq\\.topic$"

[[topic_permission]]
user = "alice"
exchange = "amq.topic"
write = "^alice\\."

[[topic]]
filter = "secret/#"
access = "deny"

[[permission]]
user = "alice"
configure = "^orders"
from = ["10.0.0.0/8"]
secure = true

[[permission]]
group = "drivers"
virtual_host = "eu"
read = ".*"
"#;

fn explained(policy: &Policy, who: &Identity, action: Action, what: What<'_>, namespace: &str) -> String {
    let namespace = Name::from(namespace);
    let conditions = Conditions { address: Some([192, 0, 2, 1].into()), ..client("m1") };
    explain(policy, who, action, &Protected { namespace: &namespace, what }, &conditions).1
}

#[test]
fn explanations_name_the_entry() {
    let policy = policy(FILE);
    let alice = user("alice", &["drivers"]);
    let [queue, news, own, secret] = ["orders.eu", "news", "alice.x", "secret.x"].map(Name::from);
    fn at(key: &Name) -> What<'_> {
        What::Address(&Exchange::Topic, key)
    }
    let text = [
        explained(&policy, &alice, Action::Read, What::Queue(&queue), "/"),
        explained(&policy, &alice, Action::Write, at(&own), "/"),
        explained(&policy, &alice, Action::Write, at(&news), "/"),
        explained(&policy, &alice, Action::Write, at(&secret), "/"),
        explained(&policy, &alice, Action::Configure, What::Queue(&queue), "/"),
        explained(&policy, &alice, Action::Read, What::Queue(&queue), super::OTHER),
        explained(&policy, &alice, Action::Configure, What::Temporary, "/"),
        explained(&policy, &alice, Action::Monitor, What::Broker, "/"),
        explained(&policy, &user("bob", &[]), Action::Subscribe, at(&news), "/"),
        explained(&policy, &anonymous(), Action::Enter, What::Namespace, "/"),
        explained(
            &policy,
            &Identity { administrator: true, ..user("root", &[]) },
            Action::Administer,
            What::Broker,
            "/",
        ),
        explained(&Policy::open(), &alice, Action::Read, What::Queue(&queue), "/"),
    ]
    .concat();
    assert_eq!(text, include_str!("explained.txt"));
}
