//! A connection that is up.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::Message;

use super::connect::Handshake;
use super::error::ConnectionError;
use super::incoming::{Ack, Event, Incoming, RawMessage};
use super::line::{Line, closed_by};
use super::options::{ConnectOptions, Direction, FrameTap, RawContent};
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::socket::{self, Kind, Reassembly};
use crate::{Bytes, Utf8Bytes, engine};

mod sending;

/// A limit above this is none; the bound keeps deadlines representable.
const LONGEST_LIMIT: Duration = Duration::from_hours(24);

/// What has crossed a connection since it was opened; the Socket.IO CONNECT is the first frame counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Text and binary frames from the server.
    pub frames_in: u64,
    /// Bytes in them.
    pub bytes_in: u64,
    /// Frames to the server.
    pub frames_out: u64,
    /// Bytes in them.
    pub bytes_out: u64,
    /// Heartbeats from the server.
    pub pings: u64,
    /// Frames that were no packet.
    pub undecodable: u64,
}

/// How [`Connection::close`] went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseOutcome {
    /// The server closed in return.
    Answered,
    /// It did not within the limit, or the connection was gone.
    NotAnswered,
}

/// A Socket.IO session over a websocket or over HTTP long polling. Dropping it closes what it holds without a goodbye.
pub struct Connection {
    line: Line,
    handshake: Handshake,
    limits: Limits,
    tap: Option<FrameTap>,
    counters: Counters,
    /// Decoded, but not delivered yet: what came before the session was granted.
    pub(super) early: VecDeque<Incoming>,
    /// A binary packet whose attachments are still coming, and its text.
    reassembly: Option<(Utf8Bytes, Reassembly)>,
    last_ack_id: u64,
    /// Something waits in the write buffer.
    unsent: bool,
    blocked_since: Option<Instant>,
    write_stall_limit: Duration,
    /// Writing failed; what the server said before that is still read, because it may say why.
    write_failure: Option<ConnectionError>,
    /// Something came since `last_heard` was set. The clock is read when nothing more is there, not for each frame.
    heard: bool,
    last_heard: Instant,
    longest_silence: Duration,
    alarm: Pin<Box<Sleep>>,
    ended: Option<ConnectionError>,
}

/// What became of a websocket message.
pub(super) enum Taken {
    Incoming(Incoming),
    /// A session was granted.
    Connect {
        namespace: String,
        payload: Option<String>,
    },
    Nothing,
    Ended(ConnectionError),
}

impl Connection {
    pub(super) fn new(line: Line, handshake: Handshake, options: &ConnectOptions) -> Self {
        let longest_silence = handshake.ping_interval + handshake.ping_timeout;
        let now = Instant::now();
        Self {
            line,
            handshake,
            limits: options.limits,
            tap: options.tap.clone(),
            counters: Counters::default(),
            early: VecDeque::new(),
            reassembly: None,
            last_ack_id: 0,
            unsent: false,
            blocked_since: None,
            write_stall_limit: options.write_stall_limit.min(LONGEST_LIMIT),
            write_failure: None,
            heard: false,
            last_heard: now,
            longest_silence,
            alarm: Box::pin(tokio::time::sleep_until(now + longest_silence)),
            ended: None,
        }
    }

    pub(super) fn session_granted(&mut self, socket_sid: String, took: Duration) {
        self.handshake.socket_sid = socket_sid;
        self.handshake.timings.connect = took;
    }

    /// What was agreed on while connecting.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// What has crossed the connection so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether something waits to be sent because the network does not take it yet.
    pub fn unsent(&self) -> bool {
        self.unsent
    }

    /// Waits for what comes next. Pings are answered on the way, and what waits to be sent is sent.
    ///
    /// Cancel-safe: nothing is lost when the future is dropped. After an error it returns the same error for ever.
    pub async fn next(&mut self) -> Result<Incoming, ConnectionError> {
        poll_fn(|context| self.poll_incoming(context)).await
    }

    /// What has come already, without waiting: drains a burst between two calls of [`next`](Self::next).
    pub fn next_ready(&mut self) -> Option<Result<Incoming, ConnectionError>> {
        match self.poll_incoming(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(incoming) => Some(incoming),
            Poll::Pending => None,
        }
    }

    fn poll_incoming(&mut self, context: &mut Context<'_>) -> Poll<Result<Incoming, ConnectionError>> {
        if let Some(incoming) = self.early.pop_front() {
            return Poll::Ready(Ok(incoming));
        }
        if let Some(error) = &self.ended {
            return Poll::Ready(Err(error.clone()));
        }
        loop {
            match self.poll_taken(context) {
                Poll::Ready(Taken::Incoming(incoming)) => return Poll::Ready(Ok(incoming)),
                Poll::Ready(Taken::Ended(error)) => return self.end(error),
                // A second grant means nothing to us.
                Poll::Ready(Taken::Connect { .. } | Taken::Nothing) => {}
                Poll::Pending => break,
            }
        }
        self.poll_alarm(context).map(|error| {
            self.ended = Some(error.clone());
            Err(error)
        })
    }

    /// What the next message is, without regard to what came early and to the heartbeat.
    #[inline]
    pub(super) fn poll_taken(&mut self, context: &mut Context<'_>) -> Poll<Taken> {
        if self.unsent {
            self.poll_unsent(context);
        }
        match self.line.poll_message(context) {
            Poll::Ready(Ok(message)) => Poll::Ready(self.take(message)),
            Poll::Ready(Err(error)) => Poll::Ready(Taken::Ended(error)),
            Poll::Pending => match self.write_failure.take() {
                Some(error) => Poll::Ready(Taken::Ended(error)),
                None => Poll::Pending,
            },
        }
    }

    fn end(&mut self, error: ConnectionError) -> Poll<Result<Incoming, ConnectionError>> {
        tracing::debug!(peer = %self.handshake.peer, %error, "connection ended");
        self.ended = Some(error.clone());
        Poll::Ready(Err(error))
    }

    /// Ready when the server has been silent, or has taken nothing, for too long.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<ConnectionError> {
        if self.heard {
            self.heard = false;
            self.last_heard = Instant::now();
        }
        let silence_ends = self.last_heard + self.longest_silence;
        let stall_ends = self.blocked_since.map(|since| since + self.write_stall_limit);
        let due = stall_ends.map_or(silence_ends, |stall_ends| stall_ends.min(silence_ends));
        loop {
            // The alarm is left where it is while it is early, and moved when it goes off: setting it for each frame
            // would cost more than decoding the frame.
            if self.alarm.deadline() > due || self.alarm.is_elapsed() {
                self.alarm.as_mut().reset(due);
            }
            std::task::ready!(self.alarm.as_mut().poll(context));
            if Instant::now() < due {
                continue;
            }
            return Poll::Ready(if due == silence_ends {
                ConnectionError::HeartbeatMissed {
                    silence: self.last_heard.elapsed(),
                }
            } else {
                ConnectionError::WriteStalled {
                    limit: self.write_stall_limit,
                }
            });
        }
    }

    /// Decodes one message, and answers it where the protocol asks for that.
    #[inline]
    fn take(&mut self, message: Message) -> Taken {
        self.heard = true;
        match message {
            Message::Text(text) => {
                self.note_received(RawContent::Text(&text), text.len());
                self.take_text(&text)
            }
            Message::Binary(bytes) => {
                self.note_received(RawContent::Binary(&bytes), bytes.len());
                self.take_attachment(bytes)
            }
            Message::Close(frame) => {
                // The library has put its answer into the buffer; one try to send it is enough.
                self.poll_unsent(&mut Context::from_waker(Waker::noop()));
                Taken::Ended(closed_by(frame))
            }
            Message::Pong(_) => Taken::Incoming(Incoming::Pong {
                at: std::time::Instant::now(),
            }),
            // The library answers websocket pings itself.
            _ => Taken::Nothing,
        }
    }

    #[inline]
    fn take_text(&mut self, text: &Utf8Bytes) -> Taken {
        let decoded = if self.line.is_polling() {
            engine::decode_part(text, &self.limits)
        } else {
            engine::Packet::decode_text(text, &self.limits)
        };
        match decoded {
            Ok(engine::Packet::Message(body)) => self.take_packet(text, body),
            Ok(engine::Packet::Ping(data)) => {
                self.counters.pings += 1;
                let pong = format!("3{data}");
                // A connection that can no longer be written to ends by that; here the ping still counts.
                let _ = self.push(pong);
                Taken::Incoming(Incoming::Ping {
                    at: std::time::Instant::now(),
                })
            }
            Ok(engine::Packet::Pong(_) | engine::Packet::Noop) => Taken::Nothing,
            Ok(engine::Packet::Close) => Taken::Ended(ConnectionError::EngineClosed),
            Ok(engine::Packet::Open(_)) => self.undecodable_text(text, DecodeError::OutOfPlace("open")),
            Ok(engine::Packet::Upgrade) => self.undecodable_text(text, DecodeError::OutOfPlace("upgrade")),
            Ok(engine::Packet::Binary(bytes)) => self.take_attachment(Bytes::from(bytes.into_owned())),
            Err(error) => self.undecodable_text(text, error),
        }
    }

    #[inline]
    fn take_packet(&mut self, frame: &Utf8Bytes, body: &str) -> Taken {
        let packet = match socket::Packet::decode(body, &self.limits) {
            Ok(packet) => packet,
            Err(error) => return self.undecodable_text(frame, error),
        };
        if let Some((header, _)) = self.reassembly.take() {
            // Two things are to be told: the packet that stays incomplete, then this one.
            let incomplete = self.undecodable_text(&header, DecodeError::AttachmentsInterrupted);
            if let Taken::Incoming(incoming) = self.take_packet(frame, body) {
                self.early.push_back(incoming);
            }
            return incomplete;
        }
        let namespace = packet.namespace;
        Taken::Incoming(match packet.kind {
            Kind::Event { ack_id, event } => Incoming::Event(Event::new(frame, namespace, ack_id, event)),
            Kind::Ack { ack_id, arguments } => Incoming::Ack(Ack::new(frame, namespace, ack_id, &arguments)),
            Kind::Connect { payload } => {
                let payload = payload.map(str::to_owned);
                return Taken::Connect {
                    namespace: namespace.to_owned(),
                    payload,
                };
            }
            // We are in no other namespace, so none can be taken from us.
            Kind::Disconnect { .. } if namespace != socket::MAIN_NAMESPACE => return Taken::Nothing,
            Kind::Disconnect { payload } => Incoming::Disconnect {
                payload: payload.map(str::to_owned),
            },
            Kind::ConnectError { payload } => Incoming::ConnectError {
                namespace: namespace.to_owned(),
                payload: payload.map(str::to_owned),
            },
            Kind::BinaryEvent { .. } | Kind::BinaryAck { .. } => {
                let Some(reassembly) = Reassembly::begin(&packet) else {
                    return Taken::Nothing;
                };
                return self.go_on(frame.clone(), reassembly);
            }
        })
    }

    fn take_attachment(&mut self, bytes: Bytes) -> Taken {
        let Some((header, mut reassembly)) = self.reassembly.take() else {
            self.counters.undecodable += 1;
            let error = DecodeError::UnannouncedAttachment;
            return Taken::Incoming(Incoming::Undecodable {
                raw: RawMessage::Binary(bytes),
                error,
            });
        };
        match reassembly.push(bytes, &self.limits) {
            Ok(()) => self.go_on(header, reassembly),
            Err(error) => self.undecodable_text(&header, error),
        }
    }

    fn go_on(&mut self, header: Utf8Bytes, reassembly: Reassembly) -> Taken {
        if reassembly.missing() > 0 {
            self.reassembly = Some((header, reassembly));
            return Taken::Nothing;
        }
        reassembly.finish().map_or(Taken::Nothing, |message| {
            Taken::Incoming(Incoming::Binary(message))
        })
    }

    #[cold]
    fn undecodable_text(&mut self, raw: &Utf8Bytes, error: DecodeError) -> Taken {
        self.counters.undecodable += 1;
        Taken::Incoming(Incoming::Undecodable {
            raw: RawMessage::Text(raw.clone()),
            error,
        })
    }

    fn note_received(&mut self, content: RawContent<'_>, size: usize) {
        self.counters.frames_in += 1;
        self.counters.bytes_in += size as u64;
        if let Some(tap) = &self.tap {
            tap.see(Direction::In, content);
        }
    }

    fn note_sent(&mut self, shown: &str, size: usize) {
        self.counters.frames_out += 1;
        self.counters.bytes_out += size as u64;
        if let Some(tap) = &self.tap {
            tap.see(Direction::Out, RawContent::Text(shown));
        }
    }

    /// Says goodbye (Socket.IO DISCONNECT, then the end of the transport) and waits for the answer, at most for `limit`.
    pub async fn close(mut self, limit: Duration) -> CloseOutcome {
        if self.ended.is_some() || self.push("41".to_owned()).is_err() {
            return CloseOutcome::NotAnswered;
        }
        tokio::time::timeout(limit, self.line.close())
            .await
            .unwrap_or(CloseOutcome::NotAnswered)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("peer", &self.handshake.peer)
            .field("counters", &self.counters)
            .field("unsent", &self.unsent)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
