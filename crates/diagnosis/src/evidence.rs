//! What was measured and claimed, as it can be kept in a file: everything that a verdict rests on and nothing that
//! tells who somebody is.

use gavelscope_client::state::{
    AuctionPhase, ClockEstimate, Connection, HealthClaim, Measurements, Millis, RoomClaim, ServerInfo,
    SessionState, Trust,
};
use serde::{Deserialize, Serialize};

use crate::matrix::{Matrix, Pair};
use crate::turns::Search;

mod redis;
mod tls;

pub use redis::{ChannelForm, RedisChannel, RedisEvidence, RedisTrouble, RedisTroubleKind};
pub use tls::{CertificateEvidence, Distrust, DistrustKind, TlsEvidence};

/// The form of the file. It grows by one when a field changes its meaning; new fields leave it as it is.
pub const VERSION: u32 = 1;

/// Everything that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The form of the file.
    pub version: u32,
    /// When it was put together, ms since the epoch.
    pub taken_at: Millis,
    /// The program that did it, with its version.
    pub by: String,
    /// The backend's address.
    pub server: String,
    /// What a session has seen anyway.
    #[serde(default)]
    pub session: Option<SessionEvidence>,
    /// What was asked for.
    #[serde(default)]
    pub probe: Option<ProbeEvidence>,
    /// What the pods' Redis showed to its operator.
    #[serde(default)]
    pub redis: Option<RedisEvidence>,
}

/// What a session has seen anyway. No names, no amounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionEvidence {
    /// When it was read.
    pub at: Millis,
    /// The backend and its claims.
    pub server: ServerInfo,
    /// The link.
    pub connection: Connection,
    /// The server's clock.
    pub clock: ClockEstimate,
    /// What was measured.
    pub measurements: Measurements,
    /// The open auctions' rooms.
    pub rooms: Vec<RoomEvidence>,
    /// Bids of this session.
    pub bids: u32,
}

/// What a session has seen of one auction's room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoomEvidence {
    /// How far the auction has come.
    pub phase: AuctionPhase,
    /// Whether its events are believed.
    pub trust: Trust,
    /// Why not: a sentence.
    pub doubt: Option<String>,
    /// The bid sequence that was reached.
    pub sequence: u32,
    /// What the join was answered.
    pub claim: RoomClaim,
}

/// What a probe measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProbeEvidence {
    /// When it began.
    pub began_at: Millis,
    /// How long it took, ms.
    pub took_ms: u32,
    /// Why it ended before it was through: a sentence.
    pub cut_short: Option<String>,
    /// What it cost the server.
    pub cost: Cost,
    /// The way to the server.
    pub path: Option<PathEvidence>,
    /// What `/health` said, each time over a fresh connection.
    pub health: Vec<HealthSeen>,
    /// How many pods take turns.
    pub turns: Option<TurnsEvidence>,
    /// Who hears whom.
    pub room: Option<RoomProbe>,
}

/// What a probe cost the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Connections made, those of single requests included.
    pub connections: u32,
    /// HTTP requests.
    pub requests: u32,
    /// Socket.IO messages sent.
    pub messages: u32,
}

/// The way to the server, as one connection found it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PathEvidence {
    /// Looking the name up, ms.
    pub resolve_ms: Option<u32>,
    /// Opening the connection, ms.
    pub tcp_ms: Option<u32>,
    /// The TLS handshake, ms; none without TLS.
    pub tls_ms: Option<u32>,
    /// The websocket upgrade, ms.
    pub upgrade_ms: Option<u32>,
    /// Until the Socket.IO session was granted, ms in all.
    pub total_ms: Option<u32>,
    /// Why no websocket came about: a sentence.
    pub websocket_trouble: Option<String>,
    /// The websocket stood, and the server never granted a session over it.
    #[serde(default)]
    #[cfg_attr(feature = "specta", specta(skip))]
    pub never_granted: bool,
    /// The first time no session was granted over it, and the second time one was.
    #[serde(default)]
    #[cfg_attr(feature = "specta", specta(skip))]
    pub at_second_try: bool,
    /// The server's heartbeat, ms.
    pub ping_interval_ms: Option<u32>,
    /// How late an answer to it may be, ms.
    pub ping_timeout_ms: Option<u32>,
    /// The longest message that it takes, bytes.
    pub max_payload: Option<u32>,
    /// What the server, or what is before it, calls itself.
    pub server_header: Option<String>,
    /// The names of the cookies that it sets: a balancer's make clients stick.
    pub cookies: Vec<String>,
    /// What the proxies before the server say of themselves (`Via`).
    pub via: Option<String>,
    /// The proxy that this machine goes through, by its environment.
    pub proxy: Option<String>,
    /// Its certificates; none without TLS, or where none were shown.
    pub tls: Option<TlsEvidence>,
}

/// One answer of `/health`: claims, and the pod that made them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthSeen {
    /// HTTP status.
    pub code: u32,
    /// `healthy`, `degraded`, …
    pub status: String,
    /// The pod, where it says so.
    pub pod: Option<String>,
    /// `in-memory`, `redis`.
    pub mode: Option<String>,
    /// Whether it calls itself ready for several pods.
    pub multi_pod_ready: Option<bool>,
    /// How the adapter says it is.
    pub adapter: Option<String>,
    /// How many pods it says there are.
    pub pods: Option<u32>,
    /// What it says is wrong.
    pub reason: Option<String>,
    /// Until the answer, ms.
    pub took_ms: u32,
    /// It was asked once more, after who hears whom was measured.
    #[serde(default)]
    #[cfg_attr(feature = "specta", specta(skip))]
    pub afterwards: bool,
}

impl ProbeEvidence {
    /// What the pods claimed last: something may have gone wrong, or been mended, while it was measured.
    pub(crate) fn last_health(&self) -> impl Iterator<Item = &HealthSeen> {
        let again = self.health.iter().any(|health| health.afterwards);
        self.health
            .iter()
            .filter(move |health| health.afterwards == again)
    }

    /// When they said so; none where none answered.
    fn health_at(&self) -> Option<Millis> {
        let last = self.last_health().next()?;
        let since = if last.afterwards { self.took_ms } else { 0 };
        Some(Millis(self.began_at.0 + i64::from(since)))
    }
}

impl SessionEvidence {
    /// What a pod claimed to the session, unless a probe was told something since.
    pub(crate) fn claim(&self, probe: Option<&ProbeEvidence>) -> Option<&HealthClaim> {
        let claim = self.server.claim.as_ref()?;
        let since = probe.and_then(ProbeEvidence::health_at);
        since.is_none_or(|since| claim.at > since).then_some(claim)
    }
}

impl TurnsEvidence {
    /// Every answer named its pod: there is no need to guess how many there are.
    pub(crate) fn by_name(&self) -> bool {
        !self.pods.is_empty() && self.nameless == Some(0)
    }
}

/// How many pods take turns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TurnsEvidence {
    /// Searches without cookies, each request over a fresh connection, or over one that is kept where that kept nothing
    /// together.
    pub searches: Vec<Search>,
    /// With the cookies that were set: whether the session was found at once.
    pub with_cookies: Option<bool>,
    /// Over one connection that is kept: whether it was.
    pub kept_alive: Option<bool>,
    /// The pods that named themselves, each once.
    pub pods: Vec<String>,
    /// How many answers named no pod; none where nobody counted.
    #[serde(default)]
    #[cfg_attr(feature = "specta", specta(skip))]
    pub nameless: Option<u32>,
    /// Why nothing could be searched: a sentence.
    pub trouble: Option<String>,
}

/// Where the probe's sockets met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Scratch {
    /// A probe room (our backend): what is said carries a number of its own.
    ProbeRoom,
    /// Rooms of leagues that do not exist: told apart by their ids and times.
    LeagueRooms,
}

/// Who hears whom, measured in a room of its own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoomProbe {
    /// What the room was.
    pub scratch: Option<Scratch>,
    /// The sockets, in the matrix's order.
    pub sockets: Vec<ProbeSocket>,
    /// Who heard whom, as of last: who was asked again, and with more patience, counts by that alone.
    pub matrix: Matrix,
    /// Pairs that heard one time and not the next, before they were asked again.
    #[serde(default)]
    #[cfg_attr(feature = "specta", specta(skip))]
    pub unsteady: Vec<Pair>,
    /// Messages in the room that could be put down to nothing that was said.
    pub strangers: u32,
    /// Sockets that were lost on the way.
    pub lost: u32,
    /// Why there is less than there should be: a sentence.
    pub trouble: Option<String>,
}

/// One of the probe's sockets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProbeSocket {
    /// The pod that holds it, where that says so.
    pub pod: Option<String>,
    /// What its join was told of the room's size on that pod: a claim.
    pub claimed: Option<u32>,
    /// And over all pods: a claim.
    pub claimed_cluster: Option<u32>,
    /// Of the probe's own sockets, so many were in the room by then, this one included.
    pub joined_as: u32,
    /// Until the connection stood, ms.
    pub connect_ms: u32,
    /// Until the join was acknowledged, ms.
    pub join_ms: Option<u32>,
}

impl Evidence {
    /// What a pod claimed to the session, where a probe was told nothing since.
    pub(crate) fn claim(&self) -> Option<&HealthClaim> {
        self.session.as_ref()?.claim(self.probe.as_ref())
    }

    /// What a session has seen, put together for keeping.
    pub fn collect(state: &SessionState) -> Self {
        let rooms = state.auctions.iter().map(|auction| RoomEvidence {
            phase: auction.phase,
            trust: auction.trust,
            doubt: auction.doubt.clone(),
            sequence: auction.sequence,
            claim: auction.room.clone(),
        });
        Self {
            version: VERSION,
            taken_at: state.at,
            by: by(),
            server: state.server.address.clone(),
            session: Some(SessionEvidence {
                at: state.at,
                server: state.server.clone(),
                connection: state.connection.clone(),
                clock: state.clock.clone(),
                measurements: state.measurements.clone(),
                rooms: rooms.collect(),
                bids: u32::try_from(state.bids.len()).unwrap_or(u32::MAX),
            }),
            probe: None,
            redis: None,
        }
    }

    /// The same, with what a probe measured.
    #[must_use]
    pub fn with_probe(mut self, probe: ProbeEvidence) -> Self {
        self.probe = Some(probe);
        self
    }

    /// What a probe alone measured.
    pub fn of_probe(server: String, taken_at: Millis, probe: ProbeEvidence) -> Self {
        Self {
            version: VERSION,
            taken_at,
            by: by(),
            server,
            session: None,
            probe: Some(probe),
            redis: None,
        }
    }

    /// Nothing yet, of this server.
    pub fn of_server(server: String, taken_at: Millis) -> Self {
        Self {
            probe: None,
            ..Self::of_probe(server, taken_at, ProbeEvidence::default())
        }
    }

    /// The same, with what the pods' Redis showed.
    #[must_use]
    pub fn with_redis(mut self, redis: RedisEvidence) -> Self {
        self.redis = Some(redis);
        self
    }
}

fn by() -> String {
    concat!("Gavelscope ", env!("CARGO_PKG_VERSION")).to_owned()
}
