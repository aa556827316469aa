//! Bodies that take several records.

use model::Lsn;

use crate::harness::World;
use crate::harness::commands::*;

fn long() -> Vec<u8> {
    (0..3 << 20).map(|i: u32| (i / 7) as u8).collect()
}

#[test]
fn a_body_over_several_records_is_delivered_whole_after_a_restart() {
    for cramped in [false, true] {
        let mut world = if cramped { World::cramped() } else { World::new() };
        let a = world.open();
        world.run(a, declare("q"));
        let happened = world.run(a, publish("q", long()));
        happened.expect(&[
            "2: Numbered below 1048577",
            "3: Piece of 1048576 bytes",
            "4: Piece of 1048576 bytes",
            "5: Published #1 q <1048576 bytes> -> q0@1 and 2 pieces before",
            "a@5 Confirm #1",
        ]);
        world.restart();
        world.compare();
        let b = world.open();
        let happened = world.run(b, consume("q", 0, 1));
        let delivered = happened.delivered();
        assert!(delivered[0].message.body.joined() == long(), "the body as it was");
        assert_eq!(world.counts("q").bytes, 3 << 20);
    }
}

#[test]
fn a_crash_between_the_pieces_costs_only_that_message() {
    for lost_from in 3..5 {
        let mut world = World::new();
        let a = world.open();
        world.run(a, declare("q"));
        world.run(a, publish("q", long()));
        world.crash(Lsn(lost_from));
        let b = world.open();
        world.run(b, publish("q", "short"));
        world.run(b, publish("q", long()));
        world.restart();
        assert_eq!(world.tally("q"), (2, 0, 0));
        let c = world.open();
        let happened = world.run(c, consume("q", 0, 9));
        assert_eq!(happened.delivered()[0].message.body.len(), 5);
        assert!(happened.delivered()[1].message.body.joined() == long());
    }
}
