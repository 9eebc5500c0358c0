//! How many pods there are, and what they call themselves.

use crate::checks::known::Known;
use crate::evidence::Evidence;
use crate::report::{Confidence, Finding, Outcome};

pub(super) const CODE: &str = "GS-PODS";

pub(super) fn number(evidence: &Evidence) -> Finding {
    let known = Known::of(evidence);
    let said = |outcome, sentence: String| {
        let mut finding = Finding::new(CODE, outcome, sentence);
        if !known.named.is_empty() {
            let names: Vec<_> = known.named.iter().cloned().collect();
            finding = finding.fact("They call themselves", names.join(", "));
        }
        if let Some(count) = known.count {
            let most = count
                .most
                .map_or("any number".to_owned(), |most| most.to_string());
            finding = finding.fact(
                "By searching",
                format!("{}, between {} and {most}", count.likely, count.least),
            );
        }
        if let Some(claimed) = known.claimed {
            finding = finding.claim("Pods", claimed.to_string());
        }
        finding
    };
    match known.reached() {
        1 if known.named.is_empty() && known.count.is_none() => said(
            Outcome::Inconclusive,
            "The server does not say which pod serves you.".to_owned(),
        )
        .resting(Confidence::Weak, "nothing tells"),
        1 => said(Outcome::Pass, "One pod answers.".to_owned()),
        _ => said(
            Outcome::Pass,
            format!("{} pods take turns.", capital(&known.words(1))),
        ),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
