//! Where things are, and how to call cargo so that every chore shares one build.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Embeds the user interface. Every cargo call passes it, because Tauri is built again when it changes.
pub(crate) const FEATURES: &str = "custom-protocol";
/// The same with the test in the real window, which needs a display and the built application.
pub(crate) const FEATURES_WITH_WINDOW: &str = "custom-protocol,gavelscope-testkit/window";

/// The repository on this machine.
pub(crate) struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// Finds the repository from where xtask's manifest is, and the build directory from `CARGO_TARGET_DIR`.
    pub(crate) fn find() -> Self {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .map_or_else(|| manifest.clone(), Path::to_path_buf);
        let target = match env::var_os("CARGO_TARGET_DIR") {
            // Cargo takes a relative one from where it was called; we call it from the root, so make it absolute.
            Some(given) => env::current_dir().unwrap_or_else(|_| root.clone()).join(given),
            None => root.join("target"),
        };
        Self { root, target }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn ui(&self) -> PathBuf {
        self.root.join("ui")
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where xtask keeps its logs, stamps and screenshots.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// A program that cargo built with the profile whose folder is `profile` (`debug` or `release`).
    pub(crate) fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target
            .join(profile)
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// A command started at the root, without what `cargo run` told xtask about xtask's own package: a build
    /// script or a test that reads those variables would otherwise see a different world than under plain cargo.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let belongs_to_xtask = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_")
                    || matches!(
                        name,
                        "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_BIN_NAME"
                    )
            });
            if belongs_to_xtask {
                command.env_remove(name);
            }
        }
        command
    }

    /// Cargo itself, the one that runs us, with the given words.
    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(cargo);
        command.args(words).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// npm in the folder of the user interface. `CI` keeps test runners from waiting for changes.
    pub(crate) fn npm(&self, folder: &Path, words: &[&str]) -> Command {
        let mut command = self.command(if cfg!(windows) { "npm.cmd" } else { "npm" });
        command.current_dir(folder).args(words).env("CI", "1");
        command
    }
}
