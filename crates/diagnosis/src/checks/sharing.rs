//! What connects the pods, as they say themselves, and what would make them share their rooms. What they say proves nothing of
//! whether events cross; how they are set up they know best, so the fix goes by it.

use crate::evidence::{ProbeEvidence, SessionEvidence};

/// What the pods say of what connects them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sharing {
    /// Some have nothing that connects them to others.
    without: bool,
    /// Some have a Redis.
    redis: bool,
    /// What those say is wrong.
    trouble: Option<Trouble>,
}

/// What pods that have a Redis say is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// It was not said what.
    Some,
    /// Redis works for them, and they do not hear others that use their database.
    Elsewhere,
    /// Redis is there, and does not pass their messages on.
    Still,
    /// Redis cannot be reached.
    Away,
}

impl Sharing {
    pub(super) fn of(session: Option<&SessionEvidence>, probe: Option<&ProbeEvidence>) -> Self {
        let mut sharing = Self::default();
        if let Some(session) = session {
            if let Some(claim) = session.claim(probe) {
                sharing.add(claim.mode.as_deref(), claim.adapter.as_deref(), None);
            }
            // Only a pod that has a Redis says of itself that it has lost the others.
            if session.connection.pod_alone.is_some() {
                sharing.add(Some("redis"), Some("degraded"), None);
            }
        }
        if let Some(probe) = probe {
            for health in probe.last_health() {
                let counted = health.pods.is_some();
                sharing.add(health.mode.as_deref(), health.adapter.as_deref(), Some(counted));
            }
        }
        sharing
    }

    /// `counted`: whether it counts the pods that it hears, which it does only while its Redis works for it.
    fn add(&mut self, mode: Option<&str>, adapter: Option<&str>, counted: Option<bool>) {
        match mode {
            Some("in-memory") => self.without = true,
            Some("redis") => {
                self.redis = true;
                let trouble = match (adapter, counted) {
                    (Some("down"), _) => Some(Trouble::Away),
                    (Some("degraded"), Some(true)) => Some(Trouble::Elsewhere),
                    (Some("degraded"), Some(false)) => Some(Trouble::Still),
                    (Some("degraded"), None) => Some(Trouble::Some),
                    _ => None,
                };
                self.trouble = self.trouble.max(trouble);
            }
            _ => {}
        }
    }

    /// What to do so that the pods hear each other.
    pub(super) const fn fix(self) -> &'static str {
        match self {
            Self { redis: false, .. } => "Operator: set REDIS_URL on every pod, or run one replica.",
            Self { without: true, .. } => {
                "Operator: set the same REDIS_URL on every pod (some have none), or run one replica."
            }
            Self { trouble: None, .. } => {
                "Operator: see whether Redis runs and every pod has the same REDIS_URL and channel, or run one replica."
            }
            Self {
                trouble: Some(Trouble::Some),
                ..
            } => {
                "Operator: see whether Redis works and every pod has the same REDIS_URL and channel; the pods' log says what \
                 is wrong."
            }
            Self {
                trouble: Some(Trouble::Elsewhere),
                ..
            } => "Operator: give every pod the same REDIS_URL and the same channel, or run one replica.",
            Self {
                trouble: Some(Trouble::Still),
                ..
            } => {
                "Operator: mend Redis, which is there and passes nothing on; the pods' log says why. They connect again by \
                 themselves."
            }
            Self {
                trouble: Some(Trouble::Away),
                ..
            } => {
                "Operator: start Redis, or mend the pods' way to it (REDIS_URL, TLS, firewall). They connect again by \
                 themselves."
            }
        }
    }

    /// Why events do not cross, where that was measured: the pods' words, and marked as theirs.
    pub(super) const fn cause(self) -> &'static str {
        match self {
            Self {
                redis: false,
                without: false,
                ..
            } => {
                "Events do not cross between these pods: no adapter, or one that does not deliver. From outside the two \
                 look the same."
            }
            Self { redis: false, .. } => {
                "Events do not cross between these pods. They say themselves that no Redis connects them."
            }
            Self { without: true, .. } => {
                "Events do not cross between these pods. Some of them say themselves that no Redis connects them."
            }
            Self { trouble: None, .. } => {
                "Events do not cross between these pods, although they say that Redis connects them. From outside a Redis \
                 that is away and pods with different ones look the same."
            }
            Self {
                trouble: Some(Trouble::Some),
                ..
            } => {
                "Events do not cross between these pods. They say themselves that they do not hear each other."
            }
            Self {
                trouble: Some(Trouble::Elsewhere),
                ..
            } => {
                "Events do not cross between these pods. They say themselves that they do not hear others of their database."
            }
            Self {
                trouble: Some(Trouble::Still),
                ..
            } => "Events do not cross between these pods. They say themselves that Redis passes nothing on.",
            Self {
                trouble: Some(Trouble::Away),
                ..
            } => "Events do not cross between these pods. They say themselves that Redis cannot be reached.",
        }
    }
}
