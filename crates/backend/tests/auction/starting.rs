//! `gaveld` as a process: what it says when it starts, and how it ends when it cannot.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use gavelscope_testkit::pods::free_port;
use gavelscope_testkit::services::redis::Redis;
use serde_json::Value;

use crate::common::PATIENCE;

fn gaveld(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gaveld"));
    command
        .env("GAVELD_LISTEN", "127.0.0.1:0")
        .env("DATABASE_URL", folder.join("auction.db"))
        .env_remove("REDIS_URL")
        .env_remove("REDIS_CA_FILE")
        .env_remove("RUST_LOG");
    command
}

/// One that does not start: its exit code and everything it said.
async fn refused(mut command: Command) -> (Option<i32>, String) {
    let run = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output());
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::time::timeout(PATIENCE, run)
        .await
        .expect("it ends by itself")
        .unwrap()
        .unwrap();
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn an_address_of_redis_that_cannot_be_used_ends_the_start_without_showing_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for (url, sentence) in [
        (
            ":hunter2@cache:6379",
            "gaveld: the address of Redis, “[redacted]@cache:6379”, has no scheme",
        ),
        (
            "http://:hunter2@cache",
            "gaveld: the address of Redis, “http://[redacted]@cache”, has the scheme http://",
        ),
        (
            "redis://:hunter2@cache:port",
            "gaveld: the address of Redis, “redis://[redacted]",
        ),
    ] {
        let mut by_argument = gaveld(folder.path());
        by_argument.args(["--redis-url", url]);
        let mut by_environment = gaveld(folder.path());
        by_environment.env("REDIS_URL", url);
        for command in [by_argument, by_environment] {
            let (code, said) = refused(command).await;
            assert_eq!(code, Some(2), "{said}");
            assert!(said.contains(sentence), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    assert!(
        !folder.path().join("auction.db").exists(),
        "nothing was made for an instance that cannot run"
    );
}

#[tokio::test]
async fn the_help_shows_no_address_of_redis() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = gaveld(folder.path());
    command.env("REDIS_URL", "redis://:hunter2@cache").arg("--help");
    let (code, said) = refused(command).await;
    assert_eq!(code, Some(0));
    assert!(said.contains("REDIS_URL") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_pod_that_must_have_redis_does_not_start_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut nobody = gaveld(folder.path());
    let port = free_port().unwrap();
    nobody
        .env("REDIS_URL", format!("redis://:hunter2@127.0.0.1:{port}"))
        .arg("--require-redis");
    let (code, said) = refused(nobody).await;
    assert_eq!(code, Some(5), "{said}");
    let sentence = format!(
        "gaveld: Redis cannot be reached: nothing listens there (connection refused) (at \
         redis://:[redacted]@127.0.0.1:{port}/0)"
    );
    assert!(said.contains(&sentence), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let redis = Redis::start_with(folder.path(), &["--requirepass", "swordfish"])
        .await
        .unwrap();
    let mut locked_out = gaveld(folder.path());
    locked_out
        .env(
            "REDIS_URL",
            format!("redis://:hunter2@127.0.0.1:{}", redis.port()),
        )
        .env("GAVELD_REQUIRE_REDIS", "true");
    let (code, said) = refused(locked_out).await;
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("refuses this pod's user or password"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

/// One that starts: what it says of itself once it answers, and its log up to then.
async fn started(mut command: Command, folder: &Path) -> (Value, String) {
    let port = free_port().unwrap();
    let log = folder.join("gaveld.log");
    let mut child = command
        .env("GAVELD_LISTEN", format!("127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let since = Instant::now();
    let health = loop {
        let asked = reqwest::get(format!("http://127.0.0.1:{port}/health")).await;
        if let Ok(answer) = asked {
            break answer.json().await.unwrap();
        }
        assert!(since.elapsed() < PATIENCE, "it never answered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    child.kill().unwrap();
    child.wait().unwrap();
    (health, std::fs::read_to_string(log).unwrap())
}

#[tokio::test]
async fn the_start_says_in_plain_lines_what_is_on() {
    let folder = tempfile::tempdir().unwrap();
    // As some ways of starting a process leave a variable out.
    let mut alone = gaveld(folder.path());
    alone.env("REDIS_URL", "").args(["--pod-id", "pod-1"]);
    let (health, log) = started(alone, folder.path()).await;
    assert_eq!(health["socketio"]["mode"], "in-memory");
    for line in [
        "pod        pod-1",
        "database   SQLite in the file",
        "this pod is alone",
        "sign-in    links",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }

    // By the authorities that the system trusts, which on this system is ours.
    let (redis, port, authority) = Redis::start_with_tls(folder.path(), &["--requirepass", "hunter2"])
        .await
        .unwrap();
    let mut shared = gaveld(folder.path());
    shared
        .env("REDIS_URL", format!("rediss://:hunter2@localhost:{port}/0"))
        .env("SSL_CERT_FILE", authority)
        .arg("--require-redis");
    let (health, log) = started(shared, folder.path()).await;
    assert_eq!(health["status"], "healthy", "{health}");
    assert_eq!(health["socketio"]["multi_pod_ready"], true);
    let line =
        format!("heard through Redis at rediss://:[redacted]@localhost:{port}/0, channels socket.io-…");
    assert!(log.contains(&line), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
    drop(redis);
}
