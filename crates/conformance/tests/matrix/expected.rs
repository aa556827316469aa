//! What must come of it: the translation that users of ActiveMQ and RabbitMQ know, or better.

use crate::marks::Mark::{self, Base64, Cut, Json, Kept, Lost, Packed, Text, Unsaid};
use crate::party::Party::{self, Sqs};
use crate::{COUNT, Observed, REDELIVERED};

/// For each row: who can say it (all six parties, in their order), and how the six see it.
type Row = (&'static str, [bool; 6], [Mark; 6]);

const ALL: [bool; 6] = [true; 6];
const NOT_SQS: [bool; 6] = [true, true, true, true, false, true];
/// Of MQTT and the administrator's `send`, which have no properties, not.
const PROPERTIES: [bool; 6] = [false, true, true, true, true, false];
/// STOMP's properties are text.
const TYPED: [bool; 6] = [false, false, true, true, true, false];
const AMQP: [bool; 6] = [false, false, true, true, false, false];
const HEADER: [bool; 6] = [false, true, true, true, false, true];
const MANY: [bool; 6] = [false, true, true, true, false, false];
const ONLY_10: [bool; 6] = [false, false, false, true, false, false];

#[rustfmt::skip]
const EXPECTED: &[Row] = &[
    //                          says        MQTT  STOMP   0-9-1  1.0    SQS     causeway
    ("body: text",              ALL,        [Kept, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("body: 4-byte UTF-8",      ALL,        [Kept, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("body: empty",             NOT_SQS,    [Kept, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("body: bytes with NUL",    ALL,        [Kept, Kept,   Kept,  Kept,  Base64, Kept]),
    ("body: 1 MiB",             ALL,        [Kept, Kept,   Kept,  Kept,  Base64, Cut]),
    ("body: map",               ONLY_10,    [Json, Json,   Json,  Kept,  Json,   Kept]),
    ("body: list",              ONLY_10,    [Json, Json,   Json,  Kept,  Json,   Kept]),
    ("persistent",              ALL,        [Lost, Kept,   Kept,  Kept,  Lost,   Kept]),
    ("priority",                HEADER,     [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("time to live",            HEADER,     [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("correlation id",          PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("message id",              PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("reply-to",                PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("content type",            PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("subject (JMS type)",      PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("group",                   PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("time stamp",              PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("property: string",        PROPERTIES, [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
    ("property: int",           TYPED,      [Lost, Text,   Kept,  Kept,  Kept,   Kept]),
    ("property: long",          TYPED,      [Lost, Text,   Kept,  Kept,  Kept,   Kept]),
    ("property: double",        TYPED,      [Lost, Text,   Kept,  Kept,  Kept,   Kept]),
    ("property: bool",          TYPED,      [Lost, Text,   Kept,  Kept,  Kept,   Kept]),
    ("property: binary",        TYPED,      [Lost, Base64, Kept,  Kept,  Kept,   Kept]),
    ("property: map",           AMQP,       [Lost, Lost,   Kept,  Kept,  Json,   Kept]),
    ("property: list",          AMQP,       [Lost, Lost,   Kept,  Kept,  Json,   Kept]),
    ("property: ulong",         ONLY_10,    [Lost, Text,   Kept,  Kept,  Kept,   Kept]),
    ("property: float",         ONLY_10,    [Lost, Text,   Kept,  Kept,  Kept,   Kept]),
    ("property: uuid",          ONLY_10,    [Lost, Text,   Text,  Kept,  Kept,   Kept]),
    ("property: symbol",        ONLY_10,    [Lost, Text,   Text,  Kept,  Kept,   Kept]),
    ("property: time stamp",    ONLY_10,    [Lost, Text,   Kept,  Kept,  Kept,   Kept]),
    ("property: null",          ONLY_10,    [Lost, Lost,   Kept,  Kept,  Json,   Kept]),
    ("the twelfth property",    MANY,       [Lost, Kept,   Kept,  Kept,  Packed, Kept]),
    ("correlation id: ulong",   ONLY_10,    [Lost, Text,   Text,  Kept,  Kept,   Kept]),
    ("correlation id: uuid",    ONLY_10,    [Lost, Text,   Text,  Kept,  Text,   Kept]),
    ("correlation id: binary",  ONLY_10,    [Lost, Base64, Base64, Kept, Kept,   Kept]),
    (REDELIVERED,               ALL,        [Kept, Kept,   Kept,  Kept,  Kept,   Kept]),
    (COUNT,                     ALL,        [Lost, Kept,   Kept,  Kept,  Kept,   Kept]),
];

/// Where a sender's protocol makes a difference: sender, receiver.
const EXCEPTIONS: &[(Party, Party, &str, Mark)] = &[
    // A body of SQS is text; its 1 MiB need no Base64.
    (Sqs, Sqs, "body: 1 MiB", Kept),
];

/// What is not as it must be.
pub(crate) fn compare(observed: &Observed) -> Vec<String> {
    let mut complaints = Vec::new();
    for (title, says, sees) in EXPECTED {
        for (producer, can_say) in Party::ALL.into_iter().zip(says) {
            for (consumer, general) in Party::ALL.into_iter().zip(sees) {
                let exception = EXCEPTIONS.iter().find(|it| (it.0, it.1, it.2) == (producer, consumer, *title));
                let wanted = match exception {
                    _ if !can_say => &Unsaid,
                    Some((.., mark)) => mark,
                    None => general,
                };
                let seen = observed.mark(producer, consumer, title);
                if seen != wanted {
                    complaints.push(format!("{producer:?} to {consumer:?}, {title}: {seen}, not {wanted}"));
                }
            }
        }
    }
    let unknown = observed.titles().into_iter().filter(|title| EXPECTED.iter().all(|row| row.0 != *title));
    complaints.extend(unknown.map(|title| format!("{title}: nothing is expected")));
    complaints
}
