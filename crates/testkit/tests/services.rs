//! The servers that pods need: they start, they fall, they come back where they were, and nothing of them is left.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;
use std::time::Duration;

use gavelscope_testkit::services::postgres::Postgres;
use gavelscope_testkit::services::redis::Redis;
use sqlx::{Connection as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn ping(redis: &Redis) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn redis_stands_still_goes_on_dies_and_comes_back_on_its_port() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = Redis::start(folder.path()).await.unwrap();
    assert_eq!(ping(&redis).await.unwrap(), "+PONG\r\n");
    redis.stop_process().unwrap();
    let asked = tokio::time::timeout(Duration::from_millis(300), ping(&redis)).await;
    assert!(asked.is_err(), "a stopped one answers nothing");
    redis.continue_process().unwrap();
    assert_eq!(ping(&redis).await.unwrap(), "+PONG\r\n");
    redis.kill().unwrap();
    assert!(ping(&redis).await.is_err(), "a killed one does not listen");
    redis.restart().await.unwrap();
    assert_eq!(ping(&redis).await.unwrap(), "+PONG\r\n");
}

#[tokio::test]
async fn redis_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let error = Redis::start_with(folder.path(), &["--no-such-setting", "1"])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no-such-setting"), "{error}");
}

async fn count(postgres: &Postgres) -> Result<i64, sqlx::Error> {
    let mut connection = PgConnection::connect(&postgres.url()).await?;
    sqlx::query_scalar("SELECT count(*) FROM kept")
        .fetch_one(&mut connection)
        .await
}

#[tokio::test]
async fn postgresql_keeps_what_it_was_told_through_a_crash_and_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut postgres = Postgres::start(folder.path()).await.unwrap();
    let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
    for statement in [
        "CREATE TABLE kept (number INT)",
        "INSERT INTO kept VALUES (1), (2)",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    postgres.kill().await.unwrap();
    assert!(count(&postgres).await.is_err(), "a killed one does not listen");
    postgres.restart().await.unwrap();
    assert_eq!(count(&postgres).await.unwrap(), 2);
    // It goes into its folder, and so do all of its processes.
    assert!(
        processes_in(folder.path()) > 1,
        "the look below is one that finds something"
    );
    drop(postgres);
    assert_eq!(processes_in(folder.path()), 0);
}

/// How many processes work in this folder.
fn processes_in(folder: &Path) -> usize {
    let listed = std::fs::read_dir("/proc").unwrap();
    let at = listed.filter_map(|entry| std::fs::read_link(entry.ok()?.path().join("cwd")).ok());
    at.filter(|at| at.starts_with(folder)).count()
}
