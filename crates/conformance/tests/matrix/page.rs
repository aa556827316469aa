//! `CONVERSIONS.md`, made from what was observed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::marks::Mark;
use crate::party::Party;
use crate::{COUNT, Observed, REDELIVERED};

const HEAD: &str = "\
# What conversions keep

A message keeps the form that its sender's protocol gave it, and a receiver of the same protocol gets it back as it was. A
receiver of another protocol gets a translation. These tables say what becomes of a message on its way through one queue;
through a topic it is the same. Each cell was observed with real clients: Paho (MQTT 3.1.1), stomp.py, amqplib (AMQP
0-9-1), python-qpid-proton (AMQP 1.0), boto3 (SQS), and `causeway send` and `peek`. The page is written by the test that
observes them (`UPDATE_CONVERSIONS=1 cargo test -p conformance --test 35_matrix`), and the test fails where they differ.

What a translation leaves out is counted: `causeway status` and `/metrics` tell how many deliveries lost something, how
much, and how many were not possible. One that is not possible, such as a body of more than 1 MiB for SQS, goes to the
dead-letter queue of its queue, else to `ActiveMQ.DLQ`, with the reason.

## What is lost

Senders on the left, receivers on top. The broker acts on priority, time to live and persistence whether or not a receiver
can see them.
";

const LEGEND: &str = "
## How receivers see it

| | |
|---|---|
| kept | as it was said, with its type as far as the receiver's library tells types |
| text | a value of another type as its text |
| Base64 | bytes as Base64; a body says so with the attribute `causeway.encoding` |
| JSON | a list, a map, or a typed body, as JSON |
| packed | in `causeway.properties`, a JSON object with what SQS, which has ten attributes, has no room or no form for |
| beginning | the first 64 KiB, and how long it is |
| – | the sender has no way to say it |

A delivery count and the mark of a redelivery are those of a message that was given back once.

The columns are senders.
";

const ATTRIBUTES: &str = "
## Message attributes of SQS

What other protocols call properties are message attributes in SQS. A sender who gives these attributes sends such a
property:

| attribute | is |
|---|---|
| `causeway.content-type`, `causeway.content-encoding`, `causeway.subject` | those of AMQP; the subject is JMS's type |
| `causeway.correlation-id`, `causeway.message-id` | a `String`, or `Number.ulong` or `Binary`, which AMQP 1.0 tells apart |
| `causeway.reply-to` | `queue://NAME`, `topic://KEY` or `/exchanges/NAME/KEY` |
| `causeway.creation-time`, `causeway.user-id`, `causeway.group-sequence`, `causeway.reply-to-group-id` | those of AMQP; a time is in milliseconds since 1970 |
| `causeway.encoding` | `base64`: the body is bytes, in Base64 |

Receivers see these too:

| attribute | is |
|---|---|
| `causeway.topic` | the topic that the message came through, as words with dots between them |
| `causeway.priority` | 0 to 9, if it is not 4 |
| `causeway.expires` | when the message will be gone, in milliseconds since 1970 |
| `causeway.group-id` | the group, where SQS cannot have it as its MessageGroupId |
| `causeway.properties` | a JSON object: what is more than ten attributes, and what SQS has no form for |

The type of any other attribute is in its data type, as Amazon's JMS library has it: `Number.int`, `Number.long`,
`Number.double`, `Number.Boolean` (`1` or `0`) and so on; also `Number.ulong`, `Number.timestamp`, `String.uuid`,
`String.symbol`, `String.char`, and `String.json` for lists and maps. A plain `Number` is a long where it is whole, else a
double.
";

/// Compares the page with what was observed. `UPDATE_CONVERSIONS=1 cargo test -p conformance --test 35_matrix` writes it
/// anew.
pub(crate) fn check(observed: &Observed) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONVERSIONS.md");
    let page = page(observed);
    if std::env::var_os("UPDATE_CONVERSIONS").is_some_and(|value| value == "1") {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(new, old)| new != old);
    let hint = "run UPDATE_CONVERSIONS=1 cargo test -p conformance --test 35_matrix";
    assert!(page == written, "CONVERSIONS.md is out of date: {hint}; first difference: {differs:?}");
}

fn page(observed: &Observed) -> String {
    let mut page = HEAD.to_owned();
    put_table(
        &mut page,
        "",
        Party::ALL.map(|producer| {
            let cells = Party::ALL.map(|consumer| losses(observed, producer, consumer));
            (producer.name(), cells)
        }),
    );
    page += LEGEND;
    for consumer in Party::ALL {
        write!(page, "\n### To {}\n", consumer.name()).expect("a string takes any text");
        let rows = observed
            .titles()
            .into_iter()
            .map(|title| (title, Party::ALL.map(|producer| observed.mark(producer, consumer, title).to_string())));
        put_table(&mut page, "", rows);
    }
    page + ATTRIBUTES
}

/// Rows with a cell for each party.
fn put_table<'a>(page: &mut String, corner: &str, rows: impl IntoIterator<Item = (&'a str, [String; 6])>) {
    let names = Party::ALL.map(Party::name).join(" | ");
    write!(page, "\n| {corner} | {names} |\n|---|---|---|---|---|---|---|\n").expect("a string takes any text");
    for (title, cells) in rows {
        writeln!(page, "| {title} | {} |", cells.join(" | ")).expect("a string takes any text");
    }
}

/// What is lost between two, in words.
fn losses(observed: &Observed, producer: Party, consumer: Party) -> String {
    let said = observed.titles().into_iter().filter(|title| *observed.mark(producer, consumer, title) != Mark::Unsaid);
    let (lost, rest): (Vec<_>, Vec<_>) =
        said.partition(|title| *observed.mark(producer, consumer, title) == Mark::Lost);
    let is_of_the_message = |title: &&&'static str| !title.starts_with("body") && ![REDELIVERED, COUNT].contains(title);
    match (lost.as_slice(), rest.iter().find(is_of_the_message)) {
        ([], _) => "nothing".to_owned(),
        // Of the message only the body is left.
        ([_, _, _, ..], None) => "everything but the body".to_owned(),
        (some, _) => some.join(", "),
    }
}
