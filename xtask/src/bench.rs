//! Measuring. What is measured and how stands in `docs/benchmarks.md`.

use crate::failure::Failure;
use crate::node;
use crate::project::Project;
use crate::steps::{Output, Step, Steps};
use crate::system::{self, Purpose};

/// The session against the official JavaScript client and a bare WebSocket. `given` goes to the benchmark.
pub(crate) fn session(project: &Project, steps: &mut Steps, given: &[&str]) -> Result<(), Failure> {
    const PROGRAM: &str = "bench-session";
    system::ensure(project, steps, &[Purpose::Compile])?;
    node::install_peers(project, steps)?;
    // One package: the window is no part of the measurement, and its release build takes minutes.
    steps.run(Step {
        name: "release build",
        command: project.cargo(&[
            "build",
            "--release",
            "--package",
            "gavelscope-testkit",
            "--bin",
            PROGRAM,
        ]),
        output: Output::Logged,
        advice: "the compiler's message is above.",
    })?;
    let mut command = project.command(project.binary("release", PROGRAM));
    command.args(given);
    steps.run(Step {
        name: "bench session",
        command,
        output: Output::Shown,
        advice: "",
    })
}
