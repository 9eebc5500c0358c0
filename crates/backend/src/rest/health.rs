//! `GET /health`: what is so, not what is configured.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gavelscope_contract::Timestamp;
use gavelscope_contract::health::{AdapterHealth, Health, SocketHealth};

use crate::sockets::Shared;

pub(super) async fn health(State(house): State<Shared>) -> Response {
    let alive = house.store.is_alive().await;
    let (code, status, database) = if alive {
        (StatusCode::OK, "healthy", "connected")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "disconnected")
    };
    let dropped = house.outbox.dropped();
    let health = Health {
        status: status.to_owned(),
        database: Some(database.to_owned()),
        timestamp: Some(Timestamp::from_millis(house.store.now())),
        socketio: Some(SocketHealth {
            mode: "in-memory".to_owned(),
            redis_configured: false,
            multi_pod_ready: false,
            adapter: Some(AdapterHealth {
                kind: "in-memory".to_owned(),
                state: "connected".to_owned(),
                last_publish_ms: None,
                last_error: (dropped > 0).then(|| {
                    format!("{dropped} packets were not delivered to sockets that were too slow, or gone")
                }),
                pods: Some(1),
                reason: Some("This pod shares its rooms with no other, so it publishes nothing.".to_owned()),
            }),
        }),
        pod: Some(house.pod.clone()),
        boot_id: Some(house.boot_id.clone()),
    };
    (code, Json(health)).into_response()
}
