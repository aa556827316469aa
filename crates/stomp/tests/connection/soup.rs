//! Any bytes, valid and damaged frames, and the corpus.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use stomp::fuzz;

const CONNECTS: [&str; 5] = [
    "CONNECT\naccept-version:1.2\n\n\0",
    "CONNECT\naccept-version:1.1\nheart-beat:500,500\n\n\0",
    "CONNECT\nlogin:me\n\n\0",
    "STOMP\naccept-version:1.2\nclient-id:me\n\n\0",
    "STOMP\naccept-version:1.1,1.2\nclient-id:me\nheart-beat:0,1000\n\n\0",
];

const DESTINATIONS: [&str; 9] = [
    "/queue/a",
    "/topic/a.b",
    "/topic/a.>",
    "/temp-queue/t",
    "/exchange/amq.fanout",
    "/queue/a,/topic/a.b",
    "/reply-queue/r",
    "/amq/queue/a",
    "a",
];

/// What keeps a session busy.
fn useful() -> impl Strategy<Value = String> {
    let destination = || select(DESTINATIONS.to_vec());
    let transaction = || select(vec!["", "", "", "transaction:t\n", "transaction:u\n"]);
    let receipt = || select(vec!["", "receipt:r\n"]);
    let ack = select(vec!["", "ack:auto\n", "ack:client\n", "ack:client-individual\n", "browser:true\n"]);
    let kind = select(vec![
        "",
        "",
        "activemq.subscriptionName:s\n",
        "durable:true\nauto-delete:false\n",
        "activemq.prefetchSize:2\n",
        "selector:a > 1\n",
    ]);
    let extra = select(vec!["", "persistent:true\n", "reply-to:/temp-queue/t\n", "x:a\\cb\n", "expiration:100\n"]);
    prop_oneof![
        6 => (destination(), transaction(), receipt(), extra, 0..300usize).prop_map(|(d, t, r, e, n)| {
            format!("SEND\ndestination:{d}\n{t}{r}{e}\n{}\0", "x".repeat(n))
        }),
        4 => (0..4, destination(), receipt(), ack, kind)
            .prop_map(|(id, d, r, a, k)| format!("SUBSCRIBE\nid:{id}\ndestination:{d}\n{r}{a}{k}\n\0")),
        2 => (0..4, receipt()).prop_map(|(id, r)| format!("UNSUBSCRIBE\nid:{id}\n{r}\n\0")),
        1 => (0..4).prop_map(|id| format!("UNSUBSCRIBE\nid:{id}\nactivemq.subscriptionName:s\n\n\0")),
        2 => (select(vec!["BEGIN", "COMMIT", "ABORT"]), select(vec!["t", "u"]), receipt())
            .prop_map(|(command, name, r)| format!("{command}\ntransaction:{name}\n{r}\n\0")),
        1 => Just("\n\r\n".to_owned()),
    ]
}

/// As a client would: what is opened twice or ended unopened is left out.
fn sensible(frames: Vec<String>) -> String {
    let mut open = std::collections::BTreeSet::new();
    let mut out = String::new();
    for frame in frames {
        let find = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let (id, transaction) = (find("id:").unwrap_or_default(), find("transaction:").unwrap_or_default());
        let fits = match frame.split('\n').next().unwrap() {
            "SUBSCRIBE" => open.insert(id),
            "UNSUBSCRIBE" => open.remove(&id),
            "BEGIN" => open.insert(transaction),
            "COMMIT" | "ABORT" => open.remove(&transaction),
            "SEND" => transaction.is_empty() || open.contains(&transaction),
            _ => true,
        };
        if fits {
            out += &frame;
        }
    }
    out
}

#[test]
fn the_corpus_confuses_no_connection() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut files: Vec<_> = ["stomp_connection", "stomp_codec"]
        .iter()
        .flat_map(|name| std::fs::read_dir(folder.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 45, "only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        let data = std::fs::read(&file).unwrap();
        (0..10).for_each(|seed| fuzz::run_with(&data, seed));
    }
}

proptest! {
    #[test]
    fn useful_frames(connect in select(CONNECTS.to_vec()), frames in vec(useful(), 1..60), seed: u64) {
        fuzz::run_with(format!("{connect}{}", sensible(frames)).as_bytes(), seed);
    }

    #[test]
    fn careless_frames(connect in select(CONNECTS.to_vec()), frames in vec(useful(), 1..20), seed: u64) {
        fuzz::run_with(format!("{connect}{}", frames.concat()).as_bytes(), seed);
    }

    #[test]
    fn damaged_frames(connect in select(CONNECTS.to_vec()), frames in vec(useful(), 0..20), at: Index, byte: u8, seed: u64) {
        let mut bytes = format!("{connect}{}", sensible(frames)).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz::run_with(&bytes, seed);
    }

    #[test]
    fn any_bytes(connect in select(CONNECTS.to_vec()), data in vec(any::<u8>(), 0..300), seed: u64) {
        fuzz::run_with(&data, seed);
        fuzz::run_with(&[connect.as_bytes(), &data].concat(), seed);
    }
}
