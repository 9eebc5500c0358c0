//! Two reports of a backend, side by side: which findings changed, and which figures moved.

use gavelscope_client::state::Millis;
use serde::{Deserialize, Serialize};

use crate::report::{Light, Outcome};
use crate::saved::Saved;

mod chance;
mod figures;

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub enum Drift {
    /// For the better.
    Better,
    /// For the worse.
    Worse,
    /// It is another, and neither; or too little was measured to say which.
    Other,
}

/// A finding that came to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct FindingChange {
    /// Its code.
    pub code: String,
    /// What it came to; none where there was no such finding.
    pub before: Option<Outcome>,
    /// What it comes to now.
    pub after: Option<Outcome>,
    /// What it says now, or said where it is gone.
    pub sentence: String,
    /// Which way it went.
    pub drift: Drift,
}

/// A figure that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct FigureChange {
    /// What it is.
    pub label: String,
    /// `ms`, or nothing.
    pub unit: String,
    /// What it was; none where it was not measured.
    pub before: Option<u32>,
    /// What it is now.
    pub after: Option<u32>,
    /// Which way it went, as far as chance does not explain it.
    pub drift: Drift,
}

/// What changed between two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// When the earlier evidence was put together.
    pub before_at: Millis,
    /// And the later.
    pub after_at: Millis,
    /// The earlier light.
    pub before: Light,
    /// The later one.
    pub after: Light,
    /// The earlier verdict.
    pub before_verdict: String,
    /// The earlier one is of this other backend.
    pub other_server: Option<String>,
    /// Findings that changed, in the order of the later report.
    pub findings: Vec<FindingChange>,
    /// Findings that came to the same.
    pub same_findings: u32,
    /// Figures that moved by more than chance moves them.
    pub figures: Vec<FigureChange>,
}

/// Compares an earlier report with a later one.
pub fn compare(before: &Saved, after: &Saved) -> Comparison {
    let (findings, same_findings) = findings(before, after);
    Comparison {
        before_at: before.evidence.taken_at,
        after_at: after.evidence.taken_at,
        before: before.report.light,
        after: after.report.light,
        before_verdict: before.report.verdict.clone(),
        other_server: (before.evidence.server != after.evidence.server)
            .then(|| before.evidence.server.clone()),
        findings,
        same_findings,
        figures: figures::moved(before, after),
    }
}

fn findings(before: &Saved, after: &Saved) -> (Vec<FindingChange>, u32) {
    let mut changes = Vec::new();
    let mut same = 0;
    for now in &after.report.findings {
        let was = before
            .report
            .findings
            .iter()
            .find(|was| was.code == now.code)
            .map(|was| was.outcome);
        if was == Some(now.outcome) {
            same += 1;
            continue;
        }
        changes.push(FindingChange {
            code: now.code.clone(),
            before: was,
            after: Some(now.outcome),
            sentence: now.sentence.clone(),
            drift: drift(was, Some(now.outcome)),
        });
    }
    for was in &before.report.findings {
        if after.report.findings.iter().all(|now| now.code != was.code) {
            changes.push(FindingChange {
                code: was.code.clone(),
                before: Some(was.outcome),
                after: None,
                sentence: was.sentence.clone(),
                drift: Drift::Other,
            });
        }
    }
    (changes, same)
}

/// How bad it is, where that is known.
const fn rank(outcome: Option<Outcome>) -> Option<u8> {
    match outcome {
        Some(Outcome::Fail) => Some(2),
        Some(Outcome::Warn) => Some(1),
        Some(Outcome::Pass) => Some(0),
        _ => None,
    }
}

/// What is not known any more is not better, and what was not known is not worse.
fn drift(before: Option<Outcome>, after: Option<Outcome>) -> Drift {
    match (rank(before), rank(after)) {
        (Some(before), Some(after)) if after < before => Drift::Better,
        (Some(before), Some(after)) if after > before => Drift::Worse,
        _ => Drift::Other,
    }
}
