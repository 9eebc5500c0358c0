//! Whether the server can prove who it is, and for how long.

use gavelscope_client::state::Millis;
use gavelscope_contract::Timestamp;

use crate::checks::{not_probed, skipped};
use crate::evidence::{CertificateEvidence, DistrustKind, Evidence, TlsEvidence};
use crate::report::{Finding, Outcome};

pub(super) const CODE: &str = "GS-TLS";

const DAY: i64 = 24 * 60 * 60 * 1_000;
/// A certificate that ends sooner, days, is worth a look: renewing by itself begins a month before.
const SOON: i64 = 14;

/// The certificate that the probe was shown.
pub(super) fn certificate(evidence: &Evidence) -> Finding {
    let Some(path) = evidence.probe.as_ref().and_then(|probe| probe.path.as_ref()) else {
        return not_probed(CODE);
    };
    let Some(tls) = &path.tls else {
        return if evidence.server.starts_with("https:") {
            Finding::new(
                CODE,
                Outcome::Inconclusive,
                "The server showed no certificate: no connection came that far.",
            )
        } else {
            skipped(
                CODE,
                "The address is http://: nothing is encrypted, and there is no certificate.",
            )
        };
    };
    let finding = match &tls.distrust {
        Some(distrust) => {
            let (sentence, fix) = in_words(distrust.kind);
            Finding::new(CODE, Outcome::Fail, sentence)
                .because(capital(&distrust.detail))
                .means("Nothing is sent to it, no bid and no password: somebody else could be answering.")
                .fix(fix)
        }
        None => trusted(tls, evidence.taken_at),
    };
    facts(finding, tls)
}

fn in_words(kind: DistrustKind) -> (&'static str, &'static str) {
    match kind {
        DistrustKind::Issuer => (
            "This server cannot prove who it is: nobody who is trusted here vouches for its certificate.",
            "Operator: have the server send its whole chain (fullchain.pem), from an authority that everybody trusts; where the \
             authority is your own, install its certificate on this machine.",
        ),
        DistrustKind::Name => (
            "This server cannot prove who it is: its certificate is another host's.",
            "Operator: have one made for this name, or give out an address that it names.",
        ),
        DistrustKind::Expired => (
            "This server cannot prove who it is: its certificate has expired.",
            "Operator: renew it now, and let it renew by itself. Where others get in, it is this machine's clock that is wrong.",
        ),
        DistrustKind::Early => (
            "This server cannot prove who it is: its certificate is not valid yet.",
            "Set this machine's clock. If it is right, the operator sets that of the machine that made the certificate.",
        ),
        DistrustKind::Other => (
            "This server cannot prove who it is: its certificate is not acceptable.",
            "Operator: have a new one made.",
        ),
    }
}

fn trusted(tls: &TlsEvidence, now: Millis) -> Finding {
    // A root that is sent along is not looked at by anybody.
    let needed = tls
        .chain
        .iter()
        .enumerate()
        .filter(|(place, one)| *place == 0 || one.subject != one.issuer);
    let ends = needed.map(|(_, one)| one.not_after.0).min().unwrap_or_default();
    // Downwards: what ends within this day has none left.
    let days = (ends - now.0).div_euclid(DAY);
    if days >= SOON {
        return Finding::new(
            CODE,
            Outcome::Pass,
            format!("The server proves who it is, and can for another {days} days."),
        );
    }
    let when = match days {
        ..0 => "has ended by now".to_owned(),
        0 => "ends within a day".to_owned(),
        1 => "ends in a day".to_owned(),
        days => format!("ends in {days} days"),
    };
    Finding::new(
        CODE,
        Outcome::Warn,
        format!("The server's certificate {when}; after that nobody can connect."),
    )
    .fix("Operator: renew it now, and find out why it did not renew by itself.")
}

fn facts(mut finding: Finding, tls: &TlsEvidence) -> Finding {
    if let Some(own) = tls.chain.first() {
        let CertificateEvidence {
            subject,
            issuer,
            names,
            not_before,
            not_after,
        } = own;
        finding = finding
            .fact("Certificate of", subject.clone())
            .fact("Vouched for by", issuer.clone())
            .fact("For", names.join(", "))
            .fact("Good from", date(*not_before))
            .fact("Good until", date(*not_after));
    }
    finding.fact("Certificates that it sent", tls.chain.len().to_string())
}

/// The day, in UTC.
fn date(time: Millis) -> String {
    let text = Timestamp::from_millis(time.0);
    text.as_str().split('T').next().unwrap_or_default().to_owned()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
