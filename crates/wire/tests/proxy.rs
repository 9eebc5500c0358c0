//! Through an HTTP proxy, where the server's own name and address lead nowhere.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gavelscope_wire::connection::{
    ConnectError, ConnectOptions, Endpoint, Incoming, Proxy, Stage, StageTap, connect, connect_by_polling,
};
use support::http::HttpPeer;
use support::{OPEN, options, say, serve_session, stay};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A name that no resolver knows (RFC 6761): who reaches it went through the proxy.
const SERVER: &str = "http://auction.invalid:8001";

fn through(proxy: SocketAddr) -> ConnectOptions {
    let mut authorization = http::HeaderValue::from_static("Basic bWU6aHVzaA==");
    authorization.set_sensitive(true);
    ConnectOptions {
        proxy: Some(Proxy {
            host: proxy.ip().to_string(),
            port: proxy.port(),
            authorization: Some(authorization),
        }),
        ..options()
    }
}

/// Answers a `CONNECT` with this status line, and leads a tunnel that is granted to `server`.
async fn tunnelling(status: &'static str, server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert_ne!(near.read_buf(&mut head).await.unwrap(), 0);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(
            head.starts_with("CONNECT auction.invalid:8001 HTTP/1.1\r\nHost: auction.invalid:8001\r\n"),
            "{head}"
        );
        assert!(
            head.contains("\r\nProxy-Authorization: Basic bWU6aHVzaA==\r\n"),
            "{head}"
        );
        near.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        if status.starts_with("200") {
            let mut far = TcpStream::connect(server).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        }
    });
    address
}

#[tokio::test]
async fn a_websocket_goes_through_a_tunnel() {
    let server = serve_session(|mut socket| async move {
        say(&mut socket, r#"42["through"]"#).await;
        stay(socket).await;
    })
    .await;
    let proxy = tunnelling("200 Connection established", server).await;
    let stages = Arc::new(Mutex::new(Vec::new()));
    let entered = Arc::clone(&stages);
    let options = ConnectOptions {
        stage_tap: Some(StageTap::new(move |stage| entered.lock().unwrap().push(stage))),
        ..through(proxy)
    };
    let mut connection = connect(&Endpoint::parse(SERVER).unwrap(), &options)
        .await
        .unwrap();
    assert_eq!(connection.handshake().peer, proxy);
    assert!(connection.handshake().timings.proxy.is_some());
    assert_eq!(
        stages.lock().unwrap()[..4],
        [Stage::Dns, Stage::Tcp, Stage::Proxy, Stage::Upgrade]
    );
    assert!(matches!(connection.next().await.unwrap(), Incoming::Event(event) if event.name() == "through"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_apart_from_a_server_that_does() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let proxy = tunnelling("407 Proxy Authentication Required", nowhere).await;
    let error = connect(&Endpoint::parse(SERVER).unwrap(), &through(proxy))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::ProxyRefused { status: 407 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn polling_without_tls_hands_its_requests_to_the_proxy_as_they_are() {
    let mut proxy = HttpPeer::start().await;
    let options = through(proxy.address);
    let endpoint = Endpoint::parse(SERVER).unwrap();
    let greeting = proxy.greet_at("http://auction.invalid:8001/api/socket.io/", OPEN);
    let (connection, waiting) = tokio::join!(connect_by_polling(&endpoint, &options), greeting);
    assert_eq!(connection.unwrap().handshake().timings.proxy, None);
    assert!(
        waiting.head.contains("host: auction.invalid:8001"),
        "{}",
        waiting.head
    );
    assert!(
        waiting.head.contains("proxy-authorization: basic bwu6ahvzaa=="),
        "{}",
        waiting.head
    );
}
