//! The evidence of real runs, judged anew: the rules of today say what was said then.
//!
//! `GAVELSCOPE_GOLDEN=1 cargo test --package gavelscope-testkit --test diagnosis` takes new evidence; here the same variable
//! keeps the evidence and writes what is said of it now.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::PathBuf;

use gavelscope_diagnosis::Saved;

/// A row of `docs/diagnosis.md` each, for each kind of pod.
const ROWS: usize = 14;
const KINDS: [&str; 2] = ["gaveld", "python"];

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let listed = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = listed.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
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
        let kept = std::fs::read_to_string(&file).unwrap();
        let judged = Saved::read(&kept).unwrap().text().unwrap();
        if renew {
            std::fs::write(&file, judged).unwrap();
        } else if judged != kept {
            let differs = judged.lines().zip(kept.lines()).find(|(now, then)| now != then);
            panic!(
                "{} is judged otherwise now (GAVELSCOPE_GOLDEN=1 writes it anew): {differs:#?}",
                file.display()
            );
        }
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
