//! Why a frame could not be decoded.

/// What is wrong with a frame. No variant carries the frame's content, so that an error can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing where a packet was expected.
    #[error("the packet is empty")]
    Empty,
    /// Longer than [`Limits::max_packet_bytes`](crate::Limits::max_packet_bytes).
    #[error("the packet has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Bytes of the packet.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The first character is not an Engine.IO packet type (`0`–`6`).
    #[error("{0:?} is not an Engine.IO packet type")]
    UnknownEnginePacket(char),
    /// The character after the Engine.IO type is not a Socket.IO packet type (`0`–`6`).
    #[error("{0:?} is not a Socket.IO packet type")]
    UnknownSocketPacket(char),
    /// Text after a packet that has none (`close`, `upgrade`, `noop`).
    #[error("text follows a packet that carries none")]
    UnexpectedText,
    /// The open packet does not hold a session id in a JSON object.
    #[error("the open packet is not a handshake: {0}")]
    Handshake(String),
    /// A `b…` packet of a polling payload is not base64.
    #[error("the binary packet is not base64")]
    Base64,
    /// More packets in a polling payload than
    /// [`Limits::max_payload_packets`](crate::Limits::max_payload_packets).
    #[error("the payload holds more than {limit} packets")]
    TooManyPackets {
        /// Packets allowed.
        limit: usize,
    },
    /// The namespace is longer than [`Limits::max_namespace_bytes`](crate::Limits::max_namespace_bytes).
    #[error("the namespace has {size} bytes, more than the {limit} allowed")]
    NamespaceTooLong {
        /// Bytes of the namespace.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More digits than [`Limits::max_ack_digits`](crate::Limits::max_ack_digits), or above 64 bits.
    #[error("the acknowledgement id of {digits} digits is too long")]
    AckIdTooLong {
        /// Digits found.
        digits: usize,
    },
    /// An acknowledgement that does not say what it acknowledges.
    #[error("the acknowledgement has no id")]
    AckIdMissing,
    /// A binary packet without its `<count>-`.
    #[error("the binary packet does not say how many attachments follow")]
    AttachmentCountMissing,
    /// More attachments than [`Limits::max_attachments`](crate::Limits::max_attachments).
    #[error("the packet announces more than {limit} attachments")]
    TooManyAttachments {
        /// Attachments allowed.
        limit: usize,
    },
    /// A placeholder points at an attachment that is not there.
    #[error("a placeholder names an attachment that does not exist")]
    PlaceholderOutOfRange,
    /// A text packet came while attachments were still awaited.
    #[error("another packet came before the attachments were complete")]
    AttachmentsInterrupted,
    /// A binary frame that belongs to no packet.
    #[error("a binary frame came that no packet announced")]
    UnannouncedAttachment,
    /// JSON nested deeper than [`Limits::max_depth`](crate::Limits::max_depth).
    #[error("the JSON is nested deeper than {limit} levels")]
    TooDeep {
        /// Levels allowed.
        limit: u32,
    },
    /// The JSON's quotes, brackets or commas do not add up.
    #[error("the JSON is broken: {0}")]
    Json(JsonFault),
    /// An event or acknowledgement whose payload is not an array.
    #[error("the payload is not a JSON array")]
    NotAnArray,
    /// An event whose first element is not a text.
    #[error("the event has no name")]
    EventNameMissing,
    /// The elements are not the JSON values they look like (found where values are read, not structure).
    #[error("the arguments are not JSON values")]
    Values,
    /// A packet that has no business at this point of a connection.
    #[error("a {0} packet has no place here")]
    OutOfPlace(&'static str),
}

/// What is structurally wrong with JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Nothing but white space.
    #[error("there is no value")]
    NoValue,
    /// A string has no closing quote.
    #[error("a string is not closed")]
    OpenString,
    /// Brackets do not match.
    #[error("the brackets do not match")]
    Brackets,
    /// A comma with nothing on one side.
    #[error("an element is missing at a comma")]
    MissingElement,
    /// Something follows the value.
    #[error("something follows the value")]
    TrailingText,
}
