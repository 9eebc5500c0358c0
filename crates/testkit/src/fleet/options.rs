//! What kind of fleet it is to be, in the words of the command line.

use std::str::FromStr;

use crate::pods::PodKind;
use crate::services::haproxy::Balance;
use crate::services::one_of;

/// The longest fleet that is started on one machine.
pub const MOST_PODS: usize = 9;

/// Of which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FleetKind {
    /// `gaveld` on PostgreSQL.
    #[default]
    Rust,
    /// python-socketio, on one file of SQLite.
    Python,
    /// One of each on one Redis: the two do not speak each other's language.
    MixedTwoFleets,
}

impl FleetKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::MixedTwoFleets];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::MixedTwoFleets => "mixed-two-fleets",
        }
    }

    /// The backends of its sides, each behind an address of its own.
    pub const fn sides(self) -> &'static [PodKind] {
        match self {
            Self::Rust => &[PodKind::Gaveld],
            Self::Python => &[PodKind::Python],
            Self::MixedTwoFleets => &[PodKind::Gaveld, PodKind::Python],
        }
    }
}

impl FromStr for FleetKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        one_of(text, "kind", Self::ALL.map(|one| (one.name(), one)))
    }
}

/// How the pods hear each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adapter {
    /// Not at all.
    None,
    /// Through Redis.
    #[default]
    Redis,
    /// They were given the address of a Redis that is not there.
    Dead,
    /// Through a Redis that stands still once [`super::Fleet::begin_trouble`] was called.
    Stalled,
    /// Through Redis, but for the last pod, which listens on another channel.
    Split,
    /// Through Redis, but the last pod hears nothing of the others and does not notice: its subscription is broken.
    Deaf,
}

impl Adapter {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Redis,
        Self::Dead,
        Self::Stalled,
        Self::Split,
        Self::Deaf,
    ];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Redis => "redis",
            Self::Dead => "dead",
            Self::Stalled => "stalled",
            Self::Split => "split",
            Self::Deaf => "deaf",
        }
    }

    /// Whether a Redis is started for it.
    pub const fn has_redis(self) -> bool {
        matches!(self, Self::Redis | Self::Stalled | Self::Split | Self::Deaf)
    }
}

impl FromStr for Adapter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        one_of(text, "adapter", Self::ALL.map(|one| (one.name(), one)))
    }
}

/// How a fleet is to be.
#[derive(Debug, Clone, Copy)]
pub struct FleetOptions {
    /// How many pods each of its sides has: 1 to [`MOST_PODS`].
    pub pods: usize,
    /// Of which backend.
    pub kind: FleetKind,
    /// How the pods hear each other.
    pub adapter: Adapter,
    /// Which pod gets the next connection or request.
    pub balancer: Balance,
    /// The balancer refuses websockets, so that only long polling is left.
    pub refuse_websockets: bool,
    /// The balancer's port, and the next one for a second side; none takes free ones.
    pub port: Option<u16>,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            pods: 3,
            kind: FleetKind::default(),
            adapter: Adapter::default(),
            balancer: Balance::default(),
            refuse_websockets: false,
            port: None,
        }
    }
}
