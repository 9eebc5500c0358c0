//! PostgreSQL goes away and comes back, under pods that stay.

use std::time::{Duration, Instant};

use gavelscope_backend::{Database, Settings, StartError, start};
use gavelscope_contract::Secret;
use gavelscope_testkit::services::postgres::Postgres;
use reqwest::Method;
use serde_json::json;

use crate::common::{Hall, PATIENCE, settings, spec};

fn on(url: &str) -> Settings {
    Settings {
        database: Database::Postgres(Secret::new(url)),
        ..settings()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_says_that_it_is_gone_and_goes_on_by_itself_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Postgres::start(folder.path()).await.unwrap();
    let hall = Hall::begun(on(&server.url()), spec(2)).await;
    let mut room = hall.in_the_room(1).await;
    hall.bid_with_key(0, 2_000_000, Some("k")).await.ok();
    let before = hall.snapshot().await;
    server.kill().await.unwrap();

    let health = hall.call(Method::GET, "/health", None, None).await;
    assert_eq!(
        (health.status, &health.body["status"], &health.body["database"]),
        (503, &json!("unhealthy"), &json!("disconnected"))
    );
    let answer = hall.bid(1, 3_000_000).await;
    assert_eq!(answer.verdict(), (503, "server_failed"));
    assert_eq!(answer.body["detail"], "The server could not reach its database.");

    server.restart().await.unwrap();
    let since = Instant::now();
    while hall.call(Method::GET, "/health", None, None).await.status != 200 {
        assert!(
            since.elapsed() < 3 * PATIENCE,
            "it never found its database again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = hall.snapshot().await;
    assert_eq!(
        after.auction.current_bid, before.auction.current_bid,
        "nothing was lost"
    );
    let again = hall.bid_with_key(0, 2_000_000, Some("k")).await.ok();
    assert_eq!(again["bid"]["seq"], 1);
    hall.bid(1, 3_000_000).await.ok();
    // The clock ticks on, told after the bid that came when all was over.
    room.event("bid_update").await;
    let update = room.event("bid_update").await;
    assert_eq!(update["amount"], 3_000_000);
    let tick = room.event("tick").await;
    assert_eq!(
        tick["stream"]["epoch"],
        json!(before.stream.unwrap().epoch),
        "the pod had the clock before: it did not move"
    );
    hall.running.stop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_is_one_sentence_without_its_password() {
    for (url, words) in [
        (
            "postgres://ada:hunter2@127.0.0.1:1/gavel",
            "postgres://ada@127.0.0.1:1/gavel: nothing could be reached",
        ),
        (
            "mysql://ada:hunter2@127.0.0.1/gavel",
            "has to begin with sqlite: or postgres://",
        ),
        ("postgres://ada:hun/ter2@127.0.0.1/gavel", "cannot be read"),
        (
            "postgres://ada@127.0.0.1:1/gavel?passwort=hunter2",
            "something after the ? that is not known; known are application_name, dbname",
        ),
    ] {
        let error = start(on(url)).await.unwrap_err();
        assert!(matches!(error, StartError::Database { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains(words), "{said}");
        assert!(
            !format!("{said} {error:?} {:?}", on(url)).contains("ter2"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn over_tls_only_a_server_that_proves_itself_is_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let (server, authority) = Postgres::start_with_tls(folder.path()).await.unwrap();
    let strict = format!("{}?sslmode=verify-full", server.url());
    let said = start(on(&strict)).await.unwrap_err().to_string();
    assert!(said.contains("TLS failed"), "{said}");

    let url = format!("{strict}&sslrootcert={}", authority.display());
    let hall = Hall::begun(on(&url), spec(2)).await;
    hall.bid_with_key(0, 2_000_000, None).await.ok();
    hall.running.stop().await;
}

#[tokio::test]
async fn text_that_cannot_be_kept_is_refused_and_does_not_count_as_an_outage() {
    let hall = Hall::open(settings(), spec(2)).await;
    let path = "/api/auction/a%00b";
    assert_eq!(hall.get(0, path).await.verdict(), (422, "invalid_body"));
}
