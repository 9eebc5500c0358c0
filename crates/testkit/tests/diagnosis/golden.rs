//! The evidence of a run, kept beside the rules that judge it: `GAVELSCOPE_GOLDEN=1` writes it anew. What is said of it is
//! written by the same variable where it is judged (`crates/diagnosis/tests/golden.rs`).

use std::path::Path;

use gavelscope_diagnosis::{Evidence, Saved, diagnose};

use crate::rows::{Kind, Row};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../diagnosis/tests/golden");

/// Keeps it where that is wanted.
pub fn keep(row: &Row, kind: Kind, mut evidence: Evidence) -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os("GAVELSCOPE_GOLDEN").is_none_or(|value| value.is_empty()) {
        return Ok(());
    }
    // The port is of no use to anybody.
    "http://127.0.0.1".clone_into(&mut evidence.server);
    let report = diagnose(&evidence, evidence.taken_at);
    // Whatever no file may hold is taken out on this way.
    let evidence = Saved::of(report, evidence)?.evidence;
    let text = serde_json::to_string(&evidence)? + "\n";
    let file = format!("{}-{}.json", row.name.replace('_', "-"), kind.word());
    std::fs::write(Path::new(FOLDER).join(file), text)?;
    Ok(())
}
