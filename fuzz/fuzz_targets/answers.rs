//! Answers to requests and frames in turn: lines of text, each one or the other by its first letter.
#![no_main]

use gavelscope_testkit::hostile::{Victim, feed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut victim = Victim::new("a");
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.first() == Some(&b'{') {
            victim.answer(&String::from_utf8_lossy(line));
        } else {
            feed(&mut victim, line);
        }
    }
});
