//! What the tests of the window are told by their surroundings: which application, and where its pictures go.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Window;

impl Window {
    /// Opens the application that `GAVELSCOPE_APP` names. Its pictures go to `GAVELSCOPE_SCREENSHOTS`, and without that
    /// to `target/screenshots`.
    pub async fn open_here() -> anyhow::Result<Self> {
        let app = env::var_os("GAVELSCOPE_APP")
            .context("GAVELSCOPE_APP does not name the built application: `cargo xtask test` sets it")?;
        let screenshots = env::var_os("GAVELSCOPE_SCREENSHOTS").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/screenshots")),
            PathBuf::from,
        );
        Self::open(Path::new(&app), Some(&screenshots)).await
    }
}
