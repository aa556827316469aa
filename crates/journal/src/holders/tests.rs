//! The table against a plain map.

use proptest::prelude::*;

use super::*;
use crate::cursor::Cursor;

fn hold(lsn: u64, count: u32) -> Hold {
    Hold { lsn: Lsn(lsn), bytes: lsn as u32 % 100 + 1, count }
}

fn round_trip(table: &Table) -> Table {
    let mut bytes = Vec::new();
    table.encode(&mut bytes);
    let mut cursor = Cursor::new(&bytes);
    let read = Table::decode(&mut cursor, table.segments.clone(), u64::MAX).unwrap();
    assert!(cursor.is_empty());
    read
}

fn encoded(table: &Table) -> usize {
    let mut bytes = Vec::new();
    table.encode(&mut bytes);
    bytes.len()
}

fn check(table: &Table, model: &BTreeMap<u64, u32>, segments: &[u64]) {
    let live = |from: u64, to: u64| Live {
        count: model.range(from..to).count() as u64,
        bytes: model.range(from..to).map(|(lsn, _)| lsn % 100 + 1).sum(),
    };
    for lsn in (0..20_000).step_by(97).chain(model.keys().copied()) {
        assert_eq!(table.holders(Lsn(lsn)), model.get(&lsn).copied().unwrap_or(0));
        assert_eq!(table.any(Lsn(lsn)..Lsn(lsn + 50)), model.range(lsn..lsn + 50).next().is_some());
    }
    for pair in segments.windows(2) {
        assert_eq!(table.live(Lsn(pair[0])..Lsn(pair[1])), live(pair[0], pair[1]));
    }
    assert_eq!(table.total(), live(0, u64::MAX));
    assert_eq!(table.is_empty(), model.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_counts_as_a_map_does(
        changes in prop::collection::vec((1..20_000_u64, prop_oneof![4 => 1..3_u32, 1 => 200..300_u32], any::<u8>()), 1..400),
    ) {
        let segments = [0, 3000, 3001, 9000, 20_000];
        let (mut table, mut model) = (Table::default(), BTreeMap::<u64, u32>::new());
        segments.iter().for_each(|first| table.begin_segment(Lsn(*first)));
        for (lsn, count, choice) in changes {
            // Neighbours more often than chance has it, so that blocks fill.
            let lsns = if choice < 40 { lsn..(lsn + 300).min(20_000) } else { lsn..lsn + 1 };
            for lsn in lsns {
                let held = model.get(&lsn).copied().unwrap_or(0);
                if choice % 3 == 0 && held > 0 {
                    let less = held.min(count);
                    table.release(&hold(lsn, less));
                    model.insert(lsn, held - less);
                } else {
                    table.hold(&hold(lsn, count));
                    model.insert(lsn, held + count);
                }
                if model.get(&lsn) == Some(&0) {
                    model.remove(&lsn);
                }
            }
        }
        check(&table, &model, &segments);
        check(&round_trip(&table), &model, &segments);
        let before = table.clone();
        table.settle(Lsn(3001));
        check(&table, &model, &segments);
        for (&lsn, &count) in &model {
            table.release(&hold(lsn, count));
        }
        check(&table, &BTreeMap::new(), &segments);
        check(&before, &model, &segments);
    }

    #[test]
    fn bytes_that_are_no_table_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        Table::decode(&mut Cursor::new(&bytes), BTreeMap::new(), 1 << 20);
    }
}

#[test]
fn a_backlog_costs_next_to_nothing() {
    let mut table = Table::default();
    table.begin_segment(Lsn(1));
    (1..=200_000).for_each(|lsn| table.hold(&hold(lsn, 1)));
    assert!(encoded(&table) < 50);
    (1..=200_000).for_each(|lsn| table.hold(&hold(lsn, 100_000)));
    assert!(encoded(&table) < 50);
}

#[test]
fn random_holders_cost_a_bit_each() {
    let mut table = Table::default();
    table.begin_segment(Lsn(0));
    (0..200_000_u64).filter(|lsn| lsn * 0x9e37_79b9 % 7 < 3).for_each(|lsn| table.hold(&hold(lsn, 1)));
    assert!(encoded(&table) < 200_000 / 8 + 2_000);
}

#[test]
fn a_claim_of_too_many_is_refused() {
    let mut bytes = Vec::new();
    for number in [1 << 40, 0] {
        crate::cursor::put_varint(&mut bytes, number);
    }
    bytes.push(0);
    for number in [1 << 40, 1] {
        crate::cursor::put_varint(&mut bytes, number);
    }
    assert!(Table::decode(&mut Cursor::new(&bytes), BTreeMap::new(), 1 << 20).is_none());
}
