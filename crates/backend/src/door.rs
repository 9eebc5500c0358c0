//! What stands between the world and the house: who is believed, which pages may ask, and how much is enough.

use crate::limits::Gate;
use crate::limits::whence::Proxies;
use crate::settings::{Origin, Settings};

/// What every request passes.
#[derive(Debug)]
pub(crate) struct Door {
    pub gate: Gate,
    pub proxies: Proxies,
    pub origins: Vec<Origin>,
    /// This server speaks TLS by itself.
    pub speaks_tls: bool,
}

impl Door {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            gate: Gate::new(&settings.limits),
            proxies: Proxies::new(&settings.web),
            origins: settings.web.allowed_origins.clone(),
            speaks_tls: settings.web.tls_cert.is_some(),
        }
    }
}
