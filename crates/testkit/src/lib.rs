//! Real pods, trace players, fault makers and a driver of the real window. Tests only.

pub mod fleet;
pub mod flood;
pub mod hostile;
pub mod player;
pub mod pods;
pub mod process;
pub mod proxy;
pub mod relay;
pub mod scenarios;
pub mod services;
pub mod trace;
#[cfg(feature = "window")]
pub mod window;
