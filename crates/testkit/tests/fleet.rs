//! `cargo xtask fleet` as a person has it: it says what there is, what it says is so, and nothing of it is left when it
//! was stopped. And what is in front of a fleet: HAProxy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use gavelscope_contract::health::Health;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Three pods, a database and the rest, on a machine that has other things to do.
const START_LIMIT: Duration = Duration::from_mins(2);
const END_LIMIT: Duration = Duration::from_secs(30);
const FORGOTTEN: Duration = Duration::from_secs(2);

/// The command as it runs, and a folder for temporary files that is its own.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    temporary: TempDir,
}

impl Running {
    fn start(options: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        // PostgreSQL runs as another user where this runs as root.
        std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fleet"))
            .args(options)
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            temporary,
        }
    }

    /// What it says up to the line that begins so.
    async fn said_until(&mut self, last: &str) -> Vec<String> {
        let mut said = Vec::new();
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let is_last = line.starts_with(last);
                said.push(line);
                if is_last {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(START_LIMIT, reading).await.is_ok();
        assert!(
            in_time && said.last().is_some_and(|line| line.starts_with(last)),
            "it never said “{last}”, only {said:#?}"
        );
        said
    }

    /// Its processes and itself, by what they were started with. Redis and PostgreSQL write over that; they work in its
    /// folders.
    fn processes(&self) -> Vec<PathBuf> {
        let folder = self.temporary.path();
        let wanted = format!("TMPDIR={}", folder.display());
        let is_ours = |process: &PathBuf| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            let works_in = std::fs::read_link(process.join("cwd")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            works_in.starts_with(folder) || variables.any(|variable| variable == wanted.as_bytes())
        };
        let listed = std::fs::read_dir("/proc").unwrap();
        let listed = listed.filter_map(|entry| Some(entry.ok()?.path()));
        listed.filter(is_ours).collect()
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            kill_process(pid, signal).unwrap();
        }
    }

    async fn stop(mut self, signal: Signal) {
        self.signal(signal);
        let status = tokio::time::timeout(END_LIMIT, self.child.wait()).await;
        let status = status.expect("it did not end").unwrap();
        assert!(status.success(), "stopped as asked is no failure: {status}");
        // What was killed last may need a moment until the kernel has forgotten it.
        let since = Instant::now();
        while !self.processes().is_empty() {
            assert!(since.elapsed() < FORGOTTEN, "left: {:?}", self.processes());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let left: Vec<_> = std::fs::read_dir(self.temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "files are left: {left:?}");
    }
}

/// A test that failed leaves nothing either: killed it could not take the others along.
impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let since = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && since.elapsed() < END_LIMIT {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What stands after this word, in every line that begins with it.
fn values<'a>(said: &'a [String], word: &str) -> Vec<&'a str> {
    let after = said
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix(word));
    after.map(str::trim).collect()
}

#[tokio::test]
async fn it_says_what_there_is_and_ctrl_c_leaves_nothing() {
    let mut fleet = Running::start(&["--pods", "3", "--adapter", "redis", "--begin", "--port", "0"]);
    let said = fleet.said_until("Signing in needs no mail").await;
    let address = values(&said, "address")[0];
    let pods = values(&said, "pod ");
    assert_eq!(pods.len(), 3, "{said:#?}");
    let health: Health = reqwest::get(format!("{address}/api/health"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let pod = health.pod.unwrap();
    assert!(
        pods.iter().any(|line| line.starts_with(pod.as_str())),
        "{pod} is none of {pods:?}"
    );
    // A pod, the balancer, the database and Redis each with the number of a process that is there.
    let numbered: Vec<_> = said.iter().filter_map(|line| line.split_once("  pid ")).collect();
    assert_eq!(numbered.len(), 6, "{said:#?}");
    for (what, pid) in &numbered {
        assert!(Path::new("/proc").join(pid).is_dir(), "{what} does not run");
    }
    assert!(
        fleet.processes().len() > numbered.len(),
        "the look at the end finds something"
    );
    assert!(Path::new(values(&said, "logs")[0]).join("haproxy.log").is_file());
    fleet.stop(Signal::INT).await;
}

#[tokio::test]
async fn stopped_while_it_starts_it_leaves_nothing_either() {
    let mut fleet = Running::start(&[
        "--kind",
        "mixed-two-fleets",
        "--adapter",
        "stalled",
        "--port",
        "0",
    ]);
    fleet.said_until("Starting").await;
    // Until something of it runs, but hardly all of it.
    let since = Instant::now();
    while fleet.processes().len() < 3 {
        assert!(since.elapsed() < START_LIMIT, "nothing is started");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fleet.stop(Signal::TERM).await;
}

#[tokio::test]
async fn a_wrong_option_gets_one_sentence() {
    let refused = Command::new(env!("CARGO_BIN_EXE_fleet"))
        .args(["--adapter", "kafka"])
        .output()
        .await
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(
        said,
        "fleet: --adapter: there is no adapter “kafka”; there are none, redis, dead, stalled, split, deaf\n"
    );
}
