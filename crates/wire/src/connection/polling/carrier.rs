//! A polling session that stands.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_tungstenite::tungstenite::Message;

use super::super::error::{ConnectionError, SendError};
use super::super::live::CloseOutcome;
use super::super::options::ConnectOptions;
use super::super::upgrade::excerpt;
use super::lane::{Answer, Lane};
use super::requests::{Requests, Sent};
use crate::engine::{Open, SEPARATOR};
use crate::{Bytes, Utf8Bytes};

/// Most packets in one POST: python-engineio refuses a body with more.
const MOST_PACKETS_TOGETHER: usize = 16;

/// A request under way, which gives its HTTP connection back.
type Exchange = Pin<Box<dyn Future<Output = (Lane, Result<Answer, ConnectionError>)> + Send + Sync>>;

/// An HTTP connection: free, or busy with a request.
enum Side {
    Free(Lane),
    Busy(Exchange),
}

/// The packets of one body that are still to be delivered.
#[derive(Default)]
struct Packets {
    body: Bytes,
}

/// Polls and posts. Nothing happens between two calls but what the operating system does; nothing is lost by waiting.
pub(in super::super) struct Polling {
    requests: Requests,
    get: Side,
    post: Side,
    /// What is being delivered.
    packets: Packets,
    /// The answer after that. While one is held here, no further one is asked for.
    answered: Option<Result<Utf8Bytes, ConnectionError>>,
    outbox: VecDeque<Utf8Bytes>,
    outbox_bytes: usize,
    requests_taken: u64,
    max_unsent_bytes: usize,
    /// Longest body that the server accepts.
    max_body_out: usize,
    max_body_in: usize,
}

impl Polling {
    /// `lane` is the connection over which the session was opened, `rest` what came with the open packet.
    pub(super) fn new(
        mut requests: Requests,
        open: &Open,
        lane: Lane,
        rest: Utf8Bytes,
        options: &ConnectOptions,
    ) -> Self {
        requests.session_is(&open.sid);
        Self {
            requests,
            get: Side::Free(lane),
            post: Side::Free(Lane::closed()),
            packets: Packets { body: rest.into() },
            answered: None,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            requests_taken: 0,
            max_unsent_bytes: options.max_unsent_bytes,
            max_body_out: open.max_payload.unwrap_or(usize::MAX),
            max_body_in: options.limits.max_payload_bytes,
        }
    }

    pub(in super::super) fn requests_taken(&self) -> u64 {
        self.requests_taken
    }

    pub(in super::super) fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Message, ConnectionError>> {
        loop {
            if self.answered.is_none()
                && let Poll::Ready(answer) = self.poll_get(context)
            {
                self.answered = Some(answer);
            }
            if let Some(packet) = self.packets.next() {
                return Poll::Ready(packet.map(Message::Text));
            }
            match self.answered.take() {
                Some(Ok(body)) if is_engine_io(&body) => self.packets = Packets { body: body.into() },
                Some(Ok(body)) => {
                    return Poll::Ready(Err(ConnectionError::NotEngineIo {
                        excerpt: excerpt(&body),
                    }));
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Pending,
            }
        }
    }

    fn poll_get(&mut self, context: &mut Context<'_>) -> Poll<Result<Utf8Bytes, ConnectionError>> {
        let requests = &self.requests;
        let answer = std::task::ready!(
            self.get
                .poll(context, requests, self.max_body_in, || requests.poll())
        );
        Poll::Ready(answer.and_then(|answer| {
            self.requests.keep_cookies(&answer.headers);
            answer.packets()
        }))
    }

    pub(in super::super) fn start_send(&mut self, text: Utf8Bytes) -> Result<(), SendError> {
        if self.outbox_bytes + text.len() > self.max_unsent_bytes {
            return Err(SendError::BufferFull);
        }
        self.outbox_bytes += text.len();
        self.outbox.push_back(text);
        Ok(())
    }

    pub(in super::super) fn poll_flush(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        loop {
            if matches!(self.post, Side::Free(_)) && self.outbox.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let requests = &self.requests;
            let (outbox, outbox_bytes) = (&mut self.outbox, &mut self.outbox_bytes);
            let most = self.max_body_out;
            let next = || requests.post(take_together(outbox, outbox_bytes, most));
            let answer = std::task::ready!(self.post.poll(context, requests, self.max_body_in, next));
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => return Poll::Ready(Err(error)),
            };
            self.requests.keep_cookies(&answer.headers);
            if let Err(error) = answer.packets() {
                return Poll::Ready(Err(error));
            }
            self.requests_taken += 1;
        }
    }

    /// Sends what waits and the Engine.IO close packet; a server that takes it has closed the session.
    pub(in super::super) async fn close(&mut self) -> CloseOutcome {
        self.outbox.push_back(Utf8Bytes::from_static("1"));
        match std::future::poll_fn(|context| self.poll_flush(context)).await {
            Ok(()) => CloseOutcome::Answered,
            Err(_) => CloseOutcome::NotAnswered,
        }
    }
}

impl Side {
    /// Goes on with the request under way, or with the next one.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        requests: &Requests,
        most_bytes: usize,
        next: impl FnOnce() -> Sent,
    ) -> Poll<Result<Answer, ConnectionError>> {
        if let Self::Free(lane) = self {
            let mut lane = std::mem::replace(lane, Lane::closed());
            let (way, request) = (requests.way(), next());
            *self = Self::Busy(Box::pin(async move {
                let answer = lane.exchange(&way, request, most_bytes).await;
                (lane, answer)
            }));
        }
        let Self::Busy(exchange) = self else {
            return Poll::Pending;
        };
        let (lane, answer) = std::task::ready!(exchange.as_mut().poll(context));
        *self = Self::Free(lane);
        Poll::Ready(answer)
    }
}

impl Packets {
    /// The next packet, a part of the body. An empty body holds none: it only releases a poll.
    fn next(&mut self) -> Option<Result<Utf8Bytes, ConnectionError>> {
        if self.body.is_empty() {
            return None;
        }
        let separator = self.body.iter().position(|byte| char::from(*byte) == SEPARATOR);
        let packet = match separator {
            Some(at) => {
                let packet = self.body.split_to(at);
                drop(self.body.split_to(1));
                packet
            }
            None => std::mem::take(&mut self.body),
        };
        // A part of a text between two ASCII characters is a text.
        Some(
            Utf8Bytes::try_from(packet)
                .map_err(|_| ConnectionError::Protocol("a packet is not UTF-8".to_owned())),
        )
    }
}

/// Whether a body begins as a payload does. A page in its place (a captive portal, a proxy's apology) is the end of the
/// session, where a single odd packet is not.
fn is_engine_io(body: &str) -> bool {
    body.bytes()
        .next()
        .is_none_or(|first| matches!(first, b'0'..=b'6' | b'b'))
}

/// Takes as many packets as one request may hold, joined.
fn take_together(outbox: &mut VecDeque<Utf8Bytes>, outbox_bytes: &mut usize, most_bytes: usize) -> String {
    let mut body = String::new();
    for taken in 0..MOST_PACKETS_TOGETHER {
        let Some(packet) = outbox.front() else { break };
        if taken > 0 {
            if body.len() + 1 + packet.len() > most_bytes {
                break;
            }
            body.push(SEPARATOR);
        }
        body.push_str(packet);
        *outbox_bytes = outbox_bytes.saturating_sub(packet.len());
        outbox.pop_front();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_parted_into_its_packets() {
        let check = |body: &'static str, expect: &[&str]| {
            let mut packets = Packets {
                body: Bytes::from_static(body.as_bytes()),
            };
            let mut found = Vec::new();
            while let Some(packet) = packets.next() {
                found.push(packet.unwrap().to_string());
            }
            assert_eq!(found, expect, "{body:?}");
        };
        check("", &[]);
        check("2", &["2"]);
        check("42[\"é\"]\u{1e}bAQ==\u{1e}6", &["42[\"é\"]", "bAQ==", "6"]);
        check("2\u{1e}\u{1e}6", &["2", "", "6"]);
    }

    #[test]
    fn a_request_holds_what_the_server_accepts_and_keeps_the_order() {
        let check = |packets: &[&str], most_bytes: usize, expect: &[&str]| {
            let mut outbox: VecDeque<Utf8Bytes> =
                packets.iter().map(|packet| Utf8Bytes::from(*packet)).collect();
            let mut bytes = packets.iter().map(|packet| packet.len()).sum();
            let mut bodies = Vec::new();
            while !outbox.is_empty() {
                bodies.push(take_together(&mut outbox, &mut bytes, most_bytes));
            }
            assert_eq!(bodies, expect, "{packets:?}");
            assert_eq!(bytes, 0);
        };
        check(&["4a", "4b"], usize::MAX, &["4a\u{1e}4b"]);
        check(&["4a", "4b", "4c"], 5, &["4a\u{1e}4b", "4c"]);
        check(&["4aaaaaaa", "4b"], 5, &["4aaaaaaa", "4b"]);
        let many = vec!["6"; 17];
        check(&many, usize::MAX, &[&["6"; 16].join("\u{1e}"), "6"]);
    }
}
