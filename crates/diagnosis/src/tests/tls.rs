//! What a server's certificates prove.

use super::*;
use crate::evidence::{CertificateEvidence, Distrust, DistrustKind, TlsEvidence};

const CODE: &str = "GS-TLS";
const DAY: i64 = 86_400_000;

/// Certificates that end after so many days, the server's own first; the last is a root's.
fn ending(days: &[i64]) -> TlsEvidence {
    let chain = days.iter().enumerate().map(|(place, days)| CertificateEvidence {
        subject: format!("CN={place}"),
        issuer: format!("CN={}", place + 1),
        not_after: Millis(days * DAY),
        ..CertificateEvidence::default()
    });
    let mut chain: Vec<CertificateEvidence> = chain.collect();
    if let Some(root) = chain.last_mut().filter(|_| days.len() > 1) {
        root.issuer = root.subject.clone();
    }
    TlsEvidence {
        distrust: None,
        chain,
    }
}

fn of(server: &str, tls: Option<TlsEvidence>) -> Finding {
    let probe = ProbeEvidence {
        path: Some(PathEvidence {
            tls,
            ..PathEvidence::default()
        }),
        ..ProbeEvidence::default()
    };
    let evidence = Evidence::of_probe(server.to_owned(), Millis(0), probe);
    finding(&judged(&evidence), CODE)
}

#[test]
fn without_a_certificate_nothing_is_proved() {
    assert_eq!(of("http://a", None).outcome, Outcome::Skipped);
    assert_eq!(of("https://a", None).outcome, Outcome::Inconclusive);
    assert_eq!(outcome(&judged(&seen(|_| {})), CODE), Outcome::Skipped);
}

#[test]
fn one_that_ends_within_two_weeks_is_worth_a_look() {
    let days = |days: &[i64]| of("https://a", Some(ending(days)));
    assert_eq!(days(&[14]).outcome, Outcome::Pass);
    assert_eq!(days(&[13]).outcome, Outcome::Warn);
    assert!(days(&[13]).sentence.contains("in 13 days"));
    assert!(days(&[0]).sentence.contains("within a day"));
    // What leads to the authority counts as well; a root that is sent along does not.
    assert_eq!(days(&[90, 3, 900]).outcome, Outcome::Warn);
    assert_eq!(days(&[90, 400, -3]).outcome, Outcome::Pass);
}

#[test]
fn one_that_is_not_trusted_is_the_verdict() {
    for kind in [
        DistrustKind::Issuer,
        DistrustKind::Name,
        DistrustKind::Expired,
        DistrustKind::Early,
        DistrustKind::Other,
    ] {
        let distrust = Some(Distrust {
            kind,
            detail: "the reason".to_owned(),
        });
        let found = of(
            "https://a",
            Some(TlsEvidence {
                distrust,
                ..ending(&[400])
            }),
        );
        assert_eq!(found.outcome, Outcome::Fail);
        assert_eq!(found.cause.as_deref(), Some("The reason."));
        assert!(found.fix.is_some());
    }
}
