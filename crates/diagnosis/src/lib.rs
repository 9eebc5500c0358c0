//! Evidence in, findings out: what the measurements of a session prove about its connection.
//!
//! Pure: the same state at the same time gives the same report.

mod checks;
pub mod evidence;
mod matrix;
pub mod probe;
mod turns;

use gavelscope_client::state::SessionState;
use serde::{Deserialize, Serialize};

pub use matrix::{Heard, Matrix, Pair, Partition};
pub use turns::{PodCount, Search, Turns, chance_of_a_miss, pod_count};

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

/// Judges what a session has measured so far. Nothing is probed: this is what the session saw anyway.
pub fn diagnose(state: &SessionState) -> Report {
    let mut findings = checks::all(state);
    // A stable sort: within an outcome the order of the checks is the order of their weight.
    findings.sort_by_key(|finding| severity(finding.outcome));
    let proved = |outcome| findings.iter().find(|finding| finding.outcome == outcome);
    let (outcome, verdict) = if let Some(worst) = proved(Outcome::Fail) {
        (Outcome::Fail, worst.sentence.clone())
    } else if let Some(worst) = proved(Outcome::Warn) {
        (Outcome::Warn, worst.sentence.clone())
    } else if findings
        .iter()
        .any(|finding| finding.code == checks::ECHO && finding.outcome == Outcome::Pass)
    {
        (
            Outcome::Pass,
            "Your bids come back from the room: what you see is what the server says.".to_owned(),
        )
    } else {
        // Everything that was measured is well, and the one thing that matters was not: no bid went all the way round.
        let sentence = "Nothing is wrong so far. Whether bids come back is known after your first one.";
        (Outcome::Inconclusive, sentence.to_owned())
    };
    Report {
        outcome,
        verdict,
        findings,
    }
}

const fn severity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail => 0,
        Outcome::Warn => 1,
        Outcome::Inconclusive => 2,
        Outcome::Pass => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session as it is published before anything happened, with changes.
    fn state(change: impl FnOnce(&mut serde_json::Value)) -> SessionState {
        let mut json: serde_json::Value = serde_json::from_str(include_str!("../tests/online.json")).unwrap();
        change(&mut json);
        serde_json::from_value(json).unwrap()
    }

    fn outcome(report: &Report, code: &str) -> Outcome {
        report
            .findings
            .iter()
            .find(|finding| finding.code == code)
            .unwrap()
            .outcome
    }

    #[test]
    fn before_the_first_bid_nothing_is_called_healthy() {
        assert_eq!(diagnose(&state(|_| {})).outcome, Outcome::Inconclusive);
    }

    #[test]
    fn a_bid_that_came_back_makes_it_healthy() {
        let report = diagnose(&state(|s| {
            s["measurements"]["echo"] = serde_json::json!({"count":1,"last":12,"median":12,"p95":12});
        }));
        assert_eq!(
            (report.outcome, outcome(&report, "GS-ECHO")),
            (Outcome::Pass, Outcome::Pass)
        );
    }

    #[test]
    fn an_accepted_bid_that_never_came_back_is_the_verdict_whatever_health_claims() {
        let report = diagnose(&state(|s| {
            s["measurements"]["echoesMissing"] = 1.into();
            s["server"]["claim"] = serde_json::json!(
                {"at":0,"status":"healthy","mode":"redis","multiPodReady":true,"pod":null,"adapter":null});
        }));
        assert_eq!(report.outcome, Outcome::Fail);
        assert_eq!(report.findings[0].code, "GS-ECHO");
        assert!(report.findings[0].fix.as_ref().unwrap().contains("REDIS_URL"));
    }

    #[test]
    fn events_that_do_not_arrive_are_the_verdict_before_any_bid_of_mine() {
        let report = diagnose(&state(|s| {
            s["auctions"][0]["trust"] = "polled".into();
            s["auctions"][0]["doubt"] = "The server has a bid that the room was never told.".into();
        }));
        assert_eq!(
            (report.outcome, outcome(&report, "GS-DELIVERY")),
            (Outcome::Fail, Outcome::Fail)
        );
        assert!(report.findings[0].evidence.contains("never told"), "{report:?}");
    }

    #[test]
    fn a_pod_that_says_it_is_alone_is_the_verdict_and_names_redis() {
        let report = diagnose(&state(|s| {
            s["connection"]["podAlone"] = serde_json::json!({"pod": "pod-1", "since": 1_795_399_990_000_i64, "reason": "Redis does not answer."});
            s["auctions"][0]["trust"] = "polled".into();
        }));
        assert_eq!(
            (report.outcome, report.findings[0].code.as_str()),
            (Outcome::Fail, "GS-CLUSTER")
        );
        assert!(
            report.findings[0]
                .evidence
                .contains("10 s: Redis does not answer")
        );
        assert!(report.findings[0].fix.as_ref().unwrap().contains("bids are safe"));
    }

    #[test]
    fn a_move_from_a_pod_that_is_replaced_is_no_loss() {
        let report = diagnose(&state(|s| {
            s["connection"]["phase"] = "resolving".into();
            s["connection"]["moving"] = true.into();
        }));
        assert_eq!(outcome(&report, "GS-LINK"), Outcome::Inconclusive);
        assert_ne!(report.outcome, Outcome::Fail);
    }

    #[test]
    fn polling_that_cannot_work_here_is_the_operators_to_mend() {
        let report = diagnose(&state(|s| {
            s["connection"]["changedOver"] =
                "Long polling cannot work here: requests reach other pods.".into();
        }));
        assert_eq!(outcome(&report, "GS-WAY"), Outcome::Warn);
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.code == "GS-WAY")
            .unwrap();
        assert!(finding.sentence.contains("cannot work here"), "{finding:?}");
    }

    #[test]
    fn a_countdown_in_doubt_is_said() {
        let report = diagnose(&state(|s| s["clock"]["doubt"] = "It may be off by 2 s.".into()));
        assert_eq!(outcome(&report, "GS-CLOCK"), Outcome::Warn);
    }

    #[test]
    fn a_room_size_of_zero_is_a_wrong_claim_and_not_an_empty_room() {
        let report = diagnose(&state(|s| s["auctions"][0]["room"]["here"] = 0.into()));
        assert_eq!(outcome(&report, "GS-ROOM-SIZE"), Outcome::Warn);
    }

    #[test]
    fn a_lost_link_fails_and_comes_first() {
        let report = diagnose(&state(|s| {
            s["connection"]["phase"] = "backoff".into();
            s["measurements"]["gaps"] = 3.into();
        }));
        assert_eq!(
            (report.outcome, report.findings[0].code.as_str()),
            (Outcome::Fail, "GS-LINK")
        );
        assert_eq!(outcome(&report, "GS-GAPS"), Outcome::Warn);
    }
}
