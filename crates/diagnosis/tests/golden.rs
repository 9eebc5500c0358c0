//! The evidence of real runs, judged anew: the rules of today say what was said then.
//!
//! Each `.json` is the evidence of a row of `docs/diagnosis.md`, each `.txt` what is said of it. `GAVELSCOPE_GOLDEN=1 cargo test
//! --package gavelscope-testkit --test diagnosis` takes new evidence; here the same variable keeps the evidence and writes what
//! is said of it now.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::fmt::Write as _;
use std::path::PathBuf;

use gavelscope_diagnosis::{Evidence, Report, Saved, diagnose, exit_code};

/// A row of `docs/diagnosis.md` each, for each kind of pod.
const ROWS: usize = 15;
const KINDS: [&str; 2] = ["gaveld", "python"];

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let listed = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    files
}

/// All that a report says, for people to compare.
fn shown(report: &Report) -> String {
    let mut text = format!(
        "{:?}, exit code {}, {}\n{}\n",
        report.light,
        exit_code(report.light),
        report.code.as_deref().unwrap_or("no code"),
        report.verdict
    );
    for finding in &report.findings {
        let _ = writeln!(
            text,
            "\n{} {:?}: {}\n  {:?}: {}",
            finding.code, finding.outcome, finding.sentence, finding.confidence, finding.rests_on
        );
        for fact in &finding.evidence {
            let claimed = if fact.claimed { " (claimed)" } else { "" };
            let _ = writeln!(text, "  {}{claimed}: {}", fact.label, fact.value);
        }
        for (what, said) in [
            ("Means", &finding.meaning),
            ("Because", &finding.cause),
            ("Fix", &finding.fix),
        ] {
            if let Some(said) = said {
                let _ = writeln!(text, "  {what}: {said}");
            }
        }
    }
    text
}

#[test]
fn every_row_has_its_evidence() {
    for kind in KINDS {
        let of_it = files()
            .into_iter()
            .filter(|file| file.to_string_lossy().ends_with(&format!("-{kind}.json")));
        assert_eq!(of_it.count(), ROWS, "of {kind}");
    }
    assert_eq!(files().len(), ROWS * KINDS.len());
}

#[test]
fn what_was_seen_then_is_judged_today_as_it_was() {
    let renew = std::env::var_os("GAVELSCOPE_GOLDEN").is_some_and(|value| !value.is_empty());
    for file in files() {
        let evidence: Evidence = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let report = diagnose(&evidence, evidence.taken_at);
        let (now, text) = (shown(&report), file.with_extension("txt"));
        if renew {
            std::fs::write(&text, now).unwrap();
            continue;
        }
        let then = std::fs::read_to_string(&text).unwrap();
        if now != then {
            let differs = now.lines().zip(then.lines()).find(|(now, then)| now != then);
            panic!(
                "{} is judged otherwise now (GAVELSCOPE_GOLDEN=1 writes it anew): {differs:#?}",
                file.display()
            );
        }
        // What `gavelctl doctor --evidence` reads comes to the same.
        let text = Saved::of(report.clone(), evidence).unwrap().text().unwrap();
        assert_eq!(Saved::read(&text).unwrap().report, report);
    }
}

#[test]
fn no_file_tells_who_somebody_is_or_how_to_get_in() {
    for file in files() {
        let kept = std::fs::read_to_string(&file).unwrap();
        for word in [
            "@",
            "Bearer",
            "eyJ",
            "token",
            "password",
            "redis://",
            "postgres://",
        ] {
            assert!(!kept.contains(word), "{} has “{word}”", file.display());
        }
        // Addresses of this machine alone.
        for (place, _) in kept.match_indices("://") {
            let address = &kept[place..];
            assert!(
                address.starts_with("://127.0.0.1"),
                "{}: {address:.40}",
                file.display()
            );
        }
    }
}
