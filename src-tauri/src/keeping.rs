//! Where sign-ins are kept: the operating system's keychain, or, where there is none, memory, or a file if the user
//! chose that. The window never sees one.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gavelscope_client::rest::Credentials;
use gavelscope_client::state::Millis;
use gavelscope_contract::{Secret, UserId};
use serde::{Deserialize, Serialize};

use crate::settings::write_private;
use crate::shown::Keeping;

/// The name under which the keychain lists them.
const SERVICE: &str = "Gavelscope";

/// The keeper of sign-ins.
pub struct Keeper {
    file: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    memory: HashMap<String, Kept>,
    keeping: Keeping,
    may_use_file: bool,
}

/// A sign-in as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    user: UserId,
    name: String,
    #[serde(serialize_with = "Secret::exposed")]
    access: Secret,
    #[serde(serialize_with = "Secret::exposed_option")]
    refresh: Option<Secret>,
    #[serde(default)]
    expires_at: Option<Millis>,
}

impl From<Credentials> for Kept {
    fn from(credentials: Credentials) -> Self {
        let Credentials {
            user,
            name,
            access,
            refresh,
            expires_at,
        } = credentials;
        Self {
            user,
            name,
            access,
            refresh,
            expires_at,
        }
    }
}

impl From<Kept> for Credentials {
    fn from(kept: Kept) -> Self {
        let Kept {
            user,
            name,
            access,
            refresh,
            expires_at,
        } = kept;
        Self {
            user,
            name,
            access,
            refresh,
            expires_at,
        }
    }
}

impl Keeper {
    /// With the file, if it comes to that, in a folder.
    pub fn new(folder: &Path, may_use_file: bool) -> Self {
        let keeping = match keyring::Entry::store_status() {
            Ok(()) => Keeping::Keychain,
            Err(error) => {
                tracing::info!(%error, "there is no keychain");
                if may_use_file {
                    Keeping::File
                } else {
                    Keeping::Memory
                }
            }
        };
        let inner = Inner {
            memory: HashMap::new(),
            keeping,
            may_use_file,
        };
        Self {
            file: folder.join("sign-ins.json"),
            inner: Mutex::new(inner),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where they are kept now.
    pub fn keeping(&self) -> Keeping {
        self.inner().keeping
    }

    /// The user allowed or forbade the file.
    pub fn allow_file(&self, allowed: bool) {
        let mut inner = self.inner();
        inner.may_use_file = allowed;
        if inner.keeping == Keeping::Keychain {
            return;
        }
        inner.keeping = if allowed { Keeping::File } else { Keeping::Memory };
        let written = if allowed {
            self.write_file(&inner.memory)
        } else {
            remove(&self.file)
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the file of sign-ins could not be changed");
        }
    }

    /// Keeps a sign-in. Blocks while the keychain asks its user.
    pub fn keep(&self, server: &str, credentials: Credentials) {
        let kept = Kept::from(credentials);
        let mut inner = self.inner();
        if inner.keeping == Keeping::Keychain
            && let Err(error) = to_keychain(server, &kept)
        {
            // A keychain that is there and refuses is as good as none, and nobody is to be locked out by it.
            tracing::warn!(%error, "the keychain did not take the sign-in");
            inner.keeping = if inner.may_use_file {
                Keeping::File
            } else {
                Keeping::Memory
            };
        }
        inner.memory.insert(server.to_owned(), kept);
        if inner.keeping == Keeping::File
            && let Err(error) = self.write_file(&inner.memory)
        {
            tracing::warn!(%error, "the sign-in could not be written");
            inner.keeping = Keeping::Memory;
        }
    }

    /// A sign-in that was kept.
    pub fn get(&self, server: &str) -> Option<Credentials> {
        let mut inner = self.inner();
        if let Some(kept) = inner.memory.get(server) {
            return Some(kept.clone().into());
        }
        let kept = match inner.keeping {
            Keeping::Keychain => from_keychain(server),
            Keeping::File => self.read_file().remove(server),
            Keeping::Memory => None,
        }?;
        inner.memory.insert(server.to_owned(), kept.clone());
        Some(kept.into())
    }

    /// Forgets a sign-in everywhere.
    pub fn forget(&self, server: &str) {
        let mut inner = self.inner();
        inner.memory.remove(server);
        if inner.keeping == Keeping::Keychain
            && let Ok(entry) = keyring::Entry::new(SERVICE, server)
        {
            let _ = entry.delete_credential();
        }
        if inner.keeping == Keeping::File {
            let mut all = self.read_file();
            all.remove(server);
            if let Err(error) = self.write_file(&all) {
                tracing::warn!(%error, "the sign-in could not be removed from the file");
            }
        }
    }

    fn write_file(&self, all: &HashMap<String, Kept>) -> std::io::Result<()> {
        let mut together = self.read_file();
        together.retain(|server, _| all.contains_key(server));
        together.extend(all.iter().map(|(server, kept)| (server.clone(), kept.clone())));
        write_private(&self.file, &serde_json::to_vec(&together)?)
    }

    fn read_file(&self) -> HashMap<String, Kept> {
        fs::read(&self.file)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }
}

fn remove(file: &Path) -> std::io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn to_keychain(server: &str, kept: &Kept) -> Result<(), String> {
    let text = serde_json::to_string(kept).map_err(|error| error.to_string())?;
    let entry = keyring::Entry::new(SERVICE, server).map_err(|error| error.to_string())?;
    entry.set_password(&text).map_err(|error| error.to_string())
}

fn from_keychain(server: &str) -> Option<Kept> {
    let text = keyring::Entry::new(SERVICE, server).ok()?.get_password().ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials {
            user: "u".into(),
            name: "U".into(),
            access: Secret::new("a"),
            refresh: Some(Secret::new("r")),
            expires_at: None,
        }
    }

    fn without_keychain(folder: &Path, may_use_file: bool) -> Keeper {
        let keeper = Keeper::new(folder, may_use_file);
        keeper.inner().keeping = if may_use_file {
            Keeping::File
        } else {
            Keeping::Memory
        };
        keeper
    }

    #[test]
    fn in_memory_it_is_gone_with_the_application() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = without_keychain(folder.path(), false);
        keeper.keep("s", credentials());
        assert!(keeper.get("s").is_some());
        assert!(without_keychain(folder.path(), false).get("s").is_none());
        assert!(
            !folder.path().join("sign-ins.json").exists(),
            "nothing is written unless the user chose so"
        );
    }

    #[test]
    fn in_the_file_it_is_there_again_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        without_keychain(folder.path(), true).keep("s", credentials());
        let later = without_keychain(folder.path(), true);
        assert_eq!(later.get("s").unwrap().access.expose(), "a");
        later.forget("s");
        assert!(without_keychain(folder.path(), true).get("s").is_none());
    }

    #[test]
    fn taking_the_permission_back_removes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = without_keychain(folder.path(), true);
        keeper.keep("s", credentials());
        keeper.allow_file(false);
        assert!(!folder.path().join("sign-ins.json").exists());
        assert!(keeper.get("s").is_some(), "the session goes on");
    }
}
