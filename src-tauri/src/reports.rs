//! Reports that were saved: shown before they are written, written as a file for programs and a page for people, and
//! compared with what is found now.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gavelscope_client::state::Millis;
use gavelscope_contract::Timestamp;
use gavelscope_diagnosis::{Comparison, Evidence, Saved, compare, diagnose, page};

use crate::error::{CommandError, ErrorCode};
use crate::settings::write_private;
use crate::shown::{ReportFile, ReportList, ReportPart, ReportPreview, SavedReport};

/// A report is some ten kilobytes; what is so much more is none.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// More are not listed.
const MOST_FILES: usize = 200;

/// The folder of reports, and the one that was shown and not written yet.
pub struct Reports {
    folder: PathBuf,
    shown: Mutex<Option<Saved>>,
}

impl Reports {
    /// `reports/` in the application's data.
    pub fn in_folder(data: &Path) -> Self {
        Self {
            folder: data.join("reports"),
            shown: Mutex::new(None),
        }
    }

    /// Works on the disk where that holds nobody up.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let reports = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&reports))
            .await
            .map_err(|error| CommandError::internal("Reading the report", &error))?
    }

    /// Puts a report together and shows what is in it. It is this one that is saved next, whatever happens meanwhile.
    pub fn preview(&self, evidence: Evidence) -> Result<ReportPreview, CommandError> {
        let whole = judged(evidence)?;
        let preview = ReportPreview {
            parts: parts(&whole),
            text: whole.text().map_err(|error| unwritable(&error))?,
        };
        *self.shown() = Some(whole);
        Ok(preview)
    }

    /// Writes the one that was shown.
    pub fn save(&self) -> Result<SavedReport, CommandError> {
        let shown = self.shown();
        let whole = shown.as_ref().ok_or_else(|| CommandError {
            code: ErrorCode::Report,
            sentence: "No report was shown yet.".to_owned(),
            way: "Look at it first, then save it.".to_owned(),
        })?;
        let name = self.free_name(whole.evidence.taken_at);
        let (json, html) = (format!("{name}.json"), format!("{name}.html"));
        let text = whole.text().map_err(|error| unwritable(&error))?;
        let write = |name: &str, text: &str| {
            write_private(&self.folder.join(name), text.as_bytes())
                .map_err(|error| CommandError::storage("The report", &error))
        };
        // The page first: what is listed is complete.
        write(&html, &page(whole))?;
        write(&json, &text)?;
        Ok(SavedReport {
            folder: self.folder.display().to_string(),
            json,
            html,
        })
    }

    /// Those that can be compared with, newest first.
    pub fn list(&self) -> ReportList {
        let mut files: Vec<ReportFile> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                if path.extension()? != "json" {
                    return None;
                }
                let saved = read(&path).ok()?;
                Some(ReportFile {
                    name: path.file_name()?.to_str()?.to_owned(),
                    path: path.display().to_string(),
                    at: saved.evidence.taken_at,
                    server: saved.evidence.server,
                    light: saved.report.light,
                    probed: saved.evidence.probe.is_some(),
                })
            })
            .collect();
        files.sort_by(|one, other| (other.at.0, &other.name).cmp(&(one.at.0, &one.name)));
        files.truncate(MOST_FILES);
        ReportList {
            folder: self.folder.display().to_string(),
            files,
        }
    }

    /// What changed since one of them. The window is given no other file of this machine to read.
    pub fn compare(&self, path: &str, evidence: Evidence) -> Result<Comparison, CommandError> {
        let inside = |path: &Path| fs::canonicalize(path).map_err(|error| unreadable(&error));
        let (path, folder) = (inside(Path::new(path))?, inside(&self.folder)?);
        if path.parent() != Some(&folder) {
            return Err(unreadable(&"it is not in the folder of reports"));
        }
        Ok(compare(&read(&path)?, &judged(evidence)?))
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Option<Saved>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By the time of its evidence; a second of the same second gets a number.
    fn free_name(&self, at: Millis) -> String {
        let time: String = Timestamp::from_millis(at.0)
            .as_str()
            .chars()
            .take_while(|letter| *letter != '.')
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let taken = |name: &String| self.folder.join(format!("{name}.json")).exists();
        let first = format!("{time}Z");
        let more = (2_u32..).map(|number| format!("{time}Z-{number}"));
        std::iter::once(first)
            .chain(more)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }
}

fn judged(evidence: Evidence) -> Result<Saved, CommandError> {
    let report = diagnose(&evidence, evidence.taken_at);
    Saved::of(report, evidence).map_err(|error| unwritable(&error))
}

fn read(path: &Path) -> Result<Saved, CommandError> {
    let size = fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if size > MOST_BYTES {
        return Err(unreadable(&"it is too large for a report"));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    Saved::read(&text).map_err(|error| unreadable(&error))
}

fn unreadable(reason: &dyn std::fmt::Display) -> CommandError {
    CommandError {
        code: ErrorCode::Report,
        sentence: format!("This report cannot be read: {reason}."),
        way: "Choose another one.".to_owned(),
    }
}

fn unwritable(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::internal("Putting the report into words", error)
}

/// What is in a report, for somebody who is about to hand it on.
fn parts(whole: &Saved) -> Vec<ReportPart> {
    let Saved { report, evidence, .. } = whole;
    let mut parts = Vec::new();
    let mut part = |what: &str, said: String| {
        parts.push(ReportPart {
            what: what.to_owned(),
            said,
        });
    };
    part("The server's address", evidence.server.clone());
    part(
        "The verdict",
        format!(
            "{} with what they rest on",
            count(report.findings.len(), "finding")
        ),
    );
    if let Some(session) = &evidence.session {
        part(
            "The session",
            format!(
                "counts and times, {} of the connection with their reasons, {} by name",
                count(session.connection.transitions.len(), "change"),
                count(session.measurements.pods.len(), "pod")
            ),
        );
    }
    if let Some(probe) = &evidence.probe {
        let sockets = probe.room.as_ref().map_or(0, |room| room.sockets.len());
        part(
            "The diagnosis",
            format!(
                "the way there, {} of /health, who of {} hears whom",
                count(probe.health.len(), "answer"),
                count(sockets, "socket")
            ),
        );
    }
    part(
        "Not in it",
        "names of people and leagues, amounts, e-mail addresses, tokens".to_owned(),
    );
    parts
}

/// `1 pod`, `3 pods`.
fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use gavelscope_diagnosis::evidence::ProbeEvidence;

    use super::*;

    fn evidence(at: i64) -> Evidence {
        Evidence::of_probe(
            "http://127.0.0.1:1".to_owned(),
            Millis(at),
            ProbeEvidence::default(),
        )
    }

    #[test]
    fn one_is_one_and_the_others_are_several() {
        assert_eq!(
            [0, 1, 2].map(|number| count(number, "pod")),
            ["0 pods", "1 pod", "2 pods"]
        );
    }

    #[test]
    fn what_was_shown_is_saved_listed_and_compared() {
        let data = tempfile::tempdir().unwrap();
        let reports = Reports::in_folder(data.path());
        assert!(reports.list().files.is_empty());
        assert!(reports.save().is_err(), "nothing was shown");

        let preview = reports.preview(evidence(1_795_400_000_123)).unwrap();
        assert!(preview.parts.iter().any(|part| part.said == "http://127.0.0.1:1"));
        let first = reports.save().unwrap();
        assert_eq!(first.json, "20261123T021320Z.json");
        let second = reports.save().unwrap();
        assert_eq!(second.json, "20261123T021320Z-2.json", "none is overwritten");
        let written = fs::read_to_string(reports.folder.join(&first.json)).unwrap();
        assert_eq!(written, preview.text, "what was shown is what is written");
        let html = fs::read_to_string(reports.folder.join(&first.html)).unwrap();
        assert!(html.starts_with("<!doctype html>"));

        let listed = reports.list().files;
        assert_eq!(listed.len(), 2);
        let compared = reports
            .compare(&listed[0].path, evidence(1_795_400_060_000))
            .unwrap();
        assert!(compared.findings.is_empty(), "{compared:?}");
        assert_eq!(compared.before_at, Millis(1_795_400_000_123));
    }

    #[test]
    fn no_other_file_of_the_machine_can_be_read() {
        let data = tempfile::tempdir().unwrap();
        let reports = Reports::in_folder(data.path());
        reports.preview(evidence(0)).unwrap();
        let saved = reports.save().unwrap();
        let outside = data.path().join("elsewhere.json");
        fs::copy(reports.folder.join(&saved.json), &outside).unwrap();
        let around = reports.folder.join("..").join("elsewhere.json");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, reports.folder.join("link.json")).unwrap();
        for path in [
            outside.clone(),
            around,
            reports.folder.join("link.json"),
            PathBuf::from("/etc/passwd"),
            PathBuf::new(),
        ] {
            let tried = reports.compare(&path.display().to_string(), evidence(1));
            assert!(tried.is_err(), "{}", path.display());
        }
    }

    #[test]
    fn what_is_no_report_is_not_listed_and_says_so() {
        let data = tempfile::tempdir().unwrap();
        let reports = Reports::in_folder(data.path());
        fs::create_dir_all(&reports.folder).unwrap();
        let path = reports.folder.join("half.json");
        fs::write(&path, "{ \"evidence\": ").unwrap();
        assert!(reports.list().files.is_empty());
        let tried = reports
            .compare(&path.display().to_string(), evidence(1))
            .unwrap_err();
        assert_eq!(tried.code, ErrorCode::Report);
    }
}
