//! A session over HTTP long polling, against a server on loopback that answers as it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gavelscope_wire::connection::{
    CloseOutcome, ConnectError, ConnectOptions, Connection, ConnectionError, Direction, FrameTap, Incoming,
    RawContent, SendError, Stage, StageTap, connect_by_polling,
};
use gavelscope_wire::engine::Refusal;
use gavelscope_wire::{DecodeError, Limits};
use serde_json::json;
use support::http::{HttpPeer, Request};
use support::{OPEN, endpoint, options};
use tokio::task::JoinHandle;

/// Connects while the test plays the server.
fn connecting(peer: &HttpPeer, options: ConnectOptions) -> JoinHandle<Result<Connection, ConnectError>> {
    let endpoint = endpoint(peer.address);
    tokio::spawn(async move { connect_by_polling(&endpoint, &options).await })
}

/// A session, and the GET that waits.
async fn session(peer: &mut HttpPeer) -> (Connection, Request) {
    let connecting = connecting(peer, options());
    let waiting = peer.greet(OPEN).await;
    (connecting.await.unwrap().unwrap(), waiting)
}

async fn refusal_of_open(status: &str, headers: &str, body: &str) -> ConnectError {
    let mut peer = HttpPeer::start().await;
    let connecting = connecting(&peer, options());
    peer.next("GET").await.answer(status, headers, body);
    connecting.await.unwrap().unwrap_err()
}

#[tokio::test]
async fn the_handshake_shows_ids_headers_heartbeat_stages_and_every_frame() {
    let mut peer = HttpPeer::start().await;
    let frames = Arc::new(Mutex::new(Vec::new()));
    let stages = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&frames);
    let entered = Arc::clone(&stages);
    let connecting = connecting(
        &peer,
        ConnectOptions {
            tap: Some(FrameTap::new(move |frame| {
                let RawContent::Text(text) = frame.content else {
                    panic!("only text")
                };
                let sign = if frame.direction == Direction::In {
                    '<'
                } else {
                    '>'
                };
                seen.lock().unwrap().push(format!("{sign}{text}"));
            })),
            stage_tap: Some(StageTap::new(move |stage| entered.lock().unwrap().push(stage))),
            ..options()
        },
    );
    let waiting = peer.greet(OPEN).await;
    let mut connection = connecting.await.unwrap().unwrap();
    let handshake = connection.handshake();
    assert_eq!(handshake.engine_sid, "engine-1");
    assert_eq!(handshake.socket_sid, "socket-1");
    assert_eq!(handshake.ping_interval, Duration::from_secs(20));
    assert_eq!(handshake.max_payload, Some(1_000_000));
    assert_eq!(handshake.headers["x-pod-id"], "pod-a");
    assert_eq!(handshake.peer, peer.address);
    assert!(handshake.timings.open > Duration::ZERO && handshake.timings.connect > Duration::ZERO);
    assert_eq!(
        *stages.lock().unwrap(),
        [Stage::Dns, Stage::Tcp, Stage::Open, Stage::Connect]
    );

    waiting.ok("2");
    assert!(matches!(connection.next().await.unwrap(), Incoming::Ping { .. }));
    // The answer to the ping leaves while something is awaited, as everything does.
    let (pong, _) = tokio::join!(peer.next("POST"), async {
        tokio::time::timeout(Duration::from_secs(1), connection.next()).await
    });
    assert_eq!(pong.body, "3");
    let expected: Vec<String> = [
        &format!("<{OPEN}"),
        ">40{}",
        &format!("<{}", support::GRANT),
        "<2",
        ">3",
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(*frames.lock().unwrap(), expected);
    assert_eq!(connection.counters().pings, 1);
}

#[tokio::test]
async fn one_get_is_outstanding_at_all_times_and_keeps_its_connection() {
    let mut peer = HttpPeer::start().await;
    let (mut connection, mut waiting) = session(&mut peer).await;
    let connection_of_gets = waiting.connection;
    for number in 0..20 {
        waiting.ok(&format!("42[\"n\",{number}]"));
        let Incoming::Event(event) = connection.next().await.unwrap() else {
            panic!()
        };
        assert_eq!(event.first_argument(), Some(number.to_string().as_str()));
        // The next one is asked for before anybody asks for an event.
        connection.next_ready();
        waiting = peer.next("GET").await;
        assert_eq!(waiting.connection, connection_of_gets);
    }
}

#[tokio::test]
async fn packets_that_come_together_are_delivered_in_order_binary_ones_included() {
    let mut peer = HttpPeer::start().await;
    let (mut connection, waiting) = session(&mut peer).await;
    waiting.ok("42[\"a\"]\u{1e}451-[\"b\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQIDBA==\u{1e}x\u{1e}b!\u{1e}42[\"c\",\"é\"]");
    let Incoming::Event(first) = connection.next().await.unwrap() else {
        panic!()
    };
    assert_eq!((first.name(), first.raw()), ("a", "42[\"a\"]"));
    let Incoming::Binary(second) = connection.next().await.unwrap() else {
        panic!()
    };
    assert_eq!(second.attachments(), [vec![1, 2, 3, 4]]);
    for expect in [DecodeError::UnknownEnginePacket('x'), DecodeError::Base64] {
        let Incoming::Undecodable { error, .. } = connection.next().await.unwrap() else {
            panic!()
        };
        assert_eq!(error, expect);
    }
    let Incoming::Event(last) = connection.next().await.unwrap() else {
        panic!()
    };
    assert_eq!((last.name(), last.first_argument()), ("c", Some("\"é\"")));
}

#[tokio::test]
async fn what_is_sent_leaves_in_order_and_never_in_two_requests_at_once() {
    let mut peer = HttpPeer::start().await;
    let (mut connection, _waiting) = session(&mut peer).await;
    connection.emit("first", &0).unwrap();
    for number in 1..=20 {
        connection.emit("n", &number).unwrap();
    }
    assert!(connection.unsent());
    let mut bodies = Vec::new();
    let server = async {
        for _ in 0..3 {
            let request = peer.next("POST").await;
            bodies.push(request.body.clone());
            request.ok("ok");
        }
    };
    let (sent, ()) = tokio::join!(connection.flush(), server);
    sent.unwrap();
    assert_eq!(bodies[0], "42[\"first\",0]");
    let packets: Vec<&str> = bodies[1..].iter().flat_map(|body| body.split('\u{1e}')).collect();
    let expected: Vec<String> = (1..=20).map(|number| format!("42[\"n\",{number}]")).collect();
    assert_eq!(packets, expected);
    assert!(!connection.unsent());
}

#[tokio::test]
async fn an_acknowledgement_finds_its_question() {
    let mut peer = HttpPeer::start().await;
    let (mut connection, waiting) = session(&mut peer).await;
    let id = connection
        .emit_with_ack("join", &json!({"leagueId": "a"}))
        .unwrap();
    let server = async {
        let question = peer.next("POST").await;
        assert_eq!(question.body, r#"421["join",{"leagueId":"a"}]"#);
        question.ok("ok");
        waiting.ok("431[{\"ok\":true}]");
    };
    let (answer, ()) = tokio::join!(connection.next(), server);
    let Incoming::Ack(ack) = answer.unwrap() else {
        panic!()
    };
    assert_eq!((ack.id(), ack.first_argument()), (id, Some("{\"ok\":true}")));
}

#[tokio::test]
async fn a_session_that_another_pod_holds_is_told_apart_with_that_pods_headers() {
    let mut peer = HttpPeer::start().await;
    // The CONNECT reaches another pod: how polling ends behind a balancer that deals requests out in turn.
    let attempt = connecting(&peer, options());
    peer.next("GET").await.ok(OPEN);
    let _waiting = peer.next("GET").await;
    let other_pod = "x-pod-id: pod-b\r\n";
    let post = peer.next("POST").await;
    post.answer("400 Bad Request", other_pod, "\"Invalid session engine-1\"");
    let error = attempt.await.unwrap().unwrap_err();
    let ConnectError::InvalidSession(refused) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (refused.status, refused.refusal),
        (400, Some(Refusal::UnknownSession))
    );
    assert_eq!(refused.body, "\"Invalid session engine-1\"");
    assert_eq!(refused.headers["x-pod-id"], "pod-b");

    // And the same with a session that stands, by the GET, in the words of the JavaScript server.
    let (mut connection, waiting) = session(&mut peer).await;
    waiting.answer(
        "400 Bad Request",
        "",
        r#"{"code":1,"message":"Session ID unknown"}"#,
    );
    let error = connection.next().await.unwrap_err();
    assert!(matches!(&error, ConnectionError::InvalidSession(_)), "{error:?}");
    assert_eq!(connection.next().await.unwrap_err(), error);
    assert!(matches!(connection.emit("late", &1), Err(SendError::Ended(_))));
}

#[tokio::test]
async fn every_other_refusal_says_which_one_it_is() {
    let error = refusal_of_open("429 Too Many Requests", "retry-after: 7\r\n", "slow down").await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let ConnectError::HttpRefused(refused) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((refused.status, refused.refusal), (429, None));
    assert_eq!(error.to_string(), "the server answered HTTP 429: slow down");

    let error = refusal_of_open("503 Service Unavailable", "", "").await;
    assert!(
        matches!(&error, ConnectError::HttpRefused(refused) if refused.status == 503),
        "{error:?}"
    );
    let error = refusal_of_open("400 Bad Request", "", "\"Invalid transport\"").await;
    assert!(
        matches!(&error, ConnectError::HttpRefused(refused) if refused.refusal == Some(Refusal::InvalidTransport)),
        "{error:?}"
    );
    let error = refusal_of_open(
        "400 Bad Request",
        "",
        r#"{"code":5,"message":"Unsupported protocol version"}"#,
    )
    .await;
    assert!(
        matches!(&error, ConnectError::UnsupportedVersion { .. }),
        "{error:?}"
    );
    let error = refusal_of_open("302 Found", "location: /login\r\n", "").await;
    assert!(
        matches!(&error, ConnectError::HttpRefused(refused) if refused.status == 302),
        "{error:?}"
    );
    let error = refusal_of_open("200 OK", "", "<html>Sign in to the hotel's network</html>").await;
    assert!(
        matches!(&error, ConnectError::NotEngineIo { excerpt } if excerpt.starts_with("<html>Sign")),
        "{error:?}"
    );

    let mut peer = HttpPeer::start().await;
    let attempt = connecting(&peer, options());
    peer.next("GET")
        .await
        .answer_raw("SSH-2.0-OpenSSH_9.2\r\n".to_owned());
    let error = attempt.await.unwrap().unwrap_err();
    assert!(
        matches!(
            &error,
            ConnectError::ClosedDuringHandshake {
                stage: Stage::Open,
                ..
            }
        ),
        "{error:?}"
    );

    let refused = connecting(
        &peer,
        ConnectOptions {
            time_limit: Duration::from_millis(200),
            ..options()
        },
    );
    let _never_answered = peer.next("GET").await;
    let error = refused.await.unwrap().unwrap_err();
    assert!(
        matches!(
            &error,
            ConnectError::TimedOut {
                stage: Stage::Open,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refused_namespace_keeps_its_reason() {
    let mut peer = HttpPeer::start().await;
    let attempt = connecting(&peer, options());
    peer.next("GET").await.ok(OPEN);
    let waiting = peer.next("GET").await;
    peer.next("POST").await.ok("ok");
    waiting.ok(r#"44{"message":"not signed in"}"#);
    let error = attempt.await.unwrap().unwrap_err();
    assert_eq!(error.message(), Some("not signed in"));
}

#[tokio::test]
async fn a_standing_session_ends_with_the_reason() {
    let check = async |answer: &dyn Fn(Request), expect: &dyn Fn(&ConnectionError) -> bool| {
        let mut peer = HttpPeer::start().await;
        let (mut connection, waiting) = session(&mut peer).await;
        answer(waiting);
        let error = connection.next().await.unwrap_err();
        assert!(expect(&error), "{error:?}");
    };
    check(&|get| get.ok("1"), &|error| {
        *error == ConnectionError::EngineClosed
    })
    .await;
    check(
        &|get| get.answer("502 Bad Gateway", "", "no upstream"),
        &|error| matches!(error, ConnectionError::HttpRefused(refused) if refused.status == 502),
    )
    .await;
    check(&|get| get.ok("<html>"), &|error| {
        matches!(error, ConnectionError::NotEngineIo { .. })
    })
    .await;
    check(&|get| drop(get), &|error| {
        matches!(error, ConnectionError::Lost { .. })
    })
    .await;
    check(&|get| get.answer_raw("nonsense\r\n\r\n".to_owned()), &|error| {
        matches!(error, ConnectionError::Protocol(_))
    })
    .await;
}

#[tokio::test]
async fn silence_beyond_the_heartbeat_is_a_loss_and_so_is_a_post_that_is_never_answered() {
    let mut peer = HttpPeer::start().await;
    let attempt = connecting(&peer, options());
    let _waiting = peer
        .greet(r#"0{"sid":"engine-1","upgrades":[],"pingTimeout":200,"pingInterval":300}"#)
        .await;
    let mut connection = attempt.await.unwrap().unwrap();
    let error = connection.next().await.unwrap_err();
    assert!(
        matches!(&error, ConnectionError::HeartbeatMissed { .. }),
        "{error:?}"
    );

    let attempt = connecting(
        &peer,
        ConnectOptions {
            write_stall_limit: Duration::from_millis(300),
            ..options()
        },
    );
    let _waiting = peer.greet(OPEN).await;
    let mut connection = attempt.await.unwrap().unwrap();
    connection.emit("n", &1).unwrap();
    let (error, _post) = tokio::join!(connection.next(), peer.next("POST"));
    let error = error.unwrap_err();
    assert!(
        matches!(&error, ConnectionError::WriteStalled { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn neither_a_large_answer_nor_a_full_outbox_grows_without_bound() {
    let mut peer = HttpPeer::start().await;
    let attempt = connecting(
        &peer,
        ConnectOptions {
            max_unsent_bytes: 1_000,
            limits: Limits {
                max_payload_bytes: 10_000,
                ..Limits::default()
            },
            ..options()
        },
    );
    let waiting = peer.greet(OPEN).await;
    let mut connection = attempt.await.unwrap().unwrap();
    let refused = (0..100).find_map(|_| connection.emit("n", &"x".repeat(100)).err());
    assert!(matches!(refused, Some(SendError::BufferFull)), "{refused:?}");
    waiting.ok(&format!("42[\"large\",\"{}\"]", "x".repeat(10_000)));
    let error = connection.next().await.unwrap_err();
    assert!(
        matches!(&error, ConnectionError::TooLarge { limit: 10_000, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_goodbye_is_said_and_a_dropped_connection_leaves_no_request_behind() {
    let mut peer = HttpPeer::start().await;
    let (connection, waiting) = session(&mut peer).await;
    let server = async {
        let mut said = Vec::new();
        while said.last().is_none_or(|last| last != "1") {
            let goodbye = peer.next("POST").await;
            said.extend(goodbye.body.split('\u{1e}').map(str::to_owned));
            goodbye.ok("ok");
        }
        said
    };
    let (outcome, said) = tokio::join!(connection.close(Duration::from_secs(5)), server);
    assert_eq!(outcome, CloseOutcome::Answered);
    assert_eq!(said, ["41", "1"]);
    waiting.given_up().await;

    let (connection, waiting) = session(&mut peer).await;
    drop(connection);
    waiting.given_up().await;
}

#[tokio::test]
async fn cookies_and_headers_go_with_every_request() {
    let mut peer = HttpPeer::start().await;
    let mut options = options();
    options
        .headers
        .insert("authorization", "Bearer t".parse().unwrap());
    let attempt = connecting(&peer, options);
    peer.next("GET")
        .await
        .answer("200 OK", "set-cookie: pod=b; Path=/\r\n", OPEN);
    for request in [peer.next("GET").await, peer.next("POST").await] {
        assert!(request.head.contains("cookie: pod=b"), "{}", request.head);
        assert!(
            request.head.contains("authorization: bearer t"),
            "{}",
            request.head
        );
    }
    attempt.abort();
}

#[tokio::test]
async fn a_connection_that_the_server_closed_between_two_requests_is_opened_anew() {
    let mut peer = HttpPeer::start().await;
    let (mut connection, waiting) = session(&mut peer).await;
    let first = waiting.connection;
    waiting.answer("200 OK", "connection: close\r\n", "42[\"a\"]");
    assert!(matches!(connection.next().await.unwrap(), Incoming::Event(_)));
    let (_, waiting) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(1), connection.next()),
        peer.next("GET")
    );
    assert_ne!(waiting.connection, first);
}
