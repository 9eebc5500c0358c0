//! What the Redis showed through which the pods hear each other, when its operator gave its address.

use gavelscope_client::state::Millis;
use serde::{Deserialize, Serialize};

/// What an operator's Redis showed. No user, no password, no message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RedisEvidence {
    /// When it was looked at.
    pub at: Millis,
    /// Where it is, without who signs in there.
    pub address: String,
    /// The address asks for TLS, and then nothing but a certificate that was verified is taken.
    pub encrypted: bool,
    /// Looking the name up, ms.
    pub resolve_ms: Option<u32>,
    /// Opening the connection, ms.
    pub tcp_ms: Option<u32>,
    /// The TLS handshake with a verified certificate, ms; none without TLS.
    pub tls_ms: Option<u32>,
    /// It let us in.
    pub signed_in: bool,
    /// Why it was not looked at to the end.
    pub trouble: Option<RedisTrouble>,
    /// The middle one of several round trips, µs.
    pub round_trip_us: Option<u32>,
    /// What it calls itself.
    pub version: Option<String>,
    /// `master`, `slave`.
    pub role: Option<String>,
    /// Whether a message of our own, on a channel of our own, came back; none where this user may not try.
    pub echoed: Option<bool>,
    /// The channels that pods listen on, or could, and how many do; none where this user may not ask.
    pub channels: Option<Vec<RedisChannel>>,
    /// Channels beside these that somebody listens on.
    pub other_channels: u32,
    /// Patterns that somebody listens by.
    pub patterns: Option<u32>,
    /// Commands that this user may not run.
    pub refused: Vec<String>,
}

/// Why Redis was not looked at to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RedisTrouble {
    /// What kind of trouble.
    pub kind: RedisTroubleKind,
    /// The rest of a sentence; where Redis said something, in its words.
    pub detail: String,
}

/// What kind of trouble with Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RedisTroubleKind {
    /// Nobody is there, or the name has no address.
    Unreachable,
    /// TLS could not be agreed on, or the certificate is not to be trusted.
    Tls,
    /// User or password are wrong, or missing.
    SignIn,
    /// It takes connections and does not answer.
    Silent,
    /// It hung up.
    Lost,
    /// It refuses, or is no Redis.
    Refused,
}

/// A channel, and how many listen on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RedisChannel {
    /// As it is set on a pod: for Socket.IO's form, what the names begin with.
    pub name: String,
    /// Whose it is.
    pub form: ChannelForm,
    /// How many listen on it.
    pub subscribers: u32,
}

/// Whose channel it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ChannelForm {
    /// `NAME-request#/#`, as socketioxide (and so gaveld) names them.
    SocketIo,
    /// `NAME`, where it is python-socketio's usual name or the operator said so.
    Python,
    /// `NAME`, which may be a python-socketio's or something else's.
    Unknown,
}
