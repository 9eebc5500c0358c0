//! A league with people in it and a lot on the block, made over REST as a person would: any backend will do.

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{BidOutcome, Credentials, Rest};
use gavelscope_client::{AddressError, ClientError, ServerAddress};
use gavelscope_contract::auction::BidRequest;
use gavelscope_contract::league::NewLeague;
use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money};

/// Why it could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The backend refused a call, or did not answer it.
    #[error("the backend did not do what the test needs: {0}")]
    Call(#[from] ClientError),
    /// It mails its links, so that nobody can sign in here.
    #[error("the backend did not hand the sign-in link back")]
    NoToken,
    /// The cast is smaller than the test thinks.
    #[error("there are not so many people")]
    NoPerson,
    /// A bid that had to count does not.
    #[error("the bid was not accepted: {0:?}")]
    Bid(Box<BidOutcome>),
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The league.
    pub league: LeagueId,
    /// What another manager joins it with.
    pub invite: String,
    /// Its auction.
    pub auction: AuctionId,
    /// The managers, signed in; the first is the commissioner.
    pub people: Vec<Credentials>,
}

impl Seed {
    /// The calls of one of the people, to the pod or balancer at this address.
    pub fn rest(&self, url: &str, person: usize) -> Result<Rest, SeedError> {
        let rest = Rest::new(ServerAddress::parse(url, DEFAULT_PATH)?)?;
        let credentials = self.people.get(person).ok_or(SeedError::NoPerson)?;
        rest.set_credentials(credentials.clone());
        Ok(rest)
    }

    /// A bid of one of the people, at this address. Its key is made of who and how much.
    pub async fn try_bid(&self, url: &str, person: usize, pounds: u32) -> Result<BidOutcome, SeedError> {
        let rest = self.rest(url, person)?;
        let credentials = self.people.get(person).ok_or(SeedError::NoPerson)?;
        let bid = BidRequest {
            user_id: credentials.user.clone(),
            amount: Money::from_pounds(pounds),
        };
        Ok(rest.bid(&self.auction, &bid, &format!("{person}-{pounds}")).await)
    }

    /// The same, where nothing but a yes will do.
    pub async fn bid(&self, url: &str, person: usize, pounds: u32) -> Result<(), SeedError> {
        match self.try_bid(url, person, pounds).await? {
            BidOutcome::Accepted(_) => Ok(()),
            other => Err(SeedError::Bid(Box::new(other))),
        }
    }
}

/// Who takes part in what.
#[derive(Debug, Clone, Copy)]
pub struct Cast<'a> {
    /// What the league is called.
    pub league: &'a str,
    /// The managers' e-mail addresses; the first is the commissioner.
    pub people: &'a [&'a str],
    /// What every one of them may spend.
    pub budget: Money,
    /// How many lots there are; at most 7.
    pub lots: u32,
    /// How long each runs, s.
    pub seconds: u32,
    /// How much a late bid leaves on the clock, s.
    pub anti_snipe_seconds: u32,
    /// How many clubs a manager buys at the most.
    pub slots: u32,
}

/// Signs so many people in, makes a league of them with money enough for any number of bids, and begins its auction:
/// one lot, on the block for an hour.
pub async fn seed(url: &str, people: usize) -> Result<Seed, SeedError> {
    seed_lots(url, people, 1, 3_600).await
}

/// The same with so many lots of so many seconds each; at most 7.
pub async fn seed_lots(url: &str, people: usize, lots: u32, seconds: u32) -> Result<Seed, SeedError> {
    let emails: Vec<_> = (0..people)
        .map(|number| format!("manager{number}@testkit.example"))
        .collect();
    let people: Vec<_> = emails.iter().map(String::as_str).collect();
    let cast = Cast {
        league: "Testkit league",
        people: &people,
        budget: Money::from_pounds(4_000_000_000),
        lots,
        seconds,
        anti_snipe_seconds: 1,
        slots: 1,
    };
    seed_cast(url, &cast).await
}

/// The same with a cast of one's own.
pub async fn seed_cast(url: &str, cast: &Cast<'_>) -> Result<Seed, SeedError> {
    let seed = set_up(url, cast).await?;
    let commissioner = seed.people.first().ok_or(SeedError::NoToken)?;
    let rest = Rest::new(ServerAddress::parse(url, DEFAULT_PATH)?)?;
    rest.set_credentials(commissioner.clone());
    rest.auction_call(&seed.auction, "begin").await?;
    Ok(seed)
}

/// The same, but the auction waits for its commissioner.
pub async fn set_up(url: &str, cast: &Cast<'_>) -> Result<Seed, SeedError> {
    let address = ServerAddress::parse(url, DEFAULT_PATH)?;
    let mut signed_in = Vec::with_capacity(cast.people.len());
    for email in cast.people {
        let rest = Rest::new(address.clone())?;
        let link = rest.request_link(email).await?;
        let token = link.body.token.ok_or(SeedError::NoToken)?;
        signed_in.push((rest.verify(email, &token).await?, rest));
    }
    let (commissioner, rest) = signed_in.first().ok_or(SeedError::NoToken)?;
    let new = NewLeague {
        name: cast.league.to_owned(),
        commissioner_id: commissioner.user.clone(),
        budget: cast.budget,
        min_managers: 1,
        max_managers: u32::try_from(cast.people.len()).unwrap_or(u32::MAX).max(2),
        club_slots: cast.slots,
        sport_key: "football".to_owned(),
        timer_seconds: cast.seconds,
        anti_snipe_seconds: cast.anti_snipe_seconds,
        assets_selected: Some(
            (1..=cast.lots)
                .map(|number| ClubId(format!("club-{number:02}")))
                .collect(),
        ),
    };
    let league = rest.create_league(&new).await?.body;
    let invite = league.invite_token.unwrap_or_default();
    for (person, rest) in &signed_in {
        rest.join_league(&invite, &person.user).await?;
    }
    let auction = rest.start_auction(&league.id).await?.body.auction_id;
    Ok(Seed {
        league: league.id,
        invite,
        auction,
        people: signed_in.into_iter().map(|(person, _)| person).collect(),
    })
}
