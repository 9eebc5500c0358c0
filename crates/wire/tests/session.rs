//! A connection that is up, against a real websocket server on loopback.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use gavelscope_wire::connection::{
    CloseOutcome, ConnectOptions, Connection, ConnectionError, Direction, Event, FrameTap, Incoming,
    RawContent, RawMessage, SendError, connect,
};
use gavelscope_wire::{DecodeError, Limits};
use serde_json::json;
use support::{
    GRANT, OPEN, connected, endpoint, greet, hear, options, say, serve, serve_session, serve_tcp, stay,
};
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

async fn next_event(connection: &mut Connection) -> Event {
    match connection.next().await.unwrap() {
        Incoming::Event(event) => event,
        other => panic!("an event was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn the_handshake_shows_ids_headers_heartbeat_and_timings() {
    let address = serve_session(stay).await;
    let mut options = options();
    options.headers.insert("cookie", "route=b".parse().unwrap());
    let connection = connect(&endpoint(address), &options).await.unwrap();
    let handshake = connection.handshake();
    assert_eq!(handshake.engine_sid, "engine-1");
    assert_eq!(handshake.socket_sid, "socket-1");
    assert_eq!(handshake.ping_interval, Duration::from_secs(20));
    assert_eq!(handshake.ping_timeout, Duration::from_secs(25));
    assert_eq!(handshake.max_payload, Some(1_000_000));
    assert_eq!(handshake.headers["x-pod-id"], "pod-a");
    assert_eq!(handshake.headers["x-cookie-seen"], "route=b");
    assert_eq!(handshake.peer, address);
    let timings = handshake.timings;
    assert_eq!(timings.tls, None);
    for (stage, took) in [
        ("tcp", timings.tcp),
        ("upgrade", timings.upgrade),
        ("connect", timings.connect),
    ] {
        assert!(
            took > Duration::ZERO && took < Duration::from_secs(1),
            "{stage}: {took:?}"
        );
    }
    assert!(timings.total() >= timings.tcp + timings.upgrade);
}

#[tokio::test]
async fn an_event_arrives_with_its_name_and_its_first_argument() {
    let address = serve_session(|mut socket| async move {
        say(&mut socket, r#"42["tick",{"seq":2,"endsAt":1795397112248}]"#).await;
        say(&mut socket, r#"42["bell"]"#).await;
        say(&mut socket, r#"42/admin,7["a\u0062",1,[2]]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let tick = next_event(&mut connection).await;
    assert_eq!(tick.name(), "tick");
    assert_eq!(tick.first_argument(), Some(r#"{"seq":2,"endsAt":1795397112248}"#));
    assert_eq!(
        (tick.namespace(), tick.ack_id(), tick.argument_count()),
        ("/", None, 1)
    );
    assert_eq!(tick.raw(), r#"42["tick",{"seq":2,"endsAt":1795397112248}]"#);
    let bell = next_event(&mut connection).await;
    assert_eq!(
        (bell.name(), bell.first_argument(), bell.arguments()),
        ("bell", None, "")
    );
    let other = next_event(&mut connection).await;
    assert_eq!(
        (other.name(), other.first_argument(), other.arguments()),
        ("ab", Some("1"), "1,[2]")
    );
    assert_eq!((other.namespace(), other.ack_id()), ("/admin", Some(7)));
}

#[tokio::test]
async fn events_that_come_before_the_session_is_granted_are_delivered_in_order() {
    let address = serve(|mut socket| async move {
        say(&mut socket, OPEN).await;
        hear(&mut socket).await;
        say(&mut socket, r#"42["early",1]"#).await;
        say(&mut socket, GRANT).await;
        say(&mut socket, r#"42["late",2]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    assert_eq!(next_event(&mut connection).await.name(), "early");
    assert_eq!(next_event(&mut connection).await.name(), "late");
}

#[tokio::test]
async fn acknowledgements_carry_the_id_that_was_given_out() {
    let address = serve_session(|mut socket| async move {
        assert_eq!(
            hear(&mut socket).await,
            r#"421["join_league_room",{"leagueId":"a"}]"#
        );
        assert_eq!(hear(&mut socket).await, r#"422["bell"]"#);
        assert_eq!(hear(&mut socket).await, r#"42["plain","x",2]"#);
        say(&mut socket, "432[]").await;
        say(&mut socket, r#"431[{"ok":true,"roomSize":0}]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let join = connection
        .emit_with_ack("join_league_room", &json!({"leagueId": "a"}))
        .unwrap();
    let bell = connection.emit_raw_with_ack("bell", "").unwrap();
    connection.emit_raw("plain", r#""x",2"#).unwrap();
    assert_eq!((join, bell), (1, 2));
    let mut answers = Vec::new();
    while answers.len() < 2 {
        if let Incoming::Ack(ack) = connection.next().await.unwrap() {
            answers.push((ack.id(), ack.first_argument().map(str::to_owned)));
        }
    }
    assert_eq!(
        answers,
        [
            (bell, None),
            (join, Some(r#"{"ok":true,"roomSize":0}"#.to_owned()))
        ]
    );
}

#[tokio::test]
async fn an_event_that_asks_for_an_answer_can_be_answered() {
    let address = serve_session(|mut socket| async move {
        say(&mut socket, r#"4212["question"]"#).await;
        assert_eq!(hear(&mut socket).await, r#"4312[{"ok":true}]"#);
        say(&mut socket, r#"42["thanks"]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let question = next_event(&mut connection).await;
    connection
        .respond(question.ack_id().unwrap(), &json!({"ok": true}))
        .unwrap();
    assert_eq!(next_event(&mut connection).await.name(), "thanks");
}

#[tokio::test]
async fn a_ping_is_answered_without_the_caller_and_shown() {
    let address = serve_session(|mut socket| async move {
        say(&mut socket, "2").await;
        assert_eq!(hear(&mut socket).await, "3");
        socket.send(Message::Ping("x".into())).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Pong(data))) if &data[..] == b"x"));
        say(&mut socket, r#"42["both answered"]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let before = Instant::now();
    let Incoming::Ping { at } = connection.next().await.unwrap() else {
        panic!("no ping")
    };
    assert!(at >= before);
    assert_eq!(next_event(&mut connection).await.name(), "both answered");
    assert_eq!(connection.counters().pings, 1);
}

#[tokio::test]
async fn a_sign_of_life_that_is_asked_for_comes() {
    let address = serve_session(stay).await;
    let mut connection = connected(address).await;
    let before = Instant::now();
    assert!(connection.ask_for_life().unwrap());
    let Incoming::Pong { at } = connection.next().await.unwrap() else {
        panic!("no pong")
    };
    assert!(at >= before);
}

#[tokio::test]
async fn an_undecodable_frame_is_shown_and_counted_and_ends_nothing() {
    let address = serve_session(|mut socket| async move {
        for frame in ["", "x", "42{}", r#"42["open"#, "0{}", "5"] {
            say(&mut socket, frame).await;
        }
        socket.send(Message::binary(&b"stray"[..])).await.unwrap();
        say(&mut socket, r#"42["still here"]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let mut seen = Vec::new();
    let last = loop {
        match connection.next().await.unwrap() {
            Incoming::Undecodable { raw, error } => seen.push((raw, error)),
            Incoming::Event(event) => break event,
            other => panic!("not expected: {other:?}"),
        }
    };
    assert_eq!(last.name(), "still here");
    assert_eq!(connection.counters().undecodable, 7);
    assert_eq!(
        seen[1],
        (
            RawMessage::Text("x".into()),
            DecodeError::UnknownEnginePacket('x')
        )
    );
    assert_eq!(seen[2].1, DecodeError::NotAnArray);
    assert_eq!(
        seen[6],
        (
            RawMessage::Binary(b"stray"[..].into()),
            DecodeError::UnannouncedAttachment
        )
    );
}

#[tokio::test]
async fn a_binary_event_is_put_together_and_an_interrupted_one_is_shown() {
    let header = r#"451-["picture",{"_placeholder":true,"num":0}]"#;
    let address = serve_session(move |mut socket| async move {
        say(&mut socket, header).await;
        socket.send(Message::binary(&b"\x1e\x00"[..])).await.unwrap();
        say(&mut socket, header).await;
        say(&mut socket, r#"42["in between"]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let Incoming::Binary(message) = connection.next().await.unwrap() else {
        panic!("no binary event")
    };
    assert_eq!(message.attachments(), [&b"\x1e\x00"[..]]);
    let Incoming::Undecodable { raw, error } = connection.next().await.unwrap() else {
        panic!("not shown")
    };
    assert_eq!(
        (raw, error),
        (
            RawMessage::Text(header.into()),
            DecodeError::AttachmentsInterrupted
        )
    );
    assert_eq!(next_event(&mut connection).await.name(), "in between");
}

#[tokio::test]
async fn a_burst_is_drained_without_waiting_and_in_order() {
    let address = serve_session(|mut socket| async move {
        for number in 0..5_000 {
            socket
                .feed(Message::text(format!("42[\"n\",{number}]")))
                .await
                .unwrap();
        }
        socket.flush().await.unwrap();
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let (mut expect, mut waits) = (0, 0);
    while expect < 5_000 {
        waits += 1;
        let mut incoming = connection.next().await.unwrap();
        loop {
            let Incoming::Event(event) = incoming else {
                panic!("not an event: {incoming:?}")
            };
            assert_eq!(event.first_argument().unwrap().parse(), Ok(expect));
            expect += 1;
            match connection.next_ready() {
                Some(ready) => incoming = ready.unwrap(),
                None => break,
            }
        }
    }
    assert!(waits < 1_000, "{waits} waits for 5,000 events");
}

#[tokio::test]
async fn reading_can_be_dropped_at_any_time_without_losing_an_event() {
    let address = serve_session(|mut socket| async move {
        for number in 0..200 {
            say(&mut socket, &format!("42[\"n\",{number}]")).await;
            hear(&mut socket).await;
        }
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let mut expect = 0;
    while expect < 200 {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            incoming = connection.next() => {
                let Incoming::Event(event) = incoming.unwrap() else { panic!("not an event") };
                assert_eq!(event.first_argument().unwrap().parse(), Ok(expect));
                expect += 1;
                connection.emit_raw("more", "").unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_big_event_passes_and_one_above_the_limit_ends_the_connection() {
    let script = |mut socket: support::ServerSocket| async move {
        let big = "x".repeat(3 << 20);
        say(&mut socket, &format!("42[\"big\",\"{big}\"]")).await;
        stay(socket).await;
    };
    let mut connection = connected(serve_session(script).await).await;
    assert_eq!(
        next_event(&mut connection).await.first_argument().unwrap().len(),
        (3 << 20) + 2
    );

    let address = serve_session(script).await;
    let limits = Limits {
        max_packet_bytes: 1 << 20,
        ..Limits::default()
    };
    let mut connection = connect(&endpoint(address), &ConnectOptions { limits, ..options() })
        .await
        .unwrap();
    let error = connection.next().await.unwrap_err();
    assert!(
        matches!(error, ConnectionError::TooLarge { limit: 1_048_576, .. }),
        "{error:?}"
    );
    assert_eq!(connection.next().await.unwrap_err(), error);
}

#[tokio::test]
async fn a_message_above_what_the_server_accepts_is_not_sent() {
    let address = serve(|mut socket| async move {
        greet(&mut socket, r#"0{"sid":"e","maxPayload":50}"#).await;
        assert_eq!(hear(&mut socket).await, r#"42["small"]"#);
        say(&mut socket, r#"42["ok"]"#).await;
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    let error = connection.emit("big", &"x".repeat(50)).unwrap_err();
    assert!(
        matches!(error, SendError::TooLarge { limit: 50, .. }),
        "{error:?}"
    );
    assert!(matches!(
        connection.emit_raw("broken", "1],[2"),
        Err(SendError::Arguments(_))
    ));
    connection.emit_raw("small", "").unwrap();
    assert_eq!(next_event(&mut connection).await.name(), "ok");
}

#[tokio::test]
async fn silence_beyond_the_heartbeat_is_reported() {
    let address = serve(|mut socket| async move {
        greet(
            &mut socket,
            r#"0{"sid":"e","pingInterval":150,"pingTimeout":100}"#,
        )
        .await;
        // Anything that comes is a sign of life.
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            say(&mut socket, r#"42["alive"]"#).await;
        }
        stay(socket).await;
    })
    .await;
    let mut connection = connected(address).await;
    for _ in 0..4 {
        assert_eq!(next_event(&mut connection).await.name(), "alive");
    }
    let began = Instant::now();
    let mut polls = 0;
    let mut waiting = pin!(connection.next());
    let ended = poll_fn(|context| {
        polls += 1;
        waiting.as_mut().poll(context)
    });
    let error = ended.await.unwrap_err();
    assert!(
        polls < 20,
        "waiting must not look again and again ({polls} times)"
    );
    assert!(
        matches!(error, ConnectionError::HeartbeatMissed { silence } if silence >= Duration::from_millis(250))
    );
    let waited = began.elapsed();
    assert!(
        waited >= Duration::from_millis(240) && waited < Duration::from_secs(2),
        "{waited:?}"
    );
}

#[tokio::test]
async fn a_server_that_takes_nothing_fills_the_buffer_and_is_reported() {
    let address = serve(|mut socket| async move {
        greet(&mut socket, OPEN).await;
        // Neither reads nor closes.
        std::future::pending::<()>().await;
    })
    .await;
    let choices = ConnectOptions {
        max_unsent_bytes: 256 * 1024,
        write_stall_limit: Duration::from_millis(200),
        ..options()
    };
    let mut connection = connect(&endpoint(address), &choices).await.unwrap();
    let payload = "x".repeat(100_000);
    let refused = loop {
        if let Err(error) = connection.emit("fill", &payload) {
            break error;
        }
    };
    assert!(matches!(refused, SendError::BufferFull), "{refused:?}");
    assert!(connection.unsent());
    let error = connection.next().await.unwrap_err();
    assert_eq!(
        error,
        ConnectionError::WriteStalled {
            limit: Duration::from_millis(200)
        }
    );
    assert!(matches!(connection.emit_raw("a", ""), Err(SendError::Ended(_))));
}

#[tokio::test]
async fn what_the_network_did_not_take_at_once_is_sent_while_reading() {
    let address = serve_session(|mut socket| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for number in 0..40 {
            assert!(
                hear(&mut socket)
                    .await
                    .starts_with(&format!("42[\"n\",\"{number:02}"))
            );
        }
        say(&mut socket, r#"42["all came"]"#).await;
        stay(socket).await;
    })
    .await;
    let choices = ConnectOptions {
        max_unsent_bytes: 64 << 20,
        ..options()
    };
    let mut connection = connect(&endpoint(address), &choices).await.unwrap();
    for number in 0..40 {
        connection
            .emit("n", &format!("{number:02}{}", "x".repeat(500_000)))
            .unwrap();
    }
    assert!(
        connection.unsent(),
        "the test needs more than the sockets' buffers hold"
    );
    assert_eq!(next_event(&mut connection).await.name(), "all came");
    assert!(!connection.unsent());
}

#[tokio::test]
async fn the_ways_to_end_are_told_apart() {
    let frame = CloseFrame {
        code: CloseCode::Away,
        reason: "bye".into(),
    };
    let address =
        serve_session(move |mut socket| async move { socket.close(Some(frame)).await.unwrap() }).await;
    let error = connected(address).await.next().await.unwrap_err();
    assert_eq!(
        error,
        ConnectionError::Closed {
            code: Some(1001),
            reason: "bye".to_owned()
        }
    );

    let address = serve_session(|socket| async move { drop(socket) }).await;
    let error = connected(address).await.next().await.unwrap_err();
    assert!(matches!(error, ConnectionError::Lost { .. }), "{error:?}");

    let address = serve_session(|mut socket| async move {
        say(&mut socket, "1").await;
        stay(socket).await;
    })
    .await;
    assert_eq!(
        connected(address).await.next().await.unwrap_err(),
        ConnectionError::EngineClosed
    );

    let address = serve_session(|mut socket| async move {
        say(&mut socket, "41/admin,").await;
        say(&mut socket, r#"41{"message":"auction deleted"}"#).await;
        socket.close(None).await.unwrap();
    })
    .await;
    let mut connection = connected(address).await;
    let Incoming::Disconnect { payload } = connection.next().await.unwrap() else {
        panic!("no disconnect")
    };
    assert_eq!(payload.as_deref(), Some(r#"{"message":"auction deleted"}"#));
    assert!(matches!(
        connection.next().await,
        Err(ConnectionError::Closed { .. })
    ));
}

#[tokio::test]
async fn closing_says_goodbye_and_is_bounded() {
    let address = serve_session(|mut socket| async move {
        assert_eq!(hear(&mut socket).await, "41");
        stay(socket).await;
    })
    .await;
    assert_eq!(
        connected(address).await.close(Duration::from_secs(5)).await,
        CloseOutcome::Answered
    );

    let address = serve_session(|socket| async move {
        let _held = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let connection = connected(address).await;
    let began = Instant::now();
    assert_eq!(
        connection.close(Duration::from_millis(100)).await,
        CloseOutcome::NotAnswered
    );
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn dropping_the_connection_closes_the_socket() {
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    let address = serve_session(|mut socket| async move {
        while let Some(Ok(_)) = socket.next().await {}
        gone.send(()).unwrap();
    })
    .await;
    drop(connected(address).await);
    tokio::time::timeout(Duration::from_secs(5), is_gone)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn dropping_the_attempt_closes_the_socket() {
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    let address = serve_tcp(|mut stream| async move {
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        gone.send(received).unwrap();
    })
    .await;
    let (endpoint, options) = (endpoint(address), options());
    let attempt = tokio::time::timeout(Duration::from_millis(100), connect(&endpoint, &options)).await;
    assert!(attempt.is_err());
    let received = tokio::time::timeout(Duration::from_secs(5), is_gone)
        .await
        .unwrap()
        .unwrap();
    assert!(received.starts_with(b"GET /api/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"));
}

#[tokio::test]
async fn the_tap_sees_every_frame_but_no_credentials() {
    let address = serve(|mut socket| async move {
        say(&mut socket, OPEN).await;
        assert_eq!(hear(&mut socket).await, r#"40{"token":"hush"}"#);
        say(&mut socket, GRANT).await;
        say(&mut socket, "2").await;
        stay(socket).await;
    })
    .await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let tap = FrameTap::new(move |frame| {
        let RawContent::Text(text) = frame.content else {
            panic!("a binary frame")
        };
        record.lock().unwrap().push((frame.direction, text.to_owned()));
    });
    let choices = ConnectOptions {
        tap: Some(tap),
        ..options()
    }
    .with_auth(&json!({"token": "hush"}))
    .unwrap();
    let mut connection = connect(&endpoint(address), &choices).await.unwrap();
    connection.next().await.unwrap();
    let expect = [
        (Direction::In, OPEN),
        (Direction::Out, "40\"[redacted]\""),
        (Direction::In, GRANT),
        (Direction::In, "2"),
        (Direction::Out, "3"),
    ];
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen.iter()
            .map(|(way, text)| (*way, text.as_str()))
            .collect::<Vec<_>>(),
        expect
    );
}

#[tokio::test]
async fn a_session_can_be_moved_into_a_task() {
    let address = serve_session(|mut socket| async move {
        say(&mut socket, r#"42["tick"]"#).await;
        stay(socket).await;
    })
    .await;
    let task = tokio::spawn(async move { next_event(&mut connected(address).await).await.name().to_owned() });
    assert_eq!(task.await.unwrap(), "tick");
}
