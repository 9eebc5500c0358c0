//! Trace players, fault makers and a driver of the real window. Tests only.

pub mod flood;
pub mod player;
pub mod trace;
#[cfg(feature = "window")]
pub mod window;
