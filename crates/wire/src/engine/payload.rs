//! Several packets in one HTTP body, as long polling carries them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Packet, check_size};
use crate::error::DecodeError;
use crate::limits::Limits;

/// Stands between two packets.
pub const SEPARATOR: char = '\u{1e}';

/// Servers pad; one that does not is still understood.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes the body of a polling answer.
pub fn decode_payload<'a>(body: &'a str, limits: &Limits) -> Result<Vec<Packet<'a>>, DecodeError> {
    let mut packets = Vec::new();
    for part in body.split(SEPARATOR) {
        if packets.len() == limits.max_payload_packets {
            return Err(DecodeError::TooManyPackets {
                limit: limits.max_payload_packets,
            });
        }
        packets.push(decode_part(part, limits)?);
    }
    Ok(packets)
}

/// Decodes one packet of a payload, as it stands between two separators.
pub fn decode_part<'a>(part: &'a str, limits: &Limits) -> Result<Packet<'a>, DecodeError> {
    let Some(encoded) = part.strip_prefix('b') else {
        return Packet::decode_text(part, limits);
    };
    check_size(encoded.len(), limits)?;
    let bytes = BASE64.decode(encoded).map_err(|_| DecodeError::Base64)?;
    Ok(Packet::Binary(Cow::Owned(bytes)))
}

/// Encodes packets as the body of a polling request.
///
/// A text that itself holds the separator (U+001E) would be split by the receiver; JSON text never does.
pub fn encode_payload(packets: &[Packet<'_>]) -> String {
    let mut body = String::new();
    for (index, packet) in packets.iter().enumerate() {
        if index > 0 {
            body.push(SEPARATOR);
        }
        if let Packet::Binary(bytes) = packet {
            body.push('b');
            BASE64.encode_string(bytes, &mut body);
        } else {
            packet.push_text(&mut body);
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
    fn check(body: &str, expect: Result<Vec<Packet<'_>>, DecodeError>) {
        assert_eq!(decode_payload(body, &Limits::default()), expect, "{body:?}");
    }

    #[test]
    fn packets_are_parted_at_the_separator() {
        check("4hello", Ok(vec![Packet::Message("hello")]));
        check(
            "2\u{1e}4a\u{1e}6",
            Ok(vec![Packet::Ping(""), Packet::Message("a"), Packet::Noop]),
        );
        // The example of the protocol's description.
        let expect = vec![
            Packet::Message("hello"),
            Packet::Binary(Cow::Borrowed(&[1, 2, 3, 4])),
        ];
        check("4hello\u{1e}bAQIDBA==", Ok(expect));
        check("bAQIDBA", Ok(vec![Packet::Binary(Cow::Borrowed(&[1, 2, 3, 4]))]));
    }

    #[test]
    fn a_broken_payload_is_refused_with_the_reason() {
        check("", Err(DecodeError::Empty));
        check("2\u{1e}", Err(DecodeError::Empty));
        check("b!", Err(DecodeError::Base64));
        check(
            "{\"detail\":\"Not Found\"}",
            Err(DecodeError::UnknownEnginePacket('{')),
        );
        let many = vec!["6"; 4_097].join("\u{1e}");
        check(&many, Err(DecodeError::TooManyPackets { limit: 4_096 }));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(
            parts in prop::collection::vec((any::<bool>(), "[^\u{1e}]{0,20}", any::<Vec<u8>>()), 1..6),
        ) {
            let packets: Vec<Packet<'_>> = parts
                .iter()
                .map(|(binary, text, bytes)| {
                    if *binary { Packet::Binary(Cow::Borrowed(bytes)) } else { Packet::Message(text) }
                })
                .collect();
            let body = encode_payload(&packets);
            prop_assert_eq!(decode_payload(&body, &Limits::default()).unwrap(), packets);
        }

        #[test]
        fn no_body_makes_decoding_panic(body in "[b0-9=\u{1e}a-zA-Z/+]{0,80}") {
            let _ = decode_payload(&body, &Limits::default());
        }
    }
}
