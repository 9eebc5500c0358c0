//! What the application holds between two commands: the session, the practice, the settings.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gavelscope_client::rest::{Credentials, Rest};
use gavelscope_client::{BidKeeping, ClientError, LedgerStore, ServerAddress, Session, SessionConfig};
use gavelscope_contract::{AuctionId, Secret};
use gavelscope_diagnosis::Evidence;
use tokio::sync::{OnceCell, watch};

use crate::error::CommandError;
use crate::examining::Examiner;
use crate::keeping::Keeper;
use crate::practice::Practice;
use crate::recordings::Recordings;
use crate::reports::Reports;
use crate::settings::{SettingsFile, Stored};
use crate::shown::{Diagnosis, PracticeOptions, SavedServer, Settings, SignInStep};

/// A renewed sign-in is put into keeping at the latest after this long.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// The desk.
pub struct Desk {
    file: SettingsFile,
    keeper: Arc<Keeper>,
    ledger_file: PathBuf,
    ledger: OnceCell<LedgerStore>,
    stored: Mutex<Stored>,
    /// One thing at a time: opening and ending sessions.
    changing: tokio::sync::Mutex<Option<Practice>>,
    open: watch::Sender<Open>,
    recordings: Arc<Recordings>,
    reports: Arc<Reports>,
    examiner: Examiner,
}

/// What the window's stream follows.
#[derive(Clone, Default)]
pub struct Open {
    /// The session, where there is one.
    pub session: Option<Session>,
    /// Where it leads.
    pub address: Option<ServerAddress>,
    /// Whether it is a practice.
    pub practice: bool,
    /// The diagnosis that was asked for in it.
    pub diagnosis: Diagnosis,
}

impl Desk {
    /// With its settings in one folder and its data in another.
    pub fn open(folder: &Path, data: &Path) -> Self {
        let file = SettingsFile::in_folder(folder);
        let stored = file.read();
        let keeper = Arc::new(Keeper::new(folder, stored.settings.keep_in_file));
        Self {
            file,
            keeper,
            ledger_file: data.join("bids.db"),
            ledger: OnceCell::new(),
            stored: Mutex::new(stored),
            changing: tokio::sync::Mutex::new(None),
            open: watch::Sender::new(Open::default()),
            recordings: Arc::new(Recordings::in_folder(data)),
            reports: Arc::new(Reports::in_folder(data)),
            examiner: Examiner::default(),
        }
    }

    /// The recordings of sessions.
    pub fn recordings(&self) -> &Arc<Recordings> {
        &self.recordings
    }

    /// The reports that were saved.
    pub fn reports(&self) -> &Arc<Reports> {
        &self.reports
    }

    /// What the open session has seen, with what was measured in it.
    pub fn evidence(&self) -> Result<Evidence, CommandError> {
        let open = self.open.borrow().clone();
        let session = open.session.ok_or_else(CommandError::no_session)?;
        let state = Arc::clone(&session.state().borrow());
        Ok(open.diagnosis.evidence(&state))
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sessions to come and go, and whatever else of the desk changes.
    pub fn watch(&self) -> watch::Receiver<Open> {
        self.open.subscribe()
    }

    /// The keeper of sign-ins.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// The user's choices.
    pub fn settings(&self) -> Settings {
        self.stored().settings.clone()
    }

    /// Servers that were added.
    pub fn servers(&self) -> Vec<SavedServer> {
        self.stored().servers.clone()
    }

    /// The session, or the sentence that there is none.
    pub fn session(&self) -> Result<Session, CommandError> {
        self.open
            .borrow()
            .session
            .clone()
            .ok_or_else(CommandError::no_session)
    }

    /// Begins to examine the open session's server.
    pub fn run_diagnosis(&self) -> Result<(), CommandError> {
        self.examiner.begin(&self.open)
    }

    /// Ends the diagnosis that runs, with nothing to show for it.
    pub fn cancel_diagnosis(&self) {
        self.examiner.cancel();
    }

    /// The same, when the window is gone: its sockets say goodbye.
    pub async fn end_diagnosis(&self) {
        self.examiner.end().await;
    }

    fn change(&self, change: impl FnOnce(&mut Stored)) -> Result<(), CommandError> {
        let stored = {
            let mut stored = self.stored();
            change(&mut stored);
            stored.clone()
        };
        self.open.send_modify(|_| {});
        self.file
            .write(&stored)
            .map_err(|error| CommandError::storage("The setting", &error))
    }

    /// New choices.
    pub fn save_settings(&self, settings: Settings) -> Result<(), CommandError> {
        self.keeper.allow_file(settings.keep_in_file);
        self.change(|stored| stored.settings = settings)
    }

    /// Remembers a server.
    pub fn add_server(&self, label: &str, address: &ServerAddress) -> Result<SavedServer, CommandError> {
        let label = label.trim();
        let server = SavedServer {
            id: uuid::Uuid::new_v4().to_string(),
            label: if label.is_empty() {
                address.base()
            } else {
                label.chars().take(60).collect()
            },
            address: address.base(),
            path: address.path().to_owned(),
            user: None,
        };
        let mut known = None;
        self.change(|stored| {
            known = stored
                .servers
                .iter()
                .find(|s| s.address == server.address && s.path == server.path)
                .cloned();
            if known.is_none() {
                stored.servers.push(server.clone());
            }
        })?;
        Ok(known.unwrap_or(server))
    }

    fn server(&self, id: &str) -> Result<(SavedServer, ServerAddress), CommandError> {
        let server = self
            .stored()
            .servers
            .iter()
            .find(|server| server.id == id)
            .cloned();
        let server =
            server.ok_or_else(|| CommandError::internal("Finding the server", &"it is not in the list"))?;
        let address = ServerAddress::parse(&server.address, &server.path)?;
        Ok((server, address))
    }

    /// Forgets a server and its sign-in.
    pub fn forget_server(&self, id: &str) -> Result<(), CommandError> {
        self.keeper.forget(id);
        self.change(|stored| stored.servers.retain(|server| server.id != id))
    }

    /// Forgets a sign-in.
    pub fn sign_out(&self, id: &str) -> Result<(), CommandError> {
        self.keeper.forget(id);
        self.set_user(id, None)
    }

    fn set_user(&self, id: &str, user: Option<String>) -> Result<(), CommandError> {
        self.change(|stored| {
            if let Some(server) = stored.servers.iter_mut().find(|server| server.id == id) {
                server.user = user;
            }
        })
    }

    /// Asks for a sign-in link; a development backend signs in at once.
    pub async fn request_sign_in(
        &self,
        id: &str,
        email: &str,
        name: Option<&str>,
    ) -> Result<SignInStep, CommandError> {
        let (_, address) = self.server(id)?;
        let rest = Rest::new(address)?;
        let answer = match rest.request_link(email).await {
            // Some backends want to know the user first.
            Err(ClientError::Refused(refusal))
                if refusal.code == gavelscope_contract::RefusalCode::UserNotFound && name.is_some() =>
            {
                rest.create_user(name.unwrap_or_default(), email).await?;
                rest.request_link(email).await?
            }
            other => other?,
        };
        let signed_in = match &answer.body.token {
            Some(token) => Some(self.verify(id, &rest, email, token).await?),
            None => None,
        };
        Ok(SignInStep {
            signed_in,
            expires_in_seconds: answer.body.expires_in,
        })
    }

    /// Signs in with the token of the mail.
    pub async fn finish_sign_in(
        &self,
        id: &str,
        email: &str,
        token: &Secret,
    ) -> Result<SavedServer, CommandError> {
        let (_, address) = self.server(id)?;
        self.verify(id, &Rest::new(address)?, email, token).await
    }

    async fn verify(
        &self,
        id: &str,
        rest: &Rest,
        email: &str,
        token: &Secret,
    ) -> Result<SavedServer, CommandError> {
        let credentials = rest.verify(email, token).await?;
        let name = credentials.name.clone();
        self.keep(id, credentials).await;
        self.set_user(id, Some(name))?;
        Ok(self.server(id)?.0)
    }

    async fn keep(&self, id: &str, credentials: Credentials) {
        let (keeper, id) = (Arc::clone(&self.keeper), id.to_owned());
        // The keychain may ask its user for a password: that takes as long as it takes.
        let _ = tokio::task::spawn_blocking(move || keeper.keep(&id, credentials)).await;
        self.open.send_modify(|_| {});
    }

    /// Opens a session with a saved server.
    pub async fn connect(&self, id: &str) -> Result<(), CommandError> {
        let (_, address) = self.server(id)?;
        let (keeper, server) = (Arc::clone(&self.keeper), id.to_owned());
        let credentials = tokio::task::spawn_blocking(move || keeper.get(&server))
            .await
            .map_err(|error| CommandError::internal("Reading the sign-in", &error))?;
        let Some(credentials) = credentials else {
            self.set_user(id, None)?;
            return Err(ClientError::SignedOut.into());
        };
        let mut practice = self.changing.lock().await;
        self.end(&mut practice).await;
        let opened = self
            .ledger
            .get_or_try_init(|| LedgerStore::open(&self.ledger_file))
            .await;
        let keeping = opened.cloned().into();
        let session = self.start_session(address, credentials, keeping, false)?;
        self.keep_renewed(id, session);
        Ok(())
    }

    fn start_session(
        &self,
        address: ServerAddress,
        credentials: Credentials,
        keeping: BidKeeping,
        practice: bool,
    ) -> Result<Session, CommandError> {
        let Settings {
            transport, record, ..
        } = self.settings();
        let mut config = SessionConfig::new(address, credentials, transport);
        config.recorder = record.then(|| self.recordings.begin(&config)).flatten();
        let address = Some(config.address.clone());
        let session = Session::start(SessionConfig { keeping, ..config })?;
        self.open.send_replace(Open {
            session: Some(session.clone()),
            address,
            practice,
            diagnosis: Diagnosis::default(),
        });
        Ok(session)
    }

    /// Follows the sign-in of a session: the server renews it, and the kept one must not grow old.
    fn keep_renewed(&self, id: &str, session: Session) {
        let (keeper, id, mut open) = (Arc::clone(&self.keeper), id.to_owned(), self.watch());
        let mut kept = session.credentials().map(|credentials| credentials.access);
        tokio::spawn(async move {
            let mut state = session.state();
            loop {
                tokio::select! {
                    // The state's sender goes with the session.
                    ended = async { while state.changed().await.is_ok() {} } => { let () = ended; break; }
                    _ = open.changed() => {}
                    () = tokio::time::sleep(KEEP_EVERY) => {}
                }
                if let Some(credentials) = session.credentials()
                    && kept.as_ref() != Some(&credentials.access)
                {
                    kept = Some(credentials.access.clone());
                    let (keeper, id) = (Arc::clone(&keeper), id.clone());
                    let _ = tokio::task::spawn_blocking(move || keeper.keep(&id, credentials)).await;
                }
            }
        });
    }

    /// Starts a practice auction and opens it.
    pub async fn start_practice(&self, options: &PracticeOptions) -> Result<AuctionId, CommandError> {
        let mut practice = self.changing.lock().await;
        self.end(&mut practice).await;
        let started = Practice::start(options).await?;
        *practice = Some(started.practice);
        let session = self.start_session(started.address, started.user, BidKeeping::InMemory, true)?;
        session.open_auction(started.auction.clone()).await?;
        Ok(started.auction)
    }

    /// Ends the session and the practice.
    pub async fn leave(&self) {
        let mut practice = self.changing.lock().await;
        self.end(&mut practice).await;
    }

    async fn end(&self, practice: &mut Option<Practice>) {
        let open = self.open.send_replace(Open::default());
        // Before the practice goes: its sockets are there.
        self.examiner.end().await;
        if let Some(session) = open.session {
            session.close().await;
        }
        if let Some(practice) = practice.take() {
            practice.stop().await;
        }
    }
}
