//! The REST side (contract, section 1): every handler parses, asks the house or the store, and answers.

mod auctions;
mod auth;
mod body;
mod caller;
mod engine;
mod health;
mod leagues;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Router, extract::DefaultBodyLimit};
use gavelscope_contract::RefusalCode;
use socketioxide::layer::SocketIoLayer;

pub(crate) use engine::SOCKET_PATH;

use crate::link::Adapter;
use crate::refuse::Refused;
use crate::sockets::Shared;

/// The largest body of a call, bytes. The longest that the contract knows is a league's selection of clubs.
const BODY: usize = 64 * 1024;

/// All that is served.
pub(crate) fn router(house: Shared, sockets: SocketIoLayer<Adapter>) -> Router {
    let api = Router::new()
        .route("/health", get(health::health))
        .route("/auth/magic-link", post(auth::magic_link))
        .route("/auth/verify-magic-link", post(auth::verify))
        .route("/auth/refresh", post(auth::refresh))
        .route("/auth/me", get(auth::me))
        .route("/users", post(auth::create_user))
        .route("/users/{id}", get(auth::user).patch(auth::rename))
        .route("/me/competitions", get(leagues::competitions))
        .route("/leagues", post(leagues::create))
        .route("/leagues/join", post(leagues::join))
        .route("/leagues/{id}", get(leagues::get))
        .route("/leagues/{id}/join", post(leagues::join_one))
        .route("/leagues/{id}/participants", get(leagues::participants))
        .route("/leagues/{id}/members", get(leagues::members))
        .route("/leagues/{id}/assets", get(leagues::assets))
        .route("/leagues/{id}/state", get(leagues::state))
        .route("/leagues/{id}/auction", get(leagues::auction))
        .route("/leagues/{id}/auction/start", post(leagues::start_auction))
        .route("/leagues/{id}/auction/reset", post(leagues::reset_auction))
        .route(
            "/auction/{id}",
            get(auctions::get).merge(delete(auctions::delete)),
        )
        .route("/auction/{id}/clubs", get(auctions::clubs))
        .route("/auction/{id}/events", get(auctions::events))
        .route("/auction/{id}/begin", post(auctions::begin))
        .route("/auction/{id}/bid", post(auctions::bid))
        .route("/auction/{id}/pause", post(auctions::pause))
        .route("/auction/{id}/resume", post(auctions::resume))
        .route("/auction/{id}/complete-lot", post(auctions::complete_lot))
        .route("/auction/{id}/start-lot/{club}", post(auctions::start_lot));
    Router::new()
        .nest("/api", api)
        .route("/health", get(health::health))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(house.clone())
        .layer(sockets)
        .layer(from_fn(engine::speak_like_the_field))
        .layer(from_fn_with_state(house, name_the_pod))
}

async fn not_found() -> Response {
    Refused::new(404, RefusalCode::Other, "Not Found").into_response()
}

async fn method_not_allowed() -> Response {
    Refused::new(405, RefusalCode::Other, "Method Not Allowed").into_response()
}

/// Every answer names its pod, the handshake's and the refusals' too.
async fn name_the_pod(State(house): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Ok(pod) = HeaderValue::from_str(house.pod.as_str()) {
        response.headers_mut().insert("x-pod-id", pod);
    }
    response
}
