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

/// Against both kinds at once: most of the time is waiting.
async fn tells_the_truth(scenario: Scenario) {
    let long = std::env::var_os("GAVELSCOPE_SOAK").is_some_and(|value| !value.is_empty());
    let form = if long { "reliability" } else { "reliability-short" };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(form);
    let on = async |kind: PodKind| {
        let played = play(scenario, kind, Scale::of(scenario, long)).await;
        if let Ok(outcome) = &played {
            print!("{}", table::row(outcome));
            table::keep(outcome, &folder).unwrap();
        }
        (kind, played)
    };
    let (gaveld, python) = tokio::join!(on(PodKind::Gaveld), on(PodKind::Python));
    for (kind, played) in [gaveld, python] {
        let outcome = played.unwrap_or_else(|error| panic!("{scenario:?} on {kind:?}: {error:?}"));
        let verdict = &outcome.verdict;
        assert!(verdict.is_clean(), "{scenario:?} on {kind:?}: {verdict:#?}");
        assert!(
            verdict.confirmed > 0,
            "nobody was ever told that a bid counts: {verdict:#?}"
        );
        if scenario == Scenario::Hostile {
            assert!(outcome.malformed > 0, "the nonsense reached nobody");
        }
    }
}

macro_rules! scenarios {
    ($($name:ident: $scenario:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            tells_the_truth(Scenario::$scenario).await;
        }
    )+};
}

scenarios! {
    when_the_server_is_killed_and_comes_back: Killed;
    when_the_servers_process_is_stopped_and_set_going: Stopped;
    when_the_link_is_half_open: HalfOpen;
    when_everything_is_late: Slow;
    when_the_link_flaps: Flapping;
    when_another_pod_takes_over: Replaced;
    when_answers_to_bids_are_lost: AnswersLost;
    when_the_server_talks_nonsense: Hostile;
}
