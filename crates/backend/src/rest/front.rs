//! What every request passes: where it comes from, whether its page may ask, whether it is one too many; and what every
//! answer carries.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, HeaderName,
    IF_NONE_MATCH, ORIGIN, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gavelscope_contract::RefusalCode;
use gavelscope_contract::auction::IDEMPOTENCY_KEY;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::caller::{Caller, Shown};
use super::engine::SOCKET_PATH;
use crate::limits::Met;
use crate::limits::whence::{Peer, Whence};
use crate::refuse::{DatabaseFailed, Refused};
use crate::settings::Origin;
use crate::sockets::Shared;

/// How long a browser may remember what a page of an origin may ask, s.
const PREFLIGHT: std::time::Duration = std::time::Duration::from_mins(10);
/// A year, as browsers want it: whoever has spoken TLS with this name once speaks nothing else.
const HSTS: &str = "max-age=31536000";

/// What may be asked for by pages, of the origins that are allowed.
pub(super) fn cors(origins: &[Origin]) -> CorsLayer {
    let allowed = if origins.contains(&Origin::Any) {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| match origin {
            Origin::One(origin) => HeaderValue::from_str(origin).ok(),
            Origin::Any => None,
        }))
    };
    let key = HeaderName::from_bytes(IDEMPOTENCY_KEY.as_bytes()).ok();
    let asked = [AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH]
        .into_iter()
        .chain(key);
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers(asked.collect::<Vec<_>>())
        .expose_headers([ETAG, RETRY_AFTER, HeaderName::from_static("x-pod-id")])
        .max_age(PREFLIGHT)
}

/// Outermost: every answer names its pod, is safe to hold, and is counted.
pub(super) async fn dress(State(house): State<Shared>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let is_socket = request.uri().path().starts_with(SOCKET_PATH);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(pod) = HeaderValue::from_str(house.pod.as_str()) {
        headers.insert("x-pod-id", pod);
    }
    secure(headers, house.door.speaks_tls);
    if response.extensions().get::<DatabaseFailed>().is_some() {
        house.metrics.database_failed();
    }
    let route = match &route {
        Some(route) => route.as_str(),
        None if is_socket => "/api/socket.io/",
        None => "none",
    };
    // These answer when something happens, which says nothing about how fast this server is.
    let waits = is_socket || route.ends_with("/complete-lot");
    let took = (!waits).then(|| begun.elapsed());
    house
        .metrics
        .called(method.as_str(), route, response.status().as_u16(), took);
    response
}

/// Nothing here is a page, and nothing is for a cache on the way.
fn secure(headers: &mut HeaderMap, speaks_tls: bool) {
    let kept = if headers.contains_key(ETAG) {
        "private, no-cache"
    } else {
        "no-store"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, nothing);
    if speaks_tls {
        // Where TLS ends in front of this server, that is the place to say it.
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
}

/// Lets in what may come in.
pub(super) async fn admit(State(house): State<Shared>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    // A request that came over no connection is this process's own.
    let peer = peer.unwrap_or(std::net::Ipv4Addr::LOCALHOST.into());
    let whence = house.door.proxies.whence(peer, request.headers());
    let caller = Caller::of(request.headers(), &house);
    if request.uri().path().starts_with(SOCKET_PATH)
        && let Err(refused) = page_may(&house.door.origins, request.headers())
    {
        return refused.into_response();
    }
    if let Err(Met { limit, refused }) = spend(&house, &request, whence, &caller) {
        house.metrics.limited(limit);
        return refused.into_response();
    }
    request.extensions_mut().insert(whence);
    request.extensions_mut().insert(Shown(caller));
    next.run(request).await
}

/// Websockets know no CORS: whether a page may open one is for the server to say.
fn page_may(allowed: &[Origin], headers: &HeaderMap) -> Result<(), Refused> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let of_ours = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| {
            origin
                .split_once("://")
                .is_some_and(|(_, named)| named.eq_ignore_ascii_case(host))
        });
    let may = allowed.is_empty()
        || of_ours
        || allowed.iter().any(|one| match one {
            Origin::Any => true,
            Origin::One(one) => one == origin,
        });
    if may {
        Ok(())
    } else {
        let sentence = "Pages of this origin may not open sockets here.";
        Err(Refused::new(403, RefusalCode::Other, sentence))
    }
}

/// Who has a good token spends their own; everybody else what is their address's.
fn spend(
    house: &Shared,
    request: &Request,
    whence: Whence,
    caller: &Result<Caller, Refused>,
) -> Result<(), Met> {
    let path = request.uri().path();
    if path.starts_with(SOCKET_PATH) {
        // With a session it is a part of one that was let in.
        let query = request.uri().query().unwrap_or_default();
        if query.split('&').any(|pair| pair.starts_with("sid=")) {
            return Ok(());
        }
        return house.door.gate.address_call(whence.0);
    }
    match (path, caller) {
        // Those who look after this server may always ask how it is.
        ("/health" | "/api/health" | "/health/live" | "/health/ready", _) => Ok(()),
        ("/api/auth/magic-link" | "/api/auth/verify-magic-link" | "/api/auth/refresh" | "/api/users", _) => {
            house.door.gate.sign_in(whence.0)
        }
        (path, Ok(caller)) if request.method() == Method::POST && path.ends_with("/bid") => {
            house.door.gate.user_bid(&caller.0)
        }
        (_, Ok(caller)) => house.door.gate.user_call(&caller.0),
        (_, Err(_)) => house.door.gate.address_call(whence.0),
    }
}
