//! A fleet on this machine: what it needs is installed and built here, the rest is the program's.

use std::process::Command;

use crate::build;
use crate::failure::Failure;
use crate::project::{FEATURES, Project};
use crate::python;
use crate::steps::Steps;
use crate::system::{self, Purpose};

/// The program, whose words `given` are.
const PROGRAM: &str = "fleet";

/// What it takes; here, so that reading it needs no build.
const HELP: &str = include_str!("../../crates/testkit/src/bin/fleet/help.txt");

/// Whether the words ask for help only, which is then given.
pub(crate) fn help(given: &[&str]) -> bool {
    let asked = given.iter().any(|word| matches!(*word, "--help" | "-h"));
    if asked {
        print!("{HELP}");
    }
    asked
}

pub(crate) fn fleet(project: &Project, steps: &mut Steps, given: &[&str]) -> Result<(), Failure> {
    let purposes = [Purpose::Compile, Purpose::Pods, Purpose::Fleet];
    system::ensure(project, steps, &purposes)?;
    python::install(project, steps)?;
    build::programs(
        project,
        steps,
        "fleet build",
        FEATURES,
        &[PROGRAM, "gaveld", "gavelctl"],
    )?;
    let program = project.binary("debug", PROGRAM);
    let mut command = project.command(&program);
    command
        .args(given)
        .env(python::VARIABLE, python::interpreter(project));
    become_it(command).map_err(|error| Failure::File {
        doing: "Starting",
        path: program,
        error,
    })
}

/// Takes this process's place, so that Ctrl-C and every other signal go to who can tear the fleet down.
#[cfg(unix)]
fn become_it(mut command: Command) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> std::io::Result<()> {
    command.status().map(drop)
}
