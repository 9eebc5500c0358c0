//! The verdict on real pods, row by row: a fleet, what is wrong with it, and what the diagnosis has to say. A stranger reads
//! the same table in `docs/diagnosis.md`, which is checked against this one.
//!
//! In every test run each row is judged once for each kind of pod. The long form (`GAVELSCOPE_SOAK=1`) repeats it and prints
//! how often which verdict came: 200 times where all is well, 20 times elsewhere, or as often as `GAVELSCOPE_RUNS` says.
//! The name of a row runs it alone: `cargo test --package gavelscope-testkit --test diagnosis redis_at_work`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod cost;
mod document;
mod front;
mod golden;
mod long;
mod passive;
mod rows;
mod run;
mod strangers;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use rows::{KINDS, ROWS};

/// A probe waits for its next turn most of the time; starting a fleet is what costs.
const AT_A_TIME: usize = 5;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = Arc::new(runtime.unwrap());
    let mut trials = Vec::new();
    for row in ROWS {
        for kind in KINDS {
            let name = format!("{}::{}", kind.word(), row.name);
            trials.push(trial(&runtime, name, move || async move {
                match long::wanted(row) {
                    Some(runs) => long::repeat(row, kind, runs).await,
                    None => run::once(row, kind).await,
                }
            }));
        }
    }
    for kind in KINDS {
        let name = format!("{}::the_first_verdict_after_a_bid", kind.word());
        trials.push(trial(&runtime, name, move || passive::measure(kind)));
        let name = format!("{}::what_a_probe_costs", kind.word());
        trials.push(trial(&runtime, name, move || cost::measure(kind)));
    }
    trials.push(Trial::test("the_document_has_every_row_and_no_other", || {
        document::check().map_err(Failed::from)
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial<F>(runtime: &Arc<Runtime>, name: String, work: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let runtime = Arc::clone(runtime);
    Trial::test(name, move || runtime.block_on(work()).map_err(Failed::from))
}
