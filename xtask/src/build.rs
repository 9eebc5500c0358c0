//! Building: the user interface, and the application around it.

use std::process::Command;

use crate::failure::Failure;
use crate::project::Project;
use crate::stamp;
use crate::steps::{Output, Step, Steps};

/// What is made from the sources of the user interface, or beside them; everything else in `ui` is an input.
const NOT_SOURCES: &[&str] = &["node_modules", "dist", "coverage", ".svelte-kit", ".vite"];

/// Builds the user interface into `ui/dist` if its sources changed since the last time. The build is not done
/// over without need: new files there make cargo build the application again.
pub(crate) fn user_interface(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    const NAME: &str = "ui build";
    let ui = project.ui();
    let dist = ui.join("dist");
    let sources = stamp::of_folder(&ui, NOT_SOURCES)?;
    // What was made counts too: somebody may have built another state of the sources by hand in between.
    let both = || stamp::of_folder(&dist, &[]).map(|made| format!("{sources} {made}"));
    let stamp = project.scratch().join("ui-dist.stamp");
    if dist.join("index.html").is_file() && stamp::is_current(&stamp, &both()?) {
        steps.skip(NAME, "its sources have not changed");
        return Ok(());
    }
    steps.run(Step {
        name: NAME,
        command: project.npm(&ui, &["run", "build"]),
        output: Output::Logged,
        advice: "the message above names the file; `npm run dev` in ui/ shows it as you edit.",
    })?;
    stamp::write(&stamp, &both()?)
}

/// Builds these programs of the workspace in one go.
///
/// `--workspace` does not build the other packages: it makes cargo choose the features of shared libraries for
/// the whole workspace, as the tests do, so that running and testing share one build.
pub(crate) fn programs(
    project: &Project,
    steps: &mut Steps,
    name: &str,
    features: &str,
    programs: &[&str],
) -> Result<(), Failure> {
    let mut command = project.cargo(&["build", "--workspace", "--features", features]);
    for program in programs {
        command.args(["--bin", program]);
    }
    steps.run(Step {
        name,
        command,
        output: Output::Logged,
        advice: "the compiler's message is above; `cargo xtask setup` installs libraries that the linker misses.",
    })
}

/// rustfmt and clippy, which a minimal Rust installation leaves out.
pub(crate) fn ensure_rust_components(project: &Project) -> Result<(), Failure> {
    let answers = |mut command: Command| command.output().is_ok_and(|output| output.status.success());
    let missing: Vec<&str> = [("rustfmt", "fmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(_, word)| !answers(project.cargo(&[word, "--version"])))
        .map(|(component, _)| component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    Err(Failure::Missing {
        explanation: format!("Rust lacks {names}. What to do: rustup component add {names}"),
    })
}
