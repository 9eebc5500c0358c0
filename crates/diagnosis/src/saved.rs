//! A report with its evidence as it is kept in a file, by the window and by `gavelctl doctor --save` alike.

use gavelscope_client::redact::redact;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::evidence::VERSION;
use crate::{Evidence, Light, Report, diagnose};

/// The form of the file. It grows by one when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// A report with its evidence. Whatever is in one is free of e-mail addresses and tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Saved {
    /// The form of the file.
    pub schema: u32,
    /// The verdict as an exit code.
    pub exit: u8,
    /// What was judged.
    pub report: Report,
    /// What it rests on.
    pub evidence: Evidence,
}

/// What is in a file is no evidence: a part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Not of the form.
    #[error("{0}")]
    Form(String),
    /// Of a form that this program does not know yet.
    #[error("it has the form {0}, which a newer Gavelscope wrote")]
    Newer(u32),
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self::Form(error.to_string())
    }
}

/// The verdict as an exit code.
pub const fn exit_code(light: Light) -> u8 {
    match light {
        Light::Green => 0,
        Light::Amber => 1,
        Light::Red => 2,
        Light::Grey => 3,
    }
}

impl Saved {
    /// Puts both together, without what no file may hold.
    pub fn of(report: Report, evidence: Evidence) -> Result<Self, Unreadable> {
        let whole = Self {
            schema: SCHEMA,
            exit: exit_code(report.light),
            report,
            evidence,
        };
        let mut value = serde_json::to_value(&whole)?;
        blot(&mut value);
        Ok(serde_json::from_value(value)?)
    }

    /// As it is written.
    pub fn text(&self) -> Result<String, Unreadable> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// Reads what was saved, or evidence alone, and judges it anew: by the rules of today, as of the time of its evidence.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let mut value: serde_json::Value = serde_json::from_str(text)?;
        let evidence = match value.get_mut("evidence") {
            Some(evidence) => evidence.take(),
            None => value,
        };
        let evidence: Evidence = serde_json::from_value(evidence)?;
        if evidence.version > VERSION {
            return Err(Unreadable::Newer(evidence.version));
        }
        let report = diagnose(&evidence, evidence.taken_at);
        Ok(Self {
            schema: SCHEMA,
            exit: exit_code(report.light),
            report,
            evidence,
        })
    }
}

/// Every text by itself: what a server said can be JSON once more.
fn blot(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::String(text) => *text = redact(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(blot),
        Value::Object(fields) => fields.values_mut().for_each(blot),
        _ => {}
    }
}
