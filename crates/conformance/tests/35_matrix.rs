//! Every sender and every receiver on one queue and one topic: what of a message survives. Each cell is observed with real
//! client libraries; `expected.rs` says what it must be, and `CONVERSIONS.md` shows it.

#[path = "matrix/admin.rs"]
mod admin;
#[path = "matrix/expected.rs"]
mod expected;
#[path = "matrix/marks.rs"]
mod marks;
#[path = "matrix/page.rs"]
mod page;
#[path = "matrix/party.rs"]
mod party;
#[path = "matrix/trials.rs"]
mod trials;

use std::rc::Rc;

use conformance::poll::{DEADLINE, poll, until};
use conformance::{Broker, Options};
use serde_json::{Value, json};

use crate::admin::{Admin, Desk};
use crate::marks::Mark;
use crate::party::{Client, Library, Party};
use crate::trials::{Facet, MIB, Trial, trials};

const CONFIG: &str = r#"
[[queue]]
name = "matrix"
durable = true

[[queue]]
name = "plant-line"
durable = true

[[subscription]]
topic = "plant.line"
queue = "plant-line"
"#;

/// Rows of the tables that are about a delivery after the message came back to its queue.
const REDELIVERED: &str = "redelivered";
const COUNT: &str = "delivery count";

/// Everything that was seen.
#[derive(Default)]
pub(crate) struct Observed {
    cells: Vec<Cell>,
}

pub(crate) struct Cell {
    pub(crate) producer: Party,
    pub(crate) consumer: Party,
    pub(crate) title: &'static str,
    pub(crate) mark: Mark,
}

impl Observed {
    fn push(&mut self, (producer, consumer): (Party, Party), title: &'static str, mark: Mark) {
        self.cells.push(Cell { producer, consumer, title, mark });
    }

    pub(crate) fn mark(&self, producer: Party, consumer: Party, title: &str) -> &Mark {
        let is_it = |cell: &&Cell| cell.producer == producer && cell.consumer == consumer && cell.title == title;
        self.cells.iter().find(is_it).map_or(&Mark::Unsaid, |cell| &cell.mark)
    }

    /// The rows, in the order in which they were seen first.
    pub(crate) fn titles(&self) -> Vec<&'static str> {
        let mut titles = Vec::new();
        for cell in &self.cells {
            if !titles.contains(&cell.title) {
                titles.push(cell.title);
            }
        }
        titles
    }
}

/// All parties at one broker.
struct World {
    broker: Rc<Broker>,
    desk: Desk,
    clients: Vec<Box<dyn Client>>,
}

impl World {
    /// `None` where a client is not installed.
    fn start() -> Option<Self> {
        let broker = Rc::new(Broker::start(CONFIG, Options::default()));
        let mut clients: Vec<Box<dyn Client>> = Vec::new();
        for party in Party::ALL {
            clients.push(match party {
                Party::Admin => Box::new(Admin::new(broker.clone())),
                library => Box::new(Library::start(library, &broker)?),
            });
        }
        let desk = Desk::open(&broker);
        Some(Self { broker, desk, clients })
    }

    fn client(&mut self, party: Party) -> &mut dyn Client {
        self.clients[party as usize].as_mut()
    }

    /// Deliveries that lost something so far, as the broker counts.
    fn lossy(&mut self) -> u64 {
        self.desk.conversions("lossy")
    }

    fn undeliverable(&mut self) -> u64 {
        self.desk.conversions("undeliverable")
    }

    /// Sends and takes: what the sender could not say, and what the receiver sees.
    fn carry(&mut self, (producer, consumer): (Party, Party), to: &Value, message: &Value) -> Carried {
        let unsaid = self.client(producer).send(to, message)?;
        let seen = self.client(consumer).take(to)?;
        Ok((unsaid, seen))
    }

    /// A failed trial must not spoil the next one.
    fn clean(&self) {
        self.broker.admin_row(&["purge", "matrix", "--leased"]);
    }

    fn left(&self) -> u64 {
        let queue = self.broker.admin_row(&["queue", "matrix"]);
        queue["ready"].as_u64().expect("a number") + queue["leased"].as_u64().expect("a number")
    }
}

type Carried = Result<(Vec<String>, Value), String>;

#[test]
fn everything_that_everybody_sends_to_everybody() {
    let Some(mut world) = World::start() else { return };
    let mut observed = Observed::default();
    let mut complaints = Vec::new();
    for consumer in Party::ALL {
        through_the_queue(&mut world, consumer, &mut observed, &mut complaints);
    }
    for consumer in Party::ALL {
        through_the_topic(&mut world, consumer, &observed, &mut complaints);
    }
    complaints.extend(expected::compare(&observed));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    page::check(&observed);
}

fn through_the_queue(world: &mut World, consumer: Party, observed: &mut Observed, complaints: &mut Vec<String>) {
    let queue = json!({"queue": "matrix"});
    for producer in Party::ALL {
        let parties = (producer, consumer);
        for trial in trials(producer) {
            let lossy = world.lossy();
            let carried = trial.senders.contains(&producer).then(|| world.carry(parties, &queue, &trial.message));
            let marks: Vec<Mark> =
                trial.facets.iter().map(|facet| judge(parties, &trial, facet, carried.as_ref())).collect();
            if !is_counted(world, lossy, &trial, &marks) {
                complaints.push(format!("{parties:?}, {}: its losses are counted wrongly", trial.facets[0].title));
            }
            for (facet, mark) in trial.facets.iter().zip(marks) {
                observed.push(parties, facet.title, mark);
            }
            if carried.is_some_and(|carried| carried.is_err()) {
                world.clean();
            }
        }
        give_back(world, parties, observed);
        if world.left() > 0 {
            complaints.push(format!("{producer:?} to {consumer:?}: the queue is not empty"));
            world.clean();
        }
    }
}

/// Whether the broker has counted a delivery with losses, and none without. Priority, persistence and expiry are no
/// properties: the broker acts on them.
fn is_counted(world: &mut World, before: u64, trial: &Trial, marks: &[Mark]) -> bool {
    let is_property = |path: &str| !matches!(path, "priority" | "durable" | "ttl");
    let properties = trial.facets.iter().zip(marks).filter(|(facet, _)| is_property(facet.path));
    let is_lost = |(facet, mark): (&Facet, &Mark)| match mark {
        Mark::Lost => true,
        Mark::Json => facet.path == "body",
        _ => false,
    };
    if properties.clone().any(is_lost) {
        // It is said with the next thing that is written.
        return poll(DEADLINE, || (world.lossy() == before + 1).then_some(())).is_some();
    }
    let all_there = properties.clone().all(|(_, mark)| matches!(mark, Mark::Kept | Mark::Unsaid));
    !all_there || world.lossy() == before
}

/// What a receiver knows of a message that came back to the queue. The administrator holds none, so it looks at one that
/// SQS gave back.
fn give_back(world: &mut World, parties: (Party, Party), observed: &mut Observed) {
    let (producer, consumer) = parties;
    let queue = json!({"queue": "matrix"});
    let holder = if consumer == Party::Admin { Party::Sqs } else { consumer };
    let message = json!({"body": ["string", "again"], "durable": true});
    let mut exchange = || -> Result<(Value, Value), String> {
        world.client(producer).send(&queue, &message)?;
        let first = world.client(holder).give_back(&queue)?;
        Ok((first, world.client(consumer).take(&queue)?))
    };
    let (redelivered, count) = match exchange() {
        Err(error) => (Mark::Wrong(error.clone()), Mark::Wrong(error)),
        Ok((first, second)) => {
            let marked = (first["redelivered"] == true, second["redelivered"] == true);
            let redelivered = match marked {
                (false, true) => Mark::Kept,
                (false, false) => Mark::Lost,
                (true, _) => Mark::Wrong("marked the first time".to_owned()),
            };
            let before = if holder == consumer { first["count"].as_u64() } else { Some(0) };
            let count = match (before, second["count"].as_u64()) {
                (_, None) => Mark::Lost,
                (before, Some(after)) if after == before.unwrap_or(0) + 1 => Mark::Kept,
                (before, Some(after)) => Mark::Wrong(format!("{before:?}, then {after}")),
            };
            (redelivered, count)
        }
    };
    let failed = matches!(redelivered, Mark::Wrong(_));
    observed.push(parties, REDELIVERED, redelivered);
    observed.push(parties, COUNT, count);
    if failed {
        world.clean();
    }
}

/// A topic's subscribers must see the same as the queue's receivers.
fn through_the_topic(world: &mut World, consumer: Party, observed: &Observed, complaints: &mut Vec<String>) {
    let topic = json!({"topic": ["plant", "line"]});
    if let Err(error) = world.client(consumer).listen(&topic) {
        complaints.push(format!("{consumer:?} cannot listen: {error}"));
        return;
    }
    world.broker.admin_row(&["purge", "plant-line"]);
    // SQS sends to queues only.
    for producer in Party::ALL.into_iter().filter(|party| *party != Party::Sqs) {
        let parties = (producer, consumer);
        for trial in trials(producer) {
            if !trial.by_topic || !trial.senders.contains(&producer) {
                continue;
            }
            let carried = world.carry(parties, &topic, &trial.message);
            for facet in &trial.facets {
                let mark = judge(parties, &trial, facet, Some(&carried));
                let by_queue = observed.mark(producer, consumer, facet.title);
                if mark != *by_queue {
                    let title = facet.title;
                    complaints
                        .push(format!("{producer:?} to {consumer:?}, {title}: by topic {mark}, by queue {by_queue}"));
                }
            }
        }
    }
}

/// A body that is too large for SQS goes to the dead letters with the reason, whoever sent it, and what is behind it is
/// received at once. There others can read it.
#[test]
fn what_sqs_cannot_carry_is_a_dead_letter_and_blocks_nothing() {
    let Some(mut world) = World::start() else { return };
    let (queue, dead) = (json!({"queue": "matrix"}), json!({"queue": "ActiveMQ.DLQ"}));
    let large = marks::binary(&vec![0x80; MIB + 1]);
    for producer in Party::ALL.into_iter().filter(|party| *party != Party::Sqs) {
        let undeliverable = world.undeliverable();
        for body in [&large, &json!(["string", "behind it"])] {
            let message = json!({"body": body, "durable": true});
            world.client(producer).send(&queue, &message).unwrap_or_else(|error| panic!("{producer:?}: {error}"));
        }
        let taken = world.client(Party::Sqs).take(&queue).unwrap_or_else(|error| panic!("{producer:?}: {error}"));
        assert_eq!(taken["body"], json!(["string", "behind it"]), "{producer:?}");
        let row = until("a dead letter", || world.broker.admin_rows(&["peek", "ActiveMQ.DLQ"]).pop());
        let death = &row["deaths"][0];
        let told = ["queue", "reason", "detail", "key"].map(|name| death[name].as_str().unwrap_or_default());
        assert_eq!(told, ["matrix", "undeliverable", "an SQS body has at most 1 MiB", "matrix"], "{producer:?}: {row}");
        assert_eq!((&row["body_bytes"], &death["count"]), (&json!(MIB + 1), &json!(1)), "{producer:?}");
        until("it is counted", || (world.undeliverable() == undeliverable + 1).then_some(()));
        let reader = if producer == Party::Admin { Party::Mqtt } else { producer };
        let read = world.client(reader).take(&dead).unwrap_or_else(|error| panic!("{reader:?}: {error}"));
        assert!(read["body"] == large, "{reader:?} reads it whole");
        assert_eq!(world.left(), 0, "{producer:?}");
    }
}

fn judge((producer, consumer): (Party, Party), trial: &Trial, facet: &Facet, carried: Option<&Carried>) -> Mark {
    let (unsaid, seen) = match carried {
        None => return Mark::Unsaid,
        Some(Err(error)) => return Mark::Wrong(error.clone()),
        Some(Ok(carried)) => carried,
    };
    let field = facet.path.split('.').next().unwrap_or_default();
    if unsaid.iter().any(|name| name == facet.path || name == field) {
        return Mark::Unsaid;
    }
    let pointer = format!("/{}", facet.path.replace('.', "/"));
    let at = |message: &Value, pointer: &str| message.pointer(pointer).cloned().unwrap_or(Value::Null);
    let said = at(&trial.message, &pointer);
    if field == "body" {
        return marks::of_body((producer, consumer), &said, &seen["body"], seen["cut"].as_u64());
    }
    let packed = at(seen, &pointer.replace("/properties/", "/packed/"));
    if field == "properties" && !packed.is_null() {
        return marks::of_packed(&said, &packed);
    }
    marks::of_value(field, &said, &at(seen, &pointer))
}
