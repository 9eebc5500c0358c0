//! `GET /health`: what a backend claims about itself (contract, sections 1, 4 and 5).

use serde::{Deserialize, Serialize};

use crate::ids::PodId;
use crate::timestamp::Timestamp;

/// The answer. In the field it is made from configuration alone, so it is a claim, never a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `healthy`, `degraded`, …
    pub status: String,
    /// `connected`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// What it says of its sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socketio: Option<SocketHealth>,
    /// Which pod answered (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodId>,
    /// Changes at every start of that pod (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
}

/// The part about Socket.IO. Its names are written with underscores, unlike everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketHealth {
    /// `in-memory` or `redis`.
    pub mode: String,
    /// Whether an address of Redis was given.
    #[serde(default)]
    pub redis_configured: bool,
    /// In the field: whether Redis was configured when the process started, whatever became of it.
    #[serde(default)]
    pub multi_pod_ready: bool,
    /// How the adapter really is (our backend).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterHealth>,
}

/// How events get from pod to pod, and whether they do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdapterHealth {
    /// `in-memory`, `redis`.
    pub kind: String,
    /// `connected`, `degraded`, `down`.
    pub state: String,
    /// How long ago something was last published and taken, ms.
    pub last_publish_ms: Option<u64>,
    /// What last went wrong.
    pub last_error: Option<String>,
    /// How many pods share the rooms; null where it cannot be known.
    pub pods: Option<u32>,
    /// Why something above is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
