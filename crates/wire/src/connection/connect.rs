//! From an address to a granted Socket.IO session, stage by stage.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use http::HeaderMap;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WebsocketError, Message};

use super::attempt::{self, Deadline};
use super::endpoint::Endpoint;
use super::error::{ConnectError, Stage};
use super::line::{Line, Stream, closed_by, ending};
use super::live::Connection;
use super::options::{ConnectOptions, Direction, RawContent};
use super::upgrade;
use super::upgrade::excerpt;
use crate::engine::{Open, Packet};

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
    /// Headers of the answer to the upgrade request; over polling, of the answer that opened the session.
    pub headers: HeaderMap,
    /// How long each stage took.
    pub timings: Timings,
    /// The address that is connected to: the proxy's, where there is one.
    pub peer: SocketAddr,
}

/// How long each stage of connecting took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Name resolution (next to nothing for an IP address).
    pub dns: Duration,
    /// Opening the TCP connection.
    pub tcp: Duration,
    /// Until the proxy's tunnel stood; `None` without one.
    pub proxy: Option<Duration>,
    /// The TLS handshake; `None` without TLS.
    pub tls: Option<Duration>,
    /// From the upgrade request to the answer's headers; nothing over polling.
    pub upgrade: Duration,
    /// Waiting for the Engine.IO open packet.
    pub open: Duration,
    /// From the Socket.IO CONNECT to its answer.
    pub connect: Duration,
}

impl Handshake {
    /// As far as it is known before the Socket.IO session is granted.
    pub(super) fn of(open: Open, headers: HeaderMap, timings: Timings, peer: SocketAddr) -> Self {
        Self {
            engine_sid: open.sid,
            socket_sid: String::new(),
            ping_interval: open.ping_interval,
            ping_timeout: open.ping_timeout,
            max_payload: open.max_payload,
            upgrades: open.upgrades,
            headers,
            timings,
            peer,
        }
    }
}

impl Timings {
    /// All stages together.
    pub fn total(&self) -> Duration {
        let optional = self.proxy.unwrap_or_default() + self.tls.unwrap_or_default();
        self.dns + self.tcp + optional + self.upgrade + self.open + self.connect
    }
}

/// Bytes read from the socket at a time: some hundred events, and little enough for thousands of connections.
const READ_BUFFER_BYTES: usize = 32 * 1024;
/// Bytes collected before they are written without being flushed.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// Connects: DNS, TCP, TLS, websocket upgrade, Engine.IO open, Socket.IO CONNECT to `/`.
///
/// Cancel-safe: dropping the future closes what was opened.
pub async fn connect(endpoint: &Endpoint, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let deadline = Deadline::of(options);
    let reached = attempt::reach(endpoint, options, true, &deadline).await?;
    let (mut stream, mut timings) = (reached.stream, reached.timings);

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

    let handshake = Handshake::of(open, upgraded.headers, timings, reached.peer);
    let line = Line::Websocket(Box::new(websocket));
    let mut connection = Connection::new(line, handshake, options);
    connection.ask_for_session(options, &deadline).await?;
    tracing::debug!(%endpoint, peer = %reached.peer, "connected by websocket");
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
        let message = next_message(websocket).await?;
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

async fn next_message(websocket: &mut WebSocketStream<Stream>) -> Result<Message, ConnectError> {
    let ended = match websocket.next().await {
        Some(Ok(Message::Close(frame))) => closed_by(frame),
        Some(Ok(message)) => return Ok(message),
        Some(Err(error)) => ending(&error),
        None => ending(&WebsocketError::ConnectionClosed),
    };
    Err(ended.during(Stage::Open))
}
