//! What a caller can choose about a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Serialize;

use super::error::Stage;
use super::proxy::Proxy;
use super::tls::TlsOptions;
use crate::limits::Limits;

/// How to connect.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Bound on everything from name resolution to the granted Socket.IO session. Default 10 s.
    pub time_limit: Duration,
    /// Added to the upgrade request, or to every polling request, for cookies or authorization.
    pub headers: HeaderMap,
    /// Which certificates are trusted.
    pub tls: TlsOptions,
    /// Bounds on what the server may send.
    pub limits: Limits,
    /// The proxy to go through. Default none: an instrument measures the way it was asked for.
    pub proxy: Option<Proxy>,
    /// Sees every frame in both directions.
    pub tap: Option<FrameTap>,
    /// Told of every stage of connecting when it begins.
    pub stage_tap: Option<StageTap>,
    /// Most bytes that may wait to be sent before sending is refused. Default 2 MiB.
    pub max_unsent_bytes: usize,
    /// How long the server may take nothing of what waits before the connection counts as lost. Default 15 s.
    pub write_stall_limit: Duration,
    /// Sent with the Socket.IO CONNECT. Default none.
    pub auth: Option<AuthPayload>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(10),
            headers: HeaderMap::new(),
            tls: TlsOptions::default(),
            limits: Limits::default(),
            proxy: None,
            tap: None,
            stage_tap: None,
            max_unsent_bytes: 2 << 20,
            write_stall_limit: Duration::from_secs(15),
            auth: None,
        }
    }
}

impl ConnectOptions {
    /// Sends `auth` with the Socket.IO CONNECT.
    pub fn with_auth<T: Serialize + ?Sized>(mut self, auth: &T) -> Result<Self, serde_json::Error> {
        self.auth = Some(AuthPayload::new(auth)?);
        Ok(self)
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectOptions")
            .field("time_limit", &self.time_limit)
            .field(
                "headers",
                &self
                    .headers
                    .keys()
                    .map(http::HeaderName::as_str)
                    .collect::<Vec<_>>(),
            )
            .field("tls", &self.tls)
            .field("limits", &self.limits)
            .field("proxy", &self.proxy)
            .field("tap", &self.tap)
            .field("stage_tap", &self.stage_tap)
            .field("max_unsent_bytes", &self.max_unsent_bytes)
            .field("write_stall_limit", &self.write_stall_limit)
            .field("auth", &self.auth)
            .finish()
    }
}

/// The payload of the Socket.IO CONNECT, usually a token. A secret: neither `Debug` nor a [`FrameTap`] shows it.
#[derive(Clone)]
pub struct AuthPayload(String);

impl AuthPayload {
    /// Writes `payload` as JSON.
    pub fn new<T: Serialize + ?Sized>(payload: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(payload).map(Self)
    }

    pub(super) fn json(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthPayload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the server.
    In,
    /// To the server.
    Out,
}

/// What a frame held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawContent<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(&'a [u8]),
}

/// A frame exactly as it crossed the wire, except that a CONNECT with credentials is shown as `40"[redacted]"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// What it held.
    pub content: RawContent<'a>,
}

/// Sees every frame, before it is decoded and after it is encoded.
///
/// It runs inside the connection's task, so it must not block: hand the frame to a bounded queue and count what does not
/// fit.
#[derive(Clone)]
pub struct FrameTap(Arc<dyn Fn(&RawFrame<'_>) + Send + Sync>);

impl FrameTap {
    /// Calls `see` for each frame.
    pub fn new(see: impl Fn(&RawFrame<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(see))
    }

    pub(super) fn see(&self, direction: Direction, content: RawContent<'_>) {
        (self.0)(&RawFrame { direction, content });
    }
}

impl fmt::Debug for FrameTap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FrameTap")
    }
}

/// Is told of every stage of connecting when it begins, from inside the attempt: it must not block.
#[derive(Clone)]
pub struct StageTap(Arc<dyn Fn(Stage) + Send + Sync>);

impl StageTap {
    /// Calls `see` for each stage.
    pub fn new(see: impl Fn(Stage) + Send + Sync + 'static) -> Self {
        Self(Arc::new(see))
    }

    pub(super) fn see(&self, stage: Stage) {
        (self.0)(stage);
    }
}

impl fmt::Debug for StageTap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StageTap")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let mut options = ConnectOptions::default()
            .with_auth(&serde_json::json!({"token": "hush"}))
            .unwrap();
        options
            .headers
            .insert("authorization", http::HeaderValue::from_static("Bearer hush"));
        let printed = format!("{options:?}");
        assert!(!printed.contains("hush"), "{printed}");
        assert!(printed.contains("authorization"), "{printed}");
    }
}
