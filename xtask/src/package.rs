//! Packages for Debian and Fedora. No `AppImage`: building one downloads tools from places that are no registry.

use crate::failure::Failure;
use crate::node;
use crate::project::Project;
use crate::steps::{Output, Step, Steps};
use crate::system::{self, Purpose};

pub(crate) fn package(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    system::ensure(project, steps, &[Purpose::Compile, Purpose::Window])?;
    node::install(project, steps)?;
    let mut command = tauri(project);
    command.args(["build", "--bundles", "deb,rpm"]);
    steps.run(Step {
        name: "packages",
        command,
        output: Output::Logged,
        advice: "the message above is the Tauri command's.",
    })?;
    let bundle = project.target().join("release").join("bundle");
    println!(
        "\nThe packages are in {} (folders deb and rpm).",
        bundle.display()
    );
    Ok(())
}

/// The Tauri command of the user interface's packages, started at the root, where its configuration is.
pub(crate) fn tauri(project: &Project) -> std::process::Command {
    let name = if cfg!(windows) { "tauri.cmd" } else { "tauri" };
    let mut command = project.command(project.ui().join("node_modules").join(".bin").join(name));
    command.env("CARGO_TARGET_DIR", project.target());
    command
}
