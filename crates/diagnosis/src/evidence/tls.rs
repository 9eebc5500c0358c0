//! Who a server says that it is, and whether that is believed here.

use gavelscope_client::state::Millis;
use serde::{Deserialize, Serialize};

/// The certificates that a server showed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TlsEvidence {
    /// Why they are not trusted; none where they are, for this server and now.
    pub distrust: Option<Distrust>,
    /// The server's own first, then those that are to lead to an authority, as far as it sent them.
    pub chain: Vec<CertificateEvidence>,
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Distrust {
    /// What kind of reason.
    pub kind: DistrustKind,
    /// The reason, as a part of a sentence.
    pub detail: String,
}

/// What kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DistrustKind {
    /// Nobody who is trusted here vouches for it.
    Issuer,
    /// It is another host's.
    Name,
    /// Its time is over, by this machine's clock.
    Expired,
    /// Its time has not begun, by this machine's clock.
    Early,
    /// Anything else.
    Other,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CertificateEvidence {
    /// Whose it is.
    pub subject: String,
    /// Who vouches for it.
    pub issuer: String,
    /// The hosts that it is for.
    pub names: Vec<String>,
    /// From when it is good.
    pub not_before: Millis,
    /// Until when.
    pub not_after: Millis,
}
