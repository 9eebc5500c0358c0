//! What a diagnosis says.

use gavelscope_client::state::Millis;
use serde::{Deserialize, Serialize};

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Proved to be broken.
    Fail,
    /// Proved to be worth a look.
    Warn,
    /// The check itself broke; it says nothing about the backend.
    Crashed,
    /// Could not be known; the sentence says why.
    Inconclusive,
    /// Was not looked at; the sentence says why.
    Skipped,
    /// Proved to be well.
    Pass,
}

/// How much a finding can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Confidence {
    /// It was measured, and measured again.
    Certain,
    /// It was measured once, or from chance draws that leave little room.
    Likely,
    /// It rests on a claim, or on little.
    Weak,
}

/// Something that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// What it came to.
    pub value: String,
    /// The server said so; nobody measured it (design, rule 3).
    pub claimed: bool,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Stable, for documentation and scripts: `GS-…`.
    pub code: String,
    /// What it came to.
    pub outcome: Outcome,
    /// What was found, in one sentence that a bidder understands.
    pub sentence: String,
    /// How much it can be relied on.
    pub confidence: Confidence,
    /// What that rests on, in a few words.
    pub rests_on: String,
    /// What it rests on, one by one.
    pub evidence: Vec<Fact>,
    /// What it means for somebody who bids.
    pub meaning: Option<String>,
    /// The cause, as far as it is proved.
    pub cause: Option<String>,
    /// What to do about it, where something is to be done.
    pub fix: Option<String>,
    /// Where the documentation tells more: a section of `docs/findings.md`.
    pub anchor: String,
}

/// The light at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Light {
    /// What is seen is true, and it was proved.
    Green,
    /// Something is worth a look.
    Amber,
    /// Something is broken.
    Red,
    /// It cannot be known.
    Grey,
}

/// All findings, the worst first, under one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When it was judged.
    pub at: Millis,
    /// The light.
    pub light: Light,
    /// The verdict in one sentence, for a bidder; with its fix, where there is one.
    pub verdict: String,
    /// The finding that the verdict is; none where everything is well or nothing is known.
    pub code: Option<String>,
    /// The worst first.
    pub findings: Vec<Finding>,
}

impl Finding {
    /// A finding with nothing but its sentence.
    pub(crate) fn new(code: &str, outcome: Outcome, sentence: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            outcome,
            sentence: sentence.into(),
            confidence: Confidence::Certain,
            rests_on: "measured".to_owned(),
            evidence: Vec::new(),
            meaning: None,
            cause: None,
            fix: None,
            anchor: code.to_lowercase(),
        }
    }

    pub(crate) fn resting(mut self, confidence: Confidence, on: impl Into<String>) -> Self {
        self.confidence = confidence;
        self.rests_on = on.into();
        self
    }

    /// Something measured.
    pub(crate) fn fact(mut self, label: &str, value: impl Into<String>) -> Self {
        self.evidence.push(Fact {
            label: label.to_owned(),
            value: value.into(),
            claimed: false,
        });
        self
    }

    /// Something claimed.
    pub(crate) fn claim(mut self, label: &str, value: impl Into<String>) -> Self {
        self.evidence.push(Fact {
            label: label.to_owned(),
            value: value.into(),
            claimed: true,
        });
        self
    }

    pub(crate) fn means(mut self, sentence: impl Into<String>) -> Self {
        self.meaning = Some(sentence.into());
        self
    }

    pub(crate) fn because(mut self, sentence: impl Into<String>) -> Self {
        self.cause = Some(sentence.into());
        self
    }

    pub(crate) fn fix(mut self, sentence: impl Into<String>) -> Self {
        self.fix = Some(sentence.into());
        self
    }
}
