//! My link to the server, and what that says of itself.

use std::sync::Arc;

use gavelscope_contract::{PodId, UserId};
use serde::{Deserialize, Serialize};

use super::Millis;

shown! {
    /// The backend on the other end, with what it claims.
    pub struct ServerInfo {
        /// As the user gave it, made whole: `https://host:port`.
        pub address: String,
        /// The Socket.IO path.
        pub path: String,
        /// What `/health` said last; a claim.
        pub claim: Option<HealthClaim>,
    }

    /// The claims of `/health`, with the time they were made.
    pub struct HealthClaim {
        /// When it was asked.
        pub at: Millis,
        /// `healthy`, `degraded`, …
        pub status: String,
        /// `in-memory`, `redis`.
        pub mode: Option<String>,
        /// Whether it calls itself ready for several pods.
        pub multi_pod_ready: Option<bool>,
        /// The pod that answered.
        pub pod: Option<PodId>,
        /// The adapter's state, where the server says it.
        pub adapter: Option<String>,
    }

    /// My link.
    pub struct Connection {
        /// How it is.
        pub phase: LinkPhase,
        /// Since when it is so.
        pub since: Millis,
        /// Over which library.
        pub transport: TransportKind,
        /// Over what that library carries it.
        pub carrier: Carrier,
        /// Why that is another way than the one that was chosen: a sentence.
        pub changed_over: Option<String>,
        /// Whether there was a connection before: what is made now is a new one.
        pub was_online: bool,
        /// How it came to be as it is, oldest first (the newest 50).
        pub transitions: Arc<Vec<Transition>>,
        /// The socket's id, while online.
        pub socket_id: Option<String>,
        /// The pod that holds the socket, where the server says it.
        pub pod: Option<PodId>,
        /// How often a link was lost and made again.
        pub reconnects: u32,
        /// Attempts since the link was lost.
        pub attempt: u32,
        /// When the next attempt is due, while waiting.
        pub retry_at: Option<Millis>,
        /// When anything was last heard on the socket.
        pub heard_at: Option<Millis>,
        /// The server's heartbeat, ms between pings, where the transport shows it.
        pub ping_interval_ms: Option<u32>,
        /// How long the handshake took, ms.
        pub handshake_ms: Option<u32>,
        /// Why the last link ended or the last attempt failed: a sentence.
        pub trouble: Option<String>,
        /// The pod is being replaced, and the session is on its way to another one: no loss.
        pub moving: bool,
        /// The pod says itself that it does not hear the others.
        pub pod_alone: Option<PodAlone>,
    }

    /// What a pod says that has lost the others.
    pub struct PodAlone {
        /// Which.
        pub pod: PodId,
        /// Since when: as it says, otherwise since it said so.
        pub since: Millis,
        /// Why, in its own words.
        pub reason: String,
    }

    /// A change of my link.
    pub struct Transition {
        /// When.
        pub at: Millis,
        /// How it is from then on.
        pub phase: LinkPhase,
        /// Why: a sentence.
        pub reason: String,
    }

    /// Who is signed in.
    pub struct Account {
        /// Their id.
        pub user_id: UserId,
        /// Their name.
        pub name: String,
    }

    /// The server's clock against ours.
    pub struct ClockEstimate {
        /// Add this to our clock to get the server's, ms. None before the first sample.
        pub offset_ms: Option<i32>,
        /// Half the round trip of the best sample, ms: the truth is within this of the offset.
        pub error_ms: Option<u32>,
        /// How many samples it rests on.
        pub samples: u32,
        /// Why the countdown may be wrong by more than a person would accept: a sentence. None while it can be trusted.
        pub doubt: Option<String>,
    }
}

shown_words! {
    /// How my link is.
    pub enum LinkPhase {
        /// Nothing was tried yet.
        Idle,
        /// The server's name is being looked up.
        Resolving,
        /// A connection is being made.
        Connecting,
        /// Connected; Socket.IO has not said yes yet.
        Handshaking,
        /// Events can arrive.
        Online,
        /// Nothing was heard for longer than the server's heartbeat allows; it is being checked.
        Suspect,
        /// Lost; the next attempt is due at `retry_at`.
        Backoff,
        /// Ended by the user.
        Closed,
    }

    /// Over what a Socket.IO connection runs.
    pub enum Carrier {
        /// A websocket.
        Websocket,
        /// HTTP long polling, where a websocket is refused.
        Polling,
    }

    /// Over which library the socket runs.
    pub enum TransportKind {
        /// `rust_socketio`, boxed.
        RustSocketio,
        /// The plain connection of `wire`.
        Wire,
    }
}

impl LinkPhase {
    /// Whether an attempt is on its way.
    pub const fn is_underway(self) -> bool {
        matches!(
            self,
            Self::Idle | Self::Resolving | Self::Connecting | Self::Handshaking
        )
    }
}
