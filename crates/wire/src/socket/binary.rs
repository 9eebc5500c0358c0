//! Packets with attachments: the text comes first, each attachment follows in a binary frame of its own.

use serde_json::Value;

use super::{EventText, Kind, Packet};
use crate::Bytes;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::socket::Arguments;

/// What a binary message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BinaryKind {
    /// An event.
    Event {
        /// The event's name.
        name: String,
        /// Set where the sender waits for an acknowledgement.
        ack_id: Option<u64>,
    },
    /// An acknowledgement.
    Ack {
        /// Id of the event that is answered.
        ack_id: u64,
    },
}

/// A complete binary event or acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryMessage {
    namespace: String,
    kind: BinaryKind,
    arguments: String,
    attachments: Vec<Bytes>,
}

impl BinaryMessage {
    /// Event or acknowledgement.
    pub fn kind(&self) -> &BinaryKind {
        &self.kind
    }

    /// The namespace it belongs to.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The arguments as JSON text, with `{"_placeholder":true,"num":n}` where attachment `n` belongs.
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    /// The attachments in the order in which they came.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The arguments as values, each placeholder replaced by what `replace` makes of its attachment.
    pub fn arguments_with(
        &self,
        mut replace: impl FnMut(usize, &Bytes) -> Value,
    ) -> Result<Vec<Value>, DecodeError> {
        let mut values: Vec<Value> =
            serde_json::from_str(&format!("[{}]", self.arguments)).map_err(|_| DecodeError::Values)?;
        for value in &mut values {
            fill(value, &self.attachments, &mut replace)?;
        }
        Ok(values)
    }
}

/// Replaces placeholders. `serde_json` has bounded the depth, so the recursion is bounded too.
fn fill(
    value: &mut Value,
    attachments: &[Bytes],
    replace: &mut impl FnMut(usize, &Bytes) -> Value,
) -> Result<(), DecodeError> {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .try_for_each(|value| fill(value, attachments, replace)),
        Value::Object(members) if members.get("_placeholder") == Some(&Value::Bool(true)) => {
            let number = members
                .get("num")
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok());
            let found = number.and_then(|n| attachments.get(n).map(|bytes| (n, bytes)));
            let (index, bytes) = found.ok_or(DecodeError::PlaceholderOutOfRange)?;
            *value = replace(index, bytes);
            Ok(())
        }
        Value::Object(members) => members
            .values_mut()
            .try_for_each(|value| fill(value, attachments, replace)),
        _ => Ok(()),
    }
}

/// A binary packet whose attachments are still coming.
#[derive(Debug)]
pub struct Reassembly {
    message: BinaryMessage,
    missing: usize,
    bytes: usize,
}

impl Reassembly {
    /// Starts with a decoded packet; `None` where it is not a binary one.
    pub fn begin(packet: &Packet<'_>) -> Option<Self> {
        let (attachments, kind, arguments): (usize, BinaryKind, &Arguments<'_>) = match &packet.kind {
            Kind::BinaryEvent {
                attachments,
                ack_id,
                event: EventText { name, arguments },
            } => (
                *attachments,
                BinaryKind::Event {
                    name: name.to_string(),
                    ack_id: *ack_id,
                },
                arguments,
            ),
            Kind::BinaryAck {
                attachments,
                ack_id,
                arguments,
            } => (*attachments, BinaryKind::Ack { ack_id: *ack_id }, arguments),
            _ => return None,
        };
        let message = BinaryMessage {
            namespace: packet.namespace.to_owned(),
            kind,
            arguments: arguments.text().to_owned(),
            attachments: Vec::new(),
        };
        Some(Self {
            bytes: message.arguments.len(),
            message,
            missing: attachments,
        })
    }

    /// How many attachments are still to come.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Takes the next attachment.
    pub fn push(&mut self, attachment: Bytes, limits: &Limits) -> Result<(), DecodeError> {
        if self.missing == 0 {
            return Err(DecodeError::UnannouncedAttachment);
        }
        self.bytes = self.bytes.saturating_add(attachment.len());
        if self.bytes > limits.max_packet_bytes {
            return Err(DecodeError::TooLarge {
                size: self.bytes,
                limit: limits.max_packet_bytes,
            });
        }
        self.message.attachments.push(attachment);
        self.missing -= 1;
        Ok(())
    }

    /// The message; `None` while an attachment is [`missing`](Self::missing).
    pub fn finish(self) -> Option<BinaryMessage> {
        (self.missing == 0).then_some(self.message)
    }
}
