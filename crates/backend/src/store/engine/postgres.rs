//! PostgreSQL: one server for many pods. Whoever changes an auction takes the lock of its row first and reads the time
//! from the server after that, so that pods whose clocks differ still agree about who came too late.

use std::time::Duration;

use gavelscope_contract::Secret;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection};

use super::{Engine, PATIENCE, Pools, Waiting};
use crate::store::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// What every connection is told. A pod that stands still with a lock in its hand (stopped, or cut off) must not stop
/// the others: the server ends its transaction, well before its leases lapse.
const SESSION: &str = "
    SET application_name = 'gaveld';
    SET statement_timeout = '5s';
    SET lock_timeout = '4s';
    SET idle_in_transaction_session_timeout = '1s';
    SET tcp_keepalives_idle = 5;
    SET tcp_keepalives_interval = 2;
    SET tcp_keepalives_count = 3;";
/// How long the first connection may take.
const FIRST: Duration = Duration::from_secs(5);
/// Eight pods fit into the hundred connections that a server has unless told otherwise.
const WRITERS: u32 = 6;
const READERS: u32 = 6;

/// What a URL may ask for after its `?`. The driver takes others for nothing and writes them to the log with their
/// values, and a value may be a password under a misspelt name.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

#[derive(Debug)]
pub(super) struct Postgres {
    pub url: Secret,
}

impl Engine for Postgres {
    fn open(&self) -> Waiting<'_, Pools> {
        Box::pin(async move {
            let options = self.options()?;
            // One by itself first: a pool keeps trying and says in the end only that it waited long enough.
            let first = first(&options).await?;
            if let Err(error) = first.close().await {
                tracing::debug!(%error, "the first connection was not closed in order");
            }
            // Without the limits of the others: a pod may have to wait until another one has migrated.
            let migrating = AnyPoolOptions::new()
                .max_connections(1)
                .connect_with(options.clone())
                .await?;
            MIGRATIONS.run(&migrating).await?;
            migrating.close().await;
            Ok(Pools {
                write: pool(options.clone(), WRITERS).await?,
                read: pool(options, READERS).await?,
            })
        })
    }

    fn begin(&self) -> &'static str {
        "BEGIN"
    }

    fn view(&self) -> &'static str {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    }

    fn hold_auction(&self) -> Option<&'static str> {
        // The time is read of a row that is locked already: beside FOR UPDATE it could be read while waiting for it.
        Some(
            "WITH held AS MATERIALIZED (SELECT id FROM auctions WHERE id = $1 FOR UPDATE)
             SELECT gaveld_now() FROM held",
        )
    }

    fn hold_league(&self) -> Option<&'static str> {
        Some("SELECT id FROM leagues WHERE id = $1 FOR UPDATE")
    }

    fn time(&self) -> Option<&'static str> {
        Some("SELECT gaveld_now()")
    }
}

impl Postgres {
    fn options(&self) -> Result<AnyConnectOptions, StoreError> {
        let text = self.url.expose();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            let sentence = "its URL has to begin with sqlite: or postgres://";
            return Err(StoreError::Unusable(sentence.to_owned()));
        }
        // Its own words could repeat a part of the URL, and so of the password.
        let options = text.parse::<AnyConnectOptions>().map_err(|_| {
            let sentence = "its URL cannot be read: characters like / @ : # ? in a name or password are written as \
                            %2F %40 %3A %23 %3F";
            StoreError::Unusable(sentence.to_owned())
        })?;
        let asked = text.split_once('?').map_or("", |(_, asked)| asked);
        for (name, _) in url::form_urlencoded::parse(asked.as_bytes()) {
            if !PARAMETERS.contains(&&*name) && !name.starts_with("options[") {
                // The name itself can be the rest of a password with a `?` in it.
                let sentence = format!(
                    "its URL asks for something after the ? that is not known; known are {}",
                    PARAMETERS.join(", ")
                );
                return Err(StoreError::Unusable(sentence));
            }
        }
        Ok(options)
    }
}

async fn first(options: &AnyConnectOptions) -> Result<AnyConnection, StoreError> {
    let unreachable = |why: String| {
        let what = "Is PostgreSQL running there, and is DATABASE_URL right?";
        StoreError::Unreachable(format!("{why}. {what}"))
    };
    match tokio::time::timeout(FIRST, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        // So says the TLS library of what it cannot believe.
        Ok(Err(sqlx::Error::Io(error))) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(StoreError::Unreachable(format!(
                "TLS failed: {error}. An authority that this machine does not know is named in the URL: sslrootcert=FILE"
            )))
        }
        Ok(Err(sqlx::Error::Io(error))) => Err(unreachable(format!("nothing could be reached: {error}"))),
        Ok(Err(sqlx::Error::Tls(error))) => Err(unreachable(format!("TLS failed: {error}"))),
        Ok(Err(sqlx::Error::Database(refusal))) => Err(StoreError::Unreachable(format!(
            "the server refused: {}",
            refusal.message()
        ))),
        Ok(Err(sqlx::Error::Configuration(_))) => Err(StoreError::Unusable(
            "its URL has a part that PostgreSQL does not know".to_owned(),
        )),
        Ok(Err(error)) => Err(unreachable(format!("the connection failed: {error}"))),
        Err(_) => Err(unreachable(format!("no answer within {FIRST:?}"))),
    }
}

async fn pool(options: AnyConnectOptions, connections: u32) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        // A server that was restarted has closed them all: each is asked before it is used.
        .test_before_acquire(true)
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(SESSION).execute(connection).await?;
                Ok(())
            })
        });
    Ok(pool.connect_with(options).await?)
}
