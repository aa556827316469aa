use super::super::matrix;
use super::super::sheet::{Outcome, Run};
use super::*;
use crate::ledger::Account;
use crate::statistics::Histogram;
use crate::workload::Measurement;
use crate::workload::start::Started;

fn measured(broker: &'static str, workload: &'static str, cpu: f64, p50: u64) -> Run {
    let mut found = Measurement::new(10, 1.0, None, Account::default());
    found.cpu_micros_per_unit = Some(cpu);
    let mut histogram = Histogram::default();
    histogram.record(p50 * 1000);
    found.latency.insert("send".to_owned(), histogram.latency().unwrap());
    Run { round: 1, workload, broker, outcome: Outcome::Measured(found) }
}

fn verdict(text: &str, sheet: &Sheet) -> Verdict {
    targets().iter().map(|target| target.judge(sheet)).find(|verdict| verdict.target == text).unwrap()
}

#[test]
fn every_target_names_a_workload_of_the_matrix() {
    let rows = matrix::rows();
    for target in targets() {
        assert!(rows.iter().any(|row| row.name == target.workload), "{}", target.text());
        if let Limit::Own(_, other) = target.limit {
            assert!(rows.iter().any(|row| row.name == other), "{}", target.text());
        }
    }
}

#[test]
fn one_protocol_is_measured_by_another() {
    let text = "amqp10 settled 1:1 1024: CPU µs ≤ 1.5 × amqp091 transient 1:1 1024";
    let mut sheet = Sheet::default();
    sheet.runs.push(measured(CAUSEWAY, "amqp10 settled 1:1 1024", 3.0, 1));
    sheet.runs.push(measured(RABBITMQ, "amqp091 transient 1:1 1024", 30.0, 1));
    assert_eq!(verdict(text, &sheet).state, State::NotMeasured, "another broker's figure is no limit");
    sheet.runs.push(measured(CAUSEWAY, "amqp091 transient 1:1 1024", 2.0, 1));
    assert_eq!(verdict(text, &sheet).state, State::Holds);
    sheet.runs.push(measured(CAUSEWAY, "amqp10 settled 1:1 1024", 3.2, 1));
    assert_eq!(verdict(text, &sheet).state, State::Missed);
}

#[test]
fn goals_are_told_from_promises() {
    let mut sheet = Sheet::default();
    sheet.runs.push(measured(CAUSEWAY, "stomp auto 1:1 100", 2.5, 1));
    sheet.runs.push(measured(RABBITMQ, "stomp auto 1:1 100", 24.0, 1));
    let promise = verdict("stomp auto 1:1 100: CPU µs ≤ 1/8 of rabbitmq", &sheet);
    assert_eq!((promise.state, promise.weight), (State::Holds, Weight::Promise));
    let goal = verdict("stomp auto 1:1 100: CPU µs ≤ 2", &sheet);
    assert_eq!((goal.state, goal.weight), (State::Missed, Weight::Goal));
}

#[test]
fn the_better_mosquitto_counts() {
    let workload = "mqtt q0 1:1 100";
    let mut sheet = Sheet::default();
    sheet.runs.push(measured(MOSQUITTO, workload, 8.0, 1));
    sheet.runs.push(measured(MOSQUITTO_TUNED, workload, 12.0, 1));
    let text = "mqtt q0 1:1 100: CPU µs ≤ 1/4 of mosquitto";
    assert_eq!(verdict(text, &sheet).state, State::NotMeasured);
    sheet.runs.push(measured(CAUSEWAY, workload, 2.5, 1));
    let found = verdict(text, &sheet);
    assert_eq!((found.measured, found.limit, found.state), (Some(2.5), Some(2.0), State::Missed));
    sheet.runs.extend([measured(CAUSEWAY, workload, 1.9, 1), measured(CAUSEWAY, workload, 1.0, 1)]);
    assert_eq!(verdict(text, &sheet).state, State::Holds, "the median of 1.0, 1.9 and 2.5");
}

#[test]
fn failed_runs_are_not_measured() {
    let outcome = Outcome::Failed("gone".to_owned());
    let run = Run { round: 1, workload: START, broker: CAUSEWAY, outcome };
    let sheet = Sheet { runs: vec![run], fsync: Vec::new() };
    assert_eq!(verdict("start: ms to accept ≤ 100", &sheet).state, State::NotMeasured);
}

#[test]
fn absolute_and_disk_limits() {
    let mut disk = Histogram::default();
    disk.record(130_000);
    let started = Started { accepts_after_millis: 100.1, cpu_millis: 1.0, anonymous_kib: 20 * 1024 };
    let run = Run { round: 1, workload: START, broker: CAUSEWAY, outcome: Outcome::Started(started) };
    let sheet =
        Sheet { runs: vec![measured(CAUSEWAY, "sqs send c1", 1.0, 200), run], fsync: vec![disk.latency().unwrap()] };
    assert_eq!(verdict("start: ms to accept ≤ 100", &sheet).state, State::Missed);
    assert_eq!(verdict("start: anonymous KiB ≤ 20480", &sheet).state, State::Holds);
    let found = verdict("sqs send c1: p50 µs ≤ fdatasync + 100", &sheet);
    assert_eq!(found.state, State::Holds);
    assert!((found.limit.unwrap() - 230.0).abs() < 3.0);
}

#[test]
fn a_broker_that_does_not_sync_is_found_out() {
    let workload = "mqtt q1 1:1 100 kept";
    let text = "mqtt q1 1:1 100 kept: units/flush ≤ 200";
    for (flushes, state) in [(0.0, State::Missed), (9.0, State::Missed), (10.0, State::Holds)] {
        let mut found = Measurement::new(2000, 1.0, None, Account::default());
        found.disk_flushes_per_second = Some(flushes);
        let run = Run { round: 1, workload, broker: CAUSEWAY, outcome: Outcome::Measured(found) };
        let sheet = Sheet { runs: vec![run], fsync: Vec::new() };
        assert_eq!(verdict(text, &sheet).state, state, "{flushes} flushes per second");
    }
}
