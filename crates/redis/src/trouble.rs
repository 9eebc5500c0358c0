//! Why pods do not hear each other through Redis: one sentence each, without address and password, because bidders read
//! it, too.

use std::io;
use std::time::Duration;

use gavelscope_contract::Secret;
use redis::RedisError;
use rustls::CertificateError;
use thiserror::Error;

/// How much of what Redis said is repeated.
const QUOTED: usize = 160;

/// Why this pod and the others do not hear each other.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Trouble {
    /// Nobody is there.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
    /// It did not let this pod in.
    #[error("Redis refuses this pod's user or password: {0}")]
    SignIn(String),
    /// TLS could not be agreed on.
    #[error("the TLS connection to Redis fails: {0}")]
    Tls(String),
    /// It takes connections and does not answer.
    #[error("Redis does not answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// It answered with an error.
    #[error("Redis refuses to pass messages on: {0}")]
    Refused(String),
    /// The user may not do this (`NOPERM`).
    #[error("Redis refuses to pass messages on: {0}")]
    NotAllowed(String),
    /// It hung up.
    #[error("the connection to Redis was lost")]
    Lost,
    /// It takes what is published, and nobody hears it.
    #[error("what this pod publishes does not come back from Redis")]
    NotHeard,
}

impl Trouble {
    /// A word for it, which does not change with the details.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::SignIn(_) => "sign-in",
            Self::Tls(_) => "tls",
            Self::Silent(_) => "silent",
            Self::Refused(_) | Self::NotAllowed(_) => "refused",
            Self::Lost => "lost",
            Self::NotHeard => "not heard",
        }
    }

    /// Whether Redis is there at all, and speaks.
    pub fn is_reachable(&self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::NotAllowed(_) | Self::NotHeard | Self::Silent(_)
        )
    }

    /// What became of connecting.
    pub fn connecting(error: &io::Error) -> Self {
        Self::Unreachable(match error.kind() {
            io::ErrorKind::ConnectionRefused => "nothing listens there (connection refused)".to_owned(),
            _ => error.to_string(),
        })
    }

    /// What became of a TLS handshake.
    pub fn tls(error: &io::Error) -> Self {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        Self::Tls(match inner {
            // Another authority of the same name is no better than an unknown one.
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => {
                "its certificate is from no authority that is trusted here; name the authority's certificate in \
                 REDIS_CA_FILE"
                    .to_owned()
            }
            Some(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => "its certificate is for another host".to_owned(),
            Some(rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => "its certificate has expired".to_owned(),
            Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS on this port".to_owned(),
            Some(other) => other.to_string(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                "it closed the connection during the handshake".to_owned()
            }
            None => error.to_string(),
        })
    }

    /// What a line of Redis' that begins with a minus says.
    pub fn said(line: &str, password: Option<&Secret>) -> Self {
        let line = quoted(line, password);
        match line.split(' ').next().unwrap_or_default() {
            "WRONGPASS" | "NOAUTH" => Self::SignIn(line),
            "NOPERM" => Self::NotAllowed(line),
            // A Redis without a password that was sent one.
            "ERR" if line.contains("AUTH") => Self::SignIn(line),
            _ => Self::Refused(line),
        }
    }

    /// What became of a command.
    pub fn command(error: &RedisError, limit: Duration, password: Option<&Secret>) -> Self {
        if error.is_timeout() {
            return Self::Silent(limit);
        }
        match error.code() {
            Some(code) => {
                let detail = error.detail().unwrap_or_default();
                Self::said(&format!("{code} {detail}"), password)
            }
            None if error.is_io_error() => Self::Lost,
            None => Self::Refused(quoted(&error.to_string(), password)),
        }
    }
}

/// The beginning of what Redis said, on one line and without the password, which some errors repeat.
fn quoted(text: &str, password: Option<&Secret>) -> String {
    let text = match password {
        Some(password) => text.replace(password.expose(), "[redacted]"),
        None => text.to_owned(),
    };
    let plain: String = text
        .chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .take(QUOTED)
        .collect();
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_is_told_apart() {
        let kinds = [
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                "sign-in",
            ),
            ("NOAUTH Authentication required.", "sign-in"),
            (
                "ERR AUTH <password> called without any password configured for the default user.",
                "sign-in",
            ),
            ("ERR max number of clients reached", "refused"),
            ("NOPERM this user has no permissions", "refused"),
        ];
        for (line, kind) in kinds {
            assert_eq!(Trouble::said(line, None).kind(), kind, "{line}");
        }
    }

    #[test]
    fn a_password_that_redis_repeats_is_not_repeated() {
        let secret = Secret::new("hunter2");
        let line = "ERR unknown command `AUTH`, with args beginning with: `ada`, `hunter2`";
        let sentence = Trouble::said(line, Some(&secret)).to_string();
        assert!(
            !sentence.contains("hunter2") && sentence.contains("[redacted]"),
            "{sentence}"
        );
    }
}
