//! Sending over a connection that is up: nothing here waits but [`Connection::flush`].

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use tokio::time::Instant;

use super::super::error::{ConnectionError, SendError};
use super::Connection;
use crate::Utf8Bytes;
use crate::socket::{self, Arguments, EventText, Kind};

impl Connection {
    /// Sends an event with one argument.
    ///
    /// Like all sending it does not wait: the frame is put into a bounded buffer and offered to the network at once; what
    /// the network does not take is sent while [`next`](Self::next) or [`flush`](Self::flush) is awaited.
    pub fn emit<T: Serialize + ?Sized>(&mut self, name: &str, payload: &T) -> Result<(), SendError> {
        let arguments = serde_json::to_string(payload)?;
        self.send_event(None, name, &arguments)
    }

    /// Sends an event whose arguments are JSON text already, separated by commas; empty text is no argument.
    pub fn emit_raw(&mut self, name: &str, arguments: &str) -> Result<(), SendError> {
        self.send_event(None, name, arguments)
    }

    /// Sends an event and asks for an acknowledgement; it comes as an [`Ack`](crate::connection::Ack) with the id returned here. No id is used
    /// twice on a connection.
    pub fn emit_with_ack<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        payload: &T,
    ) -> Result<u64, SendError> {
        let arguments = serde_json::to_string(payload)?;
        self.emit_raw_with_ack(name, &arguments)
    }

    /// [`emit_raw`](Self::emit_raw) that asks for an acknowledgement.
    pub fn emit_raw_with_ack(&mut self, name: &str, arguments: &str) -> Result<u64, SendError> {
        let ack_id = self.last_ack_id + 1;
        self.send_event(Some(ack_id), name, arguments)?;
        self.last_ack_id = ack_id;
        Ok(ack_id)
    }

    /// Answers an event that has an [`ack_id`](crate::connection::Event::ack_id), with one argument.
    pub fn respond<T: Serialize + ?Sized>(&mut self, ack_id: u64, payload: &T) -> Result<(), SendError> {
        let text = serde_json::to_string(payload)?;
        let arguments = Arguments::parse(&text, &self.limits)?;
        self.send_packet(Kind::Ack { ack_id, arguments })
    }

    fn send_event(&mut self, ack_id: Option<u64>, name: &str, arguments: &str) -> Result<(), SendError> {
        let arguments = Arguments::parse(arguments, &self.limits)?;
        self.send_packet(Kind::Event {
            ack_id,
            event: EventText {
                name: name.into(),
                arguments,
            },
        })
    }

    fn send_packet(&mut self, kind: Kind<'_>) -> Result<(), SendError> {
        let mut text = String::from("4");
        socket::Packet {
            namespace: socket::MAIN_NAMESPACE,
            kind,
        }
        .encode_into(&mut text);
        self.push(text)
    }

    /// Asks for a sign of life now: a websocket ping, which every server answers; it comes as
    /// [`Pong`](crate::connection::Incoming::Pong). Returns false over polling, which has no such question.
    pub fn ask_for_life(&mut self) -> Result<bool, SendError> {
        self.check_open()?;
        let Some(asked) = self.line.ask_for_life() else {
            return Ok(false);
        };
        self.note_failure(asked)?;
        self.poll_unsent(&mut Context::from_waker(Waker::noop()));
        Ok(true)
    }

    /// Puts a text frame into the write buffer and tries to send it.
    pub(super) fn push(&mut self, text: String) -> Result<(), SendError> {
        self.push_shown(text, None)
    }

    /// The same for a frame that a [`FrameTap`](crate::connection::FrameTap) is to see otherwise than it is.
    pub(in super::super) fn push_shown(
        &mut self,
        text: String,
        shown: Option<&str>,
    ) -> Result<(), SendError> {
        self.check_open()?;
        let size = text.len();
        if let Some(limit) = self.handshake.max_payload.filter(|limit| size > *limit) {
            return Err(SendError::TooLarge { size, limit });
        }
        let text = Utf8Bytes::from(text);
        let begun = self.line.start_send(text.clone());
        self.note_failure(begun)?;
        self.note_sent(shown.unwrap_or(&text), size);
        self.poll_unsent(&mut Context::from_waker(Waker::noop()));
        Ok(())
    }

    fn check_open(&self) -> Result<(), SendError> {
        match self.ended.as_ref().or(self.write_failure.as_ref()) {
            Some(error) => Err(SendError::Ended(error.clone())),
            None => Ok(()),
        }
    }

    fn note_failure(&mut self, begun: Result<(), SendError>) -> Result<(), SendError> {
        if let Err(SendError::Ended(error)) = &begun {
            self.write_failure = Some(error.clone());
        }
        begun
    }

    /// Offers what waits to the network.
    pub(super) fn poll_unsent(&mut self, context: &mut Context<'_>) {
        let taken_before = self.line.requests_taken();
        let flushed = self.line.poll_flush(context);
        if self.line.requests_taken() != taken_before {
            self.blocked_since = None;
        }
        self.unsent = flushed.is_pending();
        match flushed {
            Poll::Pending => {
                self.blocked_since.get_or_insert_with(Instant::now);
            }
            Poll::Ready(sent) => {
                self.blocked_since = None;
                if let Err(error) = sent {
                    self.write_failure = Some(error);
                }
            }
        }
    }

    /// Waits until everything is handed to the operating system (over polling: until the server has taken it). Nothing is read meanwhile, so a caller who may have to
    /// wait long should await [`next`](Self::next) in its place. Cancel-safe.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        let limit = self.write_stall_limit;
        let flushing = poll_fn(|context| {
            self.poll_unsent(context);
            if self.unsent {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        if tokio::time::timeout(limit, flushing).await.is_err() {
            return Err(ConnectionError::WriteStalled { limit });
        }
        self.write_failure.clone().map_or(Ok(()), Err)
    }
}
