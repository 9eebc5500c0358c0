//! The auction backend: the contract as a service on axum and socketioxide, with the additions that make it honest.
//!
//! A call comes in over REST or a socket, is decided in one database transaction, and what it says leaves in
//! the order in which it was decided. The clock of a lot is a task that reads its deadline from the database, so an
//! auction outlives the process that ran it.

mod announcer;
mod clock;
mod clock_keeper;
mod demo;
mod door;
mod drain;
mod hammer_clock;
mod house;
mod limits;
mod link;
mod metrics;
mod neighbours;
mod probe;
mod refuse;
mod rest;
mod rooms;
mod running;
mod serving;
mod settings;
mod sockets;
pub mod store;
mod summary;
mod tokens;
mod voices;

pub use clock::{Clock, SystemClock};
pub use demo::{Demo, DemoError, DemoPerson, DemoSpec, seed_demo};
pub use drain::Drain;
pub use link::{AddressError, CertificatesError, RedisAddress, RedisSettingsError, Trouble};
pub use refuse::{Denied, Refused};
pub use rest::rest_calls;
pub use running::{Running, SeedError, StartError, start};
pub use serving::CertificateError;
pub use settings::{Database, ForwardedHeader, Limits, Origin, Redis, Settings, Web};
pub use sockets::CALLS as SOCKET_CALLS;
pub use store::{Store, StoreError};
