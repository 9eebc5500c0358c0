//! What must not be read over a shoulder: tokens and e-mail addresses, as types that print as `[redacted]`.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A token. It has no `Serialize`: a body that has to carry it says so with [`Secret::exposed`], so it cannot slip
/// into a log, a report or the window by way of a `derive`.
#[derive(Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret into keeping.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the request that needs it and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// For `#[serde(serialize_with = "Secret::exposed")]` on the body of a request or an answer.
    pub fn exposed<S: Serializer>(secret: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&secret.0)
    }

    /// The same where the secret may be missing.
    #[allow(clippy::ref_option, reason = "the signature that serde calls")]
    pub fn exposed_option<S: Serializer>(secret: &Option<Self>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Self::expose).serialize(serializer)
    }
}

/// An e-mail address. It is part of bodies and events of the field's backend, so it serializes; it never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(pub String);

macro_rules! redacted {
    ($($name:ty),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[redacted]")
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[redacted]")
            }
        }
    )+};
}
redacted!(Secret, Email);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_prints() {
        let secret = Secret::new("hunter2");
        let email = Email("a@example.com".into());
        assert_eq!(
            format!("{secret} {secret:?} {email} {email:?}"),
            "[redacted] [redacted] [redacted] [redacted]"
        );
        assert_eq!(secret.expose(), "hunter2");
    }
}
