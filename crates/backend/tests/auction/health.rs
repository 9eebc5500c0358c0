//! Health that is so, pods that say who they are, and a demonstration that can be begun.

use gavelscope_backend::{DemoSpec, Settings, StartError, seed_demo, start};
use gavelscope_contract::PodId;
use gavelscope_contract::auction::AuctionStatus;
use reqwest::Method;
use serde_json::json;

use crate::common::{Hall, settings, spec};

#[tokio::test]
async fn health_says_what_is_so() {
    let hall = Hall::open(settings(), spec(2)).await;
    for path in ["/health", "/api/health"] {
        let health = hall.call(Method::GET, path, None, None).await.ok();
        assert_eq!(
            (&health["status"], &health["database"]),
            (&json!("healthy"), &json!("connected"))
        );
        assert_eq!(health["pod"], json!(hall.running.pod()));
        assert!(health["bootId"].is_string());
        let adapter = &health["socketio"]["adapter"];
        assert_eq!(
            (&adapter["kind"], &adapter["state"], &adapter["pods"]),
            (&json!("in-memory"), &json!("connected"), &json!(1))
        );
        assert_eq!(health["socketio"]["multi_pod_ready"], false);
    }
}

#[tokio::test]
async fn without_its_database_a_pod_says_503() {
    let hall = Hall::open(settings(), spec(2)).await;
    hall.running.store().close().await;
    let answer = hall.call(Method::GET, "/health", None, None).await;
    assert_eq!(
        (answer.status, &answer.body["database"]),
        (503, &json!("disconnected"))
    );
    assert_eq!(hall.bid(0, 1_000_000).await.verdict(), (503, "server_failed"));
    // Not ready, and not dead: to start the process again would not bring its database back.
    let ready = hall.call(Method::GET, "/health/ready", None, None).await;
    let live = hall.call(Method::GET, "/health/live", None, None).await;
    assert_eq!((ready.status, live.status), (503, 200));
}

#[tokio::test]
async fn every_answer_names_its_pod() {
    let named = Settings {
        pod: PodId::from("pod-under-test"),
        ..settings()
    };
    let hall = Hall::open(named, spec(2)).await;
    for path in [
        "/health",
        "/nowhere",
        "/api/auction/none",
        "/api/socket.io/?EIO=4&transport=polling",
        "/api/socket.io/?EIO=4&transport=polling&sid=deadbeef",
    ] {
        let answer = hall.call(Method::GET, path, None, None).await;
        assert_eq!(answer.pod.as_deref(), Some("pod-under-test"), "{path}");
    }
}

#[tokio::test]
async fn engine_io_refusals_are_in_the_words_of_the_field() {
    let hall = Hall::open(settings(), spec(2)).await;
    let unsupported = "The client is using an unsupported version of the Socket.IO or Engine.IO protocols";
    for (query, sentence) in [
        ("EIO=3&transport=polling", unsupported),
        ("transport=polling", unsupported),
        ("EIO=4&transport=foo", "Invalid transport"),
        ("EIO=4&transport=polling&sid=deadbeef", "Invalid session deadbeef"),
        ("EIO=4&transport=websocket", "Invalid websocket upgrade"),
    ] {
        let path = format!("/api/socket.io/?{query}");
        let answer = hall.call(Method::GET, &path, None, None).await;
        assert_eq!((answer.status, answer.body), (400, json!(sentence)), "{query}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_and_a_database_that_cannot_be_are_told_apart() {
    let running = start(settings()).await.unwrap();
    let taken = Settings {
        listen: running.address(),
        ..settings()
    };
    let error = start(taken).await.unwrap_err();
    assert!(matches!(error, StartError::AddressInUse(_)), "{error}");
    let nowhere = Settings {
        database: gavelscope_backend::Database::File("/nowhere/at/all.db".into()),
        ..settings()
    };
    let error = start(nowhere).await.unwrap_err();
    assert!(matches!(error, StartError::Database { .. }), "{error}");
    assert!(error.to_string().contains("/nowhere/at/all.db"));
    running.stop().await;
}

#[tokio::test]
async fn a_practice_auction_can_be_begun_and_bid_in() {
    let hall = Hall::open(settings(), DemoSpec::practice("Hanna", 9)).await;
    assert_eq!(hall.people.len(), 10);
    assert_eq!(hall.people[0].user.name, "Hanna");
    let names: std::collections::HashSet<_> = hall.people.iter().map(|p| p.user.name.clone()).collect();
    assert_eq!(names.len(), 10, "everybody can be told apart");
    let snapshot = hall.snapshot().await;
    assert_eq!(snapshot.auction.status, AuctionStatus::Waiting);
    assert_eq!(
        (snapshot.auction.club_queue.len(), snapshot.auction.bid_timer),
        (12, Some(12))
    );
    hall.command(0, "begin").await.ok();
    hall.bid(9, 2_000_000).await.ok();
    let nobody = DemoSpec {
        people: Vec::new(),
        ..DemoSpec::practice("x", 0)
    };
    assert!(seed_demo(&hall.running, &nobody).await.is_err());
}
