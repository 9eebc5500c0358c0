//! Is there an auction backend, before anybody signs in? Asked with the instrument, which tells every refusal apart.

use std::time::{Duration, Instant};

use gavelscope_wire::connection::{
    ConnectError, ConnectOptions, Endpoint, Proxy, connect, connect_by_polling,
};

use crate::address::ServerAddress;
use crate::error::ClientError;
use crate::rest::Rest;
use crate::state::HealthClaim;
use crate::time;

/// The whole check is over after this long.
const LIMIT: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What the backend says of itself.
    pub claim: HealthClaim,
    /// How long the socket's handshake took, ms.
    pub handshake_ms: u32,
}

/// Asks for the health over REST, then makes a handshake and ends it.
pub async fn server(address: &ServerAddress) -> Result<Found, ClientError> {
    tokio::time::timeout(LIMIT, both(address))
        .await
        .unwrap_or_else(|_| {
            Err(ClientError::TooSlow {
                what: "The server".to_owned(),
                seconds: u32::try_from(LIMIT.as_secs()).unwrap_or(5),
            })
        })
}

async fn both(address: &ServerAddress) -> Result<Found, ClientError> {
    let claim = health(&Rest::new(address.clone())?).await?;
    let started = Instant::now();
    let endpoint = endpoint(address)?;
    let options = ConnectOptions {
        time_limit: LIMIT,
        proxy: Proxy::from_environment(&endpoint),
        ..ConnectOptions::default()
    };
    let connected = match connect(&endpoint, &options).await {
        // Where websockets are refused a session polls, so that is good enough; if not, the first answer says why.
        Err(
            error @ (ConnectError::NotAnUpgrade { .. }
            | ConnectError::BadUpgrade { .. }
            | ConnectError::ProxyRefused { .. }),
        ) => connect_by_polling(&endpoint, &options).await.map_err(|_| error),
        connected => connected,
    };
    let connection = connected.map_err(|error| refused(error, address))?;
    let handshake_ms = time::millis_since(started);
    connection.close(Duration::from_millis(250)).await;
    Ok(Found { claim, handshake_ms })
}

/// What `/health` claims. An answer that is no health report means that this is no auction backend.
pub(crate) async fn health(rest: &Rest) -> Result<HealthClaim, ClientError> {
    let answer = rest.health().await.map_err(|error| match error {
        ClientError::Malformed { .. } => ClientError::NotABackend {
            address: rest.address().base(),
            reason: "its health report is not one".to_owned(),
        },
        // Ours says 503 with a report when its database is gone; a stranger says 404.
        ClientError::Refused(refusal) if refusal.status != 503 => ClientError::NotABackend {
            address: rest.address().base(),
            reason: format!("it has no health report (status {})", refusal.status),
        },
        other => other,
    })?;
    let health = answer.body;
    let socket = health.socketio.as_ref();
    Ok(HealthClaim {
        at: answer.received,
        status: health.status,
        mode: socket.map(|socket| socket.mode.clone()),
        multi_pod_ready: socket.map(|socket| socket.multi_pod_ready),
        pod: health.pod.or(answer.pod),
        adapter: socket
            .and_then(|socket| socket.adapter.as_ref())
            .map(|adapter| adapter.state.clone()),
    })
}

fn endpoint(address: &ServerAddress) -> Result<Endpoint, ClientError> {
    let invalid = |error: &dyn std::fmt::Display| ClientError::WrongPath {
        path: address.path().to_owned(),
        reason: error.to_string(),
    };
    let mut base = url::Url::parse(&address.socket()).map_err(|error| invalid(&error))?;
    let path = base.path().to_owned();
    base.set_path("/");
    Ok(Endpoint::from_url(&base)
        .map_err(|error| invalid(&error))?
        .with_path(&path))
}

/// The backend was there a moment ago, so what fails now is about the socket.
fn refused(error: ConnectError, address: &ServerAddress) -> ClientError {
    let base = address.base();
    match error {
        ConnectError::Tls(failure) => ClientError::Tls {
            address: base,
            reason: failure.to_string(),
        },
        ConnectError::TimedOut { limit, .. } => ClientError::TooSlow {
            what: "The socket's handshake".to_owned(),
            seconds: u32::try_from(limit.as_secs()).unwrap_or(u32::MAX),
        },
        ConnectError::NotAnUpgrade { status, .. } => ClientError::WrongPath {
            path: address.path().to_owned(),
            reason: format!("the server answered {status} there"),
        },
        ConnectError::NotEngineIo { .. }
        | ConnectError::BadUpgrade { .. }
        | ConnectError::UnsupportedVersion { .. } => ClientError::WrongPath {
            path: address.path().to_owned(),
            reason: error.to_string(),
        },
        other => ClientError::Unreachable {
            address: base,
            reason: other.to_string(),
        },
    }
}
