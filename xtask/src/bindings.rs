//! The TypeScript of commands and events, written from the one Rust list. A test fails when the committed file
//! differs; this is the way to make it the same again.

use crate::build;
use crate::failure::Failure;
use crate::node;
use crate::project::{FEATURES, Project};
use crate::steps::{Output, Step, Steps};
use crate::system::{self, Purpose};

pub(crate) fn write(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    system::ensure(project, steps, &[Purpose::Compile, Purpose::Window])?;
    // The application embeds ui/dist and does not compile without one; an old one will do here.
    if !project.ui().join("dist").join("index.html").is_file() {
        node::install(project, steps)?;
        build::user_interface(project, steps)?;
    }
    let mut command = project.cargo(&[
        "test",
        "--features",
        FEATURES,
        "--package",
        "gavelscope",
        "--lib",
        "bindings",
    ]);
    command.env("GAVELSCOPE_WRITE_BINDINGS", "1");
    steps.run(Step {
        name: "bindings",
        command,
        output: Output::Logged,
        advice: "the message above is the compiler's or the test's.",
    })?;
    println!("\nThe bindings are written. `git diff ui` shows what changed.");
    Ok(())
}
