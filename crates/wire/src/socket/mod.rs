//! Socket.IO 5: what travels in an Engine.IO message.
//!
//! Rule: <https://socket.io/docs/v4/socket-io-protocol/>, revision 5. A packet borrows the frame it was read from.

mod binary;
mod event;

pub use binary::{BinaryKind, BinaryMessage, Reassembly};
pub use event::{Arguments, EventText};

use crate::error::DecodeError;
use crate::json;
use crate::limits::Limits;

/// The namespace that a packet without one belongs to.
pub const MAIN_NAMESPACE: &str = "/";

/// One Socket.IO packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The namespace, `/` where the packet names none.
    pub namespace: &'a str,
    /// What the packet says.
    pub kind: Kind<'a>,
}

/// What a packet says. Payloads are JSON text whose structure, but not whose values, was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `0`: asks for, or grants, a session in the namespace.
    Connect {
        /// The client's credentials, or the server's `{"sid":…}`.
        payload: Option<&'a str>,
    },
    /// `1`: ends the session in the namespace.
    Disconnect {
        /// python-socketio says why; the protocol does not ask for it.
        payload: Option<&'a str>,
    },
    /// `2`: an event.
    Event {
        /// Set where the sender waits for an acknowledgement.
        ack_id: Option<u64>,
        /// Name and arguments.
        event: EventText<'a>,
    },
    /// `3`: the answer to an event.
    Ack {
        /// Id of the event that is answered.
        ack_id: u64,
        /// What the answer holds.
        arguments: Arguments<'a>,
    },
    /// `4`: a session was refused.
    ConnectError {
        /// Why, in JSON.
        payload: Option<&'a str>,
    },
    /// `5`: an event whose attachments follow in binary frames.
    BinaryEvent {
        /// How many binary frames follow.
        attachments: usize,
        /// Set where the sender waits for an acknowledgement.
        ack_id: Option<u64>,
        /// Name and arguments, with placeholders.
        event: EventText<'a>,
    },
    /// `6`: an acknowledgement whose attachments follow in binary frames.
    BinaryAck {
        /// How many binary frames follow.
        attachments: usize,
        /// Id of the event that is answered.
        ack_id: u64,
        /// What the answer holds, with placeholders.
        arguments: Arguments<'a>,
    },
}

impl<'a> Packet<'a> {
    /// Decodes the text of an Engine.IO message: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`.
    #[inline]
    pub fn decode(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        if text.len() > limits.max_packet_bytes {
            return Err(DecodeError::TooLarge {
                size: text.len(),
                limit: limits.max_packet_bytes,
            });
        }
        let mut characters = text.chars();
        let kind = characters.next().ok_or(DecodeError::Empty)?;
        if !kind.is_ascii_digit() || kind > '6' {
            return Err(DecodeError::UnknownSocketPacket(kind));
        }
        let mut rest = characters.as_str();
        let attachments = if matches!(kind, '5' | '6') {
            take_attachments(&mut rest, limits)?
        } else {
            0
        };
        let namespace = take_namespace(&mut rest, limits)?;
        let ack_id = take_ack_id(&mut rest, limits)?;
        let kind = match kind {
            '2' => Kind::Event {
                ack_id,
                event: EventText::parse(rest, limits)?,
            },
            '3' => Kind::Ack {
                ack_id: known(ack_id)?,
                arguments: Arguments::parse_array(rest, limits)?,
            },
            '5' => Kind::BinaryEvent {
                attachments,
                ack_id,
                event: EventText::parse(rest, limits)?,
            },
            '6' => Kind::BinaryAck {
                attachments,
                ack_id: known(ack_id)?,
                arguments: Arguments::parse_array(rest, limits)?,
            },
            // An id is given back to the payload: `41` followed by a number is a payload that is a number.
            _ => {
                let payload = payload(text, namespace, limits)?;
                match kind {
                    '0' => Kind::Connect { payload },
                    '1' => Kind::Disconnect { payload },
                    _ => Kind::ConnectError { payload },
                }
            }
        };
        Ok(Self { namespace, kind })
    }

    /// The packet as the text of an Engine.IO message, without attachments.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        self.encode_into(&mut text);
        text
    }

    /// Appends what [`encode`](Self::encode) returns.
    pub fn encode_into(&self, out: &mut String) {
        let (digit, attachments, ack_id) = match &self.kind {
            Kind::Connect { .. } => ('0', None, None),
            Kind::Disconnect { .. } => ('1', None, None),
            Kind::Event { ack_id, .. } => ('2', None, *ack_id),
            Kind::Ack { ack_id, .. } => ('3', None, Some(*ack_id)),
            Kind::ConnectError { .. } => ('4', None, None),
            Kind::BinaryEvent {
                attachments, ack_id, ..
            } => ('5', Some(*attachments), *ack_id),
            Kind::BinaryAck {
                attachments, ack_id, ..
            } => ('6', Some(*attachments), Some(*ack_id)),
        };
        out.push(digit);
        if let Some(attachments) = attachments {
            out.push_str(&attachments.to_string());
            out.push('-');
        }
        if self.namespace != MAIN_NAMESPACE {
            out.push_str(self.namespace);
            out.push(',');
        }
        if let Some(ack_id) = ack_id {
            out.push_str(&ack_id.to_string());
        }
        match &self.kind {
            Kind::Connect { payload } | Kind::Disconnect { payload } | Kind::ConnectError { payload } => {
                out.push_str(payload.unwrap_or_default());
            }
            Kind::Event { event, .. } | Kind::BinaryEvent { event, .. } => event.encode_into(out),
            Kind::Ack { arguments, .. } | Kind::BinaryAck { arguments, .. } => {
                out.push('[');
                out.push_str(arguments.text());
                out.push(']');
            }
        }
    }
}

fn known(ack_id: Option<u64>) -> Result<u64, DecodeError> {
    ack_id.ok_or(DecodeError::AckIdMissing)
}

/// Splits off the leading ASCII digits.
fn take_digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits
}

fn take_attachments(rest: &mut &str, limits: &Limits) -> Result<usize, DecodeError> {
    let digits = take_digits(rest);
    *rest = rest
        .strip_prefix('-')
        .ok_or(DecodeError::AttachmentCountMissing)?;
    if digits.is_empty() {
        return Err(DecodeError::AttachmentCountMissing);
    }
    let too_many = DecodeError::TooManyAttachments {
        limit: limits.max_attachments,
    };
    let count: usize = digits.parse().map_err(|_| too_many.clone())?;
    if count > limits.max_attachments {
        Err(too_many)
    } else {
        Ok(count)
    }
}

fn take_namespace<'a>(rest: &mut &'a str, limits: &Limits) -> Result<&'a str, DecodeError> {
    if !rest.starts_with('/') {
        return Ok(MAIN_NAMESPACE);
    }
    let (namespace, after) = rest.split_once(',').unwrap_or((*rest, ""));
    if namespace.len() > limits.max_namespace_bytes {
        let limit = limits.max_namespace_bytes;
        return Err(DecodeError::NamespaceTooLong {
            size: namespace.len(),
            limit,
        });
    }
    *rest = after;
    Ok(namespace)
}

fn take_ack_id(rest: &mut &str, limits: &Limits) -> Result<Option<u64>, DecodeError> {
    let digits = take_digits(rest);
    if digits.is_empty() {
        return Ok(None);
    }
    let too_long = DecodeError::AckIdTooLong { digits: digits.len() };
    if digits.len() > limits.max_ack_digits {
        return Err(too_long);
    }
    digits.parse().map(Some).map_err(|_| too_long)
}

/// The payload of a packet that has neither attachments nor an id.
fn payload<'a>(text: &'a str, namespace: &str, limits: &Limits) -> Result<Option<&'a str>, DecodeError> {
    let rest = &text[1..];
    let rest = if rest.starts_with('/') {
        let after = rest.get(namespace.len()..).unwrap_or_default();
        after.strip_prefix(',').unwrap_or(after)
    } else {
        rest
    };
    if rest.is_empty() {
        return Ok(None);
    }
    json::value(rest, limits)?;
    Ok(Some(rest))
}

#[cfg(test)]
mod tests;
