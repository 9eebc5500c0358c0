//! What a session can tell without a probe, and how soon after the first bid: told, and not asserted, because a busy machine is
//! no finding.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{BidOutcome, Rest};
use gavelscope_client::state::{SessionState, TransportKind};
use gavelscope_client::{BidOrder, Seen, ServerAddress, Session, SessionConfig};
use gavelscope_contract::Money;
use gavelscope_contract::auction::BidRequest;
use gavelscope_diagnosis::{Evidence, Light, Report, diagnose};
use gavelscope_testkit::fleet::{Adapter, FleetOptions};

use crate::front::{Front, House};
use crate::rows::Kind;
use crate::run::ASKS;

const PATIENCE: Duration = Duration::from_secs(40);
/// Bids of somebody else, each through the balancer: two of three reach another pod than the one that is listened to.
const BIDS: u32 = 6;
/// How long such a bid may take to show that it was not told.
const SHOWS: Duration = Duration::from_secs(8);

pub async fn measure(kind: Kind) -> Result<(), String> {
    let well = first_verdicts(kind, Adapter::Redis, |light| light == Light::Green).await?;
    let apart = first_verdicts(kind, Adapter::None, |light| light == Light::Red).await?;
    println!("{}, Redis: {}; no adapter: {}", kind.word(), well, apart);
    Ok(())
}

/// Bids once, and then another does, until the light is the one that it has to become; what it was after the first bid, and
/// when it was right.
async fn first_verdicts(
    kind: Kind,
    adapter: Adapter,
    is_right: impl Fn(Light) -> bool,
) -> Result<String, String> {
    let options = FleetOptions {
        kind: kind.fleet(),
        adapter,
        ..FleetOptions::default()
    };
    let house = House::open(options, Front::Balancer).await?;
    let address = ServerAddress::parse(&house.url, DEFAULT_PATH).unwrap();
    let person = house.seed.people[ASKS].clone();
    let session = Session::start(SessionConfig::new(address, person, TransportKind::RustSocketio)).unwrap();
    session
        .open_auction(house.seed.auction.clone())
        .await
        .map_err(|error| error.to_string())?;
    until(&session, "the room is joined", |state| {
        state.auctions.first().is_some_and(|view| view.room.joined)
    })
    .await?;
    let since = Instant::now();
    bid(&session).await?;
    let state = until(&session, "a verdict", |state| judged(state).code.is_some()).await?;
    let report = judged(&state);
    let mut told = format!(
        "{:?} {} {} ms after the first bid",
        report.light,
        report.code.unwrap_or_default(),
        since.elapsed().as_millis()
    );
    for number in 1..=BIDS {
        if is_right(judged(&session.state().borrow()).light) {
            session.close().await;
            return Ok(told);
        }
        // The first one may have been taken by the pod that is listened to, and says nothing of the others.
        if number > 1 {
            bid(&session).await?;
        }
        let since = Instant::now();
        other_bids(&house, &session).await?;
        let shows = until(&session, "the right verdict", |state| {
            is_right(judged(state).light)
        });
        if let Ok(Ok(state)) = tokio::time::timeout(SHOWS, shows).await {
            let report = judged(&state);
            let _ = write!(
                told,
                ", {:?} {} {} ms after bid {number} of another",
                report.light,
                report.code.unwrap_or_default(),
                since.elapsed().as_millis()
            );
        }
    }
    Err(format!("the light was never right: {told}"))
}

/// Somebody else outbids what is shown.
async fn other_bids(house: &House, session: &Session) -> Result<(), String> {
    let price = session.state().borrow().auctions[0]
        .lot
        .as_ref()
        .and_then(|lot| lot.price);
    let address = ServerAddress::parse(&house.url, DEFAULT_PATH).map_err(|error| error.to_string())?;
    let rest = Rest::new(address).map_err(|error| error.to_string())?;
    let other = &house.seed.people[ASKS + 1];
    rest.set_credentials(other.clone());
    let pounds = price.map_or(0, |price| u32::try_from(price.pounds()).unwrap()) + 5_000_000;
    let bid = BidRequest {
        user_id: other.user.clone(),
        amount: Money::from_pounds(pounds),
    };
    match rest
        .bid(&house.seed.auction, &bid, &format!("other-{pounds}"))
        .await
    {
        BidOutcome::Accepted(_) => Ok(()),
        outcome => Err(format!("{outcome:?}")),
    }
}

fn judged(state: &SessionState) -> Report {
    diagnose(&Evidence::collect(state), state.at)
}

async fn until(
    session: &Session,
    what: &str,
    holds: impl Fn(&SessionState) -> bool,
) -> Result<std::sync::Arc<SessionState>, String> {
    let mut states = session.state();
    let found = tokio::time::timeout(PATIENCE, states.wait_for(|state| holds(state))).await;
    match found {
        Ok(Ok(state)) => Ok(std::sync::Arc::clone(&state)),
        _ => Err(format!("never: {what}")),
    }
}

/// The first step that is offered.
async fn bid(session: &Session) -> Result<(), String> {
    let state = until(session, "a bid is possible", |state| {
        state
            .auctions
            .first()
            .is_some_and(|view| view.bidding.blocked.is_none())
    })
    .await?;
    let view = &state.auctions[0];
    let step = view.bidding.steps.iter().find(|step| step.allowed).unwrap();
    let seen = Seen::Price(view.lot.as_ref().unwrap().price);
    let order = BidOrder::new(step.amount, seen);
    session
        .bid(view.id.clone(), order)
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}
