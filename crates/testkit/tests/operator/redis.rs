//! Every way in which a Redis can be there or not.

use std::path::{Path, PathBuf};

use gavelscope_client::state::Millis;
use gavelscope_diagnosis::evidence::{RedisEvidence, RedisTroubleKind};
use gavelscope_diagnosis::operator::{RedisTarget, look_at_redis};
use gavelscope_diagnosis::{Evidence, Finding, Outcome, diagnose};
use gavelscope_testkit::services::redis::Redis;
use tokio::net::TcpListener;

pub async fn look(url: &str, ca_file: Option<&Path>) -> RedisEvidence {
    let target = RedisTarget::new(url.parse().unwrap(), ca_file).unwrap();
    let seen = look_at_redis(&target, &[], Millis(1)).await;
    println!("{}", serde_json::to_string(&seen).unwrap());
    seen
}

/// What that comes to, and that no password is anywhere.
fn judged(seen: RedisEvidence) -> Finding {
    let evidence = Evidence::of_server("http://127.0.0.1:1".to_owned(), Millis(1)).with_redis(seen);
    let report = diagnose(&evidence, Millis(1));
    for text in [
        format!("{evidence:?}"),
        serde_json::to_string(&evidence).unwrap(),
        serde_json::to_string(&report).unwrap(),
    ] {
        assert!(!text.contains("hunter") && !text.contains("wrong-one"), "{text}");
    }
    let mut findings = report.findings.into_iter();
    findings.find(|finding| finding.code == "GS-REDIS").unwrap()
}

fn works(seen: RedisEvidence) {
    assert_eq!(seen.trouble, None);
    assert!(seen.signed_in && seen.refused.is_empty(), "{seen:?}");
    assert_eq!(seen.echoed, Some(true));
    assert_eq!(seen.role.as_deref(), Some("master"));
    assert!(seen.round_trip_us.is_some() && seen.version.is_some());
    assert_eq!(seen.tls_ms.is_some(), seen.encrypted);
    // Nobody but ourselves is there, and we are not counted.
    let channels = seen.channels.as_ref().unwrap();
    assert!(
        channels.iter().all(|channel| channel.subscribers == 0),
        "{channels:?}"
    );
    assert_eq!(judged(seen).outcome, Outcome::Pass);
}

fn fails(seen: RedisEvidence, kind: RedisTroubleKind, words: &str) {
    let trouble = seen.trouble.clone().unwrap();
    assert_eq!(trouble.kind, kind, "{trouble:?}");
    assert!(trouble.detail.contains(words), "{trouble:?}");
    let finding = judged(seen);
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.fix.is_some());
}

async fn server(arguments: &[&str]) -> (tempfile::TempDir, Redis) {
    let folder = tempfile::tempdir().unwrap();
    let server = Redis::start_with(folder.path(), arguments).await.unwrap();
    (folder, server)
}

async fn with_tls(arguments: &[&str]) -> (tempfile::TempDir, Redis, u16, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (server, port, ca) = Redis::start_with_tls(folder.path(), arguments).await.unwrap();
    (folder, server, port, ca)
}

#[tokio::test]
async fn one_without_a_password_works() {
    let (_folder, server) = server(&[]).await;
    works(look(&server.url(), None).await);
    works(look(&format!("{}/3", server.url()), None).await);
}

#[tokio::test]
async fn a_password_is_right_or_wrong_or_missing() {
    let (_folder, server) = server(&["--requirepass", "hunter/2"]).await;
    let with = |sign_in: &str| format!("redis://{sign_in}127.0.0.1:{}", server.port());
    works(look(&with(":hunter%2F2@"), None).await);
    let wrong = look(&with(":wrong-one@"), None).await;
    assert!(!wrong.signed_in && wrong.tcp_ms.is_some());
    fails(wrong, RedisTroubleKind::SignIn, "WRONGPASS");
    fails(look(&with(""), None).await, RedisTroubleKind::SignIn, "NOAUTH");
}

#[tokio::test]
async fn a_password_that_nobody_asked_for_is_not_told() {
    let (_folder, server) = server(&[]).await;
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port());
    fails(look(&url, None).await, RedisTroubleKind::SignIn, "AUTH");
}

#[tokio::test]
async fn a_user_who_may_do_little_is_told_what_not() {
    let rights = ["--user", "default", "off", "--user", "ada", "on", ">hunter2"];
    let pods = [&rights[..], &["&socket.io-*", "+publish", "+subscribe", "+ping"]].concat();
    let (_folder, server) = self::server(&pods).await;
    let seen = look(&format!("redis://ada:hunter2@127.0.0.1:{}", server.port()), None).await;
    assert_eq!((seen.trouble.clone(), seen.echoed), (None, Some(true)));
    assert_eq!(seen.refused, ["INFO", "PUBSUB"]);
    assert_eq!(seen.channels, None);
    assert_eq!(judged(seen).outcome, Outcome::Pass);
    // And one who may do nothing at all.
    let (_folder, server) = self::server(&rights).await;
    let seen = look(&format!("redis://ada:hunter2@127.0.0.1:{}", server.port()), None).await;
    assert!(seen.signed_in);
    assert_eq!(seen.trouble, None);
    assert_eq!(seen.refused, ["PING", "INFO", "SUBSCRIBE", "PUBSUB"]);
    assert_eq!(judged(seen).outcome, Outcome::Inconclusive);
}

#[tokio::test]
async fn tls_is_verified_or_nothing() {
    let (_folder, server, port, ca) = with_tls(&["--requirepass", "hunter2"]).await;
    for host in ["localhost", "127.0.0.1"] {
        works(look(&format!("rediss://:hunter2@{host}:{port}"), Some(&ca)).await);
    }
    // The system's authorities do not vouch for it, nor does a stranger.
    let (_other, _stranger, _, stranger) = with_tls(&[]).await;
    for ca in [None, Some(stranger.as_path())] {
        let seen = look(&format!("rediss://:hunter2@localhost:{port}"), ca).await;
        assert!(!seen.signed_in && seen.tls_ms.is_none());
        fails(
            seen,
            RedisTroubleKind::Tls,
            "from no authority that is trusted here",
        );
    }
    // Without TLS where there is some, it hangs up.
    let seen = look(&format!("redis://:hunter2@localhost:{port}"), None).await;
    let kind = seen.trouble.as_ref().unwrap().kind;
    assert!(
        matches!(kind, RedisTroubleKind::Lost | RedisTroubleKind::Refused),
        "{seen:?}"
    );
    drop(server);
}

#[tokio::test]
async fn a_dead_one_and_one_that_stands_still_are_told_apart() {
    let (_folder, mut server) = server(&[]).await;
    server.stop_process().unwrap();
    fails(
        look(&server.url(), None).await,
        RedisTroubleKind::Silent,
        "did not answer",
    );
    server.kill().unwrap();
    fails(
        look(&server.url(), None).await,
        RedisTroubleKind::Unreachable,
        "connection refused",
    );
    let nowhere = look("redis://there-is-no-such-host.invalid:6379", None).await;
    assert_eq!((nowhere.resolve_ms, nowhere.tcp_ms), (None, None));
    assert_eq!(nowhere.trouble.unwrap().kind, RedisTroubleKind::Unreachable);
}

#[tokio::test]
async fn what_is_not_redis_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let answering = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream
    });
    fails(look(&url, None).await, RedisTroubleKind::Refused, "not Redis");
    drop(answering);
}

#[tokio::test]
async fn a_replica_is_told() {
    let (_folder, master) = server(&[]).await;
    let port = master.port().to_string();
    let (_other, replica) = server(&["--replicaof", "127.0.0.1", &port]).await;
    let seen = look(&replica.url(), None).await;
    assert_eq!(seen.role.as_deref(), Some("slave"));
    assert_eq!(judged(seen).outcome, Outcome::Warn);
}
