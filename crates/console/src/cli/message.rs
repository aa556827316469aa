//! A message as `peek` and `tail` show it to people.

use std::io::{self, Write};

use serde_json::Value as Json;

use crate::cli::text::{lines, one_line};
use crate::cli::units::{show_size, show_time};
use crate::json::{BodyObject, DeathObject, MessageObject};

/// A line about the message, how it died elsewhere, its properties, then its body, indented.
pub(super) fn write_message(message: &MessageObject, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "#{}  {}  {}  {}  {}  priority {}",
        message.seq,
        show_time(message.arrived),
        one_line(&target(&message.exchange, &message.key)),
        show_size(message.body_bytes as u64),
        one_line(&message.encoding),
        message.priority
    )?;
    let flags = [(message.durable, "durable"), (message.retained, "retained"), (message.redelivered, "redelivered")];
    for (_, flag) in flags.into_iter().filter(|(set, _)| *set) {
        write!(out, "  {flag}")?;
    }
    writeln!(out)?;
    message.deaths.iter().try_for_each(|death| write_death(death, out))?;
    for (name, value) in &message.properties {
        writeln!(out, "    {name}: {}", plain(value))?;
    }
    for (name, value) in message.annotations.iter().chain(&message.application_properties) {
        writeln!(out, "    {} = {}", plain(name), plain(value))?;
    }
    if message.properties_left_out > 0 {
        writeln!(out, "    … and {} more properties", message.properties_left_out)?;
    }
    match &message.body {
        BodyObject::Text(text) => lines(text).lines().try_for_each(|line| writeln!(out, "  {line}"))?,
        BodyObject::Base64(text) => writeln!(out, "  base64 {}", one_line(text))?,
        BodyObject::Value(value) => writeln!(out, "  {}", one_line(&value.to_string()))?,
    }
    if message.cut { writeln!(out, "  …") } else { Ok(()) }
}

/// `dead letter of orders: undeliverable (why), 2 times since 2026-…, sent to topic a.b`
fn write_death(death: &DeathObject, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "    dead letter of {}: {}", one_line(&death.queue), one_line(&death.reason))?;
    if !death.detail.is_empty() {
        write!(out, " ({})", one_line(&death.detail))?;
    }
    match death.count {
        0 | 1 => write!(out, ", {}", show_time(death.time))?,
        often => write!(out, ", {often} times since {}", show_time(death.time))?,
    }
    writeln!(out, ", sent to {}", one_line(&target(&death.exchange, &death.key)))
}

fn target(exchange: &str, key: &str) -> String {
    match exchange {
        "" => key.to_owned(),
        "amq.topic" => format!("topic {key}"),
        exchange => format!("{exchange} {key}"),
    }
}

/// Text without quotes, everything else as JSON.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| one_line(&value.to_string()), one_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_tell_where_why_and_how_often() {
        let death = |queue: &str, detail: &str, count| DeathObject {
            queue: queue.into(),
            reason: "undeliverable".into(),
            detail: detail.into(),
            count,
            time: 951_782_400_000,
            exchange: if count > 1 { "amq.topic".into() } else { String::new() },
            key: "a.b".into(),
        };
        let deaths = vec![death("orders", "an SQS body has at most 1 MiB", 1), death("retry\u{1b}", "", 3)];
        let mut out = Vec::new();
        write_message(&MessageObject { deaths, ..MessageObject::default() }, &mut out).unwrap();
        let shown = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = shown.lines().skip(1).collect();
        let time = "2000-02-29T00:00:00.000Z";
        let first =
            format!("    dead letter of orders: undeliverable (an SQS body has at most 1 MiB), {time}, sent to a.b");
        let second =
            format!("    dead letter of retry\\u{{1b}}: undeliverable, 3 times since {time}, sent to topic a.b");
        assert_eq!(lines, [&*first, &*second]);
    }
}
