//! AMQP 0-9-1 with five client libraries.

use conformance::poll::DEADLINE;
use conformance::{Broker, Face, Options, clients};
use lapin::message::DeliveryResult;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::mpsc;

#[test]
fn pika_connections() {
    clients::python("12_amqp_connect.py", &broker());
}

#[test]
fn pika_declarations() {
    clients::python("12_amqp_declare.py", &broker());
}

#[test]
fn pika_publishes() {
    clients::python("12_amqp_publish.py", &broker());
}

#[test]
fn pika_consumers() {
    clients::python("12_amqp_consume.py", &broker());
}

#[test]
fn pika_queue_arguments() {
    clients::python("12_amqp_queues.py", &broker());
}

#[test]
fn aio_pika() {
    clients::python("12_amqp_aio.py", &broker());
}

#[test]
fn amqplib() {
    clients::node("12_amqp.mjs", &broker());
}

#[test]
fn lapin_confirms_and_consumes() {
    lapin(async |channel| {
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let queue = declare(channel).await;
        let mut confirms = Vec::new();
        for n in 0..200_u32 {
            let properties = BasicProperties::default().with_delivery_mode(2);
            confirms.push(publish(channel, &queue, &n.to_be_bytes(), properties).await);
        }
        for confirm in confirms {
            assert_eq!(confirm.await.unwrap(), Confirmation::Ack(None));
        }
        channel.basic_qos(10, BasicQosOptions::default()).await.unwrap();
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let options = BasicConsumeOptions::default();
        let consumer =
            channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default()).await.unwrap();
        consumer.set_delegate(move |delivery: DeliveryResult| {
            let sent = sender.send(delivery.expect("the channel stays").expect("nobody cancels"));
            async move { sent.expect("the test waits") }
        });
        let mut got = Vec::new();
        while got.len() < 200 {
            let delivery = inbox.recv().await.unwrap();
            assert!(!delivery.redelivered);
            got.push((delivery.delivery_tag, u32::from_be_bytes(delivery.data[..].try_into().unwrap())));
            delivery.ack(BasicAckOptions::default()).await.unwrap();
        }
        // The library calls for each delivery in a task of its own.
        got.sort_unstable();
        assert_eq!(got, (0..200).map(|n| (u64::from(n) + 1, n)).collect::<Vec<_>>());
    });
}

#[test]
fn lapin_gets_typed_headers_and_large_bodies_back() {
    lapin(async |channel| {
        let queue = declare(channel).await;
        let mut headers = FieldTable::default();
        for (name, value) in [
            ("i8", AMQPValue::ShortShortInt(-5)),
            ("u8", AMQPValue::ShortShortUInt(200)),
            ("i16", AMQPValue::ShortInt(-300)),
            ("u16", AMQPValue::ShortUInt(60_000)),
            ("i32", AMQPValue::LongInt(-70_000)),
            ("u32", AMQPValue::LongUInt(4_000_000_000)),
            ("i64", AMQPValue::LongLongInt(i64::MIN)),
            ("f32", AMQPValue::Float(0.5)),
            ("f64", AMQPValue::Double(0.1)),
            ("bool", AMQPValue::Boolean(true)),
            ("time", AMQPValue::Timestamp(1_700_000_000)),
            ("void", AMQPValue::Void),
            ("text", AMQPValue::LongString("ünï 漢字 😀".into())),
            ("bytes", AMQPValue::ByteArray(vec![0, 255].into())),
            ("list", AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::LongInt(1), AMQPValue::Void]))),
            ("table", AMQPValue::FieldTable(FieldTable::default())),
        ] {
            headers.insert(name.into(), value);
        }
        let body = vec![7; 3 * 1024 * 1024 + 1];
        let properties = BasicProperties::default().with_headers(headers.clone()).with_priority(3);
        publish(channel, &queue, &body, properties.clone()).await;
        let got = get(channel, &queue).await.expect("it is there");
        assert_eq!(got.0, properties);
        assert!(got.1 == body, "{} bytes", got.1.len());
    });
}

#[test]
fn lapin_is_told_what_fails() {
    lapin(async |channel| {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let refused = channel.queue_declare("never-made".into(), options, FieldTable::default()).await.unwrap_err();
        match refused.kind() {
            ErrorKind::ProtocolError(error) => assert_eq!(error.get_id(), 404, "{error:?}"),
            other => panic!("{other:?}"),
        }
    });
    lapin(async |channel| {
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default();
        let published = channel.basic_publish("".into(), "never-made".into(), options, b"x", properties).await.unwrap();
        match published.await.unwrap() {
            Confirmation::Ack(Some(returned)) => {
                assert_eq!((returned.reply_code, &returned.data[..]), (312, &b"x"[..]))
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn lapin_gives_back_what_it_does_not_want() {
    lapin(async |channel| {
        let queue = declare(channel).await;
        publish(channel, &queue, b"x", BasicProperties::default()).await;
        let options = BasicGetOptions::default();
        let first = channel.basic_get(queue.as_str().into(), options).await.unwrap().expect("it is there");
        first.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await.unwrap();
        let again = channel.basic_get(queue.as_str().into(), options).await.unwrap().expect("it is there again");
        assert!(again.redelivered && again.data == b"x");
        again.ack(BasicAckOptions::default()).await.unwrap();
        assert!(get(channel, &queue).await.is_none());
    });
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}

/// Runs `scenario` with a channel of a connection of its own.
fn lapin(scenario: impl AsyncFnOnce(&Channel)) {
    let broker = broker();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let uri = format!("amqp://guest:guest@{}/%2f", broker.address(Face::Amqp));
        let run = async {
            let connection = Connection::connect(&uri, ConnectionProperties::default()).await.expect("connected");
            let channel = connection.create_channel().await.expect("a channel");
            scenario(&channel).await;
            connection.close(200, "bye".into()).await.expect("closed");
        };
        tokio::time::timeout(DEADLINE, run).await.expect("in time");
    });
}

async fn declare(channel: &Channel) -> String {
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare("".into(), options, FieldTable::default()).await.expect("declared");
    queue.name().to_string()
}

async fn publish(channel: &Channel, queue: &str, body: &[u8], properties: BasicProperties) -> lapin::PublisherConfirm {
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), queue.into(), options, body, properties).await.expect("published")
}

/// Takes the next message: its properties and body.
async fn get(channel: &Channel, queue: &str) -> Option<(BasicProperties, Vec<u8>)> {
    let options = BasicGetOptions { no_ack: true };
    let message = channel.basic_get(queue.into(), options).await.expect("an answer")?;
    Some((message.properties.clone(), message.data.clone()))
}
