//! What came of the scenarios, as a table for `docs/reliability.md`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::Outcome;
use crate::pods::PodKind;

/// The head of the table.
pub const HEAD: &str = "\
| scenario | pod | bids | confirmed | refused | not stored | in doubt for a while | not sent | lost · doubled · misreported | \
troubles | recovery: median, slowest | reconnects | took |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// One line of it.
pub fn row(outcome: &Outcome) -> String {
    let verdict = &outcome.verdict;
    let pod = match outcome.kind {
        PodKind::Gaveld => "gaveld",
        PodKind::Python => "Python",
    };
    let form = if outcome.long { "" } else { " (short form)" };
    format!(
        "| {}{form} | {pod} | {} | {} | {} | {} | {} | {} | {} · {} · {} | {} | {} | {} | {} s |\n",
        outcome.scenario.words(),
        verdict.bids,
        verdict.confirmed,
        verdict.refused,
        verdict.not_stored,
        verdict.doubted,
        verdict.unsent,
        verdict.lost.len(),
        verdict.doubled.len(),
        verdict.misreported.len(),
        outcome.recoveries.len(),
        recovery(outcome),
        outcome.reconnects,
        outcome.took.as_secs(),
    )
}

/// By how long the trouble lasted, where that differs.
fn recovery(outcome: &Outcome) -> String {
    let mut by_length = BTreeMap::<Duration, Vec<Duration>>::new();
    for (lasted, took) in &outcome.recoveries {
        by_length.entry(*lasted).or_default().push(*took);
    }
    let mut parts = Vec::new();
    for (lasted, mut took) in by_length {
        let what = match lasted.as_secs() {
            0 => String::new(),
            seconds => format!("after {seconds} s: "),
        };
        parts.push(what + &median_and_slowest(&mut took));
    }
    if !outcome.noticed.is_empty() {
        let mut noticed = outcome.noticed.clone();
        parts.push(format!("noticed after {}", median_and_slowest(&mut noticed)));
    }
    parts.join("; ")
}

fn median_and_slowest(times: &mut [Duration]) -> String {
    times.sort();
    let seconds = |at: usize| times.get(at).map_or(0.0, Duration::as_secs_f64);
    format!(
        "{:.2} s, {:.2} s",
        seconds((times.len().max(1) - 1) / 2),
        seconds(times.len().max(1) - 1)
    )
}

/// Keeps the line in a file of its own in the folder, and writes all lines that are there into `table.md`.
pub fn keep(outcome: &Outcome, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let name = format!("{:?}-{:?}.row", outcome.scenario, outcome.kind);
    std::fs::write(folder.join(name), row(outcome))?;
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "row") {
            rows.push(std::fs::read_to_string(path)?);
        }
    }
    rows.sort();
    std::fs::write(folder.join("table.md"), HEAD.to_owned() + &rows.concat())
}
