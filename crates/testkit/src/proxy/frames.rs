//! Where a server's websocket frames end (RFC 6455, section 5.2; a server's are not masked).

use std::sync::Arc;

/// A text frame of a server.
pub(super) fn text(text: &str) -> Arc<[u8]> {
    let mut frame = vec![0x81];
    let length = text.len();
    match u16::try_from(length) {
        Ok(short @ ..126) => frame.push(short.to_be_bytes()[1]),
        Ok(long) => {
            frame.push(126);
            frame.extend(long.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    frame.into()
}

/// Follows the bytes from a server and knows where in them it is.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The end of what came so far of an HTTP answer's head, or of a frame's.
    head: Vec<u8>,
    upgraded: bool,
    /// What is still to come of a frame.
    left: u64,
}

impl Place {
    /// Whether a frame could be put in here.
    pub(super) fn between_frames(&self) -> bool {
        self.upgraded && self.left == 0 && self.head.is_empty()
    }

    /// These bytes have passed.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        if !self.upgraded {
            const SWITCHING: &[u8] = b"HTTP/1.1 101";
            const END: &[u8] = b"\r\n\r\n";
            let before = self.head.len();
            self.head.extend(bytes);
            if !self.head.starts_with(SWITCHING) && !SWITCHING.starts_with(&self.head) {
                self.head.clear();
                return;
            }
            let Some(end) = self.head.windows(END.len()).position(|window| window == END) else {
                return;
            };
            bytes = &bytes[end + END.len() - before..];
            self.head.clear();
            self.upgraded = true;
        }
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            bytes = &bytes[skipped..];
            self.left -= skipped as u64;
            let Some((first, rest)) = bytes.split_first() else {
                return;
            };
            bytes = rest;
            self.head.push(*first);
            if let Some(length) = length(&self.head) {
                self.left = length;
                self.head.clear();
            }
        }
    }
}

/// The length of the payload, once the head is whole.
fn length(head: &[u8]) -> Option<u64> {
    let short = head.get(1)? & 0x7f;
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match short {
        126 => head.get(2..4).map(number),
        127 => head.get(2..10).map(number),
        _ => Some(u64::from(short)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_followed_however_they_are_cut() {
        let mut stream = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let mut ends = vec![stream.len()];
        for length in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            stream.extend(&*text(&"x".repeat(length)));
            ends.push(stream.len());
        }
        for piece in [1, 2, 3, 7, 1_000, 65_536, stream.len()] {
            let mut place = Place::default();
            let mut passed = 0;
            for bytes in stream.chunks(piece) {
                place.pass(bytes);
                passed += bytes.len();
                assert_eq!(
                    place.between_frames(),
                    ends.contains(&passed),
                    "after {passed} bytes in pieces of {piece}"
                );
            }
            assert!(place.between_frames());
        }
    }

    #[test]
    fn an_ordinary_answer_is_never_between_frames() {
        let mut place = Place::default();
        place.pass(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert!(!place.between_frames());
    }
}
