//! The checks, in the order of their weight. Each says what was proved and no more (design, rule 3).

mod claims;
mod known;
mod one_way;
mod operator;
mod partial;
mod path;
mod pods;
mod room;
pub(crate) mod room_split;
pub(crate) mod session;
mod sharing;
pub(crate) mod slow_pod;
mod sticky;
mod subscribers;
mod tls;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::evidence::{Evidence, SessionEvidence};
use crate::report::{Confidence, Finding, Outcome};

/// Checks of what the backend says of itself.
pub(crate) const ABOUT_CLAIMS: [&str; 2] = [claims::HEALTH, claims::ROOM_SIZE];

type Check = (&'static str, fn(&Evidence) -> Finding);

const CHECKS: &[Check] = &[
    (session::LINK, |evidence| {
        of_session(evidence, session::LINK, session::link)
    }),
    (session::JOIN, |evidence| {
        of_session(evidence, session::JOIN, session::join)
    }),
    (room_split::CODE, room_split::rooms),
    (one_way::CODE, one_way::hearing),
    (operator::REDIS, operator::redis),
    (subscribers::CODE, subscribers::count),
    (claims::CLUSTER, claims::cluster),
    (session::ECHO, |evidence| {
        of_session(evidence, session::ECHO, session::echo)
    }),
    (session::DELIVERY, |evidence| {
        of_session(evidence, session::DELIVERY, session::delivery)
    }),
    (partial::CODE, partial::steadiness),
    (tls::CODE, tls::certificate),
    (path::CODE, path::way),
    (session::WAY, |evidence| {
        of_session(evidence, session::WAY, session::way)
    }),
    (session::GAPS, |evidence| {
        of_session(evidence, session::GAPS, session::gaps)
    }),
    (slow_pod::CODE, slow_pod::lateness),
    (pods::CODE, pods::number),
    (sticky::CODE, sticky::stickiness),
    (claims::HEALTH, claims::health),
    (claims::ROOM_SIZE, claims::room_size),
    (session::QUEUE, |evidence| {
        of_session(evidence, session::QUEUE, session::queue)
    }),
    (session::CONTRACT, |evidence| {
        of_session(evidence, session::CONTRACT, session::contract)
    }),
    (session::CLOCK, |evidence| {
        of_session(evidence, session::CLOCK, session::clock)
    }),
];

/// Every finding, in the order of weight.
pub(crate) fn all(evidence: &Evidence) -> Vec<Finding> {
    let mut findings: Vec<Finding> = CHECKS
        .iter()
        .map(|(code, check)| guarded(code, || check(evidence)))
        .collect();
    operator::explain(&mut findings);
    findings
}

/// A check that breaks says so, and the others go on.
fn guarded(code: &str, check: impl FnOnce() -> Finding) -> Finding {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| {
        Finding::new(
            code,
            Outcome::Crashed,
            "This check broke; it says nothing about the backend.",
        )
        .resting(Confidence::Weak, "a defect of this program")
        .fix("Save the report and send it to the makers of Gavelscope.")
    })
}

fn of_session(evidence: &Evidence, code: &str, check: fn(&SessionEvidence) -> Finding) -> Finding {
    match &evidence.session {
        Some(session) => check(session),
        None => skipped(code, "No session was open; only a session shows this."),
    }
}

fn skipped(code: &str, why: &str) -> Finding {
    Finding::new(code, Outcome::Skipped, why).resting(Confidence::Weak, "not looked at")
}

fn not_probed(code: &str) -> Finding {
    skipped(code, "It takes a probe to know: run the diagnosis.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_breaks_is_its_own_outcome() {
        let finding = guarded("GS-X", || panic!("broken"));
        assert_eq!(
            (finding.code.as_str(), finding.outcome),
            ("GS-X", Outcome::Crashed)
        );
    }
}
