//! Python and the packages of the pods that the tests start: an environment of its own under the build directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::project::Project;
use crate::stamp;
use crate::steps::{Output, Step, Steps};

/// Tells the tests which Python has the packages.
pub(crate) const VARIABLE: &str = "GAVELSCOPE_PYTHON";
/// The oldest release that the pods' packages run on.
const OLDEST: (u32, u32) = (3, 11);

/// Installs the pods' packages if `requirements.txt` or Python changed since the last time.
pub(crate) fn install(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    const NAME: &str = "Python packages";
    let version = ensure_python()?;
    let requirements = requirements(project);
    let wanted = stamp::of_file(&requirements, &version)?;
    let folder = folder(project);
    // Inside, because the folder is made anew as a whole: the stamp cannot outlive what it speaks of.
    let stamp = folder.join(".xtask-stamp");
    if stamp::is_current(&stamp, &wanted) && interpreter(project).is_file() {
        steps.skip(NAME, "requirements.txt has not changed");
        return Ok(());
    }
    let _ = fs::remove_dir_all(&folder);
    let mut environment = project.command("python3");
    environment.args(["-m", "venv"]).arg(&folder);
    steps.run(Step {
        name: "Python environment",
        command: environment,
        output: Output::Logged,
        advice: "on Debian and Ubuntu the module venv is in the package python3-venv.",
    })?;
    let mut pip = project.command(interpreter(project));
    pip.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--requirement",
    ])
    .arg(&requirements);
    steps.run(Step {
        name: NAME,
        command: pip,
        output: Output::Logged,
        advice: "see whether the Python package index can be reached, then start again.",
    })?;
    stamp::write(&stamp, &wanted)
}

/// The Python that has the packages, once they are installed.
pub(crate) fn interpreter(project: &Project) -> PathBuf {
    let (folder_of_programs, name) = if cfg!(windows) {
        ("Scripts", "python.exe")
    } else {
        ("bin", "python")
    };
    folder(project).join(folder_of_programs).join(name)
}

fn folder(project: &Project) -> PathBuf {
    project.scratch().join("python")
}

fn requirements(project: &Project) -> PathBuf {
    let pods: &Path = Path::new("crates/testkit/pods/python");
    project.root().join(pods).join("requirements.txt")
}

/// The version of Python that is there, if it is new enough.
fn ensure_python() -> Result<String, Failure> {
    let output = Command::new("python3").arg("--version").output();
    let found = output
        .ok()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match judge(found.as_deref()) {
        Ok(version) => Ok(version.to_owned()),
        Err(explanation) => Err(Failure::Missing { explanation }),
    }
}

/// Says yes to `Python 3.11.2` and later, and otherwise what to do. `None` means that there is no `python3` at all.
fn judge(found: Option<&str>) -> Result<&str, String> {
    let (major, minor) = OLDEST;
    let wanted = format!("Python {major}.{minor} or newer runs the pods that the tests start");
    let Some(version) = found else {
        return Err(format!(
            "{wanted}, and there is no python3. Install it, then start again."
        ));
    };
    let mut numbers = version
        .strip_prefix("Python ")
        .unwrap_or_default()
        .split('.')
        .map_while(|text| text.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(first), Some(second)) if (first, second) >= OLDEST => Ok(version),
        _ => Err(format!(
            "{wanted}, and python3 here is {version:?}. Put a newer one first on the PATH, then start again."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_supported_python_and_newer_ones_are_taken() {
        assert_eq!(judge(Some("Python 3.11.2")), Ok("Python 3.11.2"));
        assert_eq!(judge(Some("Python 3.14.0")), Ok("Python 3.14.0"));
        assert_eq!(judge(Some("Python 4.0.0")), Ok("Python 4.0.0"));
    }

    #[test]
    fn an_older_python_is_refused_with_its_version() {
        let told = judge(Some("Python 3.9.18")).unwrap_err();
        assert!(
            told.contains("3.9.18") && told.contains("3.11 or newer"),
            "{told}"
        );
    }

    #[test]
    fn no_python_and_an_answer_that_is_no_version_are_refused() {
        assert!(judge(None).is_err());
        assert!(judge(Some("")).is_err());
        assert!(judge(Some("Python three")).is_err());
    }
}
