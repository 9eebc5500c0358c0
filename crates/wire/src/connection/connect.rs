//! From an address to a granted Socket.IO session, stage by stage.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WebsocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::endpoint::Endpoint;
use super::error::{ConnectError, ConnectionError, Stage};
use super::live::{Connection, Stream, Taken, ending};
use super::options::{AuthPayload, ConnectOptions, Direction, RawContent};
use super::upgrade::excerpt;
use super::{dial, tls, upgrade};
use crate::engine::{Open, Packet};
use crate::socket::MAIN_NAMESPACE;

/// What was agreed on while connecting, and how long each stage took.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// Engine.IO session id.
    pub engine_sid: String,
    /// Socket.IO session id in the namespace `/`.
    pub socket_sid: String,
    /// How often the server sends a ping.
    pub ping_interval: Duration,
    /// How long after a due ping the connection counts as lost.
    pub ping_timeout: Duration,
    /// Most bytes that the server accepts in one message, where it says so.
    pub max_payload: Option<usize>,
    /// Transports that the server offers to upgrade to (none over a websocket, usually).
    pub upgrades: Vec<String>,
    /// Headers of the answer to the upgrade request.
    pub headers: HeaderMap,
    /// How long each stage took.
    pub timings: Timings,
    /// The address that is connected to.
    pub peer: SocketAddr,
}

/// How long each stage of connecting took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Name resolution (next to nothing for an IP address).
    pub dns: Duration,
    /// Opening the TCP connection.
    pub tcp: Duration,
    /// The TLS handshake; `None` without TLS.
    pub tls: Option<Duration>,
    /// From the upgrade request to the answer's headers.
    pub upgrade: Duration,
    /// Waiting for the Engine.IO open packet.
    pub open: Duration,
    /// From the Socket.IO CONNECT to its answer.
    pub connect: Duration,
}

impl Timings {
    /// All stages together.
    pub fn total(&self) -> Duration {
        self.dns + self.tcp + self.tls.unwrap_or_default() + self.upgrade + self.open + self.connect
    }
}

/// Bytes read from the socket at a time: some hundred events, and little enough for thousands of connections.
const READ_BUFFER_BYTES: usize = 32 * 1024;
/// Bytes collected before they are written without being flushed.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// A limit above this is none.
const LONGEST_LIMIT: Duration = Duration::from_hours(24);
/// Packets that may come before the session is granted (python-socketio can emit from its connect handler).
const MOST_EARLY_PACKETS: usize = 256;

/// Runs each stage under one deadline, and times it.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit.min(LONGEST_LIMIT),
            limit,
        }
    }

    async fn stage<T>(
        self,
        stage: Stage,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<(T, Duration), ConnectError> {
        let began = Instant::now();
        let done = tokio::time::timeout_at(self.at, work).await;
        let value = done.map_err(|_| ConnectError::TimedOut {
            stage,
            limit: self.limit,
        })??;
        Ok((value, began.elapsed()))
    }
}

/// Connects: DNS, TCP, TLS, websocket upgrade, Engine.IO open, Socket.IO CONNECT to `/`.
///
/// Cancel-safe: dropping the future closes what was opened.
pub async fn connect(endpoint: &Endpoint, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let deadline = Deadline::after(options.time_limit);
    let mut timings = Timings::default();

    // Reading the system's certificates is our own time, not the server's: it is done before anything is measured.
    let tls_config = if endpoint.is_secure() {
        let reading = async { tls::client_config(&options.tls).await.map_err(ConnectError::Tls) };
        Some(deadline.stage(Stage::Tls, reading).await?.0)
    } else {
        None
    };

    let (addresses, took) = deadline.stage(Stage::Dns, dial::resolve(endpoint)).await?;
    timings.dns = took;
    let ((tcp, peer), took) = deadline.stage(Stage::Tcp, dial::open(&addresses)).await?;
    timings.tcp = took;
    let mut stream = match tls_config {
        None => MaybeTlsStream::Plain(tcp),
        Some(config) => {
            let (tls, took) = deadline
                .stage(Stage::Tls, tls::handshake(config, endpoint, tcp))
                .await?;
            timings.tls = Some(took);
            MaybeTlsStream::Rustls(tls)
        }
    };

    let upgrading = upgrade::upgrade(&mut stream, endpoint, &options.headers);
    let (upgraded, took) = deadline.stage(Stage::Upgrade, upgrading).await?;
    timings.upgrade = took;

    let config = websocket_config(options);
    let mut websocket =
        WebSocketStream::from_partially_read(stream, upgraded.tail, Role::Client, Some(config)).await;
    let (open, took) = deadline
        .stage(Stage::Open, await_open(&mut websocket, options))
        .await?;
    timings.open = took;

    let handshake = Handshake {
        engine_sid: open.sid,
        socket_sid: String::new(),
        ping_interval: open.ping_interval,
        ping_timeout: open.ping_timeout,
        max_payload: open.max_payload,
        upgrades: open.upgrades,
        headers: upgraded.headers,
        timings,
        peer,
    };
    let mut connection = Connection::new(websocket, handshake, options);
    let granting = await_session(&mut connection, options.auth.as_ref());
    let (socket_sid, took) = deadline.stage(Stage::Connect, granting).await?;
    connection.session_granted(socket_sid, took);
    tracing::debug!(%endpoint, %peer, "connected");
    Ok(connection)
}

fn websocket_config(options: &ConnectOptions) -> WebSocketConfig {
    let most = Some(options.limits.max_packet_bytes);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        // The library insists on room above its own write buffer.
        .max_write_buffer_size(options.max_unsent_bytes.max(2 * WRITE_BUFFER_BYTES))
        .max_message_size(most)
        .max_frame_size(most)
}

/// The first frame must be an Engine.IO open packet.
async fn await_open(
    websocket: &mut WebSocketStream<Stream>,
    options: &ConnectOptions,
) -> Result<Open, ConnectError> {
    loop {
        let message = next_message(websocket, Stage::Open).await?;
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(bytes) => {
                if let Some(tap) = &options.tap {
                    tap.see(Direction::In, RawContent::Binary(&bytes));
                }
                return Err(ConnectError::NotEngineIo {
                    excerpt: format!("{} bytes", bytes.len()),
                });
            }
            _ => continue,
        };
        if let Some(tap) = &options.tap {
            tap.see(Direction::In, RawContent::Text(&text));
        }
        let open = match Packet::decode_text(&text, &options.limits) {
            Ok(Packet::Open(json)) => Open::parse(json).ok(),
            _ => None,
        };
        return open.ok_or_else(|| ConnectError::NotEngineIo {
            excerpt: excerpt(&text),
        });
    }
}

/// Sends the CONNECT and waits for the answer. What comes before it is kept for the caller.
async fn await_session(
    connection: &mut Connection,
    auth: Option<&AuthPayload>,
) -> Result<String, ConnectError> {
    // `{}` because older servers stumble over an empty payload.
    let packet = format!("40{}", auth.map_or("{}", AuthPayload::json));
    let shown = if auth.is_some() {
        "40\"[redacted]\""
    } else {
        packet.as_str()
    };
    connection.note_sent(shown, packet.len());
    let sent = connection.websocket.send(Message::text(packet.clone())).await;
    sent.map_err(|error| closed(Stage::Connect, ending(&error)))?;
    loop {
        let message = next_message(&mut connection.websocket, Stage::Connect).await?;
        let incoming = match connection.take(message) {
            Taken::Ended(error) => return Err(closed(Stage::Connect, error)),
            Taken::Incoming(incoming) => incoming,
            Taken::Connect { namespace, payload } if namespace == MAIN_NAMESPACE => {
                return session_id(payload.as_deref()).ok_or_else(|| ConnectError::UnsupportedVersion {
                    reason: "the session was granted without an id, as Socket.IO before 3.0 does".to_owned(),
                });
            }
            Taken::Connect { .. } | Taken::Nothing => continue,
        };
        match incoming {
            super::Incoming::ConnectError { namespace, payload } if namespace == MAIN_NAMESPACE => {
                return Err(refused(payload));
            }
            super::Incoming::Disconnect { payload } => return Err(refused(payload)),
            other if connection.early.len() < MOST_EARLY_PACKETS => connection.early.push_back(other),
            _ => {
                let reason = "packets come although no session was granted".to_owned();
                return Err(ConnectError::UnsupportedVersion { reason });
            }
        }
    }
}

async fn next_message(
    websocket: &mut WebSocketStream<Stream>,
    stage: Stage,
) -> Result<Message, ConnectError> {
    match websocket.next().await {
        Some(Ok(Message::Close(frame))) => Err(closed(stage, super::live::closed_by(frame))),
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(closed(stage, ending(&error))),
        None => Err(closed(stage, ending(&WebsocketError::ConnectionClosed))),
    }
}

fn closed(stage: Stage, error: ConnectionError) -> ConnectError {
    match error {
        ConnectionError::Closed { code, reason } => {
            ConnectError::ClosedDuringHandshake { stage, code, reason }
        }
        ConnectionError::Lost { reason, .. } => ConnectError::ClosedDuringHandshake {
            stage,
            code: None,
            reason,
        },
        other => ConnectError::ClosedDuringHandshake {
            stage,
            code: None,
            reason: other.to_string(),
        },
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
