//! The practice auction: the real backend, in this process, with a database in memory and bots at the other desks.

use std::sync::Arc;
use std::time::Duration;

use gavelscope_backend::{Demo, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::bots::{TEMPERAMENTS, play};
use gavelscope_client::rest::Credentials;
use gavelscope_client::state::{SessionState, TransportKind};
use gavelscope_client::{ServerAddress, Session, SessionConfig};
use gavelscope_contract::AuctionId;
use tokio::task::JoinSet;

use crate::error::CommandError;
use crate::shown::PracticeOptions;

/// How long the bots may take to sit down.
const SEATED: Duration = Duration::from_secs(3);

/// A practice auction that runs. Ends with [`Practice::stop`].
pub struct Practice {
    backend: Running,
    bots: JoinSet<()>,
    sessions: Vec<Session>,
}

/// A practice auction with what the user needs to take part.
pub struct Started {
    /// To be stopped later.
    pub practice: Practice,
    /// Where it is.
    pub address: ServerAddress,
    /// As whom.
    pub user: Credentials,
    /// Which auction.
    pub auction: AuctionId,
}

impl Practice {
    /// Starts the backend on a free port, seeds a league and seats the bots.
    pub async fn start(options: &PracticeOptions) -> Result<Started, CommandError> {
        let failed =
            |error: &dyn std::fmt::Display| CommandError::internal("Starting the practice auction", error);
        let backend = start(Settings::practice())
            .await
            .map_err(|error| failed(&error))?;
        let demo = seed_demo(&backend, &spec(options))
            .await
            .map_err(|error| failed(&error))?;
        let address = ServerAddress::parse(&backend.url(), "")?;
        let Demo { auction, people, .. } = demo;
        let mut people = people.into_iter().map(Credentials::from);
        let Some(user) = people.next() else {
            return Err(failed(&"nobody takes part"));
        };
        let mut bots = JoinSet::new();
        let mut sessions = Vec::new();
        for (bot, temperament) in people.zip(TEMPERAMENTS.iter().cycle().copied()) {
            // A thread for each of them would be one too many: bots use the plain connection.
            let session = Session::start(SessionConfig::new(address.clone(), bot, TransportKind::Wire))?;
            sessions.push(session.clone());
            let auction = auction.clone();
            bots.spawn(async move {
                if session.open_auction(auction.clone()).await.is_ok() {
                    play(session, auction, temperament, 1.0).await;
                }
            });
        }
        // The user comes last, so that the room is as large as it will be when its size is told.
        let seated = async {
            for session in &sessions {
                let joined =
                    |state: &Arc<SessionState>| state.auctions.first().is_some_and(|view| view.room.joined);
                // One that has ended is not waited for.
                let _ = session.state().wait_for(joined).await;
            }
        };
        // A slow one comes later; that is no reason to wait for ever.
        let _ = tokio::time::timeout(SEATED, seated).await;
        Ok(Started {
            practice: Self {
                backend,
                bots,
                sessions,
            },
            address,
            user,
            auction,
        })
    }

    /// Sends the bots home and stops the backend.
    pub async fn stop(mut self) {
        self.bots.shutdown().await;
        for session in self.sessions {
            session.close().await;
        }
        self.backend.stop().await;
    }
}

fn spec(options: &PracticeOptions) -> DemoSpec {
    let name = options.name.trim();
    let name: String = if name.is_empty() {
        "You".to_owned()
    } else {
        name.chars().take(40).collect()
    };
    let bots = usize::try_from(options.bots.clamp(1, 7)).unwrap_or(3);
    let timer_seconds = options.timer_seconds.clamp(5, 60);
    DemoSpec {
        lots: usize::try_from(options.lots.clamp(3, 12)).unwrap_or(6),
        timer_seconds,
        anti_snipe_seconds: (timer_seconds / 3).max(2),
        ..DemoSpec::practice(&name, bots)
    }
}
