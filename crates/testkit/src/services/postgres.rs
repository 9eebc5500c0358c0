//! PostgreSQL, which the pods of a fleet share: a cluster of its own in a folder.

use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::certificate::Certificate;
use crate::pods::free_port;
use crate::process::Process;

/// Its first start on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(1);
const END_LIMIT: Duration = Duration::from_secs(10);
/// Where Debian and Ubuntu put its programs, a folder for each version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// Who everybody is, in there.
const USER: &str = "gaveld";
/// It refuses to run as root, and Debian makes this user for it.
const SYSTEM_USER: &str = "postgres";

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// It is not installed.
    #[error(
        "PostgreSQL is not installed in {PROGRAMS}, so pods cannot share it; `cargo xtask setup` installs it"
    )]
    Missing,
    /// The system refused something.
    #[error("{doing}: {error}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        error: io::Error,
    },
    /// It could not make its files.
    #[error("PostgreSQL could not make its files:\n{0}")]
    Files(String),
    /// It did not like what it was told, or could not listen.
    #[error("PostgreSQL ended before it was ready; its log ends:\n{0}")]
    Ended(String),
    /// It was never ready.
    #[error("PostgreSQL was not ready within {START_LIMIT:?}; its log ends:\n{0}")]
    Silent(String),
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> PostgresError {
    move |error| PostgresError::System { doing, error }
}

/// A PostgreSQL server. It stays on its port and its files when it is killed and started again.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
    files: PathBuf,
    programs: PathBuf,
    /// Whom it runs as, where we are root.
    runs_as: Option<(u32, u32)>,
    /// What it proves itself with, where it speaks TLS.
    tls: Option<Certificate>,
}

impl Postgres {
    /// Makes a cluster in the folder and starts it. Others than its owner must be able to pass through the folder where
    /// the owner is root.
    pub async fn start(folder: &Path) -> Result<Self, PostgresError> {
        Self::start_with(folder, false).await
    }

    /// The same, with TLS for who asks for it; the file with the certificate of the authority that vouches for it.
    pub async fn start_with_tls(folder: &Path) -> Result<(Self, PathBuf), PostgresError> {
        let server = Self::start_with(folder, true).await?;
        let authority = server.tls.as_ref().map(|issued| issued.authority.clone());
        Ok((server, authority.unwrap_or_default()))
    }

    async fn start_with(folder: &Path, tls: bool) -> Result<Self, PostgresError> {
        let files = folder.join("postgres");
        std::fs::create_dir_all(&files).map_err(system("making PostgreSQL's folder"))?;
        let runs_as = if rustix::process::geteuid().is_root() {
            let found = system_user().ok_or(PostgresError::Missing)?;
            chown(&files, Some(found.0), Some(found.1)).map_err(system("giving PostgreSQL its folder"))?;
            let passable = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(folder, passable)
                .map_err(system("letting PostgreSQL into its folder"))?;
            Some(found)
        } else {
            None
        };
        let tls = if tls {
            let issued = Certificate::issue(folder, "postgres").map_err(system("making a certificate"))?;
            if let Some((user, group)) = runs_as {
                chown(&issued.key, Some(user), Some(group)).map_err(system("giving PostgreSQL its key"))?;
            }
            // It takes no key that others can read.
            std::fs::set_permissions(&issued.key, std::fs::Permissions::from_mode(0o600))
                .map_err(system("closing PostgreSQL's key"))?;
            Some(issued)
        } else {
            None
        };
        let mut postgres = Self {
            process: Process::not_started(folder.join("postgres.log")),
            port: free_port().map_err(system("looking for a free port"))?,
            files,
            programs: programs().ok_or(PostgresError::Missing)?,
            runs_as,
            tls,
        };
        postgres.make_files().await?;
        postgres.launch().await?;
        Ok(postgres)
    }

    /// Its address, with the database that is there from the beginning.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of its first process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Ends it at once, all of its processes: connections are cut, and the next start recovers as after a crash.
    pub async fn kill(&mut self) -> Result<(), PostgresError> {
        let ended = self.process.end(Signal::QUIT, END_LIMIT).await;
        ended.map(drop).map_err(system("killing PostgreSQL"))
    }

    /// Ends it as an administrator does: connections are cut, what was done is kept.
    pub async fn end(&mut self) -> Result<(), PostgresError> {
        let ended = self.process.end(Signal::INT, END_LIMIT).await;
        ended.map(drop).map_err(system("ending PostgreSQL"))
    }

    /// Starts it again on its port and its files, killing it first where it still runs.
    pub async fn restart(&mut self) -> Result<(), PostgresError> {
        self.kill().await?;
        self.launch().await
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // It wants to look at the folder it is started in, which its user need not be allowed to.
        command.current_dir(&self.files);
        if let Some((user, group)) = self.runs_as {
            command.uid(user).gid(group);
        }
        command
    }

    async fn make_files(&mut self) -> Result<(), PostgresError> {
        let mut initdb = self.command("initdb");
        initdb
            .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8"])
            .args(["--locale", "C", "--no-sync", "--pgdata"])
            .arg(&self.files);
        self.process
            .launch(&mut initdb)
            .map_err(system("starting initdb"))?;
        let since = Instant::now();
        loop {
            match self.process.ended().map_err(system("looking after initdb"))? {
                Some(status) if status.success() => return Ok(()),
                None if since.elapsed() < START_LIMIT => tokio::time::sleep(Duration::from_millis(20)).await,
                _ => return Err(PostgresError::Files(self.process.end_of_log())),
            }
        }
    }

    async fn launch(&mut self) -> Result<(), PostgresError> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.files);
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={}", self.port),
            "unix_socket_directories=",
            "max_connections=300",
            "shared_buffers=64MB",
            // The machine does not die in these tests, only processes: what the kernel has is kept.
            "fsync=off",
            "full_page_writes=off",
        ] {
            command.args(["-c", setting]);
        }
        if let Some(issued) = &self.tls {
            for (name, path) in [
                ("ssl_cert_file", &issued.certificate),
                ("ssl_key_file", &issued.key),
            ] {
                command.arg("-c").arg(format!("{name}={}", path.display()));
            }
            command.args(["-c", "ssl=on"]);
        }
        self.process
            .launch(&mut command)
            .map_err(system("starting PostgreSQL"))?;
        let since = Instant::now();
        while !self.is_ready().await {
            let ended = self.process.ended().map_err(system("looking after PostgreSQL"))?;
            if ended.is_some() {
                return Err(PostgresError::Ended(self.process.end_of_log()));
            }
            if since.elapsed() > START_LIMIT {
                return Err(PostgresError::Silent(self.process.end_of_log()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Its own program asks: a port that is open is not yet a server that has recovered.
    async fn is_ready(&self) -> bool {
        let mut command = tokio::process::Command::new(self.programs.join("pg_isready"));
        command
            .args(["--quiet", "--host", "127.0.0.1", "--port", &self.port.to_string()])
            .kill_on_drop(true);
        command.status().await.is_ok_and(|status| status.success())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Asked to end it takes its own processes along; who would come after this, a kill, takes only the first.
        let _ = self.process.signal(Signal::QUIT);
        let since = Instant::now();
        while self.process.ended().is_ok_and(|ended| ended.is_none())
            && self.process.pid().is_some()
            && since.elapsed() < END_LIMIT
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The newest version's.
fn programs() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = std::fs::read_dir(PROGRAMS).ok()?;
    let folders = folders.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = folders
        .filter(|path| path.join("bin/initdb").is_file())
        .max_by_key(version)?;
    Some(newest.join("bin"))
}

/// The numbers of its user and group.
fn system_user() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users
        .lines()
        .find(|line| line.starts_with(&format!("{SYSTEM_USER}:")))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
