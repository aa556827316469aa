use std::path::Path;

use model::Action::{Read, Subscribe, Write};
use proptest::prelude::*;

use super::{ask, client, policy, user};
use crate::policy::fuzz;

const NAMES: [&str; 16] =
    ["#", "+", "*", ">", "a/#", "+/+", "a.b", "%u", "%c", "../x", "$SYS", ".*", "^", "{username}", "[a-z]", "a|b"];

/// CVE-2017-7650: nothing that a client calls itself means more than its letters.
#[test]
fn names_widen_no_pattern() {
    let filters = policy(
        "[[topic]]\nfilter = \"sensors/%c/t\"\naccess = \"readwrite\"\n[[topic]]\nfilter = \"users/%u/#\"\naccess = \"readwrite\"\n",
    );
    for name in NAMES {
        let who = user(name, &[]);
        for what in ["topic sensors.other.t", "topic users.other", "topic users.other.x", "topic sensors.t", "topic x"]
        {
            for action in [Read, Write] {
                assert!(!ask(&filters, &who, &client(name), action, what).allowed, "{name} {what}");
            }
        }
        assert!(!ask(&filters, &who, &client(name), Subscribe, "topic sensors.other.t").allowed, "{name}");
    }
}

#[test]
fn names_widen_no_expression() {
    for expression in
        ["^{username}\\\\.", "(?i)^{username}\\\\.", "(?x)^{username} \\\\.", "^(x{client_id}|{username}){1}\\\\."]
    {
        let text = format!(
            "[[permission]]\nuser = \"*\"\nwrite = \".*\"\n[[topic_permission]]\nuser = \"*\"\nexchange = \"amq.topic\"\nwrite = \"{expression}\"\n"
        );
        let policy = policy(&text);
        for name in NAMES.into_iter().chain(["a b", "OTHER", "o\\", "(", "", "x){0}("]) {
            let verdict = ask(&policy, &user(name, &[]), &client(name), Write, "topic other.a");
            assert!(!verdict.allowed, "{expression} {name:?}");
            let verdict = ask(&policy, &user(name, &[]), &client(name), Write, "topic ab.a");
            assert!(!verdict.allowed, "{expression} {name:?}");
        }
        let own = ask(&policy, &user("a.b+c", &[]), &client("z"), Write, "topic a.b+c.x");
        assert!(own.allowed, "{expression}");
    }
}

#[test]
fn a_very_long_name_has_no_rights() {
    let policy = policy(
        "[[permission]]\nuser = \"*\"\nwrite = \".*\"\n[[topic_permission]]\nuser = \"*\"\nexchange = \"amq.topic\"\nwrite = \"({username}){50}\"\n",
    );
    let name = "é".repeat(40_000);
    assert!(!ask(&policy, &user(&name, &[]), &client(""), Write, &format!("topic {}", name.repeat(50))).allowed);
}

#[test]
fn the_corpus_replays() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, run) in [("permissions", fuzz::file as fn(&[u8])), ("permission_patterns", fuzz::patterns)] {
        let mut replayed = 0;
        for entry in std::fs::read_dir(folder.join(name)).unwrap() {
            run(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed >= 10, "only {replayed} files in {name}");
    }
}

const WORDS: [&str; 24] = [
    "[[destination]]\n",
    "[[temporary]]\n",
    "[[permission]]\n",
    "[[topic_permission]]\n",
    "[[topic]]\n",
    "queue = \"a.>\"\n",
    "topic = \"*\"\n",
    "exchange = \"e\"\n",
    "user = \"#\"\n",
    "user = \"*\"\n",
    "group = \"drivers\"\n",
    "read = [\"*\"]\n",
    "write = [\"anonymous\", \"drivers\"]\n",
    "write = \".*\"\n",
    "read = \"^{username}\"\n",
    "configure = \"(\"\n",
    "filter = \"a/%c/#\"\n",
    "access = \"deny\"\n",
    "access = \"readwrite\"\n",
    "secure = true\n",
    "from = [\"::/0\"]\n",
    "virtual_host = \"eu\"\n",
    "virtual_host = \"*\"\n",
    "x = 1\n",
];

proptest! {
    #[test]
    fn bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::file(&data);
        fuzz::patterns(&data);
    }

    #[test]
    fn words_never_panic(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..30)) {
        fuzz::file(words.concat().as_bytes());
    }

    #[test]
    fn patterns_never_panic(rule in "[a.*>/+#%cu$]{0,12}", asked in "[a.*#/$]{0,12}") {
        fuzz::patterns(format!("{rule}\n{asked}").as_bytes());
    }

    #[test]
    fn access_lists_never_panic(lines in prop::collection::vec("(user|topic|pattern) ?(read|write|deny|readwrite)? ?[a/+#%c*$]{0,6}", 0..8)) {
        fuzz::file(lines.join("\n").as_bytes());
    }
}
