//! Evidence in, findings out: what the measurements of a session prove about its connection.
//!
//! Pure: the same state at the same time gives the same report.

use serde::{Deserialize, Serialize};

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Proved to be well.
    Pass,
    /// Proved to be worth a look.
    Warn,
    /// Proved to be broken.
    Fail,
    /// Could not be known; the sentence says why.
    Inconclusive,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Stable, for documentation and scripts: `GS-…`.
    pub code: String,
    /// What it came to.
    pub outcome: Outcome,
    /// What was found, in one sentence.
    pub sentence: String,
    /// The figures that it rests on.
    pub evidence: String,
    /// What to do about it, where something is to be done.
    pub fix: Option<String>,
}

/// All findings, the worst first, under one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The worst outcome that was proved; inconclusive where nothing was.
    pub outcome: Outcome,
    /// The verdict in one sentence, for a bidder.
    pub verdict: String,
    /// The worst first.
    pub findings: Vec<Finding>,
}
