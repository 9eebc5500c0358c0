//! Websocket frames at the least cost: the generator shares the machine with what it measures.

use std::ops::Range;

/// A text.
pub(crate) const TEXT: u8 = 1;
/// The other side ends the connection.
pub(crate) const CLOSE: u8 = 8;
/// A heartbeat of the websocket, to be answered.
pub(crate) const PING: u8 = 9;
/// Its answer.
pub(crate) const PONG: u8 = 10;

/// Stands where a short length would: the length is in the next two bytes…
const TWO_BYTES: u8 = 0x7e;
/// … or in the next eight.
const EIGHT_BYTES: u8 = 0x7f;

/// A frame at the beginning of what was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Range<usize>,
    mask: Option<[u8; 4]>,
}

impl Frame {
    /// What it holds, in the clear.
    pub(crate) fn unmasked(&self, bytes: &[u8]) -> Vec<u8> {
        let masked = bytes.get(self.payload.clone()).unwrap_or_default();
        match self.mask {
            None => masked.to_vec(),
            Some(mask) => masked
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask)
                .collect(),
        }
    }
}

/// The first whole frame in `bytes`; the next one begins where its payload ends.
pub(crate) fn first(bytes: &[u8]) -> Option<Frame> {
    let (&head, &length) = (bytes.first()?, bytes.get(1)?);
    let (length, mut at) = match length & 0x7f {
        TWO_BYTES => (
            usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
            4,
        ),
        EIGHT_BYTES => (
            usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?,
            10,
        ),
        short => (usize::from(short), 2),
    };
    let mask = if bytes.get(1)? & 0x80 != 0 {
        let mask = *bytes.get(at..)?.first_chunk()?;
        at += 4;
        Some(mask)
    } else {
        None
    };
    (bytes.len() >= at + length).then_some(Frame {
        opcode: head & 0x0f,
        payload: at..at + length,
        mask,
    })
}

/// A frame as a client or a server sends it. The mask of a client is zero, which is as good as any on loopback.
pub(crate) fn frame(opcode: u8, payload: &[u8], from_client: bool) -> Vec<u8> {
    let mask = if from_client { 0x80 } else { 0 };
    let mut frame = vec![0x80 | opcode];
    if let Ok(length) = u8::try_from(payload.len())
        && length < TWO_BYTES
    {
        frame.push(mask | length);
    } else if let Ok(length) = u16::try_from(payload.len()) {
        frame.push(mask | TWO_BYTES);
        frame.extend(length.to_be_bytes());
    } else {
        frame.push(mask | EIGHT_BYTES);
        frame.extend((payload.len() as u64).to_be_bytes());
    }
    if from_client {
        frame.extend([0; 4]);
    }
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_framed_is_read_back_whole_or_not_at_all() {
        for length in [0, 1, 125, 126, 400, 70_000] {
            for from_client in [false, true] {
                let payload = vec![7; length];
                let framed = frame(TEXT, &payload, from_client);
                let read = first(&framed).expect("a whole frame");
                assert_eq!((read.opcode, read.unmasked(&framed)), (TEXT, payload), "{length}");
                assert_eq!(first(&framed[..framed.len() - 1]), None, "{length}");
            }
        }
    }
}
