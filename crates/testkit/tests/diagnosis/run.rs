//! One run of a row: a probe while others do what they do, the verdict, and whether it is what it has to be.

use std::fmt::Write as _;

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::{ServerAddress, time};
use gavelscope_diagnosis::probe::{Caps, Stage, Target, TlsOptions, probe};
use gavelscope_diagnosis::{Evidence, Report, diagnose, exit_code};
use tokio_util::sync::CancellationToken;

use crate::front::House;
use crate::golden;
use crate::rows::{Expected, Kind, Row};
use crate::strangers::Strangers;

/// Who asks for the diagnosis; the others of the cast bid and come and go.
pub const ASKS: usize = 1;

/// Starts the row's fleet, judges it once, and keeps the evidence where that is wanted.
pub async fn once(row: &Row, kind: Kind) -> Result<(), String> {
    let house = House::open(row.fleet(kind), row.front).await?;
    let _strangers = Strangers::of(row, &house);
    let (evidence, report) = examine(row, &house).await;
    let probe = evidence.probe.as_ref().unwrap();
    println!(
        "{} {}: {:?} {:?} after {} ms; {} connections, {} requests, {} messages",
        kind.word(),
        row.name,
        report.light,
        report.code,
        probe.took_ms,
        probe.cost.connections,
        probe.cost.requests,
        probe.cost.messages
    );
    judge(row.expected(kind), &report).map_err(|wrong| explain(&wrong, &evidence, &report))?;
    golden::keep(row, kind, evidence).map_err(|error| error.to_string())
}

/// Probes, with the row's fault where it comes meanwhile, and judges.
pub async fn examine(row: &Row, house: &House) -> (Evidence, Report) {
    let target = Target {
        address: ServerAddress::parse(&house.url, DEFAULT_PATH).unwrap(),
        token: Some(house.seed.people[ASKS].access.clone()),
        tls: TlsOptions::default(),
    };
    let told = |stage| {
        if stage == Stage::Room
            && let Some(dies) = row.dies
        {
            house.kill(dies);
        }
    };
    let (caps, began, stop) = (Caps::default(), time::now(), CancellationToken::new());
    let measured = Box::pin(probe(&target, caps, began, told, stop)).await;
    let evidence = Evidence::of_probe(house.url.clone(), began, measured);
    let report = diagnose(&evidence, began);
    (evidence, report)
}

/// Whether it is what it has to be, or what is wrong.
pub fn judge(expected: &Expected, report: &Report) -> Result<(), String> {
    let mut wrong = String::new();
    if report.light != expected.light {
        let _ = writeln!(
            wrong,
            "the light is {:?} and not {:?}",
            report.light, expected.light
        );
    }
    if exit_code(report.light) != exit_code(expected.light) {
        let _ = writeln!(wrong, "the exit code is {}", exit_code(report.light));
    }
    if report.code.as_deref() != Some(expected.code) {
        let _ = writeln!(
            wrong,
            "the verdict is {:?} and not {}",
            report.code, expected.code
        );
    }
    if !report.verdict.contains(expected.words) {
        let _ = writeln!(wrong, "the verdict does not say “{}”", expected.words);
    }
    for (code, outcome) in expected.also {
        let found = report.findings.iter().find(|finding| finding.code == *code);
        let found = found.map(|finding| finding.outcome);
        if found != Some(*outcome) {
            let _ = writeln!(wrong, "{code} is {found:?} and not {outcome:?}");
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What is wrong, with everything that helps to find out why.
pub fn explain(wrong: &str, evidence: &Evidence, report: &Report) -> String {
    let mut text = format!("{wrong}\n{}\n", report.verdict);
    for finding in &report.findings {
        let _ = writeln!(
            text,
            "{:?} {}: {}",
            finding.outcome, finding.code, finding.sentence
        );
    }
    let probe = evidence.probe.as_ref().unwrap();
    if let Some(room) = &probe.room {
        for row in &room.matrix.rows {
            let cells: Vec<_> = row
                .iter()
                .map(|cell| format!("{}/{}·{}", cell.heard, cell.said, cell.median_ms.unwrap_or(0)))
                .collect();
            let _ = writeln!(text, "{}", cells.join(" "));
        }
        let _ = writeln!(
            text,
            "unsteady {:?}, strangers {}, lost {}, trouble {:?}, sockets {:?}",
            room.unsteady, room.strangers, room.lost, room.trouble, room.sockets
        );
    }
    let _ = writeln!(
        text,
        "turns {:?}\nhealth {:?}\npath {:?}\ncut short {:?}, {} ms",
        probe.turns, probe.health, probe.path, probe.cut_short, probe.took_ms
    );
    text
}
