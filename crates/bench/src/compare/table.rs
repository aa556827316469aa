//! A comparison for people: medians, ratios, the relay's floor, and the verdicts.

use super::matrix::{self, IDLE, START};
use super::sheet::{Metric, Outcome, Sheet, Spread};
use super::targets::{State, Verdict, Weight};
use crate::peers::{CAUSEWAY, RELAY};
use crate::report::{Table, number, optional};

pub fn render(sheet: &Sheet, verdicts: &[Verdict]) -> String {
    let parts = [traffic(sheet), idle(sheet), starts(sheet), failures(sheet), judged(verdicts)];
    let fsync = sheet.fsync_p50().map(|micros| format!("4 KiB overwrite + fdatasync: p50 {} µs\n", number(micros)));
    parts.into_iter().chain([fsync]).flatten().collect::<Vec<String>>().join("\n")
}

fn traffic(sheet: &Sheet) -> Option<String> {
    let mut table = Table::new([
        "workload",
        "broker",
        "CPU µs/unit",
        "[least–greatest]",
        "causeway/it",
        "it/relay",
        "units/s",
        "p50 µs",
        "p99 µs",
        "journal µs",
        "flushes/s",
        "others",
        "lost+twice",
    ]);
    let mut any = false;
    for row in matrix::rows().iter().filter(|row| ![IDLE, START].contains(&row.name)) {
        let cpu = |broker| sheet.median(row.name, broker, Metric::CpuMicros);
        for broker in sheet.brokers(row.name) {
            any = true;
            let median = |metric| sheet.median(row.name, broker, metric);
            let (lost, twice) = sheet.faults(row.name, broker);
            table.row([
                row.name.to_owned(),
                broker.to_owned(),
                optional(cpu(broker)),
                range(sheet.spread(row.name, broker, Metric::CpuMicros)),
                optional(ratio(cpu(CAUSEWAY), cpu(broker)).filter(|_| broker != CAUSEWAY)),
                optional(ratio(cpu(broker), cpu(RELAY)).filter(|_| broker != RELAY)),
                optional(median(Metric::PerSecond)),
                optional(median(Metric::P50Micros)),
                optional(median(Metric::P99Micros)),
                optional(median(Metric::JournalMicros)),
                optional(median(Metric::FlushesPerSecond)),
                optional(median(Metric::OthersCores)),
                format!("{lost}+{twice}"),
            ]);
        }
    }
    any.then(|| table.render())
}

fn idle(sheet: &Sheet) -> Option<String> {
    let mut table =
        Table::new([IDLE, "KiB each", "causeway/it", "KiB each, subscribed", "CPU µs/connect", "connects/s"]);
    let kib = |broker| sheet.median(IDLE, broker, Metric::KibPerConnection);
    let brokers = sheet.brokers(IDLE);
    for broker in &brokers {
        let median = |metric| optional(sheet.median(IDLE, broker, metric));
        table.row([
            (*broker).to_owned(),
            optional(kib(broker)),
            optional(ratio(kib(CAUSEWAY), kib(broker)).filter(|_| *broker != CAUSEWAY)),
            median(Metric::KibPerSubscribed),
            median(Metric::CpuMicrosPerConnect),
            median(Metric::PerSecond),
        ]);
    }
    (!brokers.is_empty()).then(|| table.render())
}

fn starts(sheet: &Sheet) -> Option<String> {
    let mut table = Table::new([START, "ms to accept", "[least–greatest]", "anonymous KiB"]);
    let brokers = sheet.brokers(START);
    for broker in &brokers {
        table.row([
            (*broker).to_owned(),
            optional(sheet.median(START, broker, Metric::StartMillis)),
            range(sheet.spread(START, broker, Metric::StartMillis)),
            optional(sheet.median(START, broker, Metric::IdleKib)),
        ]);
    }
    (!brokers.is_empty()).then(|| table.render())
}

fn failures(sheet: &Sheet) -> Option<String> {
    let failed = sheet.runs.iter().filter_map(|run| match &run.outcome {
        Outcome::Failed(error) => Some(format!("failed: {} {}: {error}\n", run.workload, run.broker)),
        _ => None,
    });
    let text: String = failed.collect();
    (!text.is_empty()).then_some(text)
}

fn judged(verdicts: &[Verdict]) -> Option<String> {
    let mut table = Table::new(["target", "measured", "limit", ""]);
    for verdict in verdicts {
        let state = match (verdict.state, verdict.weight) {
            (State::Holds, Weight::Promise) => "holds",
            (State::Missed, Weight::Promise) => "MISSED",
            (State::Holds, Weight::Goal) => "goal: reached",
            (State::Missed, Weight::Goal) => "goal: not reached",
            (State::NotMeasured, _) => "not measured",
        };
        table.row([verdict.target.clone(), optional(verdict.measured), optional(verdict.limit), state.to_owned()]);
    }
    (!verdicts.is_empty()).then(|| table.render())
}

fn range(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |spread| format!("[{}–{}]", number(spread.least), number(spread.greatest)))
}

fn ratio(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    above.zip(below).filter(|(_, below)| *below > 0.0).map(|(above, below)| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::sheet::Run;
    use crate::ledger::Account;
    use crate::peers::MOSQUITTO;
    use crate::workload::Measurement;

    #[test]
    fn ratios_and_losses_are_shown() {
        let mut sheet = Sheet::default();
        for (broker, cpu) in [(CAUSEWAY, 2.0), (MOSQUITTO, 8.0), (RELAY, 0.5)] {
            let account = Account { owed: 9, received: 8, lost: 1, duplicated: 2 };
            let mut found = Measurement::new(10, 1.0, None, account);
            found.cpu_micros_per_unit = Some(cpu);
            let outcome = Outcome::Measured(found);
            sheet.runs.push(Run { round: 1, workload: "mqtt q0 1:1 100", broker, outcome });
        }
        let text = render(&sheet, &[]);
        let cells = |broker: &str| {
            let line = text.lines().find(|line| line.split_whitespace().nth(4) == Some(broker)).unwrap();
            line.split_whitespace().skip(5).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(cells(CAUSEWAY)[..4], ["2.00", "[2.00–2.00]", "–", "4.00"]);
        assert_eq!(cells(MOSQUITTO)[2..4], ["0.25", "16.0"]);
        assert_eq!(cells(RELAY)[2..4], ["4.00", "–"]);
        assert_eq!(cells(RELAY).last().unwrap(), "1+2");
    }
}
