//! What an auction's state is made of: everything that its reducer is fed, as one type.

use gavelscope_contract::auction::{AuctionSnapshot, ClubList, EventPage};
use gavelscope_contract::event::Event;
use gavelscope_contract::league::ParticipantList;

use crate::state::Millis;

/// One input of [`crate::reducer::fold`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input<'a> {
    /// An event of the auction's room or of its league's.
    Event(&'a Event),
    /// A snapshot that was read over REST.
    Snapshot {
        /// What it says.
        answer: &'a AuctionSnapshot,
        /// When it was asked for.
        sent: Millis,
    },
    /// What was said since a place in the stream, as read over REST.
    Page(&'a EventPage),
    /// The clubs, as read over REST.
    Clubs {
        /// What became of them.
        list: &'a ClubList,
        /// How often something about them had been told when that was asked for.
        told: u32,
    },
    /// The managers, as read over REST.
    Participants {
        /// Who they are.
        list: &'a ParticipantList,
        /// How often the managers had been told when that was asked for.
        told: u32,
    },
    /// What is missing has been waited for long enough.
    Waited {
        /// Since when: another hole than that one goes on being waited for.
        since: Millis,
    },
    /// No snapshot could be had.
    WithoutSnapshot,
    /// The link is gone.
    LinkLost,
    /// Messages were dropped on this side: what follows does not connect.
    Resync,
    /// The server does not know the auction any more.
    Gone,
}

impl Input<'_> {
    /// In a word, as recordings call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Snapshot { .. } => "snapshot",
            Self::Page(_) => "page",
            Self::Clubs { .. } => "clubs",
            Self::Participants { .. } => "participants",
            Self::Waited { .. } => "waited",
            Self::WithoutSnapshot => "withoutSnapshot",
            Self::LinkLost => "linkLost",
            Self::Resync => "resync",
            Self::Gone => "gone",
        }
    }
}
