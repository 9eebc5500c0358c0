//! Others who use the backend while it is diagnosed: they connect, join rooms of the auction, of leagues and for probing, speak
//! in them, bid, and go again. None of it is a finding.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gavelscope_client::ServerAddress;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::Rest;
use gavelscope_contract::Money;
use gavelscope_contract::auction::BidRequest;
use gavelscope_testkit::pods::Seed;
use gavelscope_wire::connection::{ConnectOptions, Connection, Endpoint, connect};
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::front::House;
use crate::rows::Row;

/// So many at the same time, two of each of the people who do not ask for the diagnosis.
const MANY: usize = 4;
/// How long one listens for what it set off.
const LISTENS: Duration = Duration::from_millis(60);
const GOODBYE: Duration = Duration::from_millis(250);

/// They go when it is dropped.
pub struct Strangers {
    _all: JoinSet<()>,
}

impl Strangers {
    /// In the rows that have them.
    pub fn of(row: &Row, house: &House) -> Option<Self> {
        row.strangers.then(|| Self::come(&house.url, &house.seed))
    }

    /// They come.
    fn come(url: &str, seed: &Seed) -> Self {
        let mut all = JoinSet::new();
        let price = Arc::new(AtomicU32::new(1));
        for number in 0..MANY {
            let (url, seed, price) = (url.to_owned(), seed.clone(), Arc::clone(&price));
            all.spawn(async move {
                loop {
                    // What fails for one is tried again by the next.
                    let _ = visit(&url, &seed, 2 + number % 2, &price).await;
                    let pause = rand::rng().random_range(150..900);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            });
        }
        Self { _all: all }
    }
}

async fn visit(
    url: &str,
    seed: &Seed,
    person: usize,
    price: &AtomicU32,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let me = &seed.people[person];
    let options = ConnectOptions::default().with_auth(&json!({ "token": me.access.expose() }))?;
    let mut connection = connect(&Endpoint::parse(url)?, &options).await?;
    let (league, probe) = (uuid(), uuid());
    say(
        &mut connection,
        "join_auction",
        json!({ "auctionId": seed.auction, "userId": me.user }),
    )
    .await?;
    say(
        &mut connection,
        "join_league_room",
        json!({ "leagueId": seed.league }),
    )
    .await?;
    say(&mut connection, "join_league_room", json!({ "leagueId": league })).await?;
    say(&mut connection, "join_probe_room", json!({ "probeId": probe })).await?;
    say(
        &mut connection,
        "probe",
        json!({ "probeId": probe, "nonce": uuid() }),
    )
    .await?;
    bid(url, seed, person, price).await?;
    say(&mut connection, "join_league_room", json!({ "leagueId": league })).await?;
    connection.close(GOODBYE).await;
    Ok(())
}

async fn say(
    connection: &mut Connection,
    name: &str,
    payload: Value,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    connection.emit_with_ack(name, &payload)?;
    let ends = tokio::time::Instant::now() + LISTENS;
    while let Ok(heard) = tokio::time::timeout_at(ends, connection.next()).await {
        heard?;
    }
    Ok(())
}

/// Whether it is taken does not matter: the other may have bid more.
async fn bid(
    url: &str,
    seed: &Seed,
    person: usize,
    price: &AtomicU32,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let rest = Rest::new(ServerAddress::parse(url, DEFAULT_PATH)?)?;
    rest.set_credentials(seed.people[person].clone());
    let millions = price.fetch_add(1, Ordering::Relaxed);
    let bid = BidRequest {
        user_id: seed.people[person].user.clone(),
        amount: Money::from_pounds(millions * 1_000_000),
    };
    rest.bid(&seed.auction, &bid, &uuid()).await;
    Ok(())
}

fn uuid() -> String {
    let [high, low] = [rand::random::<u64>(), rand::random::<u64>()];
    format!("{high:016x}{low:016x}")
}
