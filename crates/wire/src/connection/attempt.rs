//! What every attempt to connect has in common: one deadline, the way to the server, and the Socket.IO session.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::MaybeTlsStream;

use super::connect::Timings;
use super::endpoint::Endpoint;
use super::error::{ConnectError, Stage};
use super::incoming::Incoming;
use super::line::Stream;
use super::live::{Connection, Taken};
use super::options::{AuthPayload, ConnectOptions, StageTap};
use super::upgrade::excerpt;
use super::{dial, proxy, tls};
use crate::socket::MAIN_NAMESPACE;

/// A limit above this is none.
const LONGEST_LIMIT: Duration = Duration::from_hours(24);
/// Packets that may come before the session is granted (python-socketio can emit from its connect handler).
const MOST_EARLY_PACKETS: usize = 256;

/// Runs each stage under one deadline, times it, and says that it began.
pub(super) struct Deadline {
    at: Instant,
    limit: Duration,
    stage_tap: Option<StageTap>,
}

impl Deadline {
    pub(super) fn of(options: &ConnectOptions) -> Self {
        let limit = options.time_limit;
        Self {
            at: Instant::now() + limit.min(LONGEST_LIMIT),
            limit,
            stage_tap: options.stage_tap.clone(),
        }
    }

    pub(super) async fn stage<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<(T, Duration), ConnectError> {
        if let Some(tap) = &self.stage_tap {
            tap.see(stage);
        }
        let began = Instant::now();
        let done = tokio::time::timeout_at(self.at, work).await;
        let value = done.map_err(|_| ConnectError::TimedOut {
            stage,
            limit: self.limit,
        })??;
        Ok((value, began.elapsed()))
    }
}

/// An open way to the server.
pub(super) struct Reached {
    pub(super) stream: Stream,
    pub(super) peer: SocketAddr,
    /// Set where TLS is spoken, for further connections of the same session.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) timings: Timings,
}

/// Name resolution, TCP, the proxy's tunnel, TLS. A `tunnel` is asked for where there is a proxy.
pub(super) async fn reach(
    endpoint: &Endpoint,
    options: &ConnectOptions,
    tunnel: bool,
    deadline: &Deadline,
) -> Result<Reached, ConnectError> {
    let mut timings = Timings::default();
    // Reading the system's certificates is our own time, not the server's: it is done before anything is measured.
    let tls = if endpoint.is_secure() {
        let reading = async { tls::client_config(&options.tls).await.map_err(ConnectError::Tls) };
        Some(deadline.stage(Stage::Tls, reading).await?.0)
    } else {
        None
    };
    let (host, port) = match &options.proxy {
        Some(proxy) => (proxy.host.clone(), proxy.port),
        None => (endpoint.host(), endpoint.port()),
    };
    let (addresses, took) = deadline.stage(Stage::Dns, dial::resolve(host, port)).await?;
    timings.dns = took;
    let ((mut tcp, peer), took) = deadline.stage(Stage::Tcp, dial::open(&addresses)).await?;
    timings.tcp = took;
    if let Some(proxy) = options.proxy.as_ref().filter(|_| tunnel) {
        let asking = proxy::tunnel(&mut tcp, endpoint, proxy);
        timings.proxy = Some(deadline.stage(Stage::Proxy, asking).await?.1);
    }
    let stream = match &tls {
        None => MaybeTlsStream::Plain(tcp),
        Some(config) => {
            let speaking = tls::handshake(Arc::clone(config), endpoint, tcp);
            let (stream, took) = deadline.stage(Stage::Tls, speaking).await?;
            timings.tls = Some(took);
            MaybeTlsStream::Rustls(stream)
        }
    };
    Ok(Reached {
        stream,
        peer,
        tls,
        timings,
    })
}

impl Connection {
    /// Sends the CONNECT and waits for the answer. What comes before it is kept for the caller.
    pub(super) async fn ask_for_session(
        &mut self,
        options: &ConnectOptions,
        deadline: &Deadline,
    ) -> Result<(), ConnectError> {
        let granting = self.await_session(options.auth.as_ref());
        let (socket_sid, took) = deadline.stage(Stage::Connect, granting).await?;
        self.session_granted(socket_sid, took);
        Ok(())
    }

    async fn await_session(&mut self, auth: Option<&AuthPayload>) -> Result<String, ConnectError> {
        // `{}` because older servers stumble over an empty payload.
        let packet = format!("40{}", auth.map_or("{}", AuthPayload::json));
        let shown = auth.map(|_| "40\"[redacted]\"");
        self.push_shown(packet, shown)
            .map_err(|error| error.during(Stage::Connect))?;
        loop {
            let incoming = match poll_fn(|context| self.poll_taken(context)).await {
                Taken::Ended(error) => return Err(error.during(Stage::Connect)),
                Taken::Incoming(incoming) => incoming,
                Taken::Connect { namespace, payload } if namespace == MAIN_NAMESPACE => {
                    return session_id(payload.as_deref()).ok_or_else(|| ConnectError::UnsupportedVersion {
                        reason: "the session was granted without an id, as Socket.IO before 3.0 does"
                            .to_owned(),
                    });
                }
                Taken::Connect { .. } | Taken::Nothing => continue,
            };
            match incoming {
                Incoming::ConnectError { namespace, payload } if namespace == MAIN_NAMESPACE => {
                    return Err(refused(payload));
                }
                Incoming::Disconnect { payload } => return Err(refused(payload)),
                other if self.early.len() < MOST_EARLY_PACKETS => self.early.push_back(other),
                _ => {
                    let reason = "packets come although no session was granted".to_owned();
                    return Err(ConnectError::UnsupportedVersion { reason });
                }
            }
        }
    }
}

fn session_id(payload: Option<&str>) -> Option<String> {
    let payload: Value = serde_json::from_str(payload?).ok()?;
    payload.get("sid").and_then(Value::as_str).map(str::to_owned)
}

/// A refusal's words stand in `{"message":…}`, or are the payload itself.
fn refused(payload: Option<String>) -> ConnectError {
    let value: Option<Value> = payload
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    let words = value
        .as_ref()
        .and_then(|value| value.get("message").unwrap_or(value).as_str());
    ConnectError::NamespaceRefused {
        message: words.map(excerpt),
        payload,
    }
}
