//! Engine.IO refusals in the words that clients of the field know (contract, section 2): the library says the same
//! things as objects with numbers.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, UPGRADE};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;

/// Where the sockets are.
pub(crate) const SOCKET_PATH: &str = "/api/socket.io";

/// The library's refusals are shorter than this, bytes.
const REFUSAL: usize = 1_024;

pub(super) async fn speak_like_the_field(request: Request, next: Next) -> Response<Body> {
    if !request.uri().path().starts_with(SOCKET_PATH) {
        return next.run(request).await;
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    if parameter("transport").as_deref() == Some("websocket") && !request.headers().contains_key(UPGRADE) {
        return refuse("Invalid websocket upgrade");
    }
    let response = next.run(request).await;
    if response.status() != StatusCode::BAD_REQUEST {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(text) = to_bytes(body, REFUSAL).await else {
        return refuse("Bad request");
    };
    let code = serde_json::from_slice::<serde_json::Value>(&text)
        .ok()
        .and_then(|refusal| refusal.get("code")?.as_str().map(str::to_owned));
    match code.as_deref() {
        Some("0" | "3") => refuse("Invalid transport"),
        Some("1") => refuse(&format!(
            "Invalid session {}",
            parameter("sid").unwrap_or_default()
        )),
        Some("5") => {
            refuse("The client is using an unsupported version of the Socket.IO or Engine.IO protocols")
        }
        _ => Response::from_parts(parts, Body::from(text)),
    }
}

fn refuse(sentence: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::Value::from(sentence).to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let kind = axum::http::HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
