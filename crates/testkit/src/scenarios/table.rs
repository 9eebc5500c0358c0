//! What came of the scenarios, as a table for `docs/reliability.md`.

use std::path::Path;
use std::time::Duration;

use super::Outcome;
use crate::pods::PodKind;

/// The head of the table.
pub const HEAD: &str = "\
| scenario | pod | bids | confirmed | refused | not stored | in doubt for a while | not sent | lost · doubled · misreported | \
troubles | recovery: median | slowest | reconnects | took |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// One line of it.
pub fn row(outcome: &Outcome) -> String {
    let verdict = &outcome.verdict;
    let mut recoveries = outcome.recoveries.clone();
    recoveries.sort();
    let pod = match outcome.kind {
        PodKind::Gaveld => "gaveld",
        PodKind::Python => "Python",
    };
    let form = if outcome.long { "" } else { " (short form)" };
    format!(
        "| {}{form} | {pod} | {} | {} | {} | {} | {} | {} | {} · {} · {} | {} | {} | {} | {} | {} s |\n",
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
        recoveries.len(),
        seconds(recoveries.get(recoveries.len().saturating_sub(1) / 2)),
        seconds(recoveries.last()),
        outcome.reconnects,
        outcome.took.as_secs(),
    )
}

fn seconds(duration: Option<&Duration>) -> String {
    duration.map_or_else(
        || "–".to_owned(),
        |duration| format!("{:.2} s", duration.as_secs_f64()),
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
