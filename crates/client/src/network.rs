//! When this machine's network changes: a cable, a wireless network, a VPN.

use netwatcher::async_adapter::Tokio;
use netwatcher::{AsyncWatch, watch_interfaces_async};

/// A watch on the addresses of this machine. Where the system offers none, it never reports anything.
pub struct NetworkWatch {
    watch: Option<AsyncWatch>,
}

impl NetworkWatch {
    /// Begins to watch.
    pub fn new() -> Self {
        let watch = watch_interfaces_async::<Tokio>()
            .inspect_err(|error| tracing::debug!(%error, "the network is not watched"))
            .ok();
        Self { watch }
    }

    /// Returns when an address came; what goes away is noticed by the connections over it.
    pub async fn changed(&mut self) {
        let Some(watch) = &mut self.watch else {
            return std::future::pending().await;
        };
        loop {
            let update = watch.changed().await;
            if !update.is_initial && update.addrs_added().next().is_some() {
                return;
            }
        }
    }
}
