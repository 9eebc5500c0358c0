//! Looking for a bid that has no answer: reading only. What was read is judged in [`crate::ledger::judging`].

use std::time::Duration;

use gavelscope_contract::auction::{AuctionSnapshot, AuctionStatus, ClubList, EventPage};
use gavelscope_contract::league::ParticipantList;
use gavelscope_contract::{AuctionId, Decoded, Event, LeagueId, Received};

use super::driver::Driver;
use super::jobs::Done;
use crate::error::ClientError;
use crate::ledger::judging::{Evidence, History, Sight, judge};
use crate::rest::{Answer, Rest};
use crate::state::Fate;
use crate::time;

/// When a bid without an answer is looked for: soon, because most often the answer alone was lost, and then longer,
/// because a stalled server stores it before it answers. Where nothing could be read the last wait is repeated.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
];
/// A bid of an earlier run that left so long ago is stored by now or never will be, ms: a request's limit and all looks.
const SETTLED_MS: u32 = 16_000;
/// Pages of history that are read at the most; our backend keeps fewer.
const MOST_PAGES: usize = 64;

/// What a look brought.
pub(super) struct Found {
    auction: AuctionId,
    snapshot: Result<Answer<AuctionSnapshot>, ClientError>,
    history: Option<History>,
    clubs: Option<ClubList>,
    managers: Option<ParticipantList>,
}

impl Found {
    fn evidence(self) -> Evidence {
        let auction = match self.snapshot {
            Ok(answer) => Sight::Seen(Box::new(answer.body)),
            Err(ClientError::Refused(refusal)) if matches!(refusal.status, 403 | 404) => Sight::Gone,
            Err(_) => Sight::Unread,
        };
        Evidence {
            auction,
            history: self.history,
            clubs: self.clubs,
            managers: self.managers,
        }
    }
}

impl Driver {
    /// Looks for a bid a little later; `round` counts from 0.
    pub(super) fn look_for(&mut self, key: String, round: usize) {
        let round = round.min(LOOKS.len() - 1);
        let wait = LOOKS[round];
        self.jobs.spawn(async move {
            tokio::time::sleep(wait).await;
            Done::LookFor { key, round }
        });
    }

    pub(super) fn look(&mut self, key: String, round: usize) {
        let Some(entry) = self.ledger.get(&key).filter(|entry| is_sought(entry.fate)) else {
            return;
        };
        let (rest, auction, lot) = (self.rest.clone(), entry.auction_id.clone(), entry.lot);
        self.jobs.spawn(async move {
            let sight = Box::new(find(&rest, auction, lot).await);
            Done::Looked { key, round, sight }
        });
    }

    pub(super) fn looked(&mut self, key: String, round: usize, found: Found) {
        if let Ok(answer) = &found.snapshot {
            self.take_snapshot(&found.auction, answer, time::now());
        }
        let Some(entry) = self.ledger.get(&key).filter(|entry| is_sought(entry.fate)) else {
            return self.touch_all();
        };
        let settled = entry.earlier && entry.sent_at.age_at(time::now()) >= SETTLED_MS;
        let last_look = settled || round + 1 >= LOOKS.len();
        let verdict = judge(entry, self.me(), &found.evidence(), last_look);
        self.ledger.judged(&key, &verdict);
        if let Some(entry) = self.ledger.get(&key) {
            if is_sought(entry.fate) {
                self.look_for(key, round + 1);
            } else {
                let (auction, sentence) = (entry.auction_id.clone(), entry.sentence.clone());
                self.note(Some(auction), "bid", sentence);
            }
        }
        self.touch_all();
    }
}

/// What a look can still change: no answer came, or the answer was yes and the room was never told.
const fn is_sought(fate: Fate) -> bool {
    matches!(fate, Fate::Unknown | Fate::Accepted)
}

/// Reads what there is to read of a bid's lot, and no more than that.
async fn find(rest: &Rest, auction: AuctionId, lot: u32) -> Found {
    let snapshot = rest.snapshot(&auction).await;
    let mut found = Found {
        auction,
        snapshot,
        history: None,
        clubs: None,
        managers: None,
    };
    let Ok(answer) = &found.snapshot else {
        return found;
    };
    let state = &answer.body.auction;
    let on_the_block = state.current_lot == lot && state.status != AuctionStatus::Completed;
    if on_the_block {
        return found;
    }
    if answer.body.stream.is_some() {
        found.history = history(rest, &found.auction).await;
    }
    // Where the whole history is there, nothing is left for the result to say.
    if !found.history.as_ref().is_some_and(|history| history.whole) {
        (found.clubs, found.managers) = result(rest, &found.auction, &state.league_id).await;
    }
    found
}

async fn result(
    rest: &Rest,
    auction: &AuctionId,
    league: &LeagueId,
) -> (Option<ClubList>, Option<ParticipantList>) {
    let (clubs, managers) = tokio::join!(rest.clubs(auction), rest.participants(league));
    (
        clubs.ok().map(|answer| answer.body),
        managers.ok().map(|answer| answer.body),
    )
}

/// The bids that were said in the room, as far back as the server keeps them.
async fn history(rest: &Rest, auction: &AuctionId) -> Option<History> {
    let mut history = History::default();
    let (mut after, mut epoch) = (0, None);
    for _ in 0..MOST_PAGES {
        let page: EventPage = rest.events(auction, after).await.ok()?.body;
        if after == 0 {
            history.whole = page.oldest <= 1;
        }
        // Between two pages it began anew, or what came next was dropped.
        let continues = epoch.get_or_insert_with(|| page.epoch.clone()) == &page.epoch;
        if !continues || (after > 0 && page.oldest > after + 1) {
            return None;
        }
        for kept in &page.events {
            let said = Received::from_value(&kept.name, Some(kept.payload.clone()));
            match said.decoded {
                Decoded::Known(event) => {
                    if let Event::BidUpdate(update) = *event {
                        history.bids.push(update);
                    }
                }
                // It may be the one that is sought.
                Decoded::Malformed(_) => history.whole = false,
                Decoded::Unknown => {}
            }
            after = kept.seq;
        }
        if page.events.is_empty() || after >= page.latest {
            return Some(history);
        }
    }
    history.whole = false;
    Some(history)
}
