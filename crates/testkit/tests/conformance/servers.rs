//! The scripted servers: programs of their own, in the languages whose libraries they are.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use gavelscope_testkit::pods::python;
use serde_json::{Value, json};

/// Whose library serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Node,
    Python,
}

pub const KINDS: [Kind; 2] = [Kind::Node, Kind::Python];

/// How a server is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub transports: &'static [&'static str],
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            transports: &["polling", "websocket"],
            ping_interval: Duration::from_secs(20),
            ping_timeout: Duration::from_secs(25),
        }
    }
}

/// A server that runs until this is dropped, or until this process ends and with it the server's standard input.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Kind {
    /// The one that all behaviours share which leave it standing.
    pub fn shared(self) -> &'static str {
        static NODE: OnceLock<Server> = OnceLock::new();
        static PYTHON: OnceLock<Server> = OnceLock::new();
        let shared = match self {
            Self::Node => &NODE,
            Self::Python => &PYTHON,
        };
        &shared.get_or_init(|| self.start(Setup::default())).url
    }

    pub fn start(self, setup: Setup) -> Server {
        let options = json!({
            "transports": setup.transports,
            "pingInterval": setup.ping_interval.as_millis(),
            "pingTimeout": setup.ping_timeout.as_millis(),
        });
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let (program, script) = match self {
            Self::Node => (PathBuf::from("node"), "conformance.mjs"),
            Self::Python => (
                python().unwrap_or_else(|error| panic!("{error}")),
                "conformance.py",
            ),
        };
        let mut child = Command::new(&program)
            .arg(peers.join(script))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start ({error}): {ADVICE}", program.display()));
        let mut first = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut first).unwrap();
        let ready: Value =
            serde_json::from_str(&first).unwrap_or_else(|_| panic!("{script} said {first:?}: {ADVICE}"));
        Server {
            child,
            url: format!("http://127.0.0.1:{}", ready["port"]),
        }
    }
}

const ADVICE: &str = "`cargo xtask setup` installs what it needs";

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; that is what some behaviours are about.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
