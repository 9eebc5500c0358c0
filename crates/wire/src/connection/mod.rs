//! A plain connection that speaks Engine.IO 4 and Socket.IO 5, over a websocket ([`connect`]) or over HTTP long polling
//! ([`connect_by_polling`]), and shows everything about itself.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use gavelscope_wire::connection::{ConnectOptions, Endpoint, Incoming, connect};
//!
//! let endpoint = Endpoint::parse("https://auction.example.org")?;
//! let mut connection = connect(&endpoint, &ConnectOptions::default()).await?;
//! println!("upgraded in {:?}", connection.handshake().timings.upgrade);
//! connection.emit("join_league_room", &serde_json::json!({"leagueId": "a"}))?;
//! while let Incoming::Event(event) = connection.next().await? {
//!     println!("{} {:?}", event.name(), event.first_argument());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! One task owns the [`Connection`]. Reading is cancel-safe and sending never waits, so that the task can `select!`
//! between [`Connection::next`] and its commands. There is no reconnecting, and no proxy but the one that is asked
//! for: an instrument measures the one connection it was asked for.

mod attempt;
mod connect;
mod dial;
mod endpoint;
mod error;
mod incoming;
mod line;
mod live;
mod options;
mod polling;
mod proxy;
mod tls;
mod upgrade;
mod witness;

pub use connect::{Handshake, Timings, connect};
pub use endpoint::{Endpoint, InvalidAddress};
pub use error::{BadUpgrade, ConnectError, ConnectionError, HttpRefusal, SendError, Stage};
pub use incoming::{Ack, Event, Incoming, RawMessage};
pub use live::{CloseOutcome, Connection, Counters};
pub use options::{AuthPayload, ConnectOptions, Direction, FrameTap, RawContent, RawFrame, StageTap};
pub use polling::connect_by_polling;
pub use proxy::Proxy;
pub use tls::{TlsFailure, TlsOptions};
pub use witness::{CertificateWitness, Presented};
