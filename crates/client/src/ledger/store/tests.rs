use gavelscope_contract::RefusalCode;

use super::*;

fn owner(user: &str) -> Owner {
    Owner {
        server: "http://127.0.0.1:8001".to_owned(),
        user: user.into(),
    }
}

fn entry(key: &str, fate: Fate, sent_at: i64) -> LedgerEntry {
    LedgerEntry {
        key: key.to_owned(),
        auction_id: "a".into(),
        lot: 3,
        club: "Everton FC".to_owned(),
        club_id: Some("c".into()),
        amount: Money::from_pence(123_456).unwrap(),
        fate,
        sentence: format!("{fate:?}"),
        refusal: (fate == Fate::Refused).then_some(RefusalCode::BidTooLow),
        sent_at: Millis(sent_at),
        answer_ms: Some(12),
        echo_ms: None,
        pod: Some("pod-a".into()),
        attempts: 1,
        earlier: is_open(fate),
    }
}

async fn write(store: &LedgerStore, user: &str, entry: LedgerEntry) {
    store.write(&owner(user), entry).done().await.unwrap();
}

#[tokio::test]
async fn every_fate_comes_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(&folder.path().join("deep/er/bids.db"))
        .await
        .unwrap();
    for fate in [
        Fate::Draft,
        Fate::Sent,
        Fate::Unknown,
        Fate::Refused,
        Fate::Accepted,
        Fate::Confirmed,
        Fate::NotStored,
        Fate::Undecidable,
    ] {
        let written = entry(&format!("{fate:?}"), fate, 7);
        write(&store, "me", written.clone()).await;
        assert_eq!(store.bid(&written.key).await.unwrap(), Some(written));
    }
}

#[tokio::test]
async fn open_bids_belong_to_one_user_of_one_server_and_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let store = LedgerStore::open(&path).await.unwrap();
    write(&store, "me", entry("late", Fate::Unknown, 30)).await;
    write(&store, "me", entry("early", Fate::Draft, 10)).await;
    write(&store, "me", entry("decided", Fate::Confirmed, 20)).await;
    write(&store, "you", entry("yours", Fate::Sent, 20)).await;
    drop(store);
    let again = LedgerStore::open(&path).await.unwrap();
    let keys = |bids: Vec<LedgerEntry>| bids.into_iter().map(|bid| bid.key).collect::<Vec<_>>();
    assert_eq!(
        keys(again.open_bids(&owner("me")).await.unwrap()),
        ["early", "late"]
    );
    let elsewhere = Owner {
        server: "https://auctions.example".to_owned(),
        ..owner("me")
    };
    assert_eq!(again.open_bids(&elsewhere).await.unwrap(), []);
}

#[tokio::test]
async fn a_fate_is_never_written_over_by_one_that_comes_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let (one, other) = (
        LedgerStore::open(&path).await.unwrap(),
        LedgerStore::open(&path).await.unwrap(),
    );
    write(&one, "me", entry("k", Fate::Confirmed, 10)).await;
    write(&other, "me", entry("k", Fate::Unknown, 10)).await;
    assert_eq!(one.bid("k").await.unwrap().unwrap().fate, Fate::Confirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_make_and_write_one_file_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let mut writers = tokio::task::JoinSet::new();
    for who in 0..4 {
        let path = path.clone();
        writers.spawn(async move {
            let store = LedgerStore::open(&path).await.unwrap();
            for n in 0..25 {
                write(&store, "me", entry(&format!("{who}-{n}"), Fate::Sent, n)).await;
                write(&store, "me", entry(&format!("{who}-{n}"), Fate::Accepted, n)).await;
            }
        });
    }
    writers.join_all().await;
    let store = LedgerStore::open(&path).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM bids WHERE fate = 'accepted'")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert_eq!((rows, sound.as_str()), (100, "ok"));
}

#[tokio::test]
async fn old_decided_bids_are_pruned_and_open_ones_never() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let store = LedgerStore::open_keeping(&path, 10).await.unwrap();
    write(&store, "me", entry("open", Fate::Unknown, 0)).await;
    for n in 1..=i64::from(PRUNE_EVERY) {
        write(&store, "me", entry(&format!("k{n}"), Fate::Accepted, n)).await;
    }
    store.flush().await;
    let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM bids")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert!(kept <= 12, "{kept} are kept");
    assert!(store.bid("open").await.unwrap().is_some());
    assert!(store.bid("k1").await.unwrap().is_none(), "the oldest goes first");
    assert!(store.bid("k500").await.unwrap().is_some());
}

#[tokio::test]
async fn the_writes_are_on_the_disk_and_not_only_on_their_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(&folder.path().join("bids.db")).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2), "2 is FULL");
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(
        &garbage,
        "this is no database, and it is long enough to be seen as none".repeat(40),
    )
    .unwrap();
    let is_a_folder = folder.path().to_owned();
    let below_a_file = garbage.join("bids.db");
    for path in [garbage, is_a_folder, below_a_file] {
        let error = LedgerStore::open(&path).await.unwrap_err();
        assert!(matches!(error, LedgerError::Open { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_write_that_fails_says_so_and_the_next_one_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store = LedgerStore::open(&folder.path().join("bids.db")).await.unwrap();
    let refuse = "CREATE TRIGGER full BEFORE INSERT ON bids BEGIN SELECT RAISE(ABORT, 'disk is full'); END";
    sqlx::query(refuse).execute(&store.pool).await.unwrap();
    let failed = store.write(&owner("me"), entry("k", Fate::Draft, 1)).done().await;
    assert!(failed.unwrap_err().to_string().contains("disk is full"));
    sqlx::query("DROP TRIGGER full")
        .execute(&store.pool)
        .await
        .unwrap();
    write(&store, "me", entry("k", Fate::Sent, 1)).await;
    assert_eq!(store.bid("k").await.unwrap().unwrap().fate, Fate::Sent);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let store = LedgerStore::open(&path).await.unwrap();
    write(&store, "me", entry("k", Fate::Draft, 1)).await;
    for name in ["bids.db", "bids.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
