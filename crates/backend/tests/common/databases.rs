//! The databases that the tests run on: a suite names one in its `ON`, and every test gets a fresh one of that kind.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use gavelscope_backend::Database;
use gavelscope_contract::Secret;
use gavelscope_testkit::services::postgres::Postgres;
use sqlx::{Connection, PgConnection};

/// Which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A database that several instances can open, one after the other or at once.
#[derive(Debug)]
pub struct Shared {
    pub database: Database,
    /// The same as `gaveld --database` takes it.
    pub argument: String,
    _folder: Option<tempfile::TempDir>,
}

/// A fresh database for several instances.
pub fn shared(kind: Kind) -> Shared {
    match kind {
        Kind::Sqlite => {
            let folder = tempfile::tempdir().unwrap();
            let argument = folder.path().join("auction.db").display().to_string();
            Shared {
                database: argument.parse().unwrap(),
                argument,
                _folder: Some(folder),
            }
        }
        Kind::Postgres => {
            let argument = server().fresh_database();
            Shared {
                database: Database::Postgres(Secret::new(&argument)),
                argument,
                _folder: None,
            }
        }
    }
}

/// A fresh database for one instance: for SQLite, memory.
pub fn fresh(kind: Kind) -> Database {
    match kind {
        Kind::Sqlite => Database::Memory,
        Kind::Postgres => shared(kind).database,
    }
}

/// The PostgreSQL server of this test binary.
pub struct Server {
    url: String,
    made: AtomicU32,
    /// Nothing is dropped when a test binary ends; but this one's standard input closes then, and it tidies up.
    _tidier: Child,
}

pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    // On a thread of its own, because a test's runtime cannot be waited in.
    SERVER.get_or_init(|| apart(start))
}

async fn start() -> Server {
    let folder = tempfile::Builder::new()
        .prefix("gavelscope-postgres-")
        .tempdir()
        .unwrap()
        .keep();
    let server = Postgres::start(&folder).await.unwrap();
    let script =
        "cat > /dev/null; kill -QUIT $0; while kill -0 $0 2> /dev/null; do sleep 0.1; done; rm -rf \"$1\"";
    let tidier = Command::new("sh")
        .args(["-c", script, &server.pid().unwrap().to_string()])
        .arg(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let url = server.url();
    // The tidier ends it.
    std::mem::forget(server);
    Server {
        url,
        made: AtomicU32::new(0),
        _tidier: tidier,
    }
}

impl Server {
    /// Makes a database; its URL.
    pub fn fresh_database(&self) -> String {
        let name = format!("auction_{}", self.made.fetch_add(1, Ordering::Relaxed));
        execute(&self.url, format!("CREATE DATABASE {name}"));
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{name}")
    }
}

/// Does something in a database of PostgreSQL.
pub fn execute(url: &str, statement: String) {
    let url = url.to_owned();
    apart(|| async move {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    });
}

/// Waits for something on a thread of its own.
fn apart<T: Send + 'static, F: Future<Output = T>>(work: impl FnOnce() -> F + Send + 'static) -> T {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(work())
    })
    .join()
    .unwrap()
}
