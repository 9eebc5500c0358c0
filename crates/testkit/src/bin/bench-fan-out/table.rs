//! The tables for `docs/benchmarks.md`.

use std::fmt::Write as _;

use crate::contender::Contender;
use crate::series::{BidRow, Row};
use crate::tally::Heard;

/// Rows of one number of pods; ratios are to the same room at the same pace.
pub(crate) fn fan_out(title: &str, rows: &[Row]) -> String {
    let redis = rows.iter().any(|row| row.redis_micros.is_some());
    let mut text = format!(
        "**{title}.**\n\n| server | clients | events/s | p50 ms | p99 ms | CPU µs a delivery | CPU s per 10,000 | to python | \
         to Node | {}kB a connection | deliveries | lost | disconnects |\n|---|{}\n",
        if redis { "Redis µs | " } else { "" },
        "---:|".repeat(if redis { 12 } else { 11 }),
    );
    for row in rows {
        let beside = |other: Contender| {
            let same = |found: &&Row| {
                found.contender == other && found.clients == row.clients && found.rate == row.rate
            };
            let found = rows.iter().find(same);
            found.map_or_else(
                || "–".to_owned(),
                |found| format!("{:.2}", row.cpu_micros / found.cpu_micros),
            )
        };
        let redis = row
            .redis_micros
            .map_or_else(String::new, |micros| format!("{micros:.2} | "));
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} | {:.1} | {:.2} | {:.4} | {} | {} | {redis}{:.1} | {} | {} | {} |",
            row.contender.name(),
            row.clients,
            row.rate,
            row.p50_ms,
            row.p99_ms,
            row.cpu_micros,
            row.cpu_micros / 100.0,
            beside(Contender::Python),
            beside(Contender::Node),
            row.kilobytes,
            row.deliveries,
            row.lost,
            row.disconnects,
        );
    }
    text
}

/// What pods do with bids.
pub(crate) fn bids(rows: &[BidRow]) -> String {
    let mut text = "**Bids.**\n\n| server | listeners | accepted of those at 50/s | p50 ms | p99 ms | broadcast p50 / p99 ms | \
                    lost | most accepted/s | under way at once | p50 / p99 ms then | refused then | broadcast p50 / p99 ms then | lost, disconnects then |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for row in rows {
        let paced = &row.paced;
        let told = |heard: &Option<Heard>| {
            heard.as_ref().map_or_else(
                || ["–".to_owned(), "–".to_owned(), "–".to_owned()],
                |heard| {
                    [
                        format!("{:.1} / {:.1}", heard.p50_ms, heard.p99_ms),
                        heard.lost.to_string(),
                        format!("{}, {}", heard.lost, heard.disconnects),
                    ]
                },
            )
        };
        let [broadcast, lost, _] = told(&row.heard);
        let [broadcast_then, _, lost_then] = told(&row.most_heard);
        let _ = writeln!(
            text,
            "| {} | {} | {} of {} | {:.1} | {:.1} | {broadcast} | {lost} | {:.0} | {} | {:.1} / {:.1} | {} | {broadcast_then} | {lost_then} |",
            row.name,
            row.listeners,
            paced.accepted,
            paced.accepted + paced.refused + paced.failed,
            paced.percentile_ms(0.5),
            paced.percentile_ms(0.99),
            row.most.accepted_per_second(),
            row.at_once,
            row.most.percentile_ms(0.5),
            row.most.percentile_ms(0.99),
            row.most.refused,
        );
    }
    text
}
