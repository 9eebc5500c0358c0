//! What carries the frames of a connection: a websocket, or HTTP long polling.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink as _, SinkExt as _, Stream as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WebsocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::error::{ConnectionError, SendError};
use super::live::CloseOutcome;
use super::polling::Polling;
use crate::{Bytes, Utf8Bytes};

/// A TCP connection, with TLS or without.
pub(super) type Stream = MaybeTlsStream<TcpStream>;

/// The two carriers, behind the few things a connection asks of one.
pub(super) enum Line {
    Websocket(Box<WebSocketStream<Stream>>),
    Polling(Box<Polling>),
}

impl Line {
    /// The next frame. An end is an error.
    #[inline]
    pub(super) fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Message, ConnectionError>> {
        match self {
            Self::Websocket(websocket) => match Pin::new(&mut **websocket).poll_next(context) {
                Poll::Ready(Some(Ok(message))) => Poll::Ready(Ok(message)),
                Poll::Ready(Some(Err(error))) => Poll::Ready(Err(ending(&error))),
                Poll::Ready(None) => Poll::Ready(Err(ending(&WebsocketError::ConnectionClosed))),
                Poll::Pending => Poll::Pending,
            },
            Self::Polling(polling) => polling.poll_message(context),
        }
    }

    pub(super) fn is_polling(&self) -> bool {
        matches!(self, Self::Polling(_))
    }

    /// How many requests the server has answered to what was sent; each is a sign that it still takes something.
    pub(super) fn requests_taken(&self) -> u64 {
        match self {
            Self::Websocket(_) => 0,
            Self::Polling(polling) => polling.requests_taken(),
        }
    }

    /// Puts a text frame where it waits to be sent.
    pub(super) fn start_send(&mut self, text: Utf8Bytes) -> Result<(), SendError> {
        match self {
            Self::Websocket(websocket) => begin(websocket, Message::Text(text)),
            Self::Polling(polling) => polling.start_send(text),
        }
    }

    /// Offers what waits to the network; ready when nothing waits any more.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        match self {
            Self::Websocket(websocket) => Pin::new(&mut **websocket)
                .poll_flush(context)
                .map_err(|error| ending(&error)),
            Self::Polling(polling) => polling.poll_flush(context),
        }
    }

    /// A question that the peer's transport answers by itself; `None` where there is none.
    pub(super) fn ask_for_life(&mut self) -> Option<Result<(), SendError>> {
        match self {
            Self::Websocket(websocket) => Some(begin(websocket, Message::Ping(Bytes::new()))),
            Self::Polling(_) => None,
        }
    }

    /// Sends what waits, ends the transport in due form, and waits for the answer.
    pub(super) async fn close(&mut self) -> CloseOutcome {
        let websocket = match self {
            Self::Websocket(websocket) => &mut **websocket,
            Self::Polling(polling) => return polling.close().await,
        };
        if websocket.flush().await.is_err() || websocket.close(None).await.is_err() {
            return CloseOutcome::NotAnswered;
        }
        loop {
            match websocket.next().await {
                Some(Ok(Message::Close(_))) | None => return CloseOutcome::Answered,
                Some(Ok(_)) => {}
                Some(Err(_)) => return CloseOutcome::NotAnswered,
            }
        }
    }
}

fn begin(websocket: &mut WebSocketStream<Stream>, message: Message) -> Result<(), SendError> {
    match Pin::new(websocket).start_send(message) {
        Ok(()) => Ok(()),
        Err(WebsocketError::WriteBufferFull(_)) => Err(SendError::BufferFull),
        Err(error) => Err(SendError::Ended(ending(&error))),
    }
}

/// What a websocket error means for the connection.
pub(super) fn ending(error: &WebsocketError) -> ConnectionError {
    match error {
        WebsocketError::ConnectionClosed | WebsocketError::AlreadyClosed => ConnectionError::Closed {
            code: None,
            reason: String::new(),
        },
        WebsocketError::Io(error) => ConnectionError::Lost {
            kind: Some(error.kind()),
            reason: error.to_string(),
        },
        WebsocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => ConnectionError::Lost {
            kind: None,
            reason: "the stream ended without a goodbye".to_owned(),
        },
        WebsocketError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            ConnectionError::TooLarge {
                size: *size,
                limit: *max_size,
            }
        }
        WebsocketError::Utf8(_) => ConnectionError::Protocol("a text frame is not UTF-8".to_owned()),
        other => ConnectionError::Protocol(other.to_string()),
    }
}

/// What a close frame says.
pub(super) fn closed_by(frame: Option<CloseFrame>) -> ConnectionError {
    match frame {
        Some(frame) => ConnectionError::Closed {
            code: Some(frame.code.into()),
            reason: frame.reason.to_string(),
        },
        None => ConnectionError::Closed {
            code: None,
            reason: String::new(),
        },
    }
}
