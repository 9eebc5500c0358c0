//! The diagnosis that somebody asked for: one at a time, and gone with its session. What it measured is judged together
//! with what the session sees anyway (`stream.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gavelscope_client::{Session, time};
use gavelscope_diagnosis::probe::{Caps, Stage, Target, TlsOptions, probe};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::desk::Open;
use crate::error::{CommandError, ErrorCode};
use crate::shown::{Diagnosis, Measured, Progress};

/// How long the sockets of a diagnosis that is ended may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// The diagnosis that runs, if one does.
#[derive(Default)]
pub struct Examiner {
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Examiner {
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one of the open session's server. How it goes is in `open`.
    pub fn begin(&self, open: &watch::Sender<Open>) -> Result<(), CommandError> {
        let mut running = self.running();
        let now = open.borrow().clone();
        let (Some(session), Some(address)) = (now.session, now.address) else {
            return Err(CommandError::no_session());
        };
        let under_way = running
            .as_ref()
            .is_some_and(|running| !running.task.is_finished());
        if now.diagnosis.running.is_some() && under_way {
            return Err(CommandError {
                code: ErrorCode::Diagnosis,
                sentence: "A diagnosis is running already.".to_owned(),
                way: "Wait for it, or cancel it.".to_owned(),
            });
        }
        let target = Target {
            address,
            token: session.credentials().map(|credentials| credentials.access),
            tls: TlsOptions::default(),
        };
        let (caps, began_at, stop) = (Caps::default(), time::now(), CancellationToken::new());
        change(open, &session, |diagnosis| {
            diagnosis.running = Some(Progress {
                stage: Stage::Path,
                began_at,
                at_most_ms: u32::try_from(caps.time.as_millis()).unwrap_or(u32::MAX),
            });
        });
        let reconnects = session.state().borrow().connection.reconnects;
        let (open, stopped) = (open.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let told = |stage| {
                change(&open, &session, |diagnosis| {
                    if let Some(progress) = &mut diagnosis.running {
                        progress.stage = stage;
                    }
                });
            };
            let measured = probe(&target, caps, began_at, told, stopped.clone()).await;
            change(&open, &session, |diagnosis| {
                diagnosis.running = None;
                // Half a measurement would take the place of a whole one.
                if !stopped.is_cancelled() {
                    diagnosis.last = Some(Arc::new(Measured::from(measured)));
                    diagnosis.reconnects = reconnects;
                }
            });
        });
        *running = Some(Running { stop, task });
        Ok(())
    }

    /// Ends the one that runs; what it measured is dropped, and its sockets leave by themselves.
    pub fn cancel(&self) {
        if let Some(running) = &*self.running() {
            running.stop.cancel();
        }
    }

    /// The same, and waits until its sockets are gone.
    pub async fn end(&self) {
        let Some(Running { stop, mut task }) = self.running().take() else {
            return;
        };
        stop.cancel();
        if tokio::time::timeout(GOODBYE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Changes the diagnosis of a session, as long as that is the one that is open.
fn change(open: &watch::Sender<Open>, session: &Session, change: impl FnOnce(&mut Diagnosis)) {
    open.send_if_modified(|open| {
        let same = open
            .session
            .as_ref()
            .is_some_and(|now| now.state().same_channel(&session.state()));
        if same {
            change(&mut open.diagnosis);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use gavelscope_client::state::SessionState;
    use gavelscope_diagnosis::{Evidence, Light, Outcome, diagnose};

    use crate::desk::Desk;
    use crate::shown::{Diagnosis, PracticeOptions};

    /// A machine that others use, too.
    const LONG: std::time::Duration = std::time::Duration::from_secs(90);

    async fn practising() -> (tempfile::TempDir, Desk) {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path(), folder.path());
        let options = PracticeOptions {
            name: "Me".to_owned(),
            bots: 1,
            lots: 3,
            timer_seconds: 60,
        };
        desk.start_practice(&options).await.unwrap();
        (folder, desk)
    }

    async fn until(desk: &Desk, what: impl Fn(&Diagnosis) -> bool) -> Diagnosis {
        let mut open = desk.watch();
        let found = tokio::time::timeout(LONG, open.wait_for(|open| what(&open.diagnosis)));
        found.await.expect("it takes too long").unwrap().diagnosis.clone()
    }

    #[tokio::test]
    async fn practice_is_measured_one_at_a_time_and_the_judgement_rests_on_it() {
        let (_folder, desk) = practising().await;
        desk.run_diagnosis().unwrap();
        assert!(desk.run_diagnosis().is_err(), "one is running");
        let done = until(&desk, |diagnosis| diagnosis.running.is_none()).await;
        let measured = done.last.expect("it was measured");
        assert!(measured.partition.whole(), "{:?}", measured.partition);
        assert!(measured.probe.cut_short.is_none());

        let session = desk.session().unwrap();
        let state = std::sync::Arc::clone(&session.state().borrow());
        let alone = diagnose(&Evidence::collect(&state), state.at);
        let together = diagnose(
            &Evidence::collect(&state).with_probe(measured.probe.clone()),
            state.at,
        );
        let split = |report: &gavelscope_diagnosis::Report| {
            let found = report.findings.iter().find(|one| one.code == "GS-ROOM-SPLIT");
            found.unwrap().outcome
        };
        assert_eq!(
            (split(&alone), split(&together)),
            (Outcome::Skipped, Outcome::Pass)
        );
        assert_eq!(together.light, Light::Green, "{}", together.verdict);
        // Who answers after a loss may be another backend.
        let diagnosis = desk.watch().borrow().diagnosis.clone();
        let mut lost = SessionState::clone(&state);
        assert!(diagnosis.evidence(&lost).probe.is_some() && !diagnosis.beside(Some(&lost)).outdated);
        lost.connection.reconnects += 1;
        assert!(diagnosis.evidence(&lost).probe.is_none() && diagnosis.beside(Some(&lost)).outdated);
        desk.leave().await;
        assert!(
            desk.watch().borrow().diagnosis.last.is_none(),
            "it is gone with its session"
        );
    }

    #[tokio::test]
    async fn what_is_cancelled_leaves_nothing_and_another_can_follow() {
        let (_folder, desk) = practising().await;
        desk.run_diagnosis().unwrap();
        desk.cancel_diagnosis();
        let after = until(&desk, |diagnosis| diagnosis.running.is_none()).await;
        assert!(after.last.is_none(), "half a measurement is none");
        desk.run_diagnosis().unwrap();
        desk.leave().await;
        assert!(
            desk.watch().borrow().diagnosis.running.is_none(),
            "it ends with its session"
        );
        assert!(desk.run_diagnosis().is_err(), "there is no session");
    }
}
