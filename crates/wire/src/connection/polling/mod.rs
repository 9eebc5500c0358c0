//! HTTP long polling: what is left where a proxy takes no websocket.
//!
//! One GET is outstanding at all times, and brings whatever the server has to say; what is sent leaves in POSTs, one after
//! the other, so that its order is kept. Every request of a session goes to the address that the first one went to, and
//! brings back the cookies it was given, because a balancer may know the session's server by either.

mod carrier;
mod lane;
mod requests;

pub(super) use self::carrier::Polling;
use self::lane::Lane;
use self::requests::Requests;
use super::attempt::{self, Deadline};
use super::connect::Handshake;
use super::endpoint::Endpoint;
use super::error::{ConnectError, ConnectionError, Stage};
use super::line::Line;
use super::live::Connection;
use super::options::{ConnectOptions, Direction, RawContent};
use super::upgrade::{self, excerpt};
use crate::Utf8Bytes;
use crate::engine::{Open, Packet, SEPARATOR};

/// Connects by HTTP long polling: DNS, TCP, TLS, Engine.IO open, Socket.IO CONNECT to `/`.
///
/// What comes of it is the same [`Connection`] as a websocket's. Cancel-safe: dropping the future closes what was opened.
pub async fn connect_by_polling(
    endpoint: &Endpoint,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    upgrade::refuse_own(&options.headers)?;
    let deadline = Deadline::of(options);
    let reached = attempt::reach(endpoint, options, endpoint.is_secure(), &deadline).await?;
    let mut timings = reached.timings;
    let most_bytes = options.limits.max_payload_bytes;
    let mut requests = Requests::new(endpoint.clone(), reached.peer, reached.tls, options);

    // On the heap, because an HTTP exchange is large and an attempt is awaited in many places.
    let opening = Box::pin(async {
        let mut lane = Lane::over(reached.stream).await?;
        let answer = lane
            .exchange(&requests.way(), requests.open(), most_bytes)
            .await?;
        Ok::<_, ConnectionError>((lane, answer))
    });
    let opening = async { opening.await.map_err(|error| error.during(Stage::Open)) };
    let ((lane, answer), took) = deadline.stage(Stage::Open, opening).await?;
    timings.open = took;
    requests.keep_cookies(&answer.headers);
    let headers = answer.headers.clone();
    let body = answer.packets().map_err(|error| error.during(Stage::Open))?;
    let (first, rest) = body.split_once(SEPARATOR).unwrap_or((&body, ""));
    if let Some(tap) = &options.tap {
        tap.see(Direction::In, RawContent::Text(first));
    }
    let open = match Packet::decode_text(first, &options.limits) {
        Ok(Packet::Open(json)) => Open::parse(json).ok(),
        _ => None,
    };
    let Some(open) = open else {
        return Err(ConnectError::NotEngineIo {
            excerpt: excerpt(&body),
        });
    };

    let polling = Polling::new(requests, &open, lane, Utf8Bytes::from(rest), options);
    let handshake = Handshake::of(open, headers, timings, reached.peer);
    let mut connection = Connection::new(Line::Polling(Box::new(polling)), handshake, options);
    connection.ask_for_session(options, &deadline).await?;
    tracing::debug!(%endpoint, peer = %reached.peer, "connected by polling");
    Ok(connection)
}
