//! The way to the server: one websocket, looked at closely.

use std::time::Duration;

use gavelscope_wire::connection::{CertificateWitness, ConnectError, Handshake, Stage, connect};

use super::pace::{Pace, Stopped, Turn};
use super::{Target, certificate, millis, socket};
use crate::evidence::PathEvidence;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(250);
/// As much is kept of a header.
const LONGEST_HEADER: usize = 200;

pub(super) async fn measure(target: &Target, pace: &Pace) -> Result<PathEvidence, Stopped> {
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
    let mut options = socket::options(target);
    let witness = CertificateWitness::default();
    options.tls.witness = Some(witness.clone());
    let proxy = options.proxy.as_ref();
    let proxy = proxy.map(|proxy| format!("{}:{}", proxy.host, proxy.port));
    let seen = match pace.within(connect(&endpoint, &options)).await? {
        Ok(connection) => {
            let seen = of(connection.handshake());
            connection.close(GOODBYE).await;
            seen
        }
        Err(error) => PathEvidence {
            websocket_trouble: Some(error.to_string()),
            never_granted: matches!(
                error,
                ConnectError::TimedOut {
                    stage: Stage::Connect,
                    ..
                }
            ),
            ..PathEvidence::default()
        },
    };
    Ok(PathEvidence {
        proxy,
        tls: witness.presented().as_ref().map(certificate::read),
        ..seen
    })
}

fn of(handshake: &Handshake) -> PathEvidence {
    let timings = &handshake.timings;
    let header = |name: &str| {
        let value = handshake.headers.get(name)?.to_str().ok()?;
        Some(value.chars().take(LONGEST_HEADER).collect())
    };
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
        server_header: header("server"),
        via: header("via"),
        // Their names alone: a value may be somebody's session.
        cookies: cookies
            .filter_map(|cookie| Some(cookie.to_str().ok()?.split_once('=')?.0.trim().to_owned()))
            .collect(),
        ..PathEvidence::default()
    }
}
