//! AMQP 1.0 with three client libraries.

use conformance::poll::DEADLINE;
use conformance::{Broker, Face, Options, clients};
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::transaction::{
    OwnedTransaction, TransactionDischarge as _, TransactionPosting as _, TransactionRetirement as _,
};
use fe2o3_amqp::types::messaging::annotations::AnnotationKey;
use fe2o3_amqp::types::messaging::{
    ApplicationProperties, Body, Header, Message, MessageAnnotations, Modified, Properties,
};
use fe2o3_amqp::types::primitives::{Binary, Symbol, Value};
use fe2o3_amqp::{Connection, Receiver, Sender, Session};

const CONFIG: &str = "[[queue]]\nname = \"jobs\"\ndead_letter = \"dead\"\n[[queue]]\nname = \"dead\"\n";

#[test]
fn proton_links() {
    clients::python("14_amqp10_links.py", &broker());
}

#[test]
fn proton_nodes() {
    clients::python("14_amqp10_nodes.py", &broker());
}

#[test]
fn proton_messages() {
    clients::python("14_amqp10_messages.py", &broker());
}

#[test]
fn proton_transactions() {
    clients::python("14_amqp10_transactions.py", &broker());
}

#[test]
fn rhea() {
    clients::node("14_amqp10.mjs", &broker());
}

#[test]
fn fe2o3_sends_and_receives() {
    fe2o3(async |session| {
        let mut sender = Sender::attach(session, "sender", "simple").await.expect("attached");
        let mut receiver = Receiver::attach(session, "receiver", "simple").await.expect("attached");
        for number in 0..300_i64 {
            sender.send(number).await.unwrap().accepted_or_else(|state| state).expect("accepted");
        }
        for number in 0..300_i64 {
            let delivery = receiver.recv::<i64>().await.unwrap();
            assert_eq!(delivery.body(), &number);
            receiver.accept(&delivery).await.unwrap();
        }
        sender.close().await.unwrap();
        receiver.close().await.unwrap();
    });
}

#[test]
fn fe2o3_gets_every_section_back() {
    fe2o3(async |session| {
        let mut sender = Sender::attach(session, "sender", "sections").await.expect("attached");
        let mut receiver = Receiver::attach(session, "receiver", "sections").await.expect("attached");
        let message = Message::builder()
            .header(Header::builder().durable(true).priority(7).build())
            .message_annotations(MessageAnnotations::builder().insert(Symbol::from("x-opt-note"), 5_u8).build())
            .properties(
                Properties::builder()
                    .message_id(7_u64)
                    .user_id(b"guest".to_vec())
                    .subject("news")
                    .correlation_id("c".to_owned())
                    .content_type("text/plain")
                    .group_id("g".to_owned())
                    .group_sequence(3)
                    .build(),
            )
            .application_properties(
                ApplicationProperties::builder()
                    .insert("int", 5_i32)
                    .insert("text", "漢 😀")
                    .insert("yes", true)
                    .build(),
            )
            .data(Binary::from(vec![0_u8; 100_000]))
            .build();
        sender.send(message.clone()).await.unwrap().accepted_or_else(|state| state).expect("accepted");
        let delivery = receiver.recv::<Body<Value>>().await.unwrap();
        let got = delivery.message();
        let header = got.header.as_ref().expect("a header");
        assert_eq!((header.durable, header.priority), (true, message.header.as_ref().unwrap().priority));
        assert_eq!(got.properties, message.properties);
        assert_eq!(got.application_properties, message.application_properties);
        let annotations = got.message_annotations.as_ref().expect("annotations");
        assert_eq!(annotations.get(&"x-opt-note" as &dyn AnnotationKey), Some(&Value::Ubyte(5)));
        assert!(
            matches!(&got.body, Body::Data(parts) if parts.iter().map(|part| part.0.len()).sum::<usize>() == 100_000)
        );
        receiver.accept(&delivery).await.unwrap();
    });
}

#[test]
fn fe2o3_settles_in_every_way() {
    fe2o3(async |session| {
        let mut sender = Sender::attach(session, "sender", "jobs").await.expect("attached");
        let mut receiver = Receiver::attach(session, "receiver", "jobs").await.expect("attached");
        sender.send("x").await.unwrap();
        let first = receiver.recv::<String>().await.unwrap();
        receiver.release(&first).await.unwrap();
        let second = receiver.recv::<String>().await.unwrap();
        let failed = Modified { delivery_failed: Some(true), undeliverable_here: None, message_annotations: None };
        receiver.modify(&second, failed).await.unwrap();
        let third = receiver.recv::<String>().await.unwrap();
        assert_eq!(third.message().header.as_ref().map(|header| header.delivery_count), Some(1));
        receiver.reject(&third, None).await.unwrap();
        // Its dead letter is for the others to read: this library cannot read arrays of maps, such as x-opt-deaths.
        sender.send("next").await.unwrap();
        let next = receiver.recv::<String>().await.unwrap();
        assert_eq!(next.body(), "next");
        receiver.accept(&next).await.unwrap();
    });
}

#[test]
fn fe2o3_commits_and_rolls_back() {
    fe2o3(async |session| {
        let mut sender = Sender::attach(session, "sender", "in-tx").await.expect("attached");
        let mut receiver = Receiver::attach(session, "receiver", "in-tx").await.expect("attached");
        for (end, body) in [(false, "never"), (true, "kept")] {
            let transaction = OwnedTransaction::declare(session, format!("controller-{body}"), None).await.unwrap();
            transaction.post(&mut sender, body).await.unwrap();
            if end {
                transaction.commit().await.unwrap();
            } else {
                transaction.rollback().await.unwrap();
            }
        }
        for commit in [false, true] {
            let delivery = receiver.recv::<String>().await.unwrap();
            assert_eq!(delivery.body(), "kept");
            let name = format!("settler-{commit}");
            let transaction = OwnedTransaction::declare(session, name, None).await.unwrap();
            transaction.accept(&mut receiver, &delivery).await.unwrap();
            if commit {
                transaction.commit().await.unwrap();
            } else {
                transaction.rollback().await.unwrap();
                receiver.release(&delivery).await.unwrap();
            }
        }
        sender.send("after").await.unwrap();
        let delivery = receiver.recv::<String>().await.unwrap();
        assert_eq!(delivery.body(), "after");
    });
}

#[test]
fn fe2o3_drains() {
    fe2o3(async |session| {
        let mut sender = Sender::attach(session, "sender", "drained").await.expect("attached");
        for body in ["a", "b"] {
            sender.send(body).await.unwrap();
        }
        let mut receiver = Receiver::builder()
            .name("receiver")
            .source("drained")
            .credit_mode(CreditMode::Manual)
            .attach(session)
            .await
            .expect("attached");
        receiver.set_credit(10).await.unwrap();
        receiver.drain().await.unwrap();
        for body in ["a", "b"] {
            let delivery = receiver.recv::<String>().await.unwrap();
            assert_eq!(delivery.body(), body);
            receiver.accept(&delivery).await.unwrap();
        }
    });
}

fn broker() -> Broker {
    Broker::start(CONFIG, Options::default())
}

/// Runs `scenario` with a session of a connection of its own.
fn fe2o3(scenario: impl AsyncFnOnce(&mut SessionHandle<()>)) {
    let broker = broker();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let url = format!("amqp://guest:guest@{}", broker.address(Face::Amqp));
        let run = async {
            let mut connection = Connection::open("fe2o3", url.as_str()).await.expect("opened");
            let mut session = Session::begin(&mut connection).await.expect("begun");
            scenario(&mut session).await;
            session.end().await.expect("ended");
            connection.close().await.expect("closed");
        };
        tokio::time::timeout(DEADLINE, run).await.expect("in time");
    });
}
