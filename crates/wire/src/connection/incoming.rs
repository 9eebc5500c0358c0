//! What a connection delivers.

use std::borrow::Cow;
use std::time::Instant;

use crate::error::DecodeError;
use crate::socket::{Arguments, BinaryMessage, EventText};
use crate::{Bytes, Utf8Bytes};

/// One thing that came from the server.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// An event.
    Event(Event),
    /// The answer to an event of ours.
    Ack(Ack),
    /// An event or acknowledgement with attachments, complete.
    Binary(BinaryMessage),
    /// The server's heartbeat; it has been answered already.
    Ping {
        /// When it was read.
        at: Instant,
    },
    /// The answer to [`Connection::ask_for_life`](super::Connection::ask_for_life).
    Pong {
        /// When it was read.
        at: Instant,
    },
    /// The server ended the Socket.IO session. It usually closes the connection next; if not, the caller should.
    Disconnect {
        /// Why, as JSON text, where the server says so.
        payload: Option<String>,
    },
    /// The server refused a session in another namespace.
    ConnectError {
        /// The namespace.
        namespace: String,
        /// Why, as JSON text.
        payload: Option<String>,
    },
    /// A frame that is no packet. It is counted, and the connection goes on.
    Undecodable {
        /// The frame as it came.
        raw: RawMessage,
        /// What is wrong with it.
        error: DecodeError,
    },
}

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawMessage {
    /// A text frame.
    Text(Utf8Bytes),
    /// A binary frame.
    Binary(Bytes),
}

/// A part of a frame. Frames are bounded far below 4 GiB, so 32 bits do, and an event stays small to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Where `part`, which was borrowed from `whole`, stands in it.
    fn of(part: &str, whole: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        if start.checked_add(part.len()).is_none_or(|end| end > whole.len()) {
            // A part from elsewhere (a literal such as the main namespace) is an empty one.
            return Self { start: 0, end: 0 };
        }
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: narrow(start),
            end: narrow(start + part.len()),
        }
    }

    fn text(self, whole: &str) -> &str {
        whole
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

#[derive(Debug, Clone)]
enum Name {
    Span(Span),
    Unescaped(Box<str>),
}

/// Arguments as parts of a frame.
#[derive(Debug, Clone, Copy)]
struct ArgumentSpans {
    all: Span,
    first: Option<Span>,
    count: usize,
}

impl ArgumentSpans {
    fn of(arguments: &Arguments<'_>, frame: &str) -> Self {
        Self {
            all: Span::of(arguments.text(), frame),
            first: arguments.first().map(|first| Span::of(first, frame)),
            count: arguments.count(),
        }
    }
}

/// An event that shares the memory it was read into: cheap to clone, but to be copied by whoever keeps it for long,
/// because it holds a whole read buffer.
#[derive(Debug, Clone)]
pub struct Event {
    frame: Utf8Bytes,
    namespace: Span,
    name: Name,
    arguments: ArgumentSpans,
    ack_id: Option<u64>,
}

impl Event {
    #[inline]
    pub(super) fn new(frame: &Utf8Bytes, namespace: &str, ack_id: Option<u64>, event: EventText<'_>) -> Self {
        Self {
            namespace: Span::of(namespace, frame),
            arguments: ArgumentSpans::of(&event.arguments, frame),
            name: match event.name {
                Cow::Borrowed(name) => Name::Span(Span::of(name, frame)),
                Cow::Owned(name) => Name::Unescaped(name.into_boxed_str()),
            },
            ack_id,
            frame: frame.clone(),
        }
    }

    /// The event's name.
    #[inline]
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Span(span) => span.text(&self.frame),
            Name::Unescaped(name) => name,
        }
    }

    /// The first argument's JSON text; `None` for an event without arguments.
    #[inline]
    pub fn first_argument(&self) -> Option<&str> {
        self.arguments.first.map(|span| span.text(&self.frame))
    }

    /// All arguments as JSON text, separated by commas.
    pub fn arguments(&self) -> &str {
        self.arguments.all.text(&self.frame)
    }

    /// How many arguments there are.
    pub fn argument_count(&self) -> usize {
        self.arguments.count
    }

    /// Set where the server waits for an answer; see [`Connection::respond`](super::Connection::respond).
    pub fn ack_id(&self) -> Option<u64> {
        self.ack_id
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        namespace(self.namespace, &self.frame)
    }

    /// The whole frame as it came, `42["name",…]`.
    pub fn raw(&self) -> &str {
        &self.frame
    }
}

/// An acknowledgement. It shares memory as an [`Event`] does.
#[derive(Debug, Clone)]
pub struct Ack {
    frame: Utf8Bytes,
    namespace: Span,
    arguments: ArgumentSpans,
    id: u64,
}

impl Ack {
    pub(super) fn new(frame: &Utf8Bytes, namespace: &str, id: u64, arguments: &Arguments<'_>) -> Self {
        Self {
            namespace: Span::of(namespace, frame),
            arguments: ArgumentSpans::of(arguments, frame),
            id,
            frame: frame.clone(),
        }
    }

    /// The id that [`Connection::emit_with_ack`](super::Connection::emit_with_ack) returned.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The first argument's JSON text; `None` for an empty acknowledgement.
    pub fn first_argument(&self) -> Option<&str> {
        self.arguments.first.map(|span| span.text(&self.frame))
    }

    /// All arguments as JSON text, separated by commas.
    pub fn arguments(&self) -> &str {
        self.arguments.all.text(&self.frame)
    }

    /// How many arguments there are.
    pub fn argument_count(&self) -> usize {
        self.arguments.count
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        namespace(self.namespace, &self.frame)
    }

    /// The whole frame as it came, `43<id>[…]`.
    pub fn raw(&self) -> &str {
        &self.frame
    }
}

fn namespace(span: Span, frame: &str) -> &str {
    match span.text(frame) {
        "" => crate::socket::MAIN_NAMESPACE,
        named => named,
    }
}
