use proptest::prelude::*;

use super::*;

const LIMITS: AttemptLimits = AttemptLimits {
    free: 3,
    first_delay: 1_000,
    longest_delay: 60_000,
    longest_wait: 5_000,
    forget: 900_000,
    entries: 64,
};
const HERE: Option<IpAddr> = Some(IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1)));
const THERE: Option<IpAddr> = Some(IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 2)));

fn attempts() -> Attempts {
    Attempts::new(LIMITS, [1; 32])
}

fn fail(attempts: &mut Attempts, now: Time, times: u32) {
    (0..times).for_each(|_| attempts.failed(now, "alice", HERE));
}

#[test]
fn the_first_failures_cost_nothing_and_then_each_doubles_the_delay() {
    let mut attempts = attempts();
    let mut now = Time(1_000_000);
    fail(&mut attempts, now, 2);
    assert_eq!(attempts.admit(now, "alice", HERE), Admission::Now);
    attempts.failed(now, "alice", HERE);
    for delay in [1_000, 2_000, 4_000] {
        assert_eq!(attempts.admit(now, "alice", HERE), Admission::At(now.plus(delay)));
        now = now.plus(delay);
        attempts.failed(now, "alice", HERE);
    }
    assert_eq!(attempts.admit(now, "alice", HERE), Admission::Never, "8 s are more than anybody is kept waiting");
    now = now.plus(8_000);
    assert_eq!(attempts.admit(now, "alice", HERE), Admission::Now);
}

#[test]
fn who_comes_at_once_stands_in_a_line() {
    let mut attempts = attempts();
    fail(&mut attempts, Time(0), 3);
    let admissions: Vec<_> = (0..8).map(|_| attempts.admit(Time(0), "alice", HERE)).collect();
    let at = |time| Admission::At(Time(time));
    let never = Admission::Never;
    assert_eq!(admissions, [at(1_000), at(2_000), at(3_000), at(4_000), at(5_000), never, never, never]);
}

#[test]
fn nobody_is_shut_out_from_elsewhere() {
    let mut attempts = attempts();
    fail(&mut attempts, Time(0), 50);
    assert_eq!(attempts.admit(Time(0), "alice", HERE), Admission::Never);
    for other in [attempts.admit(Time(0), "alice", THERE), attempts.admit(Time(0), "bob", HERE)] {
        assert_eq!(other, Admission::Now);
    }
    assert_eq!(attempts.admit(Time(0), "alice", None), Admission::Now);
}

#[test]
fn success_and_time_forget() {
    let mut attempts = attempts();
    fail(&mut attempts, Time(0), 50);
    attempts.succeeded("alice", HERE);
    assert!(attempts.is_empty());
    assert_eq!(attempts.admit(Time(0), "alice", HERE), Admission::Now);
    fail(&mut attempts, Time(0), 50);
    assert_eq!(attempts.admit(Time(59_999 - 5_000), "alice", HERE), Admission::Never);
    assert_eq!(attempts.admit(Time(LIMITS.forget), "alice", HERE), Admission::Now);
    attempts.failed(Time(LIMITS.forget), "alice", HERE);
    assert_eq!(attempts.admit(Time(LIMITS.forget), "alice", HERE), Admission::Now, "that is one failure");
}

#[test]
fn ipv6_counts_by_network() {
    let mut attempts = attempts();
    let address = |text: &str| Some(text.parse().unwrap());
    (0..50).for_each(|host| attempts.failed(Time(0), "alice", address(&format!("2001:db8:0:1::{host}"))));
    assert_eq!(attempts.admit(Time(0), "alice", address("2001:db8:0:1::ffff")), Admission::Never);
    assert_eq!(attempts.admit(Time(0), "alice", address("2001:db8:0:2::1")), Admission::Now);
    (0..50).for_each(|_| attempts.failed(Time(0), "bob", address("::ffff:192.0.2.1")));
    assert_eq!(attempts.admit(Time(0), "bob", HERE), Admission::Never, "it is the same address");
}

#[test]
fn other_names_do_not_clear_a_long_record() {
    let mut attempts = attempts();
    fail(&mut attempts, Time(0), 50);
    (0..10_000).for_each(|n| attempts.failed(Time(n), &format!("user {n}"), HERE));
    assert_eq!(attempts.len(), LIMITS.entries);
    assert_eq!(attempts.admit(Time(10_000), "alice", HERE), Admission::Never);
}

proptest! {
    #[test]
    fn memory_is_bounded_and_the_index_is_true(
        steps in proptest::collection::vec((0..3_u8, 0..20_u8, 0..3_u8, 0..100_000_u64), 0..300),
        entries in 0..8_usize,
    ) {
        let mut attempts = Attempts::new(AttemptLimits { entries, ..LIMITS }, [2; 32]);
        let mut now = Time(0);
        for (action, user, address, passed) in steps {
            now = now.plus(passed);
            let user = user.to_string();
            let address = Some(IpAddr::from([10, 0, 0, address]));
            match action {
                0 => attempts.failed(now, &user, address),
                1 => attempts.succeeded(&user, address),
                _ => if let Admission::At(time) = attempts.admit(now, &user, address) {
                    prop_assert!(time > now && time.since(now) <= LIMITS.longest_wait);
                },
            }
            prop_assert!(attempts.len() <= entries);
            prop_assert_eq!(attempts.index.len(), attempts.slots.len());
            prop_assert!(attempts.index.iter().all(|(id, at)| attempts.slots[*at].id == *id));
        }
    }
}
