//! Node.js and the packages that are installed with npm.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::project::Project;
use crate::stamp;
use crate::steps::{Output, Step, Steps};

/// The oldest release line that the tools of the user interface run on.
const OLDEST: u32 = 20;

/// Installs the packages of the user interface if `package-lock.json` changed since the last time.
pub(crate) fn install(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    install_in(project, steps, &project.ui(), "npm packages")
}

/// The same for the peers that tests and measurements are made against.
pub(crate) fn install_peers(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    let peers = project.root().join("crates").join("testkit").join("peers");
    install_in(project, steps, &peers, "npm packages of the peers")
}

/// The same for any folder with a `package-lock.json`; the step gets the given name.
fn install_in(project: &Project, steps: &mut Steps, folder: &Path, name: &str) -> Result<(), Failure> {
    let version = ensure_node()?;
    let wanted = stamp::of_file(&folder.join("package-lock.json"), &version)?;
    // In node_modules, because npm removes that folder as a whole: the stamp cannot outlive what it speaks of.
    let stamp = folder.join("node_modules").join(".xtask-stamp");
    if stamp::is_current(&stamp, &wanted) {
        steps.skip(name, "package-lock.json has not changed");
        return Ok(());
    }
    // `ci` takes the locked versions and checksums or fails, and never writes to the lock file. It wants every tool's
    // optional binary for every operating system to be in there; npm leaves out those that the registry lacked at the
    // moment when the file was made, as in the minutes after a release. Made again later they are in it.
    steps.run(Step {
        name,
        command: project.npm(folder, &["ci", "--no-audit", "--no-fund"]),
        output: Output::Logged,
        advice: "see whether the npm registry can be reached, then start again. Where packages are \"missing from lock file\", \
                 `npm install --package-lock-only` in that folder adds them.",
    })?;
    stamp::write(&stamp, &wanted)
}

/// The version of Node.js that is there, if it is new enough.
fn ensure_node() -> Result<String, Failure> {
    let output = Command::new("node").arg("--version").output();
    let found = output
        .ok()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match judge(found.as_deref()) {
        Ok(version) => Ok(version.to_owned()),
        Err(explanation) => Err(Failure::Missing { explanation }),
    }
}

/// Says yes to `v20.1.0` and later, and otherwise what to do. `None` means that there is no `node` at all.
fn judge(found: Option<&str>) -> Result<&str, String> {
    let advice = "Install it from https://nodejs.org (the .tar.xz needs no root) or with nvm or fnm, then start again.";
    let Some(version) = found else {
        return Err(format!(
            "Node.js {OLDEST} or newer builds the user interface, and there is none. {advice}"
        ));
    };
    let major: Option<u32> = version
        .strip_prefix('v')
        .and_then(|rest| rest.split('.').next())
        .and_then(|text| text.parse().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(version),
        _ => Err(format!(
            "Node.js {OLDEST} or newer builds the user interface, and here is {version:?}. {advice}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_supported_node_and_newer_ones_are_taken() {
        assert_eq!(judge(Some("v20.0.0")), Ok("v20.0.0"));
        assert_eq!(judge(Some("v26.1.0")), Ok("v26.1.0"));
    }

    #[test]
    fn an_older_node_is_refused_with_its_version() {
        let told = judge(Some("v18.19.0")).unwrap_err();
        assert!(
            told.contains("v18.19.0") && told.contains("20 or newer"),
            "{told}"
        );
    }

    #[test]
    fn no_node_and_an_answer_that_is_no_version_are_refused() {
        assert!(judge(None).is_err());
        assert!(judge(Some("")).is_err());
        assert!(judge(Some("20")).is_err());
    }
}
