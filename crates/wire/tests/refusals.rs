//! Every way in which connecting can fail says which one it was.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use gavelscope_wire::connection::{
    BadUpgrade, ConnectError, ConnectOptions, Endpoint, InvalidAddress, Stage, connect,
};
use gavelscope_wire::engine::Refusal;
use support::{OPEN, answer_http, endpoint, hear, options, refusal, say, serve, serve_tcp, stay};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

/// Answers with these parts, and returns what connecting makes of it.
async fn refusal_of_http(parts: &[&str]) -> ConnectError {
    let parts = parts.iter().map(ToString::to_string).collect();
    refusal(serve_tcp(|stream| answer_http(stream, parts)).await).await
}

#[tokio::test]
async fn a_wrong_path_shows_status_and_body() {
    let error = refusal_of_http(&[
        "HTTP/1.1 404 Not Found\r\nserver: uvicorn\r\ncontent-length: 22\r\n\r\n",
        r#"{"detail":"Not Found"}"#,
    ])
    .await;
    let ConnectError::NotAnUpgrade {
        status: 404,
        body,
        refusal: None,
        headers,
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(body, r#"{"detail":"Not Found"}"#);
    assert_eq!(headers["server"], "uvicorn");
}

#[tokio::test]
async fn an_unknown_session_is_told_apart_even_in_pieces_of_a_chunked_body() {
    let error = refusal_of_http(&[
        "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n",
        "Content-Type: text/plain\r\n\r\n1a\r\n\"Invalid",
        " session deadbeef\"\r\n",
        "0\r\n\r\n",
    ])
    .await;
    let ConnectError::NotAnUpgrade {
        status: 400,
        body,
        refusal,
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(body, "\"Invalid session deadbeef\"");
    assert_eq!(refusal, Some(Refusal::UnknownSession));
}

#[tokio::test]
async fn a_page_in_place_of_a_websocket_is_shown_in_excerpt() {
    let page = format!("<html>{}</html>", "x".repeat(10_000));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", page.len());
    let error = refusal_of_http(&[&head, &page]).await;
    let ConnectError::NotAnUpgrade {
        status: 200,
        body,
        refusal: None,
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(body.len(), 300);
    assert!(body.starts_with("<html>xxx"));
}

#[tokio::test]
async fn a_body_that_never_comes_does_not_hold_up_the_refusal() {
    let began = Instant::now();
    let error = refusal_of_http(&["HTTP/1.1 503 Service Unavailable\r\ncontent-length: 10\r\n\r\n"]).await;
    assert!(
        matches!(error, ConnectError::NotAnUpgrade { status: 503, .. }),
        "{error:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_unsupported_revision_is_told_apart_at_each_place_it_can_show() {
    let text = "\"The client is using an unsupported version of the Socket.IO or Engine.IO protocols\"";
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    let error = refusal_of_http(&[&head, text]).await;
    assert!(
        matches!(&error, ConnectError::UnsupportedVersion { reason } if reason == text),
        "{error:?}"
    );

    // Socket.IO 2 grants the session of its own accord, and without an id.
    let address = serve(|mut socket| async move {
        say(&mut socket, OPEN).await;
        say(&mut socket, "40").await;
        stay(socket).await;
    })
    .await;
    let error = refusal(address).await;
    assert!(
        matches!(error, ConnectError::UnsupportedVersion { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_refused_with_the_reason() {
    let check = async |headers: &str, expect: BadUpgrade| {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n\r\n");
        let error = refusal_of_http(&[&head]).await;
        assert!(
            matches!(error, ConnectError::BadUpgrade { reason } if reason == expect),
            "{headers}: {error:?}"
        );
    };
    check("Connection: Upgrade", BadUpgrade::NotWebsocket).await;
    check("Upgrade: h2c, websocket", BadUpgrade::NoConnectionUpgrade).await;
    check(
        "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade",
        BadUpgrade::WrongAccept,
    )
    .await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_is_told_apart() {
    let error = refusal_of_http(&["SSH-2.0-OpenSSH_9.2p1\r\n"]).await;
    assert!(
        matches!(&error, ConnectError::NotHttp { excerpt } if excerpt.starts_with("SSH-2.0")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_websocket_that_is_not_engine_io_is_told_apart() {
    for first in ["hello", "2", "0[]", r#"{"type":"welcome"}"#] {
        let address = serve(async move |mut socket| {
            say(&mut socket, first).await;
            stay(socket).await;
        })
        .await;
        let error = refusal(address).await;
        assert!(
            matches!(&error, ConnectError::NotEngineIo { excerpt } if excerpt == first),
            "{first}: {error:?}"
        );
    }
    let address = serve(|mut socket| async move {
        socket.send(Message::binary(&b"\x08\x01"[..])).await.unwrap();
        stay(socket).await;
    })
    .await;
    let error = refusal(address).await;
    assert!(matches!(error, ConnectError::NotEngineIo { .. }), "{error:?}");
}

#[tokio::test]
async fn a_refused_session_says_why() {
    let check = async |answer: &'static str, payload: Option<&str>, message: Option<&str>| {
        let address = serve(async move |mut socket| {
            say(&mut socket, OPEN).await;
            hear(&mut socket).await;
            say(&mut socket, answer).await;
            stay(socket).await;
        })
        .await;
        let error = refusal(address).await;
        assert_eq!(error.message(), message, "{answer}");
        let ConnectError::NamespaceRefused { payload: got, .. } = error else {
            panic!("{answer}: {error:?}")
        };
        assert_eq!(got.as_deref(), payload, "{answer}");
    };
    let refused = r#"{"message":"not authorized","data":{"code":7}}"#;
    check(
        r#"44{"message":"not authorized","data":{"code":7}}"#,
        Some(refused),
        Some("not authorized"),
    )
    .await;
    check(
        r#"44"Unable to connect""#,
        Some(r#""Unable to connect""#),
        Some("Unable to connect"),
    )
    .await;
    check("44", None, None).await;
    check("41", None, None).await;
}

#[tokio::test]
async fn closing_in_the_middle_of_the_handshake_is_reported_with_its_stage() {
    let check = |error: ConnectError, expect: Stage| match error {
        ConnectError::ClosedDuringHandshake { stage, .. } => assert_eq!(stage, expect),
        other => panic!("{expect:?}: {other:?}"),
    };
    let address = serve_tcp(|mut stream| async move {
        let _ = stream.read_buf(&mut Vec::with_capacity(4096)).await;
    })
    .await;
    check(refusal(address).await, Stage::Upgrade);
    let address = serve(|socket| async move { drop(socket) }).await;
    check(refusal(address).await, Stage::Open);
    let address = serve(|mut socket| async move {
        say(&mut socket, OPEN).await;
        hear(&mut socket).await;
        socket.close(None).await.unwrap();
    })
    .await;
    check(refusal(address).await, Stage::Connect);
    let address = serve(|mut socket| async move {
        say(&mut socket, OPEN).await;
        say(&mut socket, "1").await;
        stay(socket).await;
    })
    .await;
    check(refusal(address).await, Stage::Connect);
}

#[tokio::test]
async fn silence_is_cut_off_by_the_limit_and_names_its_stage() {
    let limit = Duration::from_millis(150);
    let check = async |address, expect: Stage| {
        let began = Instant::now();
        let choices = ConnectOptions {
            time_limit: limit,
            ..options()
        };
        let error = connect(&endpoint(address), &choices).await.unwrap_err();
        let ConnectError::TimedOut { stage, .. } = error else {
            panic!("{expect:?}: {error:?}")
        };
        assert_eq!(stage, expect);
        assert!(began.elapsed() >= limit && began.elapsed() < Duration::from_secs(2));
    };
    let silent = serve_tcp(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    });
    check(silent.await, Stage::Upgrade).await;
    check(serve(stay).await, Stage::Open).await;
    let address = serve(|mut socket| async move {
        say(&mut socket, OPEN).await;
        stay(socket).await;
    });
    check(address.await, Stage::Connect).await;
}

#[tokio::test]
async fn a_flood_before_the_session_is_granted_is_cut_off() {
    let address = serve(|mut socket| async move {
        say(&mut socket, OPEN).await;
        while socket.send(Message::text(r#"42["flood"]"#)).await.is_ok() {}
    })
    .await;
    let error = refusal(address).await;
    assert!(
        matches!(error, ConnectError::UnsupportedVersion { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_port_where_nothing_listens_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = refusal(address).await;
    assert!(
        matches!(error, ConnectError::Refused { address: tried } if tried == address),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_told_apart() {
    // RFC 6761 reserves `.invalid` for names that do not exist.
    let endpoint = Endpoint::parse("http://auction.invalid").unwrap();
    let error = connect(&endpoint, &options()).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::NameNotResolved { host, .. } if host == "auction.invalid"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_name_with_several_addresses_finds_the_one_that_answers() {
    // Where `localhost` is ::1 first, nothing listens there.
    let address = support::serve_session(stay).await;
    let endpoint = Endpoint::parse(&format!("http://localhost:{}", address.port())).unwrap();
    assert_eq!(
        connect(&endpoint, &options()).await.unwrap().handshake().peer,
        address
    );
}

#[tokio::test]
async fn a_header_that_belongs_to_the_upgrade_is_refused_before_anything_is_sent() {
    let address = serve_tcp(|mut stream| async move {
        let mut received = Vec::new();
        assert_eq!(stream.read_to_end(&mut received).await.unwrap(), 0);
    })
    .await;
    let mut choices = options();
    choices.headers.insert("host", "elsewhere".parse().unwrap());
    let error = connect(&endpoint(address), &choices).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::InvalidHeader { name } if name == "host"),
        "{error:?}"
    );
}

#[test]
fn an_invalid_address_becomes_a_connect_error() {
    let error = ConnectError::from(Endpoint::parse("ftp://h").unwrap_err());
    assert!(matches!(
        error,
        ConnectError::InvalidAddress(InvalidAddress::Scheme { .. })
    ));
}
