//! Where an event stands in its room's stream: an addition of Gavelscope's own backend (contract, section 5).
//!
//! `seq` already means two other things in the field's events (`bid_update`: the bid sequence; `tick`: one pod's
//! timer), so the position is an object of its own and old clients read on undisturbed.

use serde::{Deserialize, Serialize};

/// A position in the stream of one auction's room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Changes when history is lost or the stream starts anew; positions of two epochs cannot be compared.
    pub epoch: String,
    /// Counted from 1, without holes, over the events that are kept.
    pub seq: u64,
    /// The event is not kept (a tick, a snapshot): `seq` is the number of the last one that was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
}
