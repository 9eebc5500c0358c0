//! What a server's certificates say, put into words.

use gavelscope_client::state::Millis;
use gavelscope_wire::connection::{Presented, TlsFailure};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::evidence::{CertificateEvidence, Distrust, DistrustKind, TlsEvidence};

/// The longest text that is kept of a name, and how many names of hosts.
const LONGEST: usize = 200;
const NAMES: usize = 20;

pub(super) fn read(presented: &Presented) -> TlsEvidence {
    TlsEvidence {
        distrust: presented.distrust.as_ref().map(|failure| Distrust {
            kind: kind(failure),
            detail: failure.to_string(),
        }),
        // One that cannot be read is counted all the same.
        chain: presented
            .chain
            .iter()
            .map(|der| certificate(der).unwrap_or_default())
            .collect(),
    }
}

const fn kind(failure: &TlsFailure) -> DistrustKind {
    match failure {
        TlsFailure::UntrustedIssuer => DistrustKind::Issuer,
        TlsFailure::WrongHost { .. } => DistrustKind::Name,
        TlsFailure::Expired => DistrustKind::Expired,
        TlsFailure::NotYetValid => DistrustKind::Early,
        _ => DistrustKind::Other,
    }
}

fn certificate(der: &[u8]) -> Option<CertificateEvidence> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.into_iter().flat_map(|names| &names.value.general_names);
    let time = |seconds: i64| Millis(seconds.saturating_mul(1_000));
    Some(CertificateEvidence {
        subject: kept(&certificate.subject().to_string()),
        issuer: kept(&certificate.issuer().to_string()),
        names: names.filter_map(host).take(NAMES).collect(),
        not_before: time(certificate.validity().not_before.timestamp()),
        not_after: time(certificate.validity().not_after.timestamp()),
    })
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(kept(name)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Anybody can write anything into a certificate.
fn kept(text: &str) -> String {
    text.chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .take(LONGEST)
        .collect()
}
