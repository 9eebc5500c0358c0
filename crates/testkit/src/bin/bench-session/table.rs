//! The medians, as a table for `docs/benchmarks.md`.

use crate::{Contender, Outcome};

#[allow(clippy::cast_precision_loss, reason = "a number of events")]
pub(crate) fn per_second(outcome: &Outcome) -> f64 {
    outcome.events as f64 / outcome.seconds
}

/// CPU seconds for 100,000 events.
#[allow(clippy::cast_precision_loss, reason = "a number of events")]
pub(crate) fn cpu(outcome: &Outcome) -> f64 {
    outcome.cpu_seconds * 100_000.0 / outcome.events as f64
}

fn median(outcomes: &[Outcome], value: impl Fn(&Outcome) -> f64) -> f64 {
    let mut values: Vec<f64> = outcomes.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn print(contenders: &[Contender], floods: &[Vec<Outcome>], paced: &[Vec<Outcome>]) {
    let javascript = contenders
        .iter()
        .position(|contender| *contender == Contender::JavaScript)
        .map(|index| median(&floods[index], cpu));
    println!(
        "| client | events/s | CPU s per 100,000 | to JavaScript | p50 ms | p99 ms | RSS MB | peak MB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for ((contender, floods), paced) in contenders.iter().zip(floods).zip(paced) {
        let spent = median(floods, cpu);
        let ratio = javascript.map_or_else(|| "–".to_owned(), |other| format!("{:.2}", spent / other));
        println!(
            "| {} | {:.0} | {spent:.3} | {ratio} | {:.2} | {:.2} | {:.1} | {:.1} |",
            contender.name(),
            median(floods, per_second),
            median(paced, |outcome| outcome.p50_ms.unwrap_or(f64::NAN)),
            median(paced, |outcome| outcome.p99_ms.unwrap_or(f64::NAN)),
            median(floods, |outcome| outcome.rss_mb),
            median(floods, |outcome| outcome.peak_mb),
        );
        let broken = floods
            .iter()
            .chain(paced)
            .filter(|outcome| !outcome.whole)
            .count();
        if broken > 0 {
            println!(
                "  ({broken} runs of {} did not hear everything)",
                contender.name()
            );
        }
    }
}
