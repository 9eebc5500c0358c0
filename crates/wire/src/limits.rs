//! Bounds on what a peer may make us hold or walk through.

/// Deepest nesting that [`Limits::max_depth`] can allow: the structure check keeps one bit a level.
///
/// It is also as deep as `serde_json` reads: an argument at the deepest place allowed here can still be deserialized.
pub const DEEPEST_NESTING: u32 = 128;

/// Bounds on one decoded packet. The defaults fit the auction contract with a wide margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest packet in bytes, attachments of a binary packet added together. Default 4 MiB.
    pub max_packet_bytes: usize,
    /// Deepest JSON nesting, the outer array counted. Default and most: [`DEEPEST_NESTING`].
    pub max_depth: u32,
    /// Most attachments of one binary packet. Default 16.
    pub max_attachments: usize,
    /// Most digits of an acknowledgement id. Default 19, which always fits 64 bits.
    pub max_ack_digits: usize,
    /// Longest namespace in bytes. Default 256.
    pub max_namespace_bytes: usize,
    /// Most packets in one polling payload. Default 4,096.
    pub max_payload_packets: usize,
    /// Longest body of a polling answer in bytes: all that a server had to say since the last one. Default 16 MiB.
    pub max_payload_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_packet_bytes: 4 << 20,
            max_depth: DEEPEST_NESTING,
            max_attachments: 16,
            max_ack_digits: 19,
            max_namespace_bytes: 256,
            max_payload_packets: 4_096,
            max_payload_bytes: 16 << 20,
        }
    }
}
