//! `gavelctl bots`: bidders that bid by themselves.

use std::time::Duration;

use gavelscope_client::Session;
use gavelscope_client::bots::{Played, TEMPERAMENTS, Temperament, play};
use gavelscope_client::rest::Credentials;
use gavelscope_contract::{AuctionId, LeagueId};
use tokio::task::JoinHandle;

use crate::arguments::BotsArguments;
use crate::failure::{Exit, Failure};
use crate::follow::{self, End, Manner};
use crate::line::What;
use crate::output::Output;
use crate::reach::{self, Backend};
use crate::result;

const NAMES: [&str; 7] = ["Ada", "Bruno", "Chidi", "Dalia", "Emil", "Farah", "Goran"];

/// What bot number `index` is called.
pub fn name(index: usize) -> String {
    let name = NAMES[index % NAMES.len()];
    match index / NAMES.len() {
        0 => name.to_owned(),
        more => format!("{name} {}", more + 1),
    }
}

/// A bidder that plays.
struct Bot {
    name: String,
    temperament: Temperament,
    session: Session,
    playing: JoinHandle<Played>,
}

/// Bidders that play in one auction.
pub struct Team {
    auction: AuctionId,
    bots: Vec<Bot>,
}

impl Team {
    /// Nobody yet.
    pub fn new(auction: AuctionId) -> Self {
        Self {
            auction,
            bots: Vec::new(),
        }
    }

    /// Sends a bidder in. The session is followed and closed with the team.
    pub async fn add(&mut self, name: String, session: Session, pace: f64) -> Result<(), Failure> {
        follow::open(&session, &self.auction).await?;
        let temperament = TEMPERAMENTS[self.bots.len() % TEMPERAMENTS.len()];
        let playing = tokio::spawn(play(session.clone(), self.auction.clone(), temperament, pace));
        self.bots.push(Bot {
            name,
            temperament,
            session,
            playing,
        });
        Ok(())
    }

    /// The session of the first, to follow the auction with.
    pub fn first(&self) -> Option<Session> {
        self.bots.first().map(|bot| bot.session.clone())
    }

    /// Ends the sessions, and prints what everybody did.
    pub async fn tell(self, output: &Output) -> Result<(), Failure> {
        for bot in self.bots {
            // A bot that the auction's end left thinking stops with its session.
            let _ = tokio::time::timeout(Duration::from_secs(1), bot.session.close()).await;
            let abort = bot.playing.abort_handle();
            let played = tokio::time::timeout(Duration::from_secs(5), bot.playing).await;
            abort.abort();
            let played = played.ok().and_then(Result::ok).unwrap_or_default();
            output.say(What::Bot {
                name: bot.name,
                temperament: bot.temperament.name,
                accepted: played.accepted,
                refused: played.refused,
            })?;
        }
        Ok(())
    }
}

/// Plays until the auction is over.
pub async fn run(arguments: BotsArguments, output: &Output) -> Result<(), Failure> {
    let backend = Backend::find(&arguments.server.server, &arguments.server.socket).await?;
    let mut signed_in = Vec::new();
    for index in 0..arguments.count as usize {
        let (name, email) = (
            name(index),
            format!("{}{}@bots.example", arguments.prefix, index + 1),
        );
        signed_in.push((name.clone(), backend.sign_in_as(&name, &email).await?));
    }
    let mut sessions = Vec::new();
    let mut auction = arguments.which.auction.as_deref().map(AuctionId::from);
    for (name, credentials) in signed_in {
        let (session, found) = enter(&backend, credentials, &arguments, auction.take(), output).await?;
        auction = Some(found);
        sessions.push((name, session));
    }
    let Some((auction, first)) = auction.zip(sessions.first().map(|(_, session)| session.clone())) else {
        return Err(Failure::new(
            Exit::Usage,
            "Not even one bot?",
            "Say how many: 1 to 64.",
        ));
    };
    let pace = arguments.manner.pace.unwrap_or(1.0);
    let mut team = Team::new(auction.clone());
    for (name, session) in sessions {
        team.add(name, session, pace).await?;
    }
    let manner = Manner {
        quiet: arguments.manner.quiet,
        give_up: Duration::from_secs(u64::from(arguments.give_up)),
    };
    let end = follow::follow(&first, &auction, manner, output).await;
    let told = match end {
        Ok(End::Completed) => result::tell(&first, &auction, None, output).await,
        Ok(End::Deleted) => Err(follow::deleted()),
        Err(failure) => Err(failure),
    };
    team.tell(output).await?;
    told
}

/// Joins the league where an invitation is given, and finds the auction where only the league is known.
async fn enter(
    backend: &Backend,
    credentials: Credentials,
    arguments: &BotsArguments,
    auction: Option<AuctionId>,
    output: &Output,
) -> Result<(Session, AuctionId), Failure> {
    let session = backend.session(credentials)?;
    let mut league = arguments.which.league.as_deref().map(LeagueId::from);
    if let Some(invite) = &arguments.which.invite {
        let joined = session.join_league(invite.clone()).await?;
        league.get_or_insert(joined);
    }
    let auction = match (auction, league) {
        (Some(auction), _) => auction,
        (None, Some(league)) => reach::auction_of(&session, &league, output).await?,
        (None, None) => {
            return Err(Failure::new(
                Exit::Usage,
                "Where are they to play?",
                "Give --invite, --league or --auction.",
            ));
        }
    };
    Ok((session, auction))
}
