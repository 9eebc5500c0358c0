//! How an auction ended: who won what, and whether the money adds up.

use std::time::Duration;

use gavelscope_client::Session;
use gavelscope_client::state::{AuctionView, Manager, SessionState};
use gavelscope_contract::auction::ClubStatus;
use gavelscope_contract::{AuctionId, Money};

use crate::failure::{Exit, Failure};
use crate::line::What;
use crate::output::Output;
use crate::reach;

/// The clubs and the managers are read apart, each in its own time; both come well within this.
const SETTLING: Duration = Duration::from_secs(3);

/// Prints the result. `budget` is what everybody began with, where that is known.
pub async fn tell(
    session: &Session,
    auction: &AuctionId,
    budget: Option<Money>,
    output: &Output,
) -> Result<(), Failure> {
    let settled = |state: &SessionState| {
        reach::view(state, auction)
            .filter(|view| adds_up(view, budget))
            .map(|_| ())
    };
    reach::until(session, SETTLING, settled).await;
    let state = session.state().borrow().clone();
    let Some(view) = reach::view(&state, auction) else {
        return Ok(());
    };
    let adds_up = adds_up(view, budget);
    output.say(What::Result {
        ending: view.ending.clone(),
        sold: count(view, ClubStatus::Sold),
        unsold: count(view, ClubStatus::Unsold),
        takings: sum(view.managers.iter().map(|manager| manager.spent)),
        adds_up,
        managers: view.managers.clone(),
    })?;
    if adds_up {
        Ok(())
    } else {
        Err(Failure::new(
            Exit::DoesNotAddUp,
            "What was spent is not what was bought.",
            "Compare the result with the backend's database: one of the two is wrong.",
        ))
    }
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(Money::ZERO, Money::saturating_add)
}

fn count(view: &AuctionView, status: ClubStatus) -> u32 {
    let many = view.clubs.iter().filter(|row| row.status == status).count();
    u32::try_from(many).unwrap_or(u32::MAX)
}

/// Everybody spent what they bought for, no club has two owners or none, and nothing of the budget is missing.
fn adds_up(view: &AuctionView, budget: Option<Money>) -> bool {
    let bought: usize = view.managers.iter().map(|manager| manager.roster.len()).sum();
    let honest = |manager: &Manager| {
        let paid = sum(manager.roster.iter().filter_map(|won| won.price));
        paid == manager.spent
            && budget.is_none_or(|budget| manager.budget.saturating_add(manager.spent) == budget)
    };
    !view.clubs.is_empty()
        && u32::try_from(bought).is_ok_and(|bought| bought == count(view, ClubStatus::Sold))
        && view.managers.iter().all(honest)
}
