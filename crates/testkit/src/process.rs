//! A program that runs beside the tests: its words go to a file, and it is gone when it is dropped.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How much of a log goes into an error, in bytes from its end.
const LOG_IN_ERRORS: usize = 3_000;

/// A running program, or one that ran.
#[derive(Debug)]
pub struct Process {
    child: Option<Child>,
    log: PathBuf,
}

impl Process {
    /// None yet; what it is going to say will be appended to this file.
    pub fn not_started(log: PathBuf) -> Self {
        Self { child: None, log }
    }

    /// Starts it in a process group of its own: Ctrl-C in a terminal is for who started it, who then ends it in order.
    pub fn launch(&mut self, command: &mut Command) -> io::Result<()> {
        self.kill()?;
        let log = File::options().create(true).append(true).open(&self.log)?;
        let also = log.try_clone()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also)
            .process_group(0)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// Its number, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where its words are.
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Everything it said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its last words.
    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let from = log.len().saturating_sub(LOG_IN_ERRORS);
        let from = (from..log.len())
            .find(|at| log.is_char_boundary(*at))
            .unwrap_or(log.len());
        log[from..].to_owned()
    }

    /// How it ended, if it ended by itself since it was last asked.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match &mut self.child {
            Some(child) => child.try_wait()?,
            None => None,
        };
        if status.is_some() {
            self.child = None;
        }
        Ok(status)
    }

    /// Sends it a signal. One that does not run gets none.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok());
        match pid.and_then(Pid::from_raw) {
            Some(pid) => Ok(kill_process(pid, signal)?),
            None => Ok(()),
        }
    }

    /// Kills it as the kernel does when memory runs out: nothing more is written, said or closed by it. What it started
    /// itself goes with it.
    pub fn kill(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // It may be alone in its group, or gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Tells it to end and waits until it has. Returns how it ended, or nothing where it had to be killed.
    pub async fn end(&mut self, signal: Signal, limit: Duration) -> io::Result<Option<ExitStatus>> {
        self.signal(signal)?;
        let since = Instant::now();
        while self.child.is_some() {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            if since.elapsed() > limit {
                self.kill()?;
            } else {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(None)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to do about a process that cannot be killed.
        let _ = self.kill();
    }
}
