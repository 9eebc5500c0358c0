//! Frames from the server, several in a row: lines of text, each a frame, through the decoder into one reducer.
#![no_main]

use gavelscope_testkit::hostile::{Victim, feed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut victim = Victim::new("a");
    for frame in bytes.split(|byte| *byte == b'\n') {
        feed(&mut victim, frame);
    }
});
