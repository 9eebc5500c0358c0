//! A hostile server: whatever it sends, the frame decoder and the reducer neither panic nor stay wrong.
//!
//! [`feed`] is the one way in, for the fuzz targets in `fuzz/` and for the test with seeded mutations alike.

mod mutation;
mod victim;

pub use mutation::Mutator;
pub use victim::Victim;

use gavelscope_wire::Limits;
use gavelscope_wire::engine::{self, Packet};

/// Takes bytes as a text frame, as a binary frame and as the body of a poll, and folds what they hold into the victim.
pub fn feed(victim: &mut Victim, bytes: &[u8]) {
    let limits = Limits::default();
    if let Ok(packet) = Packet::decode_binary(bytes, &limits) {
        victim.packet(&packet, &limits);
    }
    // What a socket hands over is text by then.
    let text = String::from_utf8_lossy(bytes);
    if let Ok(packet) = Packet::decode_text(&text, &limits) {
        victim.packet(&packet, &limits);
    }
    if let Ok(packets) = engine::decode_payload(&text, &limits) {
        for packet in &packets {
            victim.packet(packet, &limits);
        }
    }
    if let Err(refused) = Packet::decode_text(&text, &limits) {
        // The sentence is shown to people.
        drop(refused.to_string());
    }
}
