//! What is said between a client and an auction backend: REST bodies, Socket.IO events, room names, refusals.
//!
//! Lenient in, strict out. A body of the field's backend and one of Gavelscope's own decode into the same types; what
//! only our backend says is optional. Nothing here does I/O or reads a clock.

pub mod ack;
pub mod auction;
pub mod auth;
pub mod event;
pub mod health;
pub mod ids;
pub mod league;
pub mod lenient;
pub mod money;
pub mod refusal;
pub mod room;
pub mod rules;
pub mod secret;
pub mod stream;
pub mod timestamp;

pub use ack::Ack;
pub use event::{Decoded, Event, Raw, Received};
pub use ids::{AuctionId, ClubId, LeagueId, LotId, PodId, UserId};
pub use money::{Money, MoneyError};
pub use refusal::{Refusal, RefusalCode};
pub use room::Room;
pub use secret::{Email, Secret};
pub use stream::Position;
pub use timestamp::Timestamp;
