//! The account at the end of a run: a table of stages and the closing line.

use std::fmt::Write;
use std::time::Duration;

use crate::suite::tally::Tally;
use crate::suite::{Outcome, Verdict};

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) stage: &'static str,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

impl Report {
    /// Whether the stage was part of this run, and did not pass.
    pub(crate) fn has_not_passed(&self, stage: &str) -> bool {
        self.rows.iter().any(|row| row.stage == stage && row.outcome.verdict != Verdict::Pass)
    }

    pub(crate) fn passed(&self) -> bool {
        self.rows.iter().all(|row| row.outcome.verdict == Verdict::Pass)
    }

    pub(crate) fn table(&self, total: Duration) -> String {
        let mut text = format!("\n{:<12} {:>8}  result\n", "stage", "seconds");
        for Row { stage, took, outcome } in &self.rows {
            let verdict = match outcome.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "FAIL",
                Verdict::NotRun => "not run",
            };
            let line = format!("{stage:<12} {:>8.1}  {verdict:<8} {}", took.as_secs_f64(), outcome.note);
            writeln!(text, "{}", line.trim_end()).expect("writing to a string cannot fail");
        }
        writeln!(text, "{:<12} {:>8.1}", "total", total.as_secs_f64()).expect("writing to a string cannot fail");
        let not_run = self.rows.iter().filter(|row| row.outcome.verdict == Verdict::NotRun);
        let names: Vec<_> = not_run.map(|row| row.stage).collect();
        if !names.is_empty() {
            writeln!(text, "did not run: {}", names.join(", ")).expect("writing to a string cannot fail");
        }
        text
    }

    /// `N passed, N failed`: tests where a stage counts them, else the stage itself, which has also failed if it did
    /// not run. So `0 failed` is said only of a run that passed.
    pub(crate) fn closing_line(&self) -> String {
        let mut sum = Tally::default();
        for row in &self.rows {
            sum += row.count();
        }
        format!("{} passed, {} failed", sum.passed, sum.failed)
    }
}

impl Row {
    fn count(&self) -> Tally {
        let counted = self.outcome.tally;
        match self.outcome.verdict {
            Verdict::Pass if counted == Tally::default() => Tally { passed: 1, failed: 0 },
            // A test program that did not compile, crashed or ran out of time prints no counts.
            Verdict::Fail | Verdict::NotRun if counted.failed == 0 => Tally { failed: 1, ..counted },
            _ => counted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stage: &'static str, verdict: Verdict, passed: u64, failed: u64) -> Row {
        let outcome = Outcome { verdict, tally: Tally { passed, failed }, note: String::new() };
        Row { stage, took: Duration::from_millis(1500), outcome }
    }

    #[test]
    fn tests_are_summed_and_other_stages_count_as_one() {
        let rows = vec![row("fmt", Verdict::Pass, 0, 0), row("rust", Verdict::Pass, 40, 0)];
        let report = Report { rows };
        assert_eq!(report.closing_line(), "41 passed, 0 failed");
        assert!(report.passed());
    }

    #[test]
    fn a_failure_is_never_counted_as_none() {
        let rows = vec![
            row("fmt", Verdict::Fail, 0, 0),
            row("rust", Verdict::Fail, 7, 0),
            row("conformance", Verdict::Fail, 5, 2),
            row("crash", Verdict::NotRun, 0, 0),
        ];
        let report = Report { rows };
        assert_eq!(report.closing_line(), "12 passed, 5 failed");
        assert!(!report.passed());
    }

    #[test]
    fn a_stage_that_did_not_run_is_no_pass() {
        let report = Report { rows: vec![row("fmt", Verdict::Pass, 0, 0), row("crash", Verdict::NotRun, 0, 0)] };
        assert!(!report.passed());
        assert!(report.has_not_passed("crash"));
        assert!(!report.has_not_passed("fmt"));
        assert!(!report.has_not_passed("build"), "a stage outside of this run is not judged");
    }

    #[test]
    fn the_table_shows_seconds_and_results() {
        let mut failed = row("clippy", Verdict::Fail, 0, 0);
        failed.outcome.note = "exit status: 101".into();
        let report =
            Report { rows: vec![row("fmt", Verdict::Pass, 0, 0), failed, row("crash", Verdict::NotRun, 0, 0)] };
        let table = report.table(Duration::from_secs(90));
        assert_eq!(
            table.lines().collect::<Vec<_>>(),
            [
                "",
                "stage         seconds  result",
                "fmt               1.5  pass",
                "clippy            1.5  FAIL     exit status: 101",
                "crash             1.5  not run",
                "total            90.0",
                "did not run: crash",
            ]
        );
    }
}
