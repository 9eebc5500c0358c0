//! `gaveld` as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::databases::Shared;

/// A `gaveld` of its own, killed without warning when it is dropped.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// Starts one on a free port, and reads the port from its log.
    pub fn on(database: &Shared) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gaveld"))
            .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--database"])
            .arg(&database.argument)
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("gaveld says where it listens").unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                break format!("http://{}", line["address"].as_str().unwrap());
            }
        };
        // Read on, or a full pipe would stop it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, url }
    }
}

impl Process {
    /// Stops the process, as a machine does that stands still, or sets it going again.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
