//! Any schedule of loss, repetition, reordering, delay, pod change and snapshots: once a snapshot that was taken at the
//! end has come, the state is that of the run in which nothing was lost, and on the way nothing was shown that no state
//! of the server had.
//!
//! 10,000 schedules by default; `PROPTEST_CASES` sets another number, `GAVELSCOPE_SOAK=1` takes a million.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]
#![allow(missing_docs, reason = "a test")]

mod answers;
mod line;
mod model;
mod truth;

use line::{Client, Fate, Run, Schedule, Trip, Unasked};
use model::Kind;
use proptest::prelude::*;

fn cases() -> u32 {
    let given: Option<u32> = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let soak = std::env::var("GAVELSCOPE_SOAK").is_ok_and(|soak| soak == "1");
    // Two tests share them; the third is a small one.
    given.unwrap_or(if soak { 1_000_000 } else { 10_000 }).div_ceil(2)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Arrives),
        2 => Just(Fate::Lost),
        1 => (0u8..40).prop_map(Fate::Twice),
        2 => (0u8..40).prop_map(Fate::Late),
        3 => (0u8..190).prop_map(Fate::Overtaken),
    ]
}

fn trip() -> impl Strategy<Value = Trip> {
    (0u8..12, 0u8..25, 0u8..12).prop_map(|(there, back, fails)| Trip {
        there,
        back,
        fails: fails == 11,
    })
}

fn unasked() -> impl Strategy<Value = Unasked> {
    (any::<u8>(), trip(), any::<bool>()).prop_map(|(after, trip, over_socket)| Unasked {
        after,
        trip,
        over_socket,
    })
}

fn schedule(kind: Kind) -> impl Strategy<Value = Schedule> {
    (
        prop::collection::vec((0u8..100, 0u8..60), 4..45),
        prop::collection::vec(fate(), 0..24),
        prop::collection::vec(trip(), 0..6),
        prop::collection::vec(unasked(), 0..4),
        prop::collection::vec((any::<u8>(), 0u8..8), 0..2),
        prop_oneof![3 => Just(0u64), 1 => any::<u64>()],
        any::<bool>(),
        prop_oneof![Just(1_000u64), 2u64..12],
    )
        .prop_map(
            move |(happenings, fates, trips, unasked, losses, other_pod, last_over_socket, kept)| Schedule {
                kind,
                happenings,
                fates,
                trips,
                unasked,
                losses,
                other_pod,
                last_over_socket,
                kept,
            },
        )
}

fn plays(schedule: &Schedule) {
    let run = Run::of(schedule);
    let seen = truth::prices(&run);
    let without = Client::new(schedule, &run, &seen).without_loss();
    let with = Client::new(schedule, &run, &seen).with_losses();
    truth::same_end(&with, &without, run.last(), schedule.last_over_socket);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_time: 15_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_fields_line_loses_a_snapshot_brings_back(schedule in schedule(Kind::Field)) {
        plays(&schedule);
    }

    #[test]
    fn whatever_our_own_line_loses_a_page_or_a_snapshot_brings_back(schedule in schedule(Kind::Own)) {
        plays(&schedule);
    }

    /// A hole that closes in time is none: nobody is asked, nothing is counted as lost, and the end is the same.
    #[test]
    fn what_pods_say_past_each_other_is_put_in_order_without_a_question(
        schedule in schedule(Kind::Own),
        fates in prop::collection::vec((0u8..190).prop_map(Fate::Overtaken), 1..24),
    ) {
        let schedule = Schedule { fates, ..schedule };
        // A stream that begins anew is read anew.
        let run = Run::of(&schedule).until_it_begins_anew();
        let seen = truth::prices(&run);
        let mut straight = Client::new(&schedule, &run, &seen);
        let (without, asked) = straight.in_order();
        let with = Client::new(&schedule, &run, &seen).overtaken();
        prop_assert_eq!(with.asked, asked, "after {} waits", with.waits);
        prop_assert_eq!(with.state.gaps, 0);
        truth::same_end(&with.state, &without, run.last(), false);
    }
}
