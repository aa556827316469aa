//! Tables for people.

use std::fmt::Write;

use crate::workload::Measurement;
use crate::workload::idle::Idle;
use crate::workload::start::Started;

/// Rows under headings; the first column is aligned to the left, the others to the right.
#[derive(Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned).to_vec()] }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = length(cell).max(*width);
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width - length(cell));
                match column {
                    0 => line.extend([cell, &gap[..]]),
                    _ => line.extend(["  ", &gap, cell]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn length(cell: &str) -> usize {
    cell.chars().count()
}

/// Three significant digits, or all digits before the point.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    match magnitude {
        _ if magnitude >= 99.95 || value == 0.0 => format!("{value:.0}"),
        _ if magnitude >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

pub fn measurement(unit: &str, found: &Measurement) -> String {
    let mut table = Table::new(["", "value"]);
    let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
    line(&format!("{unit}s/s"), number(found.per_second));
    line(&format!("broker CPU µs/{unit}"), optional(found.cpu_micros_per_unit));
    for (thread, micros) in &found.thread_micros_per_unit {
        line(&format!("  thread {thread}"), number(*micros));
    }
    for (action, latency) in &found.latency {
        let [p50, p99, p999, max] = [latency.p50, latency.p99, latency.p999, latency.max].map(number);
        line(&format!("{action} p50 / p99 / p99.9 / max µs"), format!("{p50} / {p99} / {p999} / {max}"));
    }
    line(&format!("bytes written/{unit}"), optional(found.written_per_unit));
    line("disk flushes/s", optional(found.disk_flushes_per_second));
    line("anonymous memory KiB", optional(found.anonymous_kib.map(|kib| kib as f64)));
    line("others' cores", optional(found.others_cores));
    let account = &found.account;
    line("owed", account.owed.to_string());
    line("received", account.received.to_string());
    line("lost", account.lost.to_string());
    line("duplicated", account.duplicated.to_string());
    table.render()
}

pub fn idle(found: &Idle) -> String {
    let mut table = Table::new(["", "value"]);
    let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
    line("connections", found.connections.to_string());
    line("connects/s", number(found.connects_per_second));
    line("broker CPU µs/connect", number(found.cpu_micros_per_connect));
    line("anonymous KiB/connection", number(found.kib_per_connection));
    line("broker CPU µs/subscribe", optional(found.cpu_micros_per_subscribe));
    line("anonymous KiB/connection with subscription", optional(found.kib_per_subscribed));
    line("broker's cores while idle", number(found.resting_cores));
    table.render()
}

pub fn started(found: &Started) -> String {
    let mut table = Table::new(["", "value"]);
    table.row(["first accepted connection ms".to_owned(), number(found.accepts_after_millis)]);
    table.row(["CPU ms".to_owned(), number(found.cpu_millis)]);
    table.row(["anonymous memory KiB".to_owned(), found.anonymous_kib.to_string()]);
    table.render()
}

pub fn latency(name: &str, found: &crate::statistics::Latency) -> String {
    let mut table = Table::new(["", "samples", "p50 µs", "p99 µs", "max µs"]);
    let [p50, p99, max] = [found.p50, found.p99, found.max].map(number);
    table.row([name.to_owned(), found.samples.to_string(), p50, p99, max]);
    table.render()
}

/// One line for a log of what is going on.
pub fn brief(found: &Measurement) -> String {
    let mut text = format!("{}/s, CPU µs {}", number(found.per_second), optional(found.cpu_micros_per_unit));
    for (action, latency) in &found.latency {
        let _ = write!(text, ", {action} p50 {} µs", number(latency.p50));
    }
    let (lost, duplicated) = (found.account.lost, found.account.duplicated);
    if lost + duplicated > 0 {
        let _ = write!(text, ", LOST {lost}, DUPLICATED {duplicated}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters() {
        let mut table = Table::new(["a", "µs"]);
        table.row(["long name".to_owned(), "1".to_owned()]);
        table.row(["x".to_owned(), "1000".to_owned()]);
        assert_eq!(table.render(), "a            µs\nlong name     1\nx          1000\n");
    }

    #[test]
    fn numbers_have_three_digits_or_more() {
        let texts = [0.0, 0.126, 9.996, 12.34, 99.96, 1234.5].map(number);
        assert_eq!(texts, ["0", "0.13", "10.0", "12.3", "100", "1234"]);
        assert_eq!(optional(None), "–");
    }
}
