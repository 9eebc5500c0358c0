//! A session tells the truth through eight kinds of trouble, against both kinds of backend: no bid is lost, doubled or
//! misreported, and in the end it shows what the server has.
//!
//! The long form, with 1,250 bids each: `GAVELSCOPE_SOAK=1`, or `cargo xtask test --soak`. `docs/reliability.md` has
//! what it measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;

use gavelscope_testkit::pods::PodKind;
use gavelscope_testkit::scenarios::{Scale, Scenario, play, table};

async fn tells_the_truth(scenario: Scenario, kind: PodKind) {
    let long = std::env::var_os("GAVELSCOPE_SOAK").is_some_and(|value| !value.is_empty());
    let outcome = play(scenario, kind, Scale::of(scenario, long))
        .await
        .unwrap_or_else(|error| panic!("{scenario:?} on {kind:?}: {error:?}"));
    print!("{}", table::row(&outcome));
    let form = if long { "reliability" } else { "reliability-short" };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(form);
    table::keep(&outcome, &folder).unwrap();
    assert!(
        outcome.verdict.is_clean(),
        "{scenario:?} on {kind:?}: {:#?}",
        outcome.verdict
    );
    assert!(
        outcome.verdict.confirmed > 0,
        "nobody was ever told that a bid counts"
    );
}

macro_rules! scenarios {
    ($($name:ident: $scenario:ident on $kind:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            tells_the_truth(Scenario::$scenario, PodKind::$kind).await;
        }
    )+};
}

scenarios! {
    when_gaveld_is_killed_and_comes_back: Killed on Gaveld;
    when_a_python_pod_is_killed_and_comes_back: Killed on Python;
    when_gaveld_is_stopped_and_set_going: Stopped on Gaveld;
    when_a_python_pod_is_stopped_and_set_going: Stopped on Python;
    when_the_link_to_gaveld_is_half_open: HalfOpen on Gaveld;
    when_the_link_to_a_python_pod_is_half_open: HalfOpen on Python;
    when_everything_from_gaveld_is_late: Slow on Gaveld;
    when_everything_from_a_python_pod_is_late: Slow on Python;
    when_the_link_to_gaveld_flaps: Flapping on Gaveld;
    when_the_link_to_a_python_pod_flaps: Flapping on Python;
    when_another_gaveld_takes_over: Replaced on Gaveld;
    when_another_python_pod_takes_over: Replaced on Python;
    when_answers_of_gaveld_are_lost: AnswersLost on Gaveld;
    when_answers_of_a_python_pod_are_lost: AnswersLost on Python;
    when_gaveld_talks_nonsense: Hostile on Gaveld;
    when_a_python_pod_talks_nonsense: Hostile on Python;
}
