//! What an instance of the backend is started with.

mod database;
mod limits;
mod redis;
mod web;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gavelscope_contract::{PodId, Secret};

pub use database::Database;
pub use limits::Limits;
pub use redis::Redis;
pub use web::{ForwardedHeader, Origin, Web};

use crate::clock::{Clock, SystemClock};

/// What an instance of the backend is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the state is kept.
    pub database: Database,
    /// The name that this instance goes by.
    pub pod: PodId,
    /// Hand a magic link's token back to who asked for it, whoever that is. For development and practice only.
    pub dev_sign_in: bool,
    /// What tokens are signed with; made and kept in the database where it is not given.
    pub token_secret: Option<Secret>,
    /// Where to learn what time it is.
    pub clock: Arc<dyn Clock>,
    /// How long each of the three steps between two lots takes: one second, but for tests.
    pub countdown_step: Duration,
    /// How many events of an auction are kept to fill gaps from.
    pub kept_events: u32,
    /// How many packets may wait for one slow socket. One that has more waiting when its ping is due is closed.
    pub socket_buffer: usize,
    /// Where the pods of a fleet hear each other.
    pub redis: Redis,
    /// How much one user, one address and one socket may ask for.
    pub limits: Limits,
    /// What the web side is told.
    pub web: Web,
}

impl Settings {
    /// For an auction inside this process: a free port on loopback, memory, sign-in without mail, and no limits.
    pub fn practice() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: Database::Memory,
            pod: Self::random_pod(),
            dev_sign_in: true,
            token_secret: None,
            clock: Arc::new(SystemClock),
            countdown_step: Duration::from_secs(1),
            kept_events: 5_000,
            socket_buffer: 1_024,
            redis: Redis::default(),
            limits: Limits::NONE,
            web: Web::default(),
        }
    }

    /// What an instance with these settings is, in plain lines without a secret.
    pub fn summary(&self) -> Vec<String> {
        crate::summary::lines(self)
    }

    /// A pod's name, for where none is given.
    pub fn random_pod() -> PodId {
        let id = uuid::Uuid::new_v4().simple().to_string();
        PodId(format!("pod-{}", &id[..8]))
    }
}
