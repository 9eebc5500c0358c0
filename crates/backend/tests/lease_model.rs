//! No two clocks: the decisions of `store::lease`, played by three pods that interleave in every way, stand still for as
//! long as they like and measure time a little too fast or too slow.
//!
//! What is modelled is what the store does: taking holds the auction's lock from reading to writing, and so does a step;
//! renewing holds none, and may come late; a tick is said some time after its lease was read, with nothing to guard it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

use std::time::Duration;

use gavelscope_backend::store::lease::{Hold, LEASE, Lease, take};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

const PODS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Move {
    Pass(i64),
    TakeRead(usize),
    TakeWrite(usize),
    RenewRead(usize),
    RenewWrite(usize),
    Release(usize),
    /// With one of the holds that the pod ever had: an old task of it may still run.
    Step(usize, usize),
    TickRead(usize, usize),
    TickSay(usize),
}

/// How a pod is asked for its right. The real one, or one with a mistake.
#[derive(Clone, Copy)]
struct Rules {
    admits: fn(&Lease, &Hold, i64) -> bool,
    may_speak: fn(&Lease, &Hold, i64, Duration) -> bool,
    /// What a renewal makes of an end and a new one.
    renews: fn(i64, i64) -> i64,
    /// Whether taking looks that nothing changed since it read.
    looks_twice: bool,
}

const REAL: Rules = Rules {
    admits: Lease::admits,
    may_speak: Lease::may_speak,
    renews: i64::max,
    looks_twice: true,
};

#[derive(Debug, Default)]
struct Pod {
    holds: Vec<Hold>,
    taking: Option<(Option<Lease>, i64)>,
    renewing: Option<i64>,
    /// The hold, the lease as it was read, the database's time then, and how much of it has passed since.
    ticking: Option<(Hold, Lease, i64, i64)>,
}

struct World {
    rules: Rules,
    now: i64,
    lease: Option<Lease>,
    pods: [Pod; PODS],
    /// Who holds the auction's lock.
    locked: Option<usize>,
    greatest: i64,
}

impl World {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            now: 1_000,
            lease: None,
            pods: Default::default(),
            locked: None,
            greatest: 0,
        }
    }

    /// A pod acts: it has to be the only one that may.
    fn acts(&mut self, hold: &Hold, how: &str) -> Result<(), TestCaseError> {
        let lease = self.lease.as_ref();
        prop_assert!(
            lease.is_some_and(|lease| lease.belongs_to(hold) && self.now < lease.until),
            "{how} by {hold:?} at {}, when the lease was {lease:?}",
            self.now
        );
        prop_assert!(hold.fence >= self.greatest, "{how}: the fence went back");
        self.greatest = hold.fence;
        Ok(())
    }

    fn play(&mut self, moved: Move) -> Result<(), TestCaseError> {
        match moved {
            Move::Pass(millis) => {
                self.now += millis;
                for pod in &mut self.pods {
                    if let Some((.., passed)) = &mut pod.ticking {
                        *passed += millis;
                    }
                }
            }
            Move::TakeRead(pod) if self.locked.is_none() => {
                self.locked = Some(pod);
                self.pods[pod].taking = Some((self.lease.clone(), self.now));
            }
            Move::TakeWrite(pod) => {
                let Some((current, now)) = self.pods[pod].taking.take() else {
                    return Ok(());
                };
                self.locked = None;
                let unchanged = self.lease == current || !self.rules.looks_twice;
                if let Some(taken) = take(current.as_ref(), &pod.to_string(), now).filter(|_| unchanged) {
                    self.pods[pod].holds.push(taken.lease.hold());
                    self.lease = Some(taken.lease);
                }
            }
            Move::RenewRead(pod) => self.pods[pod].renewing = Some(self.now),
            Move::RenewWrite(pod) => {
                let renewing = self.pods[pod].renewing.take();
                if let (Some(now), Some(lease)) = (renewing, &mut self.lease)
                    && lease.holder == pod.to_string()
                    && lease.until > now
                {
                    lease.until = (self.rules.renews)(lease.until, now + LEASE);
                }
            }
            Move::Release(pod) => {
                // Its tasks have ended before.
                self.pods[pod].ticking = None;
                self.pods[pod].holds.clear();
                if let Some(lease) = self
                    .lease
                    .as_mut()
                    .filter(|lease| lease.holder == pod.to_string())
                {
                    lease.until = 0;
                }
            }
            Move::Step(pod, which) if self.locked.is_none() => {
                let Some(hold) = self.hold(pod, which) else {
                    return Ok(());
                };
                let admits = self.rules.admits;
                if self
                    .lease
                    .as_ref()
                    .is_some_and(|lease| admits(lease, &hold, self.now))
                {
                    self.acts(&hold, "a step")?;
                }
            }
            Move::TickRead(pod, which) => {
                self.pods[pod].ticking = self
                    .hold(pod, which)
                    .zip(self.lease.clone())
                    .map(|(hold, lease)| (hold, lease, self.now, 0));
            }
            Move::TickSay(pod) => {
                let Some((hold, lease, now, passed)) = self.pods[pod].ticking.take() else {
                    return Ok(());
                };
                // The first pod's clock is a tenth too slow, the last one's a tenth too fast.
                let measured = passed * [90, 100, 110][pod] / 100;
                let measured = Duration::from_millis(u64::try_from(measured).unwrap());
                if (self.rules.may_speak)(&lease, &hold, now, measured) {
                    self.acts(&hold, "a tick")?;
                }
            }
            Move::TakeRead(_) | Move::Step(..) => {}
        }
        Ok(())
    }

    fn hold(&self, pod: usize, which: usize) -> Option<Hold> {
        let holds = &self.pods[pod].holds;
        // Most often the newest one.
        holds
            .get(holds.len().checked_sub(1 + which % holds.len().max(1))?)
            .cloned()
    }
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let pod = || 0..PODS;
    let one = prop_oneof![
        3 => (0_i64..700).prop_map(Move::Pass),
        1 => (1_500_i64..4_000).prop_map(Move::Pass),
        3 => pod().prop_map(Move::TakeRead),
        4 => pod().prop_map(Move::TakeWrite),
        3 => pod().prop_map(Move::RenewRead),
        3 => pod().prop_map(Move::RenewWrite),
        1 => pod().prop_map(Move::Release),
        3 => (pod(), 0_usize..3).prop_map(|(pod, which)| Move::Step(pod, which)),
        3 => (pod(), 0_usize..3).prop_map(|(pod, which)| Move::TickRead(pod, which)),
        3 => pod().prop_map(Move::TickSay),
    ];
    proptest::collection::vec(one, 0..120)
}

/// What thousands of schedules, drawn from `seed`, find.
fn two_clocks(rules: Rules, rng_seed: RngSeed) -> Option<String> {
    let config = Config {
        cases: 4_000,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        rng_seed,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&moves(), |moves| {
        let mut world = World::new(rules);
        moves.into_iter().try_for_each(|moved| world.play(moved))
    });
    match result {
        Ok(()) => None,
        Err(TestError::Fail(why, moves)) => Some(format!("{why}\n{moves:#?}")),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn there_are_never_two_clocks() {
    if let Some(found) = two_clocks(REAL, RngSeed::Random) {
        panic!("{found}");
    }
}

#[test]
fn something_happens_in_the_model_at_all() {
    let mut world = World::new(REAL);
    let moves = [
        Move::TakeRead(0),
        Move::TakeWrite(0),
        Move::Step(0, 0),
        Move::TickRead(0, 0),
        Move::TickSay(0),
        Move::Pass(LEASE),
        Move::TakeRead(1),
        Move::TakeWrite(1),
        Move::Step(0, 0),
        Move::Step(1, 0),
    ];
    moves.into_iter().try_for_each(|moved| world.play(moved)).unwrap();
    assert_eq!(world.greatest, 2, "both acted, each in its time");
}

/// Each rule is needed: without it the model finds two clocks. From the same seeds every time: a late renewal that shortens
/// a lease is rare, and some runs of chance miss it.
#[test]
fn without_any_one_of_the_rules_there_are() {
    for (what, rules) in [
        (
            "a pod believes itself, whatever the lease says",
            Rules {
                admits: |_, _, _| true,
                ..REAL
            },
        ),
        (
            "the fence is not compared",
            Rules {
                admits: |lease, hold, now| lease.holder == hold.holder && now < lease.until,
                ..REAL
            },
        ),
        (
            "the end of the lease is not looked at",
            Rules {
                admits: |lease, hold, _| lease.belongs_to(hold),
                ..REAL
            },
        ),
        (
            "a tick is said however long ago the lease was read",
            Rules {
                may_speak: |lease, hold, now, _| lease.admits(hold, now),
                ..REAL
            },
        ),
        (
            "a tick trusts the pod's clock to the last millisecond",
            Rules {
                may_speak: |lease, hold, now, since| {
                    lease.belongs_to(hold) && i64::try_from(since.as_millis()).unwrap() < lease.until - now
                },
                ..REAL
            },
        ),
        (
            "a late renewal shortens a lease",
            Rules {
                renews: |_, new| new,
                ..REAL
            },
        ),
    ] {
        let found = (0..8).find_map(|seed| two_clocks(rules, RngSeed::Fixed(seed)));
        assert!(found.is_some(), "nothing was found where {what}");
    }
}

/// Too rare to be found by chance: a renewal that read the time before the lease lapsed, and is written after another pod
/// has read that it did.
#[test]
fn taking_sees_a_renewal_that_came_meanwhile() {
    let moves = [
        Move::TakeRead(0),
        Move::TakeWrite(0),
        Move::Pass(LEASE - 1),
        Move::RenewRead(0),
        Move::Pass(2),
        Move::TakeRead(1),
        Move::RenewWrite(0),
        Move::TickRead(0, 0),
        Move::TakeWrite(1),
        Move::TickSay(0),
    ];
    let play = |rules| {
        let mut world = World::new(rules);
        moves.into_iter().try_for_each(|moved| world.play(moved))
    };
    assert!(play(REAL).is_ok());
    assert!(
        play(Rules {
            looks_twice: false,
            ..REAL
        })
        .is_err()
    );
}
