//! What the kernel knows of the processes, and which processor they may use.

use std::process::Command;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Lets this process, and those that it starts, have as many descriptors as the system allows; how many.
pub(crate) fn raise_descriptors() -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    // What cannot be raised is told by who needs more than there is.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Processors that what is started may run on.
#[derive(Debug, Clone)]
pub(crate) struct Processors {
    all: CpuSet,
    server: Option<CpuSet>,
    load: Option<CpuSet>,
}

impl Processors {
    /// The first for the server and the second for the generator, where there are two and they are to be kept apart.
    pub(crate) fn find(apart: bool) -> anyhow::Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut some = (0..CpuSet::MAX_CPU).filter(|number| all.is_set(*number));
        let one = |number| {
            let mut set = CpuSet::new();
            set.set(number);
            set
        };
        let (server, load) = match (some.next(), some.next()) {
            (Some(first), Some(second)) if apart => (Some(one(first)), Some(one(second))),
            _ => (None, None),
        };
        Ok(Self { all, server, load })
    }

    /// Where what is started from now on runs: a server.
    pub(crate) fn for_server(&self) -> anyhow::Result<()> {
        Ok(sched_setaffinity(
            None,
            self.server.as_ref().unwrap_or(&self.all),
        )?)
    }

    /// The generator, and whoever drives both.
    pub(crate) fn for_load(&self) -> anyhow::Result<()> {
        Ok(sched_setaffinity(None, self.load.as_ref().unwrap_or(&self.all))?)
    }
}

/// Seconds that the processes had on a processor, with all their threads.
pub(crate) fn cpu_seconds(pids: &[u32]) -> anyhow::Result<f64> {
    pids.iter().map(|pid| cpu_of(*pid)).sum()
}

fn cpu_of(pid: u32) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the server has ended")?;
    // The name of the program, in parentheses, can hold anything.
    let (_, after) = text.rsplit_once(')').context("no such line")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |at: usize| -> anyhow::Result<f64> { Ok(fields.get(at).context("no such field")?.parse()?) };
    // USER_HZ is 100 on every Linux of today.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// What the processes hold in memory, kB.
pub(crate) fn memory_kilobytes(pids: &[u32]) -> anyhow::Result<f64> {
    pids.iter()
        .map(|pid| {
            let text =
                std::fs::read_to_string(format!("/proc/{pid}/status")).context("the server has ended")?;
            let line = text.lines().find(|line| line.starts_with("VmRSS:"));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(number.context("no such line")?.parse::<f64>()?)
        })
        .sum()
}

/// What it was measured on and with, in one line.
pub(crate) fn description() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?
                .split_once(':')
                .map(|(_, name)| name.trim().to_owned())
        })
        .unwrap_or_else(|| "an unknown processor".to_owned());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("?").to_owned();
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let python = gavelscope_testkit::pods::python()
        .ok()
        .and_then(|python| version(&python.to_string_lossy()));
    format!(
        "{processors} processors ({processor}), Node.js {}, {}; load before: {load}.",
        version("node").unwrap_or_default(),
        python.unwrap_or_default(),
    )
}
