//! The seam between a session and the library that holds its socket.
//!
//! A link is two bounded queues. What stands behind them is a thread of its own ([`boxed`]) or a task ([`plain`]);
//! a session cannot tell, but for what the library hides. Dropping a [`Link`] ends it.

mod boxed;
mod plain;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gavelscope_contract::{Received, Secret};
use gavelscope_wire::connection::{Endpoint, Proxy};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::state::{Carrier, TransportKind};

/// How many messages may wait for the session. With [`TOGETHER`] events to a message at the most, this bounds the
/// memory of a flood to a few megabytes; what comes on top waits at the server's end, for a while: then it is dropped
/// and counted, for a heartbeat has to be read from among it.
const INBOUND: usize = 16;
/// How many events are handed over together; enough to spare the queue, few enough to spare the latency.
const TOGETHER: usize = 128;
/// How many emits may wait for the socket.
const OUTBOUND: usize = 64;

/// Where to connect, and how.
#[derive(Clone)]
pub struct Target {
    /// Over what. Polling is always spoken by `wire`, whatever library was chosen: `rust_socketio` knows polling only as
    /// the beginning of a websocket.
    pub carrier: Carrier,
    /// The Socket.IO endpoint: `http(s)://host:port/path/`.
    pub url: String,
    /// Who connects; goes into the CONNECT payload.
    pub token: Option<Secret>,
    /// A handshake that takes longer has failed.
    pub limit: Duration,
}

/// A connection, or an attempt at one. [`Inbound::Progress`] apart, the first message is [`Inbound::Online`] or
/// [`Inbound::Closed`].
pub struct Link {
    /// What comes.
    pub inbound: mpsc::Receiver<Inbound>,
    /// What goes.
    pub outbound: mpsc::Sender<Outbound>,
    /// Asks for a sign of life, where [`Online::answers_checks`] says that one can be had; [`Inbound::Alive`] answers.
    pub checks: mpsc::Sender<()>,
    /// Messages that were dropped because `inbound` was full. A session that sees it grow takes a snapshot.
    pub dropped: Arc<AtomicU32>,
}

/// What comes from a link.
#[derive(Debug)]
pub enum Inbound {
    /// The attempt has come this far.
    Progress(Stage),
    /// The server asks to be left alone for so long; [`Inbound::Closed`] follows.
    RetryAfter(Duration),
    /// The handshake is done.
    Online(Online),
    /// Events that came together.
    Events(Vec<Received>),
    /// A sign of life without content.
    Ping(Instant),
    /// The answer to a check that [`Link::checks`] asked for.
    Alive(Instant),
    /// A frame that is no packet; the link goes on.
    Undecodable {
        /// The frame, shortened.
        raw: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The link is over. Nothing follows.
    Closed(Lost),
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The server's name is known; TCP, TLS and HTTP are next.
    Connecting,
    /// The carrier stands; the Socket.IO session is being asked for.
    Handshaking,
}

/// What a handshake tells.
#[derive(Debug, Clone)]
pub struct Online {
    /// The socket's id, where the library shows it; otherwise it comes with `connected`.
    pub socket_id: Option<String>,
    /// The server's heartbeat, where the library shows it.
    pub ping_interval: Option<Duration>,
    /// How long after a due ping the server counts the connection as lost, where the library shows it.
    pub ping_timeout: Option<Duration>,
    /// Whether [`Link::checks`] is answered: by `wire` over a websocket.
    pub answers_checks: bool,
    /// From the start of the attempt.
    pub took: Duration,
}

/// Why a link is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// No connection came about.
    #[error("{0}")]
    NotConnected(String),
    /// TLS does not trust the server.
    #[error("the connection cannot be trusted: {0}")]
    Tls(String),
    /// Something answers, and it is not Socket.IO.
    #[error("there is no Socket.IO here: {0}")]
    NotSocketIo(String),
    /// A websocket was refused: HTTP answered with something other than a valid upgrade. Polling may still work.
    #[error("the websocket was refused: {0}")]
    WebsocketRefused(String),
    /// A polling request reached a server that does not hold the session: polling cannot work behind a balancer that
    /// deals requests out in turn (contract.md section 3), or the server was started anew.
    #[error("the session is not known where the request arrived: {0}")]
    InvalidSession(String),
    /// The server refused the sign-in or the namespace.
    #[error("the server refused the socket: {0}")]
    Refused(String),
    /// The handshake took too long.
    #[error("the handshake took too long")]
    TooSlow,
    /// A connection that stood is gone.
    #[error("{0}")]
    Broken(String),
    /// The library could not read a packet, and reads no more. `wire` passes over such a packet.
    #[error("the library could not read what the server sent: {0}")]
    Unreadable(String),
    /// The server ended it.
    #[error("the server closed the connection")]
    ClosedByServer,
    /// An ack never came, so this connection can no longer be relied on.
    #[error("the server did not acknowledge in time")]
    AckMissing,
    /// Ended from this side.
    #[error("closed here")]
    ClosedHere,
}

/// Something to emit.
pub struct Outbound {
    /// The event.
    pub name: &'static str,
    /// Its one argument.
    pub payload: Value,
    /// Where the ack goes, if one is wanted.
    pub ack: Option<oneshot::Sender<Result<Vec<Value>, AckError>>>,
    /// How long an ack is waited for.
    pub limit: Duration,
}

/// Why there is no ack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// None came in time. An event that the server has no handler for is never acknowledged.
    #[error("the server did not acknowledge in time")]
    Missing,
    /// The link ended first.
    #[error("the connection was lost")]
    LinkLost,
}

/// The server of this endpoint, without its path, and its path.
fn endpoint(url: &str) -> Result<Endpoint, Lost> {
    let invalid = |error: &dyn std::fmt::Display| Lost::NotConnected(error.to_string());
    let mut base = url::Url::parse(url).map_err(|error| invalid(&error))?;
    let path = base.path().to_owned();
    base.set_path("/");
    let endpoint = Endpoint::from_url(&base).map_err(|error| invalid(&error))?;
    Ok(endpoint.with_path(&path))
}

/// The proxy that the environment names for this endpoint: `wire` goes through it, `rust_socketio` passes it by.
fn proxy(url: &str) -> Option<Proxy> {
    Proxy::from_environment(&endpoint(url).ok()?)
}

/// Whether there is one.
pub fn has_proxy(url: &str) -> bool {
    proxy(url).is_some()
}

/// Host and port of the proxy, where this way to the endpoint leads through one: then nobody else's name is looked up.
pub fn proxy_on_the_way(kind: TransportKind, carrier: Carrier, url: &str) -> Option<(String, u16)> {
    match (kind, carrier) {
        (TransportKind::RustSocketio, Carrier::Websocket) => None,
        _ => proxy(url).map(|proxy| (proxy.host, proxy.port)),
    }
}

/// Starts an attempt and returns at once.
pub fn open(kind: TransportKind, target: Target) -> Link {
    let (arrivals, inbound) = mpsc::channel(INBOUND);
    let (outbound, departures) = mpsc::channel(OUTBOUND);
    let (checks, asked) = mpsc::channel(1);
    let dropped = Arc::new(AtomicU32::new(0));
    let far_end = FarEnd {
        arrivals,
        departures,
        asked,
        dropped: Arc::clone(&dropped),
    };
    match (kind, target.carrier) {
        (TransportKind::RustSocketio, Carrier::Websocket) => boxed::start(target, far_end),
        (TransportKind::Wire, _) | (_, Carrier::Polling) => plain::start(target, far_end),
    }
    Link {
        inbound,
        outbound,
        checks,
        dropped,
    }
}

/// The library's end of a link.
struct FarEnd {
    arrivals: mpsc::Sender<Inbound>,
    departures: mpsc::Receiver<Outbound>,
    asked: mpsc::Receiver<()>,
    dropped: Arc<AtomicU32>,
}

/// Hands a message over without waiting; a full queue drops it and counts, for a late message is worth less than a
/// blocked heartbeat.
fn hand_over(arrivals: &mpsc::Sender<Inbound>, dropped: &AtomicU32, message: Inbound) {
    if let Err(mpsc::error::TrySendError::Full(message)) = arrivals.try_send(message) {
        let lost = match &message {
            Inbound::Events(events) => u32::try_from(events.len()).unwrap_or(u32::MAX),
            _ => 1,
        };
        dropped.fetch_add(lost, Ordering::Relaxed);
    }
}
