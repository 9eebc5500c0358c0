//! The long form: a row again and again, with several fleets of it side by side, and how often which verdict came.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::front::House;
use crate::rows::{Kind, Row};
use crate::run::{examine, explain, judge};
use crate::strangers::Strangers;

/// Where all is well, a false alarm has to be rare to matter; elsewhere the verdict has to be right each time.
const WELL: u32 = 200;
const ELSEWHERE: u32 = 20;
/// Fleets of one row side by side.
const FLEETS: u32 = 2;
/// Probes at the same time, over all rows: what two processors take without being the finding themselves.
static AT_A_TIME: Semaphore = Semaphore::const_new(8);
/// So many that were wrong are told in full.
const TOLD: usize = 3;

/// How often a row is to be judged; none in the short form.
pub fn wanted(row: &Row) -> Option<u32> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    set("GAVELSCOPE_SOAK")?;
    let runs = set("GAVELSCOPE_RUNS").map(|runs| runs.parse().expect("GAVELSCOPE_RUNS is a number"));
    Some(runs.unwrap_or(if row.is_well() { WELL } else { ELSEWHERE }))
}

#[derive(Default)]
struct Tally {
    verdicts: BTreeMap<String, u32>,
    wrong: Vec<String>,
    took_ms: Vec<u32>,
}

/// Judges it so often, prints what came of it, and is content when all of it was right.
pub async fn repeat(row: &Row, kind: Kind, runs: u32) -> Result<(), String> {
    let left = Arc::new(AtomicU32::new(runs));
    let fleets = (0..FLEETS.min(runs)).map(|_| lane(row, kind, Arc::clone(&left)));
    let mut all = Tally::default();
    for tally in join_all(fleets).await {
        let tally = tally?;
        for (verdict, count) in tally.verdicts {
            *all.verdicts.entry(verdict).or_default() += count;
        }
        all.wrong.extend(tally.wrong);
        all.took_ms.extend(tally.took_ms);
    }
    all.took_ms.sort_unstable();
    let middle = all.took_ms.get(all.took_ms.len() / 2);
    println!(
        "| {} | {} | {} | {} | {} | {} ms, {} ms |",
        row.number,
        kind.word(),
        all.took_ms.len(),
        all.verdicts
            .iter()
            .map(|(verdict, count)| format!("{count}× {verdict}"))
            .collect::<Vec<_>>()
            .join("; "),
        all.wrong.len(),
        middle.copied().unwrap_or_default(),
        all.took_ms.last().copied().unwrap_or_default(),
    );
    if all.wrong.is_empty() {
        return Ok(());
    }
    let mut text = format!("{} of {} were wrong\n", all.wrong.len(), all.took_ms.len());
    for wrong in all.wrong.iter().take(TOLD) {
        let _ = writeln!(text, "{wrong}");
    }
    Err(text)
}

/// One fleet after the other where the fault cannot be undone, and else one fleet.
async fn lane(row: &Row, kind: Kind, left: Arc<AtomicU32>) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let take = || {
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.is_ok()
    };
    let mut taken = take();
    while taken {
        let house = House::open(row.fleet(kind), row.front).await?;
        let _strangers = Strangers::of(row, &house);
        loop {
            let permit = AT_A_TIME.acquire().await.expect("it is never closed");
            let (evidence, report) = examine(row, &house).await;
            drop(permit);
            let code = report.code.as_deref().unwrap_or("none");
            *tally
                .verdicts
                .entry(format!("{:?} {code}", report.light))
                .or_default() += 1;
            let probe = evidence.probe.as_ref().expect("it was probed");
            tally.took_ms.push(probe.took_ms);
            if let Err(wrong) = judge(row.expected(kind), &report) {
                tally.wrong.push(explain(&wrong, &evidence, &report));
            }
            taken = take();
            if !taken || row.is_spent() {
                break;
            }
        }
    }
    Ok(tally)
}
