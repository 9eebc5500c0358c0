//! Bidders that play by themselves, over a real session like anybody else's.

use std::time::Duration;

use gavelscope_contract::{AuctionId, ClubId, Money};
use rand::RngExt;

use crate::session::{BidOrder, Seen, Session};
use crate::state::{AuctionPhase, AuctionView, BlockReason, Fate};

/// How a bot bids.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temperament {
    /// In a word.
    pub name: &'static str,
    /// How long it thinks before a bid, ms: least and most.
    pub thinks_ms: (u64, u64),
    /// How much of what it may bid a club is worth to it at the most, in hundredths: least and most.
    pub appetite: (u32, u32),
    /// How likely it raises by more than the first step, in hundredths.
    pub boldness: u32,
    /// It waits until so little is left on the clock, ms; none bids at once.
    pub lurks_until_ms: Option<i64>,
}

/// Four that make a lively room together.
pub const TEMPERAMENTS: [Temperament; 4] = [
    Temperament {
        name: "steady",
        thinks_ms: (900, 2_600),
        appetite: (15, 45),
        boldness: 10,
        lurks_until_ms: None,
    },
    Temperament {
        name: "bold",
        thinks_ms: (500, 1_500),
        appetite: (25, 60),
        boldness: 60,
        lurks_until_ms: None,
    },
    Temperament {
        name: "thrifty",
        thinks_ms: (1_500, 3_500),
        appetite: (5, 25),
        boldness: 0,
        lurks_until_ms: None,
    },
    Temperament {
        name: "lurking",
        thinks_ms: (100, 700),
        appetite: (20, 50),
        boldness: 20,
        lurks_until_ms: Some(5_000),
    },
];

/// What a bot did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Played {
    /// Bids that were accepted.
    pub accepted: u32,
    /// Bids that were refused, most of them because somebody was faster.
    pub refused: u32,
}

/// Plays until the auction is over, the session ends, or the future is dropped. `pace` stretches the thinking (1.0 as
/// the temperament says, less is faster).
pub async fn play(session: Session, auction: AuctionId, temperament: Temperament, pace: f64) -> Played {
    let mut played = Played::default();
    let mut state = session.state();
    let mut ceiling: Option<(ClubId, Money)> = None;
    while state.changed().await.is_ok() {
        let view = state
            .borrow_and_update()
            .auctions
            .iter()
            .find(|view| view.id == auction)
            .cloned();
        let Some(view) = view else { continue };
        if matches!(view.phase, AuctionPhase::Completed | AuctionPhase::Deleted) {
            break;
        }
        let Some(amount) = choice(&view, &temperament, &mut ceiling) else {
            continue;
        };
        let (least, most) = temperament.thinks_ms;
        let thinking = rand::rng().random_range(least..=most);
        #[allow(clippy::cast_precision_loss, reason = "a few seconds in ms")]
        tokio::time::sleep(Duration::from_secs_f64(thinking as f64 * pace.max(0.0) / 1_000.0)).await;
        // The room may have moved meanwhile: a bot looks again before it bids, as a person would.
        let price = view.lot.as_ref().and_then(|lot| lot.price);
        // It never insists: a bid that would come too late is not sent.
        let order = BidOrder::new(amount, Seen::Price(price));
        match session.bid(auction.clone(), order).await {
            Ok(entry) if entry.fate == Fate::Refused => played.refused += 1,
            Ok(_) => played.accepted += 1,
            Err(crate::ClientError::Ended) => break,
            Err(_) => {}
        }
    }
    played
}

/// The amount that the bot would bid now, where it would bid at all.
fn choice(
    view: &AuctionView,
    temperament: &Temperament,
    ceiling: &mut Option<(ClubId, Money)>,
) -> Option<Money> {
    let lot = view
        .lot
        .as_ref()
        .filter(|_| view.phase == AuctionPhase::Bidding)?;
    if view
        .bidding
        .blocked
        .as_ref()
        .is_some_and(|blocked| blocked.reason != BlockReason::Budget)
    {
        return None;
    }
    if let (Some(lurks), Some(ends_at)) = (temperament.lurks_until_ms, lot.ends_at)
        && ends_at.0 - crate::time::now().0 > lurks
    {
        return None;
    }
    let mut random = rand::rng();
    let known = ceiling
        .as_ref()
        .filter(|(club, _)| *club == lot.club.id)
        .map(|(_, most)| *most);
    let worth = if let Some(worth) = known {
        worth
    } else {
        let (least, most) = temperament.appetite;
        let hundredths = i64::from(random.random_range(least..=most));
        let maximum = view.bidding.maximum?;
        let worth = Money::from_pence(maximum.pence() / 100 * hundredths).unwrap_or_default();
        *ceiling = Some((lot.club.id.clone(), worth));
        worth
    };
    let steps: Vec<Money> = view
        .bidding
        .steps
        .iter()
        .filter(|step| step.allowed && step.amount <= worth)
        .map(|step| step.amount)
        .collect();
    let bold = random.random_range(0..100) < temperament.boldness;
    if bold {
        steps.last().copied()
    } else {
        steps.first().copied()
    }
}
