//! Measuring. What is measured and how stands in `docs/benchmarks.md`.

use std::process::Command;

use crate::failure::Failure;
use crate::node;
use crate::project::Project;
use crate::python;
use crate::steps::{Output, Step, Steps};
use crate::system::{self, Purpose};

/// The session against the official JavaScript client and a bare WebSocket. `given` goes to the benchmark.
pub(crate) fn session(project: &Project, steps: &mut Steps, given: &[&str]) -> Result<(), Failure> {
    system::ensure(project, steps, &[Purpose::Compile])?;
    node::install_peers(project, steps)?;
    build(
        project,
        steps,
        &["--package", "gavelscope-testkit", "--bin", "bench-session"],
    )?;
    measure(
        steps,
        "bench session",
        project.command(project.binary("release", "bench-session")),
        given,
    )
}

/// `gaveld` against python-socketio and Node's socket.io, with a room full of sockets. `given` goes to the benchmark.
pub(crate) fn fan_out(project: &Project, steps: &mut Steps, given: &[&str]) -> Result<(), Failure> {
    system::ensure(project, steps, &[Purpose::Compile, Purpose::Pods, Purpose::Fleet])?;
    node::install_peers(project, steps)?;
    python::install(project, steps)?;
    build(
        project,
        steps,
        &[
            "--package",
            "gavelscope-backend",
            "--package",
            "gavelscope-testkit",
            "--bin",
            "gaveld",
            "--bin",
            "bench-fan-out",
        ],
    )?;
    let mut command = project.command(project.binary("release", "bench-fan-out"));
    command
        .env(python::VARIABLE, python::interpreter(project))
        // Not the one of somebody's own that tests may run with.
        .env_remove("GAVELSCOPE_GAVELD");
    measure(steps, "bench fan-out", command, given)
}

/// Only these packages: the window is no part of a measurement, and its release build takes minutes.
fn build(project: &Project, steps: &mut Steps, what: &[&str]) -> Result<(), Failure> {
    let mut command = project.cargo(&["build", "--release"]);
    command.args(what);
    steps.run(Step {
        name: "release build",
        command,
        output: Output::Logged,
        advice: "the compiler's message is above.",
    })
}

fn measure(steps: &mut Steps, name: &str, mut command: Command, given: &[&str]) -> Result<(), Failure> {
    command.args(given);
    steps.run(Step {
        name,
        command,
        output: Output::Shown,
        advice: "",
    })
}
