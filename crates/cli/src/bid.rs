//! `gavelctl bid`: one bid and its fate.

use std::time::Duration;

use gavelscope_client::state::{BlockReason, Fate, LedgerEntry, SessionState, Trust};
use gavelscope_client::{BidKeeping, BidOrder, ClientError, LedgerError, LedgerStore, Seen, Session};
use gavelscope_contract::{AuctionId, Money};

use crate::arguments::{BidArguments, LedgerArguments};
use crate::failure::{Exit, Failure};
use crate::line::What;
use crate::output::Output;
use crate::reach::{self, Backend};

/// How long the auction may take to be known well enough for a bid.
const READY: Duration = Duration::from_secs(4);
/// How long bids that an earlier run left open are looked for once this one's fate is told.
const EARLIER: Duration = Duration::from_secs(2);

/// Bids once, and says what became of it.
pub async fn run(arguments: BidArguments, output: &Output) -> Result<(), Failure> {
    let amount = Money::parse_typed(&arguments.amount).map_err(ClientError::from)?;
    let backend = Backend::find(&arguments.server.server, &arguments.server.socket).await?;
    let credentials = backend.sign_in(&arguments.sign_in).await?;
    let keeping = keeping(&arguments.ledger).await;
    if let BidKeeping::Failed(error) = &keeping {
        let sentence = format!("The bid is not written down: {error}. It is sent all the same.");
        output.say(What::Notice { sentence })?;
    }
    let session = backend.session_keeping(credentials, keeping)?;
    let auction = AuctionId::from(arguments.auction.as_str());
    let limit = Duration::from_secs(u64::from(arguments.limit));
    let order = BidOrder {
        insist: arguments.insist,
        ..BidOrder::new(amount, Seen::Any)
    };
    let fate = bid(&session, &auction, order, limit, output).await;
    say_earlier(&session, output).await?;
    let _ = tokio::time::timeout(Duration::from_secs(1), session.close()).await;
    fate
}

/// The ledger that the command line asks for.
async fn keeping(arguments: &LedgerArguments) -> BidKeeping {
    if arguments.no_ledger {
        return BidKeeping::InMemory;
    }
    let usual = || dirs::data_dir().map(|folder| folder.join("gavelctl").join("bids.db"));
    match arguments.ledger.clone().or_else(usual) {
        Some(file) => LedgerStore::open(&file).await.into(),
        None => BidKeeping::Failed(LedgerError::Open {
            file: "gavelctl/bids.db".to_owned(),
            reason: "this system names no data folder; --ledger names a file".to_owned(),
        }),
    }
}

/// Says what became of the bids that an earlier run left open.
async fn say_earlier(session: &Session, output: &Output) -> Result<(), Failure> {
    let is_decided = |entry: &&LedgerEntry| !matches!(entry.fate, Fate::Draft | Fate::Sent | Fate::Unknown);
    let all = |state: &SessionState| {
        let earlier = || state.bids.iter().filter(|entry| entry.earlier);
        earlier().all(|entry| is_decided(&entry)).then_some(())
    };
    // What is not found within this is looked for at the next run again.
    let _ = reach::until(session, EARLIER, all).await;
    let bids = session.state().borrow().bids.clone();
    for entry in bids.iter().filter(|entry| entry.earlier).filter(is_decided) {
        output.say(What::MyBid(entry.clone()))?;
    }
    Ok(())
}

async fn bid(
    session: &Session,
    auction: &AuctionId,
    order: BidOrder,
    limit: Duration,
    output: &Output,
) -> Result<(), Failure> {
    session.open_auction(auction.clone()).await?;
    wait_until_ready(session, auction).await?;
    let sent = session.bid(auction.clone(), order).await?;
    output.say(What::MyBid(sent.clone()))?;
    let entry = decided(session, sent.clone(), limit).await;
    if entry.fate != sent.fate {
        output.say(What::MyBid(entry.clone()))?;
    }
    judge(&entry)
}

/// Waits until events are contiguous and the managers are known; before that every bid would be held back.
async fn wait_until_ready(session: &Session, auction: &AuctionId) -> Result<(), Failure> {
    let ready = |state: &SessionState| {
        let view = reach::view(state, auction)?;
        let held_back = view.bidding.blocked.as_ref().map(|blocked| blocked.reason);
        // A bid of an earlier run on this lot is looked for first.
        let waits = matches!(held_back, Some(BlockReason::NotLive | BlockReason::InFlight));
        (view.trust == Trust::Live && !view.managers.is_empty() && !waits).then_some(())
    };
    if reach::until(session, READY, ready).await.is_some() {
        return Ok(());
    }
    let state = session.state().borrow().clone();
    let why = reach::view(&state, auction)
        .and_then(|view| view.room.trouble.clone().or_else(|| view.doubt.clone()))
        .or_else(|| state.connection.trouble.clone())
        .unwrap_or_default();
    let sentence = format!("The auction could not be read well enough to bid, so nothing was sent. {why}");
    Err(Failure::new(
        Exit::TimeOut,
        sentence.trim(),
        "Try again; gavelctl check says whether the server answers.",
    ))
}

/// The entry once its fate is decided, or as it stands at the limit.
async fn decided(session: &Session, sent: LedgerEntry, limit: Duration) -> LedgerEntry {
    let now = |state: &SessionState| state.bids.iter().find(|entry| entry.key == sent.key).cloned();
    let over = |entry: &LedgerEntry| {
        matches!(
            entry.fate,
            Fate::Confirmed | Fate::Refused | Fate::NotStored | Fate::Undecidable
        )
    };
    if over(&sent) {
        return sent;
    }
    match reach::until(session, limit, |state| now(state).filter(over)).await {
        Some(entry) => entry,
        None => now(&session.state().borrow()).unwrap_or(sent),
    }
}

fn judge(entry: &LedgerEntry) -> Result<(), Failure> {
    let (exit, way) = match entry.fate {
        Fate::Confirmed => return Ok(()),
        Fate::Refused => (
            Exit::BidRefused,
            "Look at the price and your budget, then decide anew.",
        ),
        Fate::NotStored => (
            Exit::NotStored,
            "Look at the price, then bid again if you still want it.",
        ),
        Fate::Accepted => (
            Exit::Unseen,
            "The server said yes; watch the auction to see whether the room knows.",
        ),
        Fate::Draft | Fate::Sent | Fate::Unknown | Fate::Undecidable => (
            Exit::UnknownFate,
            "Do not bid the same again before you have watched the auction: it may count.",
        ),
    };
    Err(Failure::new(exit, entry.sentence.clone(), way))
}
