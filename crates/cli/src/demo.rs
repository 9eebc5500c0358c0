//! `gavelctl demo`: an auction to look at, with bots in it.

use std::time::Duration;

use gavelscope_backend::{Database, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::rest::Credentials;
use gavelscope_client::{CommissionerCall, Session};
use gavelscope_contract::league::NewLeague;
use gavelscope_contract::{AuctionId, LeagueId, Money};

use crate::arguments::DemoArguments;
use crate::bots::Team;
use crate::failure::{Exit, Failure};
use crate::follow::{self, End, Manner};
use crate::line::{DemoPerson, What};
use crate::output::Output;
use crate::reach::Backend;
use crate::result;

/// What everybody begins with.
const BUDGET: Money = Money::from_pounds(100_000_000);
/// The link is to this machine, or to one that was there a moment ago.
const GIVE_UP: Duration = Duration::from_secs(30);

/// An auction that is set up.
struct Stage {
    league: LeagueId,
    auction: AuctionId,
    invite: String,
    people: Vec<(DemoPerson, Credentials)>,
}

/// How it is to be, once the defaults are filled in.
struct Plan {
    people: DemoSpec,
    pace: f64,
    play: bool,
}

impl Plan {
    fn of(arguments: &DemoArguments) -> Self {
        let play = arguments.play;
        let bots = arguments.bots as usize;
        let spec = if play {
            DemoSpec::practice("Carla", bots.saturating_sub(1).max(1))
        } else {
            DemoSpec::practice("You", bots)
        };
        let default = |played, practised| if play { played } else { practised };
        Self {
            people: DemoSpec {
                lots: arguments.lots as usize,
                timer_seconds: arguments.timer.unwrap_or(default(4, 12)),
                anti_snipe_seconds: arguments.anti_snipe.unwrap_or(default(1, 4)),
                budget: BUDGET,
                ..spec
            },
            pace: arguments.manner.pace.unwrap_or(if play { 0.2 } else { 1.0 }),
            play,
        }
    }

    fn person(&self, index: usize) -> DemoPerson {
        let person = &self.people.people[index];
        DemoPerson {
            name: person.name.clone(),
            email: person.email.clone(),
            is_commissioner: index == self.people.commissioner,
            is_bot: self.play || index != self.people.commissioner,
        }
    }
}

/// Sets an auction up, here or elsewhere, and plays or serves it.
pub async fn run(arguments: DemoArguments, output: &Output) -> Result<(), Failure> {
    let plan = Plan::of(&arguments);
    if let Some(server) = &arguments.server {
        let backend = Backend::find(server, &arguments.socket).await?;
        let stage = set_up_there(&backend, &plan).await?;
        return perform(&backend, stage, &plan, &arguments, output).await;
    }
    let running = start_here(&arguments, &plan).await?;
    let performed = match Backend::find(&running.url(), &arguments.socket).await {
        Ok(backend) => match set_up_here(&running, &plan).await {
            Ok(stage) => perform(&backend, stage, &plan, &arguments, output).await,
            Err(failure) => Err(failure),
        },
        Err(failure) => Err(failure),
    };
    running.stop().await;
    performed
}

async fn start_here(arguments: &DemoArguments, plan: &Plan) -> Result<Running, Failure> {
    let settings = Settings {
        listen: arguments.listen,
        database: Database::Memory,
        // Who thinks faster than people do does not want to wait between two lots as people do.
        countdown_step: Duration::from_secs_f64(plan.pace.clamp(0.02, 1.0)),
        ..Settings::practice()
    };
    start(settings).await.map_err(|error| {
        Failure::new(
            Exit::Demo,
            format!("The backend cannot start: {error}."),
            "Choose another --listen address; 127.0.0.1:0 takes a free port.",
        )
    })
}

async fn set_up_here(running: &Running, plan: &Plan) -> Result<Stage, Failure> {
    let demo = seed_demo(running, &plan.people).await.map_err(|error| {
        Failure::new(
            Exit::Demo,
            format!("The demonstration cannot be set up: {error}."),
            "",
        )
    })?;
    let people = demo.people.into_iter().enumerate();
    Ok(Stage {
        league: demo.league,
        auction: demo.auction,
        invite: demo.invite_token,
        people: people
            .map(|(index, sign_in)| (plan.person(index), Credentials::from(sign_in)))
            .collect(),
    })
}

/// The same over REST, at a backend that lets anybody sign in.
async fn set_up_there(backend: &Backend, plan: &Plan) -> Result<Stage, Failure> {
    let spec = &plan.people;
    let mut people = Vec::new();
    for index in 0..spec.people.len() {
        let person = plan.person(index);
        let credentials = backend.sign_in_as(&person.name, &person.email).await?;
        people.push((person, credentials));
    }
    let (_, commissioner) = &people[spec.commissioner];
    let rest = backend.rest()?;
    rest.set_credentials(commissioner.clone());
    let managers = u32::try_from(people.len()).unwrap_or(u32::MAX);
    let league = rest
        .create_league(&NewLeague {
            name: spec.league_name.clone(),
            commissioner_id: commissioner.user.clone(),
            budget: spec.budget,
            min_managers: 2,
            max_managers: managers.saturating_add(8),
            club_slots: spec.club_slots,
            sport_key: "football".to_owned(),
            timer_seconds: spec.timer_seconds,
            anti_snipe_seconds: spec.anti_snipe_seconds,
            assets_selected: None,
        })
        .await?
        .body;
    let invite = league.invite_token.unwrap_or_default();
    for (_, credentials) in &people {
        let theirs = backend.rest()?;
        theirs.set_credentials(credentials.clone());
        theirs.join_league(&invite, &credentials.user).await?;
    }
    let auction = rest.start_auction(&league.id).await?.body.auction_id;
    Ok(Stage {
        league: league.id,
        auction,
        invite,
        people,
    })
}

async fn perform(
    backend: &Backend,
    stage: Stage,
    plan: &Plan,
    arguments: &DemoArguments,
    output: &Output,
) -> Result<(), Failure> {
    output.say(What::Demo {
        server: backend.address().base(),
        path: backend.address().path().to_owned(),
        league: stage.league.clone(),
        auction: stage.auction.clone(),
        invite: stage.invite.clone(),
        people: stage.people.iter().map(|(person, _)| person.clone()).collect(),
    })?;
    let mut team = Team::new(stage.auction.clone());
    let mut commissioner: Option<Session> = None;
    for (person, credentials) in stage.people {
        // The human comes by themselves. Only where the auction is begun for them is there a session of theirs.
        if !person.is_bot && !arguments.begin {
            continue;
        }
        let session = backend.session(credentials)?;
        if person.is_commissioner {
            commissioner = Some(session.clone());
        }
        if person.is_bot {
            team.add(person.name, session, plan.pace).await?;
        } else {
            follow::open(&session, &stage.auction).await?;
        }
    }
    if let Some(commissioner) = &commissioner {
        commissioner
            .commission(stage.league.clone(), CommissionerCall::Begin)
            .await?;
    }
    let Some(first) = commissioner.or_else(|| team.first()) else {
        return Ok(());
    };
    let manner = Manner {
        quiet: arguments.manner.quiet,
        give_up: GIVE_UP,
    };
    let followed = follow::follow(&first, &stage.auction, manner, output).await;
    let told = match followed {
        Ok(End::Completed) => result::tell(&first, &stage.auction, Some(BUDGET), output).await,
        Ok(End::Deleted) => Err(follow::deleted()),
        // Whoever serves an auction ends it with Ctrl-C; that is no failure.
        Err(failure) if failure.exit == Exit::Interrupted && !plan.play => return Ok(()),
        Err(failure) => Err(failure),
    };
    team.tell(output).await?;
    if !plan.play && arguments.server.is_none() {
        let sentence = "The auction is over; the backend stays until Ctrl-C.".to_owned();
        output.say(What::Notice { sentence })?;
        follow::stop_signal().await;
    }
    told
}
