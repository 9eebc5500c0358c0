//! The sentences for a call that has no answer, or one that is of no use.

use std::error::Error as _;
use std::time::Duration;

use super::call::{BodyError, Failure};
use super::{LIMIT, Rest};
use crate::error::ClientError;

impl Rest {
    pub(super) fn malformed(&self, what: &str, error: &serde_json::Error, text: &str) -> ClientError {
        if text.trim_start().starts_with('<') {
            let reason = "it sent a web page where JSON was expected".to_owned();
            return ClientError::NotABackend {
                address: self.address.base(),
                reason,
            };
        }
        ClientError::Malformed {
            what: what.to_owned(),
            reason: error.to_string(),
        }
    }

    pub(super) fn broken(&self, what: &str, reason: BodyError) -> ClientError {
        match reason {
            BodyError::TooSlow => ClientError::TooSlow {
                what: capital(what),
                seconds: seconds(LIMIT),
            },
            BodyError::TooLarge => ClientError::Malformed {
                what: what.to_owned(),
                reason: "it does not end".to_owned(),
            },
            BodyError::Broken => ClientError::Unreachable {
                address: self.address.base(),
                reason: "the connection broke".to_owned(),
            },
        }
    }

    pub(super) fn failure(&self, error: &reqwest::Error, what: &str) -> Failure {
        let address = self.address.base();
        if let Some(reason) = tls_reason(error) {
            return Failure::Before(ClientError::Tls { address, reason });
        }
        let sentence = if error.is_timeout() {
            ClientError::TooSlow {
                what: capital(what),
                seconds: seconds(LIMIT),
            }
        } else {
            ClientError::Unreachable {
                address,
                reason: innermost(error),
            }
        };
        if error.is_connect() || error.is_builder() {
            Failure::Before(sentence)
        } else {
            Failure::After(sentence)
        }
    }
}

fn capital(what: &str) -> String {
    let mut letters = what.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn seconds(limit: Duration) -> u32 {
    u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)
}

/// The reason at the bottom of a chain of errors: the one that names the trouble.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let text = reason.to_string();
    // "Connection refused (os error 111)": the number helps nobody.
    text.split(" (os error")
        .next()
        .unwrap_or(&text)
        .trim_end_matches('.')
        .to_owned()
}

/// What TLS has against the server, where TLS is the trouble.
fn tls_reason(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(tls) = tls_error(source) {
            return Some(match tls {
                rustls::Error::InvalidCertificate(problem) => certificate_reason(problem),
                rustls::Error::InvalidMessage(_) => {
                    "it does not speak TLS; perhaps the address begins with http:".to_owned()
                }
                other => other.to_string(),
            });
        }
        cause = source.source();
    }
    None
}

/// TLS' error in another one. An I/O error does not name what it carries as its source, and it may carry another.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let carried = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match carried {
        Some(carried) => tls_error(carried),
        None => error.downcast_ref::<rustls::Error>(),
    }
}

fn certificate_reason(problem: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Problem;
    match problem {
        Problem::Expired | Problem::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        // Another authority of the same name is no better than an unknown one.
        Problem::UnknownIssuer | Problem::BadSignature => {
            "its certificate was issued by nobody this machine trusts".to_owned()
        }
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            "its certificate belongs to another name".to_owned()
        }
        Problem::Revoked => "its certificate was withdrawn".to_owned(),
        other => format!("its certificate is not accepted ({other})"),
    }
}
