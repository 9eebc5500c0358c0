//! `GET /health`: what is so, not what is configured.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gavelscope_contract::Timestamp;
use gavelscope_contract::health::{AdapterHealth, Health, SocketHealth};
use serde::Serialize;

use crate::sockets::Shared;

/// `GET /health/live`: this process answers. It says nothing about what it needs: to start it again would bring back neither
/// a database nor Redis.
pub(super) async fn live() -> Json<Live> {
    Json(Live { status: "alive" })
}

/// What a process that answers says.
#[derive(Debug, Serialize)]
pub(super) struct Live {
    status: &'static str,
}

/// `GET /health`, and `/health/ready`: whether calls may be sent here.
pub(super) async fn health(State(house): State<Shared>) -> Response {
    let alive = house.store.is_alive().await;
    let shares = !house.link.is_alone();
    let hears_others = house
        .link
        .standing()
        .is_some_and(|standing| standing.is_attached());
    let unheard = house.unheard();
    let hears_all = unheard.is_none();
    let (code, status, database) = if house.draining.is_cancelled() {
        // Well, but not for anything new.
        let database = if alive { "connected" } else { "disconnected" };
        (StatusCode::SERVICE_UNAVAILABLE, "draining", database)
    } else if alive && (!hears_all || (shares && !hears_others)) {
        // It serves its own sockets, and taking it away would mend nothing: no 503.
        (StatusCode::OK, "degraded", "connected")
    } else if alive {
        (StatusCode::OK, "healthy", "connected")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "disconnected")
    };
    let dropped = house.outbox.dropped();
    let too_slow = (dropped > 0)
        .then(|| format!("{dropped} packets were not delivered to sockets that were too slow, or gone"));
    let mut adapter = house.link.health().unwrap_or_else(|| AdapterHealth {
        kind: "in-memory".to_owned(),
        state: "connected".to_owned(),
        last_publish_ms: None,
        last_error: None,
        pods: Some(1),
        reason: Some("This pod shares its rooms with no other, so it publishes nothing.".to_owned()),
    });
    if let Some(trouble) = unheard {
        // What is wrong with Redis itself says more.
        if adapter.state == "connected" {
            "degraded".clone_into(&mut adapter.state);
            adapter.reason = Some(trouble);
        }
        // Without an adapter, that there is one pod would read as if there were no other.
        if !shares {
            adapter.pods = None;
        }
    }
    adapter.last_error = match (adapter.last_error, too_slow) {
        (Some(link), Some(sockets)) => Some(format!("{link}; {sockets}")),
        (link, sockets) => link.or(sockets),
    };
    let health = Health {
        status: status.to_owned(),
        database: Some(database.to_owned()),
        timestamp: Some(Timestamp::from_millis(house.store.now())),
        socketio: Some(SocketHealth {
            mode: if shares { "redis" } else { "in-memory" }.to_owned(),
            redis_configured: shares,
            multi_pod_ready: hears_others && hears_all,
            adapter: Some(adapter),
        }),
        pod: Some(house.pod.clone()),
        boot_id: Some(house.boot_id.clone()),
    };
    (code, Json(health)).into_response()
}
