//! Probing a backend, when somebody asks for it: in a scratch room, at a capped rate, and with everything cleaned up.
//! It never bids and never joins the room of an auction (design, rule 6).
//!
//! A probe only measures; what that proves is judged elsewhere.

mod certificate;
mod health;
mod hearsay;
mod meeting;
mod pace;
mod path;
mod room;
mod socket;
mod turns;

use std::time::{Duration, Instant};

use gavelscope_client::ServerAddress;
use gavelscope_client::state::Millis;
use gavelscope_contract::Secret;
pub use gavelscope_wire::connection::TlsOptions;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::evidence::ProbeEvidence;
use pace::Pace;

/// What is probed.
#[derive(Debug, Clone)]
pub struct Target {
    /// The backend.
    pub address: ServerAddress,
    /// The access token of whoever asks; our own backend lets nobody else probe.
    pub token: Option<Secret>,
    /// Which certificates are trusted.
    pub tls: TlsOptions,
}

/// What a probe may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Connections that are open at the same time.
    pub connections: u32,
    /// Requests, connections and messages in a second.
    pub per_second: u32,
    /// In all.
    pub time: Duration,
    /// Sockets in the scratch room at the least; so many more are taken as the number of pods asks for.
    pub sockets: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            connections: 20,
            per_second: 10,
            time: Duration::from_secs(30),
            sockets: 6,
        }
    }
}

/// How far a probe has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The way to the server.
    Path,
    /// What the pods claim.
    Health,
    /// How many pods take turns.
    Turns,
    /// Sockets take their places in the scratch room.
    Places,
    /// Who hears whom.
    Room,
    /// All is measured.
    Done,
}

/// Probes a backend. `told` hears of every stage when it begins; `stop` ends it early, with what was measured by then.
pub async fn probe(
    target: &Target,
    caps: Caps,
    began_at: Millis,
    told: impl Fn(Stage) + Send + Sync,
    stop: CancellationToken,
) -> ProbeEvidence {
    let began = Instant::now();
    let pace = Pace::new(caps, stop);
    let mut evidence = ProbeEvidence {
        began_at,
        ..ProbeEvidence::default()
    };
    let measured = Box::pin(measure(target, caps, &told, &pace, &mut evidence)).await;
    evidence.cut_short = measured.err().map(|stopped| stopped.to_string());
    evidence.cost = pace.cost();
    evidence.took_ms = millis(began.elapsed());
    told(Stage::Done);
    evidence
}

async fn measure(
    target: &Target,
    caps: Caps,
    told: &(impl Fn(Stage) + Send + Sync),
    pace: &Pace,
    evidence: &mut ProbeEvidence,
) -> Result<(), pace::Stopped> {
    told(Stage::Path);
    let path = evidence.path.insert(path::measure(target, pace).await?);
    if path.tls.as_ref().is_some_and(|tls| tls.distrust.is_some()) {
        // Nothing else would get through either.
        return Err(pace::Stopped::NotTrusted);
    }
    told(Stage::Health);
    health::ask(target, pace, health::When::Before, &mut evidence.health).await?;
    told(Stage::Turns);
    let searching = turns::search(
        target,
        pace,
        caps.connections,
        evidence.turns.get_or_insert_default(),
    );
    if path.never_granted {
        // It may have been busy just then, and to find out takes its time.
        ((), *path) = tokio::try_join!(searching, path::measure(target, pace))?;
        path.at_second_try = path.websocket_trouble.is_none();
    } else {
        searching.await?;
    }
    if path.never_granted {
        return Ok(());
    }
    told(Stage::Places);
    room::measure(target, caps, pace, evidence, || told(Stage::Room)).await?;
    let room = evidence.room.get_or_insert_default();
    if !room.matrix.rows.is_empty() && !room.matrix.partition().whole() {
        // What is claimed is set beside what was measured, so it has to be as new.
        health::ask(target, pace, health::When::Afterwards, &mut evidence.health).await?;
    }
    Ok(())
}

/// Whole milliseconds.
fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
