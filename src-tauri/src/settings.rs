//! Settings and servers, in one file that people can read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::shown::{SavedServer, Settings};

/// What is in the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stored {
    /// The user's choices.
    pub settings: Settings,
    /// Servers that were added.
    pub servers: Vec<SavedServer>,
}

/// The file.
#[derive(Debug, Clone)]
pub struct SettingsFile {
    path: PathBuf,
}

impl SettingsFile {
    /// `settings.json` in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("settings.json"),
        }
    }

    /// What it says. A file that is not there, or not to be read, is the beginning; an unreadable one is set aside
    /// and not overwritten.
    pub fn read(&self) -> Stored {
        let Ok(text) = fs::read_to_string(&self.path) else {
            return Stored::default();
        };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            let aside = self.path.with_extension("unreadable.json");
            tracing::warn!(%error, aside = %aside.display(), "settings are not readable; starting anew");
            let _ = fs::rename(&self.path, aside);
            Stored::default()
        })
    }

    /// Writes it whole or not at all.
    pub fn write(&self, stored: &Stored) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(stored)?;
        write_private(&self.path, &text)
    }
}

/// Writes a file that only this user can read, by way of a second one, so that a crash leaves the old or the new.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()?;
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::in_folder(&folder.path().join("deeper"));
        assert_eq!(file.read(), Stored::default());
        let stored = Stored {
            settings: Settings {
                confirm_above: None,
                ..Settings::default()
            },
            servers: Vec::new(),
        };
        file.write(&stored).unwrap();
        assert_eq!(file.read(), stored);
    }

    #[test]
    fn an_unreadable_file_is_set_aside_and_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::in_folder(folder.path());
        fs::write(folder.path().join("settings.json"), "{ half").unwrap();
        assert_eq!(file.read(), Stored::default());
        assert_eq!(
            fs::read_to_string(folder.path().join("settings.unreadable.json")).unwrap(),
            "{ half"
        );
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.json");
        write_private(&path, b"{}").unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
