//! Frames of the recordings, made hostile: the same seed, the same frames.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::trace::{BadTrace, Direction, Record, Trace};

/// Values that a field never expects.
const VALUES: &[&str] = &[
    "null",
    "NaN",
    "-Infinity",
    "-1",
    "0",
    "1e400",
    "1e-400",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967295",
    "4294967296",
    "0.1",
    "true",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "[null]",
    "{\"a\":{\"a\":{}}}",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "1.7976931348623157e308",
    "\"9999-12-31T23:59:59Z\"",
    "\"-9999-01-01T00:00:00Z\"",
    "\"2026-02-30T00:00:00\"",
];

/// Makes hostile frames out of the recordings.
#[derive(Debug)]
pub struct Mutator {
    random: StdRng,
    frames: Vec<String>,
    answers: Vec<String>,
    next: usize,
}

impl Mutator {
    /// With the frames and the answers of every recording.
    pub fn of_recordings(seed: u64) -> Result<Self, BadTrace> {
        let traces = Trace::all()?;
        let frames = traces
            .iter()
            .flat_map(Trace::frames)
            .filter(|(_, frame)| frame.dir == Direction::In)
            .map(|(_, frame)| frame.raw.clone())
            .collect();
        let answers = traces
            .iter()
            .flat_map(|trace| &trace.lines)
            .filter_map(|line| match &line.record {
                Record::Rest(call) if call.status == Some(200) => Some(call.answer_text()),
                _ => None,
            })
            .collect();
        Ok(Self {
            random: StdRng::seed_from_u64(seed),
            frames,
            answers,
            next: 0,
        })
    }

    /// The frames as they were recorded: the first food of a fuzzer.
    pub fn frames(&self) -> &[String] {
        &self.frames
    }

    /// The answers as they were recorded.
    pub fn answers(&self) -> &[String] {
        &self.answers
    }

    /// The next frame of the recordings, made hostile. Some pass as they are, or nothing would ever be understood.
    pub fn frame(&mut self) -> Vec<u8> {
        let frame = self.frames[self.next % self.frames.len()].clone();
        self.next += 1;
        self.hostile(frame)
    }

    /// An answer of the recordings, made hostile.
    pub fn answer(&mut self) -> Vec<u8> {
        let answer = self.answers[self.random.random_range(0..self.answers.len())].clone();
        self.hostile(answer)
    }

    fn hostile(&mut self, frame: String) -> Vec<u8> {
        let mut bytes = frame.into_bytes();
        for _ in 0..self.random.random_range(0..4u8) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn place(&mut self, bytes: &[u8]) -> usize {
        self.random.random_range(0..=bytes.len().saturating_sub(1))
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            bytes.push(self.random.random());
            return;
        }
        let at = self.place(bytes);
        match self.random.random_range(0..9u8) {
            0 => bytes[at] ^= 1 << self.random.random_range(0..8u8),
            1 => bytes.truncate(at),
            2 => {
                // The head of one frame and the tail of another.
                let other = self.frames[self.random.random_range(0..self.frames.len())].clone();
                let from = self.place(other.as_bytes());
                bytes.truncate(at);
                bytes.extend_from_slice(&other.as_bytes()[from..]);
            }
            3 => {
                let to = (at + self.random.random_range(0..40)).min(bytes.len());
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            4 => {
                let depth = self.random.random_range(1..300);
                let (open, close) = if self.random.random() {
                    (b'[', b']')
                } else {
                    (b'{', b'}')
                };
                bytes.splice(at..at, std::iter::repeat_n(open, depth));
                bytes.extend(std::iter::repeat_n(close, depth));
            }
            5 => {
                let separators = [
                    b"\x1e".as_slice(),
                    b"\x1eb",
                    b"451-",
                    b"452-[\"tick\",{\"_placeholder\":true,\"num\":0}]",
                ];
                let what = separators[self.random.random_range(0..separators.len())];
                bytes.splice(at..at, what.iter().copied());
            }
            _ => self.another_value(bytes, at),
        }
    }

    /// Puts another value where a field's value stands.
    fn another_value(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let Some(colon) = bytes[at..].iter().position(|byte| *byte == b':') else {
            return;
        };
        let from = at + colon + 1;
        let to = bytes[from..]
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']'))
            .map_or(bytes.len(), |length| from + length);
        let value = match self.random.random_range(0..6u8) {
            0 => self.random.random::<i64>().to_string(),
            1 => self.random.random_range(0..20u8).to_string(),
            _ => VALUES[self.random.random_range(0..VALUES.len())].to_owned(),
        };
        bytes.splice(from..to, value.into_bytes());
    }
}
