//! What browsers are told, whose pages may ask, and how long a head may take.

use gavelscope_backend::{Settings, Web};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::{Hall, PATIENCE, Socket, settings, spec};

fn with_origin(origins: &[&str]) -> Settings {
    Settings {
        web: Web {
            allowed_origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
            ..Web::default()
        },
        ..settings()
    }
}

#[tokio::test]
async fn every_answer_is_safe_to_hold() {
    let hall = Hall::open(settings(), spec(2)).await;
    let auction = format!("/api/auction/{}", hall.auction);
    for path in [
        "/health",
        "/nowhere",
        "/api/auth/me",
        "/api/socket.io/?EIO=4&transport=polling",
        &auction,
    ] {
        let request = hall.http.get(format!("{}{path}", hall.url));
        let request = request.bearer_auth(hall.people[1].access_token.expose());
        let answer = request.send().await.unwrap();
        let says = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(says("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(says("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = Some("default-src 'none'; frame-ancestors 'none'");
        assert_eq!(says("content-security-policy"), policy, "{path}");
        // What may be asked for again by its tag is kept by who asked, and by nobody on the way.
        let kept = if path == auction {
            "private, no-cache"
        } else {
            "no-store"
        };
        assert_eq!(says("cache-control"), Some(kept), "{path}");
        assert_eq!(
            says("strict-transport-security"),
            None,
            "{path}: there is no TLS to insist on"
        );
        assert_eq!(
            says("access-control-allow-origin"),
            None,
            "{path}: no page may ask"
        );
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_ask_and_others_may_not() {
    let hall = Hall::open(
        with_origin(&["https://app.example", "http://localhost:5173"]),
        spec(2),
    )
    .await;
    for (origin, may) in [
        ("https://app.example", true),
        ("http://localhost:5173", true),
        ("https://app.example.evil.example", false),
        ("http://app.example", false),
        ("null", false),
    ] {
        let preflight = hall
            .http
            .request(Method::OPTIONS, format!("{}/api/auction/x/bid", hall.url))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header(
                "Access-Control-Request-Headers",
                "authorization,content-type,idempotency-key",
            )
            .send()
            .await
            .unwrap();
        let says = |name: &str| {
            preflight
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_lowercase())
        };
        assert_eq!(
            says("access-control-allow-origin").as_deref(),
            may.then_some(origin)
        );
        let headers = says("access-control-allow-headers").unwrap_or_default();
        assert!(
            !may || headers.contains("idempotency-key") && headers.contains("authorization"),
            "{headers}"
        );
        assert_eq!(
            says("access-control-allow-credentials"),
            None,
            "tokens are not sent by the browser itself"
        );
        let refusal = hall
            .http
            .get(format!("{}/api/auth/me", hall.url))
            .header("Origin", origin);
        let refusal = refusal.send().await.unwrap();
        assert_eq!(refusal.status(), 401);
        let named = refusal.headers().get("access-control-allow-origin");
        assert_eq!(named.is_some(), may, "a page reads why it was refused, too");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket() {
    let hall = Hall::open(with_origin(&["https://app.example"]), spec(2)).await;
    let own = hall.url.clone();
    for (origin, may) in [
        ("https://app.example", true),
        (own.as_str(), true),
        ("https://evil.example", false),
    ] {
        let header = [("Origin", origin)];
        let opened = Socket::try_open(&hall.url, json!({}), &header).await;
        assert_eq!(opened.is_ok(), may, "{origin} by websocket");
        let polling = "/api/socket.io/?EIO=4&transport=polling";
        let answer = hall.call_with(Method::GET, polling, None, None, &header).await;
        assert_eq!(answer.status, if may { 200 } else { 403 }, "{origin} by polling");
    }
    // No page, no origin: the application itself.
    Socket::open(&hall.url, json!({})).await;
    // Where nothing is configured, a token alone decides.
    let open = Hall::open(settings(), spec(2)).await;
    let header = [("Origin", "https://evil.example")];
    assert!(Socket::try_open(&open.url, json!({}), &header).await.is_ok());
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let impatient = Settings {
        web: Web {
            header_timeout: 1,
            ..Web::default()
        },
        ..settings()
    };
    let hall = Hall::open(impatient, spec(2)).await;
    for head in ["", "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut line = tokio::net::TcpStream::connect(hall.running.address())
            .await
            .unwrap();
        line.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, line.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "it is still held open after {head:?}");
    }
    // A socket that says nothing for longer is no request.
    let mut socket = hall.in_the_room(1).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    hall.command(0, "begin").await.ok();
    socket.event("lot_started").await;
}

#[tokio::test]
async fn a_stop_lets_a_call_end_that_was_begun() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let callers = hall.callers.clone();
    let waiting = tokio::spawn(async move { callers.command(0, "complete-lot").await });
    // It is on its way once the lot is closed.
    let mut closed = false;
    for _ in 0..500 {
        closed = hall.all_events().await.iter().any(|event| event.name == "sold");
        if closed {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(closed);
    hall.running.stop().await;
    assert_eq!(waiting.await.unwrap().status, 200);
}
