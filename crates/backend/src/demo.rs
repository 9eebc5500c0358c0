//! A league to try things in: managers, clubs, an auction that waits, and everybody signed in.

use gavelscope_contract::auth::SignIn;
use gavelscope_contract::league::NewLeague;
use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money};

use crate::running::{Running, SeedError};
use crate::store::Store;

/// Why a demonstration could not be set up.
pub type DemoError = SeedError;

/// Somebody who takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPerson {
    /// Their name.
    pub name: String,
    /// The address that they sign in with.
    pub email: String,
}

/// What to set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoSpec {
    /// The league's name.
    pub league_name: String,
    /// The managers.
    pub people: Vec<DemoPerson>,
    /// Which of them is the commissioner.
    pub commissioner: usize,
    /// How many clubs are sold, at most 24.
    pub lots: usize,
    /// Seconds that a lot runs.
    pub timer_seconds: u32,
    /// Seconds that a late bid leaves on the clock.
    pub anti_snipe_seconds: u32,
    /// What every manager may spend.
    pub budget: Money,
    /// How many clubs a manager buys at the most.
    pub club_slots: u32,
}

/// What was set up.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The league.
    pub league: LeagueId,
    /// What another manager joins it with.
    pub invite_token: String,
    /// Its auction, which waits for the commissioner.
    pub auction: AuctionId,
    /// Which of the people is the commissioner.
    pub commissioner: usize,
    /// Everybody, signed in, in the order in which they were given.
    pub people: Vec<SignIn>,
}

impl DemoSpec {
    /// Names for those who are not there.
    const BOTS: [&str; 7] = ["Ada", "Bruno", "Chidi", "Dalia", "Emil", "Farah", "Goran"];

    /// A human, who is the commissioner, against so many bots.
    pub fn practice(human: &str, bots: usize) -> Self {
        let bots = (0..bots).map(|number| {
            let name = Self::BOTS[number % Self::BOTS.len()];
            match number / Self::BOTS.len() {
                0 => name.to_owned(),
                more => format!("{name} {}", more + 1),
            }
        });
        let people = std::iter::once(human.to_owned()).chain(bots).enumerate();
        Self {
            league_name: "Practice league".to_owned(),
            people: people
                .map(|(number, name)| DemoPerson {
                    name,
                    // A number keeps two of the same name apart; `.example` can never receive mail (RFC 2606).
                    email: format!("manager{}@practice.example", number + 1),
                })
                .collect(),
            commissioner: 0,
            lots: 12,
            timer_seconds: 12,
            anti_snipe_seconds: 4,
            budget: Money::from_pounds(100_000_000),
            club_slots: 3,
        }
    }
}

/// Sets up a league with its managers and an auction that waits for its commissioner.
pub async fn seed_demo(running: &Running, spec: &DemoSpec) -> Result<Demo, DemoError> {
    let refuse = |sentence: &str| Err(DemoError::Refused(sentence.to_owned()));
    if spec.commissioner >= spec.people.len() {
        return refuse("the commissioner has to be one of the people");
    }
    if !(1..=Store::CLUBS).contains(&spec.lots) {
        return refuse("a demonstration sells 1 to 24 clubs");
    }
    let house = running.house();
    let mut people = Vec::with_capacity(spec.people.len());
    for person in &spec.people {
        let email = person.email.trim().to_lowercase();
        let (user, _) = house.store.user_of_email(&email, &person.name).await?;
        let signed_in = house.tokens.sign_in(user, house.store.now());
        people.push(signed_in.map_err(|refused| DemoError::Refused(refused.sentence()))?);
    }
    let commissioner = &people[spec.commissioner].user.id;
    let managers = u32::try_from(people.len()).unwrap_or(u32::MAX);
    let new = NewLeague {
        name: spec.league_name.clone(),
        commissioner_id: commissioner.clone(),
        budget: spec.budget,
        min_managers: 1,
        // Room for whoever is invited on top.
        max_managers: managers.saturating_add(8),
        club_slots: spec.club_slots,
        sport_key: "football".to_owned(),
        timer_seconds: spec.timer_seconds,
        anti_snipe_seconds: spec.anti_snipe_seconds,
        assets_selected: Some(
            (1..=spec.lots)
                .map(|number| ClubId(Store::club_id(number)))
                .collect(),
        ),
    };
    let league = house.store.create_league(&new).await?;
    let invite_token = league.invite_token.unwrap_or_default();
    for person in &people {
        house
            .join(Some(league.id.clone()), &invite_token, &person.user.id)
            .await?;
    }
    let (auction, _) = house.store.create_auction(&league.id, commissioner).await?;
    Ok(Demo {
        league: league.id,
        invite_token,
        auction: auction.auction_id,
        commissioner: spec.commissioner,
        people,
    })
}
