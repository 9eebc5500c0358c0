//! What a pod says of itself: that it does not hear the others, that it hears them again, that it is about to stop.

use std::time::{Duration, Instant};

use gavelscope_contract::event::{ClusterDegraded, ClusterRestored, PodDraining};
use rand::RngExt;

use super::driver::Driver;
use crate::input::Input;
use crate::state::{Millis, PodAlone};
use crate::time;

/// Every session of the pod hears at the same moment that the others are heard again. Each reads what was missed at
/// another moment within this time.
const READ_WITHIN_MS: u64 = 1_000;

impl Driver {
    /// The pod does not hear the others: every room is read from now on. It says so once a room.
    pub(super) fn cluster_lost(&mut self, degraded: &ClusterDegraded, now: Millis) {
        let since = degraded
            .since
            .map_or(now, |since| self.clock.to_local(since).min(now));
        self.connection.pod_alone = Some(PodAlone {
            pod: degraded.pod.clone(),
            since,
            reason: degraded.reason.clone(),
        });
        let mut changes = Vec::new();
        for room in &mut self.rooms {
            room.missed_until = None;
            changes.push((room.state.id.clone(), room.delivery.cluster_lost(Instant::now())));
        }
        self.touch_all();
        for (auction, change) in changes {
            self.delivery_changed(&auction, change);
        }
    }

    /// The pod hears the others again, or has heard that something of theirs did not come. What they said in between was
    /// missed: events are believed again once the state has been read after this.
    pub(super) fn cluster_is_back(&mut self, restored: &ClusterRestored, now: Millis) {
        if self.connection.pod_alone.take().is_some() {
            let text = match restored.after_ms {
                Some(ms) => format!(
                    "The server's parts hear each other again after {:.1} s; what was missed is being read.",
                    Duration::from_millis(ms).as_secs_f32()
                ),
                None => "The server's parts hear each other again; what was missed is being read.".to_owned(),
            };
            self.note(None, "cluster", text);
        }
        let mut auctions = Vec::new();
        for room in &mut self.rooms {
            room.missed_until = Some(now);
            auctions.push(room.state.id.clone());
        }
        for auction in auctions {
            self.fold_into(&auction, &Input::Resync, now);
            let within = Duration::from_millis(rand::rng().random_range(0..=READ_WITHIN_MS));
            self.want_snapshot_after(&auction, within);
        }
        self.touch_all();
    }

    /// The pod is about to stop: the session moves, when it was asked to.
    pub(super) fn pod_leaves(&mut self, draining: &PodDraining) {
        if self.machine.is_leaving() {
            return;
        }
        let after = Duration::from_millis(draining.reconnect_in_ms);
        self.machine.leaves(Instant::now(), after);
        self.note(
            None,
            "draining",
            format!(
                "Pod {} is being replaced; the session moves to another one in {:.1} s.",
                draining.pod,
                after.as_secs_f32()
            ),
        );
    }

    /// The pod closed the link that was to be left anyway.
    pub(super) fn was_left_early(&mut self) {
        let at = time::now();
        self.machine
            .lost(Instant::now(), at, String::new(), None, &mut rand::rng());
        self.leave_quietly(at);
    }

    /// The link is given up for another one: nothing that follows connects, and nothing is wrong.
    pub(super) fn leave_quietly(&mut self, at: Millis) {
        self.connection.socket_id = None;
        self.connection.pod = None;
        self.connection.pod_alone = None;
        for index in 0..self.rooms.len() {
            self.fold(index, &Input::LinkLost, at);
            let room = &mut self.rooms[index];
            room.missed_until = None;
            if room.delivery.is_alone() {
                // The next pod may be well; it says so itself where it is not.
                room.delivery.link_lost(Instant::now());
            }
        }
        self.touch_all();
    }
}
