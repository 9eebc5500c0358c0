//! Where Redis is, how to sign in there, and why that failed: what a pod that connects and an operator who looks after
//! it have in common.

mod address;
mod target;
mod trouble;

pub use address::{AddressError, RedisAddress};
pub use target::{CertificatesError, Stream, Target};
pub use trouble::Trouble;
