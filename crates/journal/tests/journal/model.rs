//! Random histories against the model.

use proptest::prelude::*;

use crate::support::{Harness, some_encryption};

#[derive(Clone, Debug)]
enum Action {
    Append(Vec<Vec<usize>>),
    Serve,
    /// Power cut now.
    Crash,
    /// Power cut during a later change.
    CutPower(u64),
    /// The process ends; the system does not.
    Restart,
    /// The process ends in order.
    Close,
    FailSync(u64),
    FullDisk(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let len = prop_oneof![4 => 0..300_usize, 2 => 300..5000_usize, 1 => 5000..20_000_usize];
    let batches = prop::collection::vec(prop::collection::vec(len, 0..5), 1..5);
    prop_oneof![
        12 => batches.prop_map(Action::Append),
        3 => Just(Action::Serve),
        2 => Just(Action::Crash),
        2 => (1..30_u64).prop_map(Action::CutPower),
        1 => Just(Action::Restart),
        1 => Just(Action::Close),
        1 => (1..8_u64).prop_map(Action::FailSync),
        1 => (60_000..200_000_u64).prop_map(Action::FullDisk),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_durable_is_replayed(seed: u64, actions in prop::collection::vec(action(), 1..40)) {
        if let Err(fault) = run(seed, &actions) {
            return Err(TestCaseError::fail(fault));
        }
    }
}

fn run(seed: u64, actions: &[Action]) -> Result<(), String> {
    let mut harness = Harness::new(seed);
    harness.options.encryption = some_encryption(seed);
    reopen(&mut harness)?;
    for action in actions {
        let sound = match action {
            Action::Append(batches) => harness.append(batches)?,
            Action::Serve => harness.serve()?,
            Action::CutPower(nth) => {
                harness.simulated.cut_power_at(*nth);
                true
            }
            Action::FailSync(nth) => {
                harness.simulated.fail_sync_at(*nth);
                true
            }
            Action::FullDisk(bytes) => {
                harness.simulated.limit_capacity(*bytes);
                true
            }
            Action::Crash => false,
            Action::Restart => {
                harness.restart();
                false
            }
            Action::Close => {
                harness.close();
                harness.open()?
            }
        };
        if !sound {
            // After an error the process ends; half of the time the power goes, too.
            if harness.opened.is_some() && harness.model.durable().is_multiple_of(2) {
                harness.restart();
            } else if harness.opened.is_some() || !matches!(action, Action::Restart) {
                harness.crash();
            }
            reopen(&mut harness)?;
        }
    }
    harness.crash();
    reopen(&mut harness)
}

fn reopen(harness: &mut Harness) -> Result<(), String> {
    if harness.open()? { Ok(()) } else { Err("a sound disk failed".into()) }
}
