//! Every size of the icon, drawn from the one SVG.

use std::fs;

use crate::failure::Failure;
use crate::node;
use crate::package;
use crate::project::Project;
use crate::steps::{Output, Step, Steps};

/// What the bundle wants, of the many that the Tauri command makes.
const WANTED: &[&str] = &[
    "32x32.png",
    "128x128.png",
    "128x128@2x.png",
    "icon.png",
    "icon.ico",
    "icon.icns",
];

pub(crate) fn draw(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    node::install(project, steps)?;
    let icons = project.root().join("icons");
    let drawn = project.scratch().join("icons");
    let mut command = package::tauri(project);
    command
        .arg("icon")
        .arg(icons.join("gavelscope.svg"))
        .arg("--output")
        .arg(&drawn);
    steps.run(Step {
        name: "icons",
        command,
        output: Output::Logged,
        advice: "the message above is the Tauri command's.",
    })?;
    for name in WANTED {
        fs::copy(drawn.join(name), icons.join(name)).map_err(|error| Failure::File {
            doing: "Copying the drawn icon to",
            path: icons.join(name),
            error,
        })?;
    }
    println!("\nDrawn anew in {}.", icons.display());
    Ok(())
}
