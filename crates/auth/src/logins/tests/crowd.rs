//! Logins that come at once.

use super::*;

#[test]
fn guesses_that_come_at_once_are_not_all_looked_at() {
    let mut world = World::simple();
    let guess = |world: &mut World, password| world.logins.check(world.now, claim(by_password("alice", password)));
    let costly = |decision| if let Decision::Costly(work) = decision { work } else { panic!("{decision:?}") };
    let works: Vec<_> = (0..30).map(|_| costly(guess(&mut world, "wrong"))).collect();
    let (mut looks, mut waits, mut refusals) = (0, 0, 0);
    for work in works {
        match world.logins.resume(world.now, *work) {
            Decision::Costly(work) => {
                looks += 1;
                world.logins.finish(world.now, work.run());
            }
            Decision::Wait(..) => waits += 1,
            Decision::Refused(Reason::TooManyFailures(_)) => refusals += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((looks, looks + waits + refusals), (5, 30));
    assert!(waits > 0 && refusals > waits, "{waits} {refusals}");
}

#[test]
fn of_right_ones_that_come_at_once_one_is_looked_at() {
    let mut world = World::simple();
    let works: Vec<_> = (0..30)
        .map(|_| match world.logins.check(world.now, claim(by_password("alice", "secret"))) {
            Decision::Costly(work) => work,
            other => panic!("{other:?}"),
        })
        .collect();
    let mut looks = 0;
    for work in works {
        let mut decision = world.logins.resume(world.now, *work);
        if let Decision::Costly(work) = decision {
            looks += 1;
            decision = world.logins.finish(world.now, work.run());
        }
        assert!(matches!(decision, Decision::Granted(_)), "{decision:?}");
    }
    assert_eq!(looks, 1);
}
