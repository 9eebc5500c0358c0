//! Evidence in, findings out: what was measured proves about a backend, and what it does not.
//!
//! [`evidence`] is put together from what a session sees anyway and from what a [`probe`] measures; [`diagnose`] judges
//! it. Judging is pure: the same evidence gives the same report, today or from a file.

mod checks;
mod compare;
pub mod evidence;
mod matrix;
pub mod operator;
mod page;
pub mod probe;
mod report;
mod saved;
mod turns;

use gavelscope_client::state::Millis;

pub use checks::slow_pod::Hearing;
use checks::{room_split, session};
pub use compare::{Comparison, Drift, FigureChange, FindingChange, compare};
pub use evidence::Evidence;
pub use matrix::{Heard, Matrix, Pair, Partition};
pub use page::page;
pub use report::{Confidence, Fact, Finding, Light, Outcome, Report};
pub use saved::{SCHEMA, Saved, Unreadable, exit_code};
pub use turns::{PodCount, Search, Turns, chance_of_a_miss, chance_of_an_omission, pod_count};

/// Judges evidence, at a time.
pub fn diagnose(evidence: &Evidence, now: Millis) -> Report {
    let mut findings = checks::all(evidence);
    // A stable sort: within an outcome the order of the checks is the order of their weight.
    findings.sort_by_key(|finding| finding.outcome);
    // A claim that is wrong harms nobody who does not believe it: it is listed, and the light is for what was measured.
    let harms = |finding: &&Finding| match finding.outcome {
        Outcome::Fail => true,
        Outcome::Warn => !checks::ABOUT_CLAIMS.contains(&finding.code.as_str()),
        _ => false,
    };
    let worst = findings.iter().find(harms);
    let (light, verdict, code) = match worst {
        Some(worst) => {
            let light = if worst.outcome == Outcome::Fail {
                Light::Red
            } else {
                Light::Amber
            };
            (light, with_fix(worst), Some(worst.code.clone()))
        }
        None => unharmed(&findings, evidence),
    };
    Report {
        at: now,
        light,
        verdict,
        code,
        findings,
    }
}

/// Nothing is wrong. Whether all is well is another question: the one thing that matters has to have been measured, in a
/// room where everybody was asked, or by bids that came back and none that was missed.
fn unharmed(findings: &[Finding], evidence: &Evidence) -> (Light, String, Option<String>) {
    let of = |code: &str, outcome| {
        findings
            .iter()
            .find(|finding| finding.code == code && finding.outcome == outcome)
    };
    let (room, echo, delivery) = (room_split::CODE, session::ECHO, session::DELIVERY);
    // What was tried and could not be known, before what was proved in another way: sticky routing is not health.
    if let Some(open) = of(room, Outcome::Inconclusive) {
        return (Light::Grey, with_fix(open), Some(open.code.clone()));
    }
    let heard = of(echo, Outcome::Pass).filter(|_| of(delivery, Outcome::Pass).is_some());
    let enough = heard.filter(|_| evidence.session.as_ref().is_some_and(session::echoes_are_enough));
    if let Some(proof) = of(room, Outcome::Pass).or(enough) {
        let sentence =
            "All is well: what is bid reaches everybody, and what you see is what the server says.";
        return (Light::Green, sentence.to_owned(), Some(proof.code.clone()));
    }
    if heard.is_some() {
        let sentence = "Nothing is wrong so far: your bid came back, but the pod that you are connected to may have taken it \
                        itself. Whether you hear of what other pods take is known after a few more, or when you run the \
                        diagnosis.";
        return (Light::Grey, sentence.to_owned(), Some(echo.to_owned()));
    }
    let sentence = "Nothing is wrong so far. Whether bids come back is known after your first one, or when you run the \
                    diagnosis.";
    (Light::Grey, sentence.to_owned(), None)
}

/// The sentence, and what to do about it; where it cannot be known, what would settle it.
fn with_fix(finding: &Finding) -> String {
    let Some(fix) = &finding.fix else {
        return finding.sentence.clone();
    };
    let label = if finding.outcome == Outcome::Inconclusive {
        "To find out"
    } else {
        "Fix"
    };
    let fix = fix.strip_prefix("Operator: ").unwrap_or(fix);
    // It goes on after a colon. Every fix begins with what to do, and so with a word that is no name.
    let mut letters = fix.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    format!(
        "{} {label}: {}{}",
        finding.sentence,
        first.unwrap_or_default(),
        letters.as_str()
    )
}

#[cfg(test)]
mod tests;
