//! Tells the bidders on this pod when it loses the others, and when they are to read what they missed.

use std::sync::Arc;

use gavelscope_contract::Room;
use gavelscope_contract::event::ClusterRestored;
use serde::Serialize;

use super::driver::Shared;
use super::standing::Standing;
use super::{Io, Link};
use crate::rooms::Rooms;

/// Runs for as long as the pod does.
pub(super) async fn tell(shared: Arc<Shared>, rooms: Arc<Rooms>, io: Io) {
    let mut standing = shared.standing.subscribe();
    let mut missed = shared.missed.subscribe();
    let mut told_lost = false;
    let mut told_returns = 0;
    let link = Link {
        shared: Some(Arc::clone(&shared)),
    };
    loop {
        let now = standing.borrow_and_update().clone();
        match now {
            Standing::Lost { .. } if !told_lost => {
                told_lost = true;
                if let Some(payload) = link.degraded() {
                    to_auctions(&io, &rooms, "cluster_degraded", &payload).await;
                }
            }
            Standing::Attached { returns, after, .. } if returns > told_returns => {
                told_lost = false;
                told_returns = returns;
                // Whatever was missed up to now is covered by this.
                missed.mark_unchanged();
                let payload = ClusterRestored {
                    pod: shared.pod.clone(),
                    after_ms: u64::try_from(after.as_millis()).ok(),
                };
                to_auctions(&io, &rooms, "cluster_restored", &payload).await;
            }
            Standing::Starting | Standing::Attached { .. } | Standing::Lost { .. } => {}
        }
        tokio::select! {
            changed = standing.changed() => if changed.is_err() { return },
            changed = missed.changed() => {
                if changed.is_err() { return }
                // The link is up, and something is missing all the same. (Where it is not, its return tells.)
                let covered = standing.borrow().returns() == told_returns;
                if covered && standing.borrow().is_attached() {
                    let payload = ClusterRestored { pod: shared.pod.clone(), after_ms: None };
                    to_auctions(&io, &rooms, "cluster_restored", &payload).await;
                }
            }
        }
    }
}

async fn to_auctions<T: Serialize>(io: &Io, rooms: &Rooms, name: &str, payload: &T) {
    let auctions: Vec<String> = rooms
        .sizes()
        .into_keys()
        .filter(|room| matches!(room, Room::Auction(_)))
        .map(|room| room.to_string())
        .collect();
    if auctions.is_empty() {
        return;
    }
    let Some(namespace) = io.of("/") else { return };
    // One emission to all of them: a socket in two of the rooms is told once.
    if let Err(error) = namespace.local().to(auctions).emit(name, payload).await {
        tracing::debug!(event = name, %error, "some sockets are too slow, or gone");
    }
}
