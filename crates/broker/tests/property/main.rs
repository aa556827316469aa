//! Random commands, restarts and crashes against a small model of the ledger.
//!
//! `PROPTEST_CASES` sets how many; a failing case prints its commands, shrunk.

#[path = "../harness/mod.rs"]
mod harness;

mod batches;
mod crash;
mod model;
mod run;
mod transact;

use proptest::prelude::*;

use self::run::Run;

/// A command in small numbers, which choose among what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Publish { who: u8, to: u8, durable: bool, delay: bool, expires: bool },
    Held { who: u8, number: u8 },
    Unhold { who: u8, number: u8 },
    Consume { who: u8, queue: u8, credit: u8, window: bool, deadline: bool },
    Credit { which: u8, add: u8, drain: bool },
    Cancel { which: u8 },
    Fetch { who: u8, queue: u8, max: u8, deadline: bool, presettled: bool, waits: bool },
    Settle { who: u8, which: u8, outcome: u8, range: bool },
    Receipt { who: u8, which: u8, outcome: u8 },
    Decide { who: u8, which: u8 },
    Close { who: u8 },
    Stage { who: u8, to: u8 },
    StageSettle { who: u8, which: u8 },
    End { who: u8, how: u8 },
    EndPrepared { who: u8, which: u8, commit: bool },
    Purge { who: u8, queue: u8, leased: bool },
    Move { who: u8, from: u8, to: u8, max: u8 },
    Delete { who: u8 },
    Wait { milliseconds: u8 },
    Restart,
    Crash { back: u8 },
    Compare,
}

fn op() -> impl Strategy<Value = Op> {
    let (who, queue) = (0..3u8, 0..5u8);
    prop_oneof![
        8 => (who.clone(), 0..7u8, any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(who, to, durable, delay, expires)| Op::Publish { who, to, durable, delay, expires }),
        1 => (who.clone(), 0..3u8).prop_map(|(who, number)| Op::Held { who, number }),
        1 => (who.clone(), 0..3u8).prop_map(|(who, number)| Op::Unhold { who, number }),
        3 => (who.clone(), queue.clone(), 0..4u8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(who, queue, credit, window, deadline)| Op::Consume { who, queue, credit, window, deadline }),
        2 => (any::<u8>(), 0..4u8, any::<bool>()).prop_map(|(which, add, drain)| Op::Credit { which, add, drain }),
        1 => any::<u8>().prop_map(|which| Op::Cancel { which }),
        3 => (who.clone(), queue.clone(), 1..4u8, any::<bool>(), prop::bool::weighted(0.2), any::<bool>()).prop_map(
            |(who, queue, max, deadline, presettled, waits)| Op::Fetch { who, queue, max, deadline, presettled, waits }
        ),
        6 => (who.clone(), any::<u8>(), 0..7u8, prop::bool::weighted(0.2))
            .prop_map(|(who, which, outcome, range)| Op::Settle { who, which, outcome, range }),
        2 => (who.clone(), any::<u8>(), 0..7u8)
            .prop_map(|(who, which, outcome)| Op::Receipt { who, which, outcome }),
        1 => (who.clone(), any::<u8>()).prop_map(|(who, which)| Op::Decide { who, which }),
        1 => who.clone().prop_map(|who| Op::Close { who }),
        2 => (who.clone(), 0..7u8).prop_map(|(who, to)| Op::Stage { who, to }),
        2 => (who.clone(), any::<u8>()).prop_map(|(who, which)| Op::StageSettle { who, which }),
        2 => (who.clone(), 0..3u8).prop_map(|(who, how)| Op::End { who, how }),
        1 => (who.clone(), any::<u8>(), any::<bool>())
            .prop_map(|(who, which, commit)| Op::EndPrepared { who, which, commit }),
        1 => (who.clone(), queue.clone(), any::<bool>())
            .prop_map(|(who, queue, leased)| Op::Purge { who, queue, leased }),
        1 => (who.clone(), queue.clone(), queue, 0..4u8)
            .prop_map(|(who, from, to, max)| Op::Move { who, from, to, max }),
        1 => who.prop_map(|who| Op::Delete { who }),
        2 => (1..40u8).prop_map(|milliseconds| Op::Wait { milliseconds }),
        1 => Just(Op::Restart),
        1 => (0..30u8).prop_map(|back| Op::Crash { back }),
        1 => Just(Op::Compare),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_holds_through_anything(ops in prop::collection::vec(op(), 1..120), kind in 0..4u8) {
        let mut run = Run::new(kind);
        for op in ops {
            run.perform(op);
        }
        run.world.compare();
        run.crash(0);
    }
}
