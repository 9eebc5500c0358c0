//! A fleet under load loses nothing, whatever fails: three pods behind HAProxy, PostgreSQL and Redis, people who bid
//! over real sessions, while Redis is killed and stalled, a pod is killed, pods are drained, PostgreSQL is restarted.
//!
//! The short form has 30 sessions. The long one has 300, 50 bids/s, and a rolling restart: `GAVELSCOPE_SOAK=1`, best with a
//! `gaveld` that was built for release (`GAVELSCOPE_GAVELD`). `docs/reliability.md` has what it measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod clocks;
mod faults;
mod hall;
mod stage;
mod truth;

use std::path::Path;

use stage::{Scale, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_one_part_after_the_other_fails_under_load() {
    let long = std::env::var_os("GAVELSCOPE_SOAK").is_some_and(|value| !value.is_empty());
    let mut stage = Stage::set(Scale::of(long)).await.unwrap();
    if let Err(error) = stage.trouble().await {
        panic!("{error:?}\n{}", stage.explain());
    }
    let outcome = match stage.end().await {
        Ok(outcome) => outcome,
        Err(error) => panic!("{error:?}\n{}", stage.explain()),
    };
    let report = outcome.report();
    print!("{report}");
    let form = if long { "fleet-load" } else { "fleet-load-short" };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(form);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("table.md"), &report).unwrap();
    for verdict in &outcome.verdicts {
        assert!(verdict.is_clean(), "{verdict:#?}\n{}", stage.explain());
    }
    assert!(outcome.confirmed() > 0, "nobody was ever told that a bid counts");
}
