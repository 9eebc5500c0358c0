//! The REST side (contract, section 1): every handler parses, asks the house or the store, and answers.

mod auctions;
mod auth;
mod body;
mod caller;
mod calls;
mod engine;
mod front;
mod health;
mod leagues;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, extract::DefaultBodyLimit};
use gavelscope_contract::RefusalCode;
use socketioxide::layer::SocketIoLayer;
use tokio::runtime::Handle;

pub(crate) use engine::SOCKET_PATH;

use self::calls::Calls;
use crate::link::Adapter;
use crate::refuse::Refused;
use crate::sockets::Shared;
use crate::voices;

/// The largest body of a call, bytes. The longest that the contract knows is a league's selection of clubs.
const BODY: usize = 64 * 1024;

/// Every call that is served but for the sockets.
fn calls() -> Calls {
    Calls::default()
        .get("/health", health::health)
        .get("/api/health", health::health)
        .get("/health/live", health::live)
        .get("/health/ready", health::health)
        .post("/api/auth/magic-link", auth::magic_link)
        .post("/api/auth/verify-magic-link", auth::verify)
        .post("/api/auth/refresh", auth::refresh)
        .get("/api/auth/me", auth::me)
        .post("/api/users", auth::create_user)
        .get("/api/users/{id}", auth::user)
        .patch("/api/users/{id}", auth::rename)
        .get("/api/me/competitions", leagues::competitions)
        .post("/api/leagues", leagues::create)
        .post("/api/leagues/join", leagues::join)
        .get("/api/leagues/{id}", leagues::get)
        .post("/api/leagues/{id}/join", leagues::join_one)
        .get("/api/leagues/{id}/participants", leagues::participants)
        .get("/api/leagues/{id}/members", leagues::members)
        .get("/api/leagues/{id}/assets", leagues::assets)
        .get("/api/leagues/{id}/state", leagues::state)
        .get("/api/leagues/{id}/auction", leagues::auction)
        .post("/api/leagues/{id}/auction/start", leagues::start_auction)
        .post("/api/leagues/{id}/auction/reset", leagues::reset_auction)
        .get("/api/auction/{id}", auctions::get)
        .delete("/api/auction/{id}", auctions::delete)
        .get("/api/auction/{id}/clubs", auctions::clubs)
        .get("/api/auction/{id}/events", auctions::events)
        .post("/api/auction/{id}/begin", auctions::begin)
        .post("/api/auction/{id}/bid", auctions::bid)
        .post("/api/auction/{id}/pause", auctions::pause)
        .post("/api/auction/{id}/resume", auctions::resume)
        .post("/api/auction/{id}/complete-lot", auctions::complete_lot)
        .post("/api/auction/{id}/start-lot/{club}", auctions::start_lot)
}

/// Every call over HTTP that is served, as method and path: for a test that must not miss one.
pub fn rest_calls() -> Vec<(String, &'static str)> {
    let list = calls().list().into_iter();
    list.map(|(method, path)| (method.to_string(), path)).collect()
}

/// All that is served.
pub(crate) fn router(house: Shared, sockets: SocketIoLayer<Adapter>, voices: Handle) -> Router {
    calls()
        .router()
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(house.clone())
        .layer(sockets)
        .layer(from_fn_with_state(voices, voices::take_over))
        .layer(from_fn(engine::speak_like_the_field))
        .layer(from_fn_with_state(house.clone(), front::admit))
        .layer(front::cors(&house.door.origins))
        .layer(from_fn_with_state(house, front::dress))
}

async fn not_found() -> Response {
    Refused::new(404, RefusalCode::Other, "Not Found").into_response()
}

async fn method_not_allowed() -> Response {
    Refused::new(405, RefusalCode::Other, "Method Not Allowed").into_response()
}
