//! A server that says exactly what a test tells it to.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod http;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gavelscope_wire::connection::{ConnectError, ConnectOptions, Connection, Endpoint, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

pub type ServerSocket = WebSocketStream<TcpStream>;

pub const OPEN: &str =
    r#"0{"sid":"engine-1","upgrades":[],"pingTimeout":25000,"pingInterval":20000,"maxPayload":1000000}"#;
pub const GRANT: &str = r#"40{"sid":"socket-1"}"#;

pub fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::parse(&format!("http://{address}")).unwrap()
}

pub fn options() -> ConnectOptions {
    ConnectOptions {
        time_limit: Duration::from_secs(5),
        ..ConnectOptions::default()
    }
}

/// Serves one TCP connection with `script`.
pub async fn serve_tcp<F, Fut>(script: F) -> SocketAddr
where
    F: FnOnce(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        script(stream).await;
    });
    address
}

/// Serves one websocket with `script`, with `X-Pod-Id: pod-a` in the upgrade's answer.
pub async fn serve<F, Fut>(script: F) -> SocketAddr
where
    F: FnOnce(ServerSocket) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    serve_tcp(|stream| async move {
        #[expect(clippy::result_large_err, reason = "the library's signature")]
        let add_header = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            assert_eq!(
                request.uri().to_string(),
                "/api/socket.io/?EIO=4&transport=websocket"
            );
            if let Some(cookie) = request.headers().get("cookie") {
                response.headers_mut().insert("x-cookie-seen", cookie.clone());
            }
            response
                .headers_mut()
                .insert("x-pod-id", "pod-a".parse().unwrap());
            Ok(response)
        };
        script(
            tokio_tungstenite::accept_hdr_async(stream, add_header)
                .await
                .unwrap(),
        )
        .await;
    })
    .await
}

/// Grants the session, then goes on with `script`.
pub async fn serve_session<F, Fut>(script: F) -> SocketAddr
where
    F: FnOnce(ServerSocket) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    serve(|mut socket| async move {
        greet(&mut socket, OPEN).await;
        script(socket).await;
    })
    .await
}

pub async fn greet(socket: &mut ServerSocket, open: &str) {
    say(socket, open).await;
    assert_eq!(hear(socket).await, "40{}");
    say(socket, GRANT).await;
}

pub async fn say(socket: &mut ServerSocket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

/// The next text frame.
pub async fn hear(socket: &mut ServerSocket) -> String {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("a text frame was expected, not {other:?}"),
        }
    }
}

/// Stays until the client has gone.
pub async fn stay(mut socket: ServerSocket) {
    while let Some(Ok(_)) = socket.next().await {}
}

/// Reads an HTTP request and answers with these parts, one packet each.
pub async fn answer_http(mut stream: TcpStream, parts: Vec<String>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    stream.set_nodelay(true).unwrap();
    for part in parts {
        stream.write_all(part.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The server keeps the connection open, as a real one would.
    let _ = stream.read_buf(&mut request).await;
}

pub async fn connected(address: SocketAddr) -> Connection {
    connect(&endpoint(address), &options()).await.unwrap()
}

pub async fn refusal(address: SocketAddr) -> ConnectError {
    connect(&endpoint(address), &options()).await.unwrap_err()
}
