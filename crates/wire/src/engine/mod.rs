//! Engine.IO 4: what travels in one websocket frame, and in one polling payload.
//!
//! Rule: <https://socket.io/docs/v4/engine-io-protocol/>, revision 4.

mod open;
mod payload;
mod refusal;

pub use open::Open;
pub use payload::{SEPARATOR, decode_part, decode_payload, encode_payload};
pub use refusal::Refusal;

use std::borrow::Cow;

use crate::error::DecodeError;
use crate::limits::Limits;

/// One Engine.IO packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the server's handshake, as JSON text for [`Open::parse`].
    Open(&'a str),
    /// `1`: the transport is to be closed.
    Close,
    /// `2`: heartbeat question; the text (`probe` while upgrading) is echoed in the pong.
    Ping(&'a str),
    /// `3`: heartbeat answer.
    Pong(&'a str),
    /// `4`: text for the layer above, [`crate::socket::Packet::decode`].
    Message(&'a str),
    /// A binary frame, or `b…` in a polling payload: bytes for the layer above.
    Binary(Cow<'a, [u8]>),
    /// `5`: the upgrade of the transport is done.
    Upgrade,
    /// `6`: nothing; it releases a waiting poll.
    Noop,
}

/// What a packet looks like on a websocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A text frame.
    Text(String),
    /// A binary frame, without any prefix.
    Binary(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// Decodes a text frame of a websocket.
    #[inline]
    pub fn decode_text(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        check_size(text.len(), limits)?;
        let mut characters = text.chars();
        let kind = characters.next().ok_or(DecodeError::Empty)?;
        let rest = characters.as_str();
        let bare = |packet| {
            if rest.is_empty() {
                Ok(packet)
            } else {
                Err(DecodeError::UnexpectedText)
            }
        };
        match kind {
            '0' => Ok(Self::Open(rest)),
            '1' => bare(Self::Close),
            '2' => Ok(Self::Ping(rest)),
            '3' => Ok(Self::Pong(rest)),
            '4' => Ok(Self::Message(rest)),
            '5' => bare(Self::Upgrade),
            '6' => bare(Self::Noop),
            other => Err(DecodeError::UnknownEnginePacket(other)),
        }
    }

    /// Decodes a binary frame of a websocket: always a binary message, the whole frame being its bytes.
    pub fn decode_binary(bytes: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        check_size(bytes.len(), limits)?;
        Ok(Self::Binary(Cow::Borrowed(bytes)))
    }

    /// The packet as a websocket frame.
    pub fn encode(&self) -> Frame<'_> {
        if let Self::Binary(bytes) = self {
            return Frame::Binary(bytes);
        }
        let mut text = String::new();
        self.push_text(&mut text);
        Frame::Text(text)
    }

    /// Appends the text form; nothing for a binary packet, which has none.
    fn push_text(&self, out: &mut String) {
        let (kind, rest) = match self {
            Self::Open(rest) => ('0', *rest),
            Self::Close => ('1', ""),
            Self::Ping(rest) => ('2', *rest),
            Self::Pong(rest) => ('3', *rest),
            Self::Message(rest) => ('4', *rest),
            Self::Upgrade => ('5', ""),
            Self::Noop => ('6', ""),
            Self::Binary(_) => return,
        };
        out.push(kind);
        out.push_str(rest);
    }
}

fn check_size(size: usize, limits: &Limits) -> Result<(), DecodeError> {
    let limit = limits.max_packet_bytes;
    if size > limit {
        Err(DecodeError::TooLarge { size, limit })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
    fn check(text: &str, expect: Result<Packet<'_>, DecodeError>) {
        assert_eq!(Packet::decode_text(text, &Limits::default()), expect, "{text:?}");
    }

    #[test]
    fn each_packet_type_is_told_apart() {
        check("0{}", Ok(Packet::Open("{}")));
        check("1", Ok(Packet::Close));
        check("2", Ok(Packet::Ping("")));
        check("2probe", Ok(Packet::Ping("probe")));
        check("3", Ok(Packet::Pong("")));
        check("3probe", Ok(Packet::Pong("probe")));
        check("40{}", Ok(Packet::Message("0{}")));
        check("5", Ok(Packet::Upgrade));
        check("6", Ok(Packet::Noop));
    }

    #[test]
    fn what_is_no_packet_is_refused_with_the_reason() {
        check("", Err(DecodeError::Empty));
        check("7", Err(DecodeError::UnknownEnginePacket('7')));
        check("é", Err(DecodeError::UnknownEnginePacket('é')));
        check("<html>", Err(DecodeError::UnknownEnginePacket('<')));
        check("1x", Err(DecodeError::UnexpectedText));
    }

    #[test]
    fn a_packet_above_the_size_limit_is_refused() {
        let limits = Limits {
            max_packet_bytes: 3,
            ..Limits::default()
        };
        assert!(Packet::decode_text("4ab", &limits).is_ok());
        assert_eq!(
            Packet::decode_text("4abc", &limits),
            Err(DecodeError::TooLarge { size: 4, limit: 3 })
        );
        assert_eq!(
            Packet::decode_binary(b"abcd", &limits),
            Err(DecodeError::TooLarge { size: 4, limit: 3 })
        );
    }

    proptest! {
        #[test]
        fn no_text_frame_makes_decoding_panic(text in any::<String>()) {
            let _ = Packet::decode_text(&text, &Limits::default());
        }

        #[test]
        fn what_is_encoded_decodes_to_the_same(kind in 0_u8..7, text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let packet = match kind {
                0 => Packet::Open(&text),
                1 => Packet::Close,
                2 => Packet::Ping(&text),
                3 => Packet::Pong(&text),
                4 => Packet::Message(&text),
                5 => Packet::Upgrade,
                _ => Packet::Binary(Cow::Borrowed(&bytes)),
            };
            match packet.encode() {
                Frame::Text(encoded) => {
                    prop_assert_eq!(Packet::decode_text(&encoded, &Limits::default()).unwrap(), packet);
                }
                Frame::Binary(encoded) => {
                    prop_assert_eq!(Packet::decode_binary(encoded, &Limits::default()).unwrap(), packet.clone());
                }
            }
        }
    }
}
