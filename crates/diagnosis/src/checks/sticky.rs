//! Whether the requests of one client reach one pod.

use crate::checks::known::Known;
use crate::checks::{not_probed, skipped};
use crate::evidence::Evidence;
use crate::report::{Confidence, Finding, Outcome};

pub(super) const CODE: &str = "GS-STICKY";

pub(super) fn stickiness(evidence: &Evidence) -> Finding {
    let Some(turns) = evidence.probe.as_ref().and_then(|probe| probe.turns.as_ref()) else {
        return not_probed(CODE);
    };
    if turns.searches.is_empty() {
        let why = turns
            .trouble
            .clone()
            .unwrap_or_else(|| "nothing was searched".to_owned());
        return skipped(
            CODE,
            "Long polling is off here, and only it would show whether clients stick.",
        )
        .fact("Why", why);
    }
    let known = Known::of(evidence);
    let yes = |found| if found { "yes" } else { "no" };
    let said = |outcome, sentence: &str| {
        let mut finding = Finding::new(CODE, outcome, sentence);
        if let Some(found) = turns.with_cookies {
            finding = finding.fact("With cookies", yes(found));
        }
        if let Some(found) = turns.kept_alive {
            finding = finding.fact("Over a kept connection", yes(found));
        }
        finding
    };
    let at_once = turns
        .searches
        .iter()
        .all(|search| search.found && search.requests == 1);
    match (at_once, turns.with_cookies) {
        (true, _) if known.names() > 1 || known.claimed.is_some_and(|claimed| claimed > 1) => said(
            Outcome::Inconclusive,
            "The balancer keeps this address on one pod: the others cannot be tried from here.",
        )
        .resting(
            Confidence::Likely,
            "every request reached one pod, and there are others",
        )
        .fix("Operator: run the diagnosis from several networks."),
        (true, _) => said(Outcome::Pass, "Every request reaches the pod that it is for."),
        (false, Some(true)) => said(Outcome::Pass, "A cookie keeps each client on its pod."),
        (false, _) => said(
            Outcome::Pass,
            "Requests of one client reach different pods: websockets do not mind, long polling cannot work.",
        ),
    }
}
