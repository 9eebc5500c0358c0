//! The recordings of sessions: where they are, and the one that the window has open.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gavelscope_client::SessionConfig;
use gavelscope_client::recorder::{
    About, Limits, Playback, PlaybackError, RecordedLine, Recorder, RecordingMoment, list,
};

use crate::error::CommandError;
use crate::shown::{OpenRecording, RecordingList};

/// More lines at once would make the window wait.
const LINES_AT_ONCE: u32 = 1_000;

/// The folder of recordings.
pub struct Recordings {
    folder: PathBuf,
    open: Mutex<Option<Playback>>,
}

impl Recordings {
    /// `recordings/` in the application's data.
    pub fn in_folder(data: &Path) -> Self {
        Self {
            folder: data.join("recordings"),
            open: Mutex::new(None),
        }
    }

    /// Begins the recording of a session. Where the disk does not let it, the session goes on without.
    pub fn begin(&self, config: &SessionConfig) -> Option<Recorder> {
        let about = About {
            server: config.address.base(),
            path: config.address.path().to_owned(),
            user: config.credentials.user.clone(),
        };
        Recorder::start(&self.folder, Limits::default(), about)
            .inspect_err(|error| tracing::warn!(%error, "the session is not recorded"))
            .ok()
    }

    /// Reads from the disk where that holds nobody up.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let recordings = Arc::clone(self);
        tokio::task::spawn_blocking(move || read(&recordings))
            .await
            .map_err(|error| CommandError::internal("Reading the recording", &error))?
    }

    /// Those that can be opened.
    pub fn list(&self) -> RecordingList {
        RecordingList {
            folder: self.folder.display().to_string(),
            files: list(&self.folder),
        }
    }

    /// Opens one. The window is given no other file of this machine to read.
    pub fn open(&self, path: &str) -> Result<OpenRecording, CommandError> {
        let refused = |reason: &str| {
            CommandError::from(PlaybackError::File {
                path: path.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let inside = |path: &Path| fs::canonicalize(path).map_err(|error| refused(&error.to_string()));
        let (path, folder) = (inside(Path::new(path))?, inside(&self.folder)?);
        if path.parent() != Some(&folder) {
            return Err(refused("it is not in the folder of recordings"));
        }
        let playback = Playback::open(&path)?;
        let opened = OpenRecording {
            file: playback.file().clone(),
            steps: playback.steps(),
            is_cut: playback.is_cut(),
        };
        *self.playback() = Some(playback);
        Ok(opened)
    }

    /// Lines of the open one, in words.
    pub fn lines(&self, from: u32, count: u32) -> Result<Vec<RecordedLine>, CommandError> {
        let open = self.playback();
        let playback = open.as_ref().ok_or_else(none_open)?;
        Ok(playback.lines(from, count.min(LINES_AT_ONCE))?)
    }

    /// The open one at one of its lines.
    pub fn at(&self, step: u32) -> Result<RecordingMoment, CommandError> {
        let mut open = self.playback();
        let playback = open.as_mut().ok_or_else(none_open)?;
        Ok(playback.at(step)?)
    }

    /// Closes the open one.
    pub fn close(&self) {
        *self.playback() = None;
    }

    fn playback(&self) -> MutexGuard<'_, Option<Playback>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none_open() -> CommandError {
    CommandError {
        code: crate::error::ErrorCode::Recording,
        sentence: "No recording is open.".to_owned(),
        way: "Choose one from the list.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            server: "http://127.0.0.1:1".to_owned(),
            path: "/api/socket.io/".to_owned(),
            user: "me".into(),
        }
    }

    #[test]
    fn a_recording_is_listed_opened_stepped_through_and_closed() {
        let data = tempfile::tempdir().unwrap();
        let recordings = Recordings::in_folder(data.path());
        assert!(recordings.list().files.is_empty());
        assert!(recordings.at(0).is_err(), "none is open");
        drop(Recorder::start(&recordings.folder, Limits::default(), about()).unwrap());

        let listed = recordings.list().files;
        assert_eq!((listed.len(), listed[0].part), (1, 1));
        let opened = recordings.open(&listed[0].path).unwrap();
        assert_eq!((opened.steps, opened.is_cut), (1, false));
        assert_eq!(recordings.lines(0, u32::MAX).unwrap().len(), 1);
        assert_eq!(
            recordings.at(0).unwrap().session.server.address,
            "http://127.0.0.1:1"
        );
        assert!(recordings.at(1).is_err());
        recordings.close();
        assert!(recordings.at(0).is_err());
    }

    #[test]
    fn no_other_file_of_the_machine_can_be_read() {
        let data = tempfile::tempdir().unwrap();
        let recordings = Recordings::in_folder(data.path());
        drop(Recorder::start(&recordings.folder, Limits::default(), about()).unwrap());
        let outside = data.path().join("elsewhere.jsonl");
        fs::copy(&recordings.list().files[0].path, &outside).unwrap();
        let around = recordings.folder.join("..").join("elsewhere.jsonl");
        for path in [
            outside.as_path(),
            around.as_path(),
            Path::new("/etc/passwd"),
            Path::new(""),
        ] {
            assert!(
                recordings.open(&path.display().to_string()).is_err(),
                "{}",
                path.display()
            );
        }
        #[cfg(unix)]
        {
            let link = recordings.folder.join("link.jsonl");
            std::os::unix::fs::symlink(&outside, &link).unwrap();
            assert!(
                recordings.open(&link.display().to_string()).is_err(),
                "a link leads out"
            );
        }
    }
}
