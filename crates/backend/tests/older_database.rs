//! A database that an earlier version made is brought up to date and read on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gavelscope_backend::{Store, SystemClock};
use gavelscope_contract::LeagueId;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

#[tokio::test]
async fn people_of_a_database_from_before_the_fleet_keep_the_order_in_which_they_joined() {
    let folder = tempfile::tempdir().unwrap();
    let migrations = folder.path().join("migrations");
    std::fs::create_dir(&migrations).unwrap();
    let first = "0001_first.sql";
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations/sqlite")
        .join(first);
    std::fs::copy(ours, migrations.join(first)).unwrap();

    let file = folder.path().join("auction.db");
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true);
    let old = SqlitePool::connect_with(options).await.unwrap();
    Migrator::new(migrations.as_path())
        .await
        .unwrap()
        .run(&old)
        .await
        .unwrap();
    sqlx::raw_sql(
        "INSERT INTO users VALUES ('z', 'Zoe', 'z@x.example', 1), ('a', 'Ada', 'a@x.example', 1);
         INSERT INTO leagues VALUES ('l', 'Old', 'z', 100, 1, 8, 2, 'football', 30, 10, NULL, 'pending', 'i', 1);
         INSERT INTO participants VALUES ('2', 'l', 'z', 100, 0, 5), ('1', 'l', 'a', 100, 0, 5);",
    )
    .execute(&old)
    .await
    .unwrap();
    old.close().await;

    let database = file.to_str().unwrap().parse().unwrap();
    let store = Store::open(&database, Arc::new(SystemClock), 100, Duration::from_secs(1))
        .await
        .unwrap();
    let managers = store.participants_of(&LeagueId("l".to_owned())).await.unwrap();
    let names: Vec<_> = managers
        .iter()
        .map(|manager| manager.user_name.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["Zoe", "Ada"]);
    store.close().await;
}
