
pub mod player;
pub mod trace;
