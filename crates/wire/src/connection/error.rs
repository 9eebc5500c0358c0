//! Why a connection did not come about, and why one ended.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderMap;

use super::endpoint::InvalidAddress;
use super::tls::TlsFailure;
use crate::engine::Refusal;
use crate::error::DecodeError;

/// The steps of connecting, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The host's name is resolved.
    Dns,
    /// The TCP connection is opened.
    Tcp,
    /// The proxy is asked for a tunnel.
    Proxy,
    /// TLS is agreed on.
    Tls,
    /// HTTP is upgraded to a websocket.
    Upgrade,
    /// The Engine.IO open packet is awaited.
    Open,
    /// The Socket.IO session is asked for.
    Connect,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Dns => "name resolution",
            Self::Tcp => "the TCP connection",
            Self::Proxy => "the proxy's tunnel",
            Self::Tls => "the TLS handshake",
            Self::Upgrade => "the websocket upgrade",
            Self::Open => "the Engine.IO handshake",
            Self::Connect => "the Socket.IO handshake",
        })
    }
}

/// Why a connection did not come about.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be that of a server.
    #[error("the server's address is not usable: {0}")]
    InvalidAddress(#[from] InvalidAddress),
    /// A header that the websocket upgrade sets itself, or whose value cannot stand in a request.
    #[error("the header {name} cannot be added to the request")]
    InvalidHeader {
        /// The header's name.
        name: String,
    },
    /// The host's name has no address.
    #[error("the name {host} could not be resolved: {reason}")]
    NameNotResolved {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nothing listens there.
    #[error("{address} refused the connection")]
    Refused {
        /// The address tried (the first, where there were several).
        address: SocketAddr,
    },
    /// The network gives no way to the address, or broke on the way.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// The address tried (the first, where there were several).
        address: SocketAddr,
        /// The kind of failure.
        kind: io::ErrorKind,
        /// What the operating system said.
        reason: String,
    },
    /// The time limit passed.
    #[error("{stage} was not done within {limit:?}")]
    TimedOut {
        /// What was being waited for.
        stage: Stage,
        /// The limit on the whole of connecting.
        limit: Duration,
    },
    /// The proxy gives no way to the server; with status 407 it wants to know who asks.
    #[error("the proxy answered HTTP {status} in place of a way to the server")]
    ProxyRefused {
        /// HTTP status code.
        status: u16,
    },
    /// No trusted encryption could be agreed on.
    #[error("TLS failed: {0}")]
    Tls(#[from] TlsFailure),
    /// What answers there does not speak HTTP.
    #[error("the answer is not HTTP")]
    NotHttp {
        /// How the answer begins, at most 300 characters.
        excerpt: String,
    },
    /// An HTTP answer other than 101.
    #[error("the server answered HTTP {status} in place of a websocket")]
    NotAnUpgrade {
        /// HTTP status code.
        status: u16,
        /// How the body begins, at most 300 characters.
        body: String,
        /// Set where the answer is an Engine.IO server's.
        refusal: Option<Refusal>,
        /// The answer's headers.
        headers: Box<HeaderMap>,
    },
    /// HTTP 101, but not a websocket upgrade.
    #[error("the websocket upgrade is not valid: {reason}")]
    BadUpgrade {
        /// What is wrong with it.
        reason: BadUpgrade,
    },
    /// The server speaks another revision of Engine.IO or Socket.IO.
    #[error("the server speaks another revision of the protocol: {reason}")]
    UnsupportedVersion {
        /// How that was seen.
        reason: String,
    },
    /// An HTTP answer other than 200 to a polling request.
    #[error("the server answered {0}")]
    HttpRefused(Box<HttpRefusal>),
    /// A polling request reached a server that does not hold the session, as behind a balancer that deals requests out
    /// in turn (contract.md section 3).
    #[error("a request reached a server that does not hold the session ({0})")]
    InvalidSession(Box<HttpRefusal>),
    /// What comes first is not an Engine.IO open packet.
    #[error("what answers does not speak Engine.IO")]
    NotEngineIo {
        /// How the first frame begins, at most 300 characters.
        excerpt: String,
    },
    /// The server refused the Socket.IO session.
    #[error("the server refused the session: {}", .message.as_deref().unwrap_or("it gave no reason"))]
    NamespaceRefused {
        /// The payload of `CONNECT_ERROR`, or of the DISCONNECT sent in its place, as JSON text.
        payload: Option<String>,
        /// The reason in it, where there is one in words.
        message: Option<String>,
    },
    /// The server closed before all was agreed on.
    #[error("the server closed during {stage}{}", closing(.code.as_ref(), .reason))]
    ClosedDuringHandshake {
        /// What was being waited for.
        stage: Stage,
        /// Code of the websocket close frame, where one came.
        code: Option<u16>,
        /// The close frame's reason, or the operating system's.
        reason: String,
    },
}

/// An HTTP answer that is a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRefusal {
    /// HTTP status code.
    pub status: u16,
    /// How the body begins, at most 300 characters.
    pub body: String,
    /// Set where the answer is an Engine.IO server's.
    pub refusal: Option<Refusal>,
    /// The answer's headers.
    pub headers: HeaderMap,
}

impl fmt::Display for HttpRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HTTP {}", self.status)?;
        match self.body.as_str() {
            "" => Ok(()),
            body => write!(formatter, ": {body}"),
        }
    }
}

impl ConnectError {
    /// How long the server asks to be left alone (`Retry-After` in seconds; RFC 9110, section 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        let headers = match self {
            Self::NotAnUpgrade { headers, .. } => headers,
            Self::HttpRefused(refusal) | Self::InvalidSession(refusal) => &refusal.headers,
            _ => return None,
        };
        let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
        value.trim().parse().ok().map(Duration::from_secs)
    }

    /// The server's own words on why it refused the session.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::NamespaceRefused { message, .. } => message.as_deref(),
            _ => None,
        }
    }
}

/// What is wrong with a 101 answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUpgrade {
    /// `Upgrade: websocket` is missing.
    #[error("it is not an upgrade to a websocket")]
    NotWebsocket,
    /// `Connection: upgrade` is missing.
    #[error("its Connection header does not say upgrade")]
    NoConnectionUpgrade,
    /// The answer is not to our request (a cache or a proxy in between).
    #[error("its Sec-WebSocket-Accept does not answer this request")]
    WrongAccept,
}

/// Why a connection ended. Once one is returned, it is returned for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The server closed the websocket in due form.
    #[error("the server closed the connection{}", closing(.code.as_ref(), .reason))]
    Closed {
        /// Code of the close frame, where it had one.
        code: Option<u16>,
        /// Reason of the close frame.
        reason: String,
    },
    /// The server sent the Engine.IO close packet.
    #[error("the server closed the Engine.IO session")]
    EngineClosed,
    /// Nothing came for `pingInterval + pingTimeout`.
    #[error("nothing came from the server for {silence:?}")]
    HeartbeatMissed {
        /// How long nothing had come.
        silence: Duration,
    },
    /// The server did not take what was sent.
    #[error("the server took nothing of what was sent for {limit:?}")]
    WriteStalled {
        /// The limit that passed.
        limit: Duration,
    },
    /// A message above [`Limits::max_packet_bytes`](crate::Limits::max_packet_bytes).
    #[error("a message of {size} bytes came, more than the {limit} allowed")]
    TooLarge {
        /// Bytes announced.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The server broke the protocol of the transport.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// An HTTP answer other than 200 to a polling request.
    #[error("the server answered {0}")]
    HttpRefused(Box<HttpRefusal>),
    /// A polling request reached a server that does not hold the session: another pod, or the same after its restart or
    /// after it has closed the session.
    #[error("a request reached a server that does not hold the session ({0})")]
    InvalidSession(Box<HttpRefusal>),
    /// A polling request was answered with something other than Engine.IO packets.
    #[error("what answers does not speak Engine.IO")]
    NotEngineIo {
        /// How the answer begins, at most 300 characters.
        excerpt: String,
    },
    /// Another HTTP connection of the same session could not be trusted.
    #[error("TLS failed: {0}")]
    Tls(#[from] TlsFailure),
    /// The transport broke without a goodbye.
    #[error("the connection was lost: {reason}")]
    Lost {
        /// The operating system's kind of failure; `None` where the stream just ended.
        kind: Option<io::ErrorKind>,
        /// What it said.
        reason: String,
    },
}

impl ConnectionError {
    /// The same while connecting.
    pub(super) fn during(self, stage: Stage) -> ConnectError {
        let (code, reason) = match self {
            Self::HttpRefused(refused) if refused.refusal == Some(Refusal::UnsupportedVersion) => {
                return ConnectError::UnsupportedVersion { reason: refused.body };
            }
            Self::HttpRefused(refused) => return ConnectError::HttpRefused(refused),
            Self::InvalidSession(refused) => return ConnectError::InvalidSession(refused),
            Self::NotEngineIo { excerpt } => return ConnectError::NotEngineIo { excerpt },
            Self::Tls(failure) => return ConnectError::Tls(failure),
            Self::Closed { code, reason } => (code, reason),
            Self::Lost { reason, .. } => (None, reason),
            other => (None, other.to_string()),
        };
        ConnectError::ClosedDuringHandshake { stage, code, reason }
    }
}

/// Why something was not sent. Nothing of it has left then.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON: {0}")]
    Serialize(#[from] serde_json::Error),
    /// The raw arguments are not JSON values.
    #[error("the arguments are not usable: {0}")]
    Arguments(#[from] DecodeError),
    /// Longer than the server said it accepts.
    #[error("the message has {size} bytes, more than the {limit} the server accepts")]
    TooLarge {
        /// Bytes of the message.
        size: usize,
        /// The server's `maxPayload`.
        limit: usize,
    },
    /// Too much waits to be sent already.
    #[error("too much waits to be sent")]
    BufferFull,
    /// The connection has ended.
    #[error("the connection has ended: {0}")]
    Ended(#[from] ConnectionError),
}

impl SendError {
    /// The same while connecting.
    pub(super) fn during(self, stage: Stage) -> ConnectError {
        match self {
            Self::Ended(error) => error.during(stage),
            other => ConnectError::ClosedDuringHandshake {
                stage,
                code: None,
                reason: other.to_string(),
            },
        }
    }
}

/// Code and reason of a close frame as the end of a sentence.
fn closing(code: Option<&u16>, reason: &str) -> String {
    match (code, reason) {
        (None, "") => String::new(),
        (None, reason) => format!(": {reason}"),
        (Some(code), "") => format!(" (code {code})"),
        (Some(code), reason) => format!(" (code {code}: {reason})"),
    }
}
