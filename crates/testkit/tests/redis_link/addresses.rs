//! Every form of Redis' address, against a Redis that wants exactly that.

use std::path::Path;

use gavelscope_backend::{Redis, StartError};
use gavelscope_testkit::services::redis::Redis as Server;

use crate::hall::{Hall, reason};

/// Events cross, both ways.
async fn events_cross(redis: Redis) {
    let mut hall = Hall::open(3).await;
    let (a, b) = hall.pods(&redis).await;
    for pod in [&a, &b] {
        let health = hall.health(&pod.url()).await;
        assert_eq!(health.status, "healthy", "{}", reason(&health));
        assert!(health.socketio.unwrap().multi_pod_ready);
    }
    let mut on_a = hall.socket(&a.url(), 0).await;
    let mut on_b = hall.socket(&b.url(), 1).await;
    // One after the other: what two pods say at the same time may arrive in either order.
    for pod in [&a, &b] {
        let bid = hall.bid(&pod.url()).await;
        assert_eq!(on_a.bids_up_to(bid).await, [bid]);
        assert_eq!(on_b.bids_up_to(bid).await, [bid]);
    }
}

async fn server(arguments: &[&str]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), arguments).await.unwrap();
    (folder, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_password_and_with_every_database() {
    let (_folder, server) = server(&[]).await;
    for path in ["", "/0", "/3", "?protocol=resp3"] {
        events_cross(Redis::at(format!("redis://127.0.0.1:{}{path}", server.port()))).await;
    }
    let (health, _) = {
        let hall = Hall::open(2).await;
        let beyond = format!("redis://127.0.0.1:{}/99", server.port());
        let pod = hall.pod("a", Redis::at(beyond)).await;
        hall.wait_for_health(&pod.url(), "degraded").await
    };
    assert!(
        reason(&health).contains("DB index is out of range"),
        "{}",
        reason(&health)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_password() {
    let (_folder, server) = server(&["--requirepass", "hunter/2"]).await;
    let redis = Redis::at(format!("redis://:hunter%2F2@127.0.0.1:{}", server.port()));
    assert!(!format!("{redis:?}").contains("hunter"));
    events_cross(redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_user_who_may_do_nothing_but_this() {
    let rights = [
        "--user",
        "default",
        "off",
        "--user",
        "ada",
        "on",
        ">hunter2",
        "&socket.io-*",
        "+publish",
        "+subscribe",
        "+unsubscribe",
        "+ping",
        "+select",
    ];
    let (_folder, server) = server(&rights).await;
    for path in ["", "/3"] {
        events_cross(Redis::at(format!(
            "redis://ada:hunter2@127.0.0.1:{}{path}",
            server.port()
        )))
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_and_its_own_authority() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port, ca) = Server::start_with_tls(folder.path(), &[]).await.unwrap();
    for host in ["localhost", "127.0.0.1"] {
        events_cross(Redis {
            ca_file: Some(ca.clone()),
            ..Redis::at(format!("rediss://{host}:{port}"))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_and_a_password_and_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port, ca) = Server::start_with_tls(folder.path(), &["--requirepass", "hunter2"])
        .await
        .unwrap();
    events_cross(Redis {
        ca_file: Some(ca),
        ..Redis::at(format!("rediss://:hunter2@localhost:{port}/0"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_vouches_for_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (server, port, _) = Server::start_with_tls(folder.path(), &[]).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let (_other, _, stranger) = Server::start_with_tls(other.path(), &[]).await.unwrap();
    let hall = Hall::open(2).await;
    // The system's authorities, then another one of our own.
    for ca_file in [None, Some(stranger)] {
        let redis = Redis {
            ca_file,
            ..Redis::at(format!("rediss://localhost:{port}"))
        };
        let pod = hall.pod("a", redis).await;
        let (health, _) = hall.wait_for_health(&pod.url(), "degraded").await;
        assert!(
            reason(&health).contains("from no authority that is trusted here"),
            "{}",
            reason(&health)
        );
    }
    // TLS where there is none (Redis waits for the end of a line), and none where there is TLS (it hangs up).
    for (name, url) in [
        ("b", format!("rediss://localhost:{}", server.port())),
        ("c", format!("redis://localhost:{port}")),
    ] {
        let pod = hall.pod(name, Redis::at(url)).await;
        let (health, _) = hall.wait_for_health(&pod.url(), "degraded").await;
        let why = reason(&health);
        let words = ["does not answer", "the connection to Redis was lost", "not Redis"];
        assert!(words.iter().any(|words| why.contains(words)), "{name}: {why}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let no_pem = folder.path().join("no.pem");
    std::fs::write(&no_pem, "not a certificate").unwrap();
    let with_file = |url: &str, file: &Path| Redis {
        ca_file: Some(file.to_owned()),
        ..Redis::at(url)
    };
    for (redis, words) in [
        (Redis::at("127.0.0.1:6379"), "has no scheme"),
        (Redis::at("amqp://:hunter2@127.0.0.1"), "has the scheme amqp://"),
        (Redis::at("redis://:hunter2#@127.0.0.1"), "cannot be read"),
        (
            with_file("rediss://localhost", &folder.path().join("missing.pem")),
            "missing.pem, cannot be read",
        ),
        (
            with_file("rediss://localhost", &no_pem),
            "no.pem, holds no certificate that can be used",
        ),
        (with_file("redis://localhost", &no_pem), "which is not encrypted"),
        (
            Redis {
                channel: "a b".to_owned(),
                ..Redis::at("redis://localhost")
            },
            "the prefix of Redis' channels",
        ),
    ] {
        let settings = gavelscope_backend::Settings {
            redis,
            ..gavelscope_backend::Settings::practice()
        };
        let error = gavelscope_backend::start(settings).await.unwrap_err();
        assert!(matches!(error, StartError::Redis(_)), "{error}");
        let sentence = error.to_string();
        assert!(sentence.contains(words), "{sentence}");
        assert!(!sentence.contains("hunter"), "{sentence}");
    }
}
