//! The way to the server: one websocket, looked at closely.

use std::time::Duration;

use gavelscope_wire::connection::{ConnectError, Handshake, Stage, connect};

use super::pace::{Pace, Stopped, Turn};
use super::{Target, millis, socket};
use crate::evidence::PathEvidence;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(250);

pub(super) async fn measure(target: &Target, pace: &mut Pace) -> Result<PathEvidence, Stopped> {
    pace.turn(Turn::Connection).await?;
    let endpoint = match socket::endpoint(target) {
        Ok(endpoint) => endpoint,
        Err(trouble) => {
            return Ok(PathEvidence {
                websocket_trouble: Some(trouble),
                ..PathEvidence::default()
            });
        }
    };
    match pace.within(connect(&endpoint, &socket::options(target))).await? {
        Ok(connection) => {
            let seen = of(connection.handshake());
            connection.close(GOODBYE).await;
            Ok(seen)
        }
        Err(error) => Ok(PathEvidence {
            websocket_trouble: Some(error.to_string()),
            never_granted: matches!(
                error,
                ConnectError::TimedOut {
                    stage: Stage::Connect,
                    ..
                }
            ),
            ..PathEvidence::default()
        }),
    }
}

fn of(handshake: &Handshake) -> PathEvidence {
    let timings = &handshake.timings;
    let cookies = handshake.headers.get_all("set-cookie").iter();
    PathEvidence {
        resolve_ms: Some(millis(timings.dns)),
        tcp_ms: Some(millis(timings.tcp)),
        tls_ms: timings.tls.map(millis),
        upgrade_ms: Some(millis(timings.upgrade)),
        total_ms: Some(millis(timings.total())),
        websocket_trouble: None,
        never_granted: false,
        ping_interval_ms: Some(millis(handshake.ping_interval)),
        ping_timeout_ms: Some(millis(handshake.ping_timeout)),
        max_payload: handshake.max_payload.and_then(|bytes| u32::try_from(bytes).ok()),
        server_header: handshake
            .headers
            .get("server")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        // Their names alone: a value may be somebody's session.
        cookies: cookies
            .filter_map(|cookie| Some(cookie.to_str().ok()?.split_once('=')?.0.trim().to_owned()))
            .collect(),
    }
}
