//! SQLite: one file, on one machine. One connection writes, so transactions queue in order instead of colliding; a file
//! has others that read beside it. Memory has that one connection alone: a second one would be a second, empty database.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migrator};

use super::{Engine, PATIENCE, Pools, Waiting};
use crate::store::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// What every connection is told. A power cut can lose the last bids, never the database; a crash of this process
/// loses nothing.
const SESSION: &str = "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL;";
const READERS: u32 = 4;

#[derive(Debug)]
pub(super) struct Sqlite {
    /// None for memory.
    pub file: Option<PathBuf>,
}

impl Engine for Sqlite {
    fn open(&self) -> Waiting<'_, Pools> {
        Box::pin(async move {
            let url = match &self.file {
                None => "sqlite::memory:".to_owned(),
                Some(path) => url(path)?,
            };
            let write = pool(&url, 1, self.file.is_some()).await?;
            migrate(&write).await?;
            let read = match &self.file {
                None => write.clone(),
                Some(_) => pool(&url, READERS, false).await?,
            };
            Ok(Pools { write, read })
        })
    }

    fn begin(&self) -> &'static str {
        // The write lock from the beginning, so that nothing read in it can grow old.
        "BEGIN IMMEDIATE"
    }

    fn view(&self) -> &'static str {
        "BEGIN"
    }

    fn hold_auction(&self) -> Option<&'static str> {
        None
    }

    fn hold_league(&self) -> Option<&'static str> {
        None
    }

    fn time(&self) -> Option<&'static str> {
        None
    }
}

async fn pool(url: &str, connections: u32, makes_wal: bool) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(PATIENCE.max(Duration::from_secs(5)))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(SESSION).execute(&mut *connection).await?;
                if makes_wal {
                    sqlx::raw_sql("PRAGMA journal_mode = WAL")
                        .execute(connection)
                        .await?;
                }
                Ok(())
            })
        });
    Ok(pool.connect(url).await?)
}

/// Two processes may open a new file at once, and `SQLite` has no lock for that: who comes second looks again.
async fn migrate(write: &AnyPool) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match MIGRATIONS.run(write).await {
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) if tries < 3 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(100) * tries).await;
            }
            done => return Ok(done?),
        }
    }
}

/// The driver takes a URL, in which a path has to be written so that every character keeps its meaning.
fn url(path: &Path) -> Result<String, StoreError> {
    let unusable = || StoreError::Unusable("its path has to be text in UTF-8, and not empty".to_owned());
    let absolute = std::path::absolute(path).map_err(|_| unusable())?;
    let text = absolute.to_str().ok_or_else(unusable)?;
    let mut url = "sqlite://".to_owned();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url.push_str("?mode=rwc");
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_meaning_in_a_url() {
        let written = url(Path::new("/tmp/a b/ü?#%.db")).unwrap();
        assert_eq!(written, "sqlite:///tmp/a%20b/%C3%BC%3F%23%25.db?mode=rwc");
        assert!(url(Path::new("here.db")).unwrap().starts_with("sqlite:///"));
    }
}
