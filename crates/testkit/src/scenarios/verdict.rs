//! The books of the bidders against the bids that the server has.

use std::collections::BTreeMap;

use gavelscope_client::state::Fate;
use gavelscope_contract::auction::Bid;
use gavelscope_contract::{Money, UserId};

use super::bidder::{Book, Told, is_final};

/// What was counted, and what was wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Bids that were sent.
    pub bids: usize,
    /// Those that never left, because nothing could be connected.
    pub unsent: usize,
    /// Told to be stored, and stored.
    pub confirmed: usize,
    /// Told to be refused, and not stored.
    pub refused: usize,
    /// Told not to have arrived, and not stored.
    pub not_stored: usize,
    /// Bids that were in doubt for a while.
    pub doubted: usize,
    /// Told to be stored, and not stored.
    pub lost: Vec<String>,
    /// Stored twice, or by nobody.
    pub doubled: Vec<String>,
    /// Told something else than the truth, at the end or on the way.
    pub misreported: Vec<String>,
    /// Prices that were shown, and that nobody bid.
    pub invented: Vec<Money>,
}

impl Verdict {
    /// Whether every bid had exactly one fate, and the session told it, and no price that there never was.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.doubled.is_empty()
            && self.misreported.is_empty()
            && self.invented.is_empty()
    }
}

/// Which bid it is: by its key where the server echoes keys, otherwise by who bid how much.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Key(String),
    Amount(UserId, Money),
}

/// Judges. A server that echoes keys does so for all bids or for none.
pub fn judge<'a>(books: impl IntoIterator<Item = (&'a UserId, &'a Book)>, stored: &[Bid]) -> Verdict {
    let by_key = stored.iter().any(|bid| bid.client_bid_id.is_some());
    let mut verdict = Verdict::default();
    let mut told = BTreeMap::<Mark, Vec<&Told>>::new();
    for (user, book) in books {
        for (key, one) in book {
            let mark = if by_key {
                Mark::Key(key.clone())
            } else {
                Mark::Amount(user.clone(), one.entry.amount)
            };
            verdict.count(one);
            told.entry(mark).or_default().push(one);
        }
    }
    let mut kept = BTreeMap::<Mark, usize>::new();
    for bid in stored {
        let mark = match &bid.client_bid_id {
            Some(key) => Mark::Key(key.clone()),
            None => Mark::Amount(bid.user_id.clone(), bid.amount),
        };
        *kept.entry(mark).or_default() += 1;
    }
    for (mark, told) in &told {
        let count = kept.remove(mark).unwrap_or(0);
        let confirmed = told
            .iter()
            .filter(|one| one.entry.fate == Fate::Confirmed)
            .count();
        let words = || format!("{mark:?}: stored {count} times, told {:?}", fates(told));
        match () {
            () if count > told.len() || (by_key && count > 1) => verdict.doubled.push(words()),
            () if confirmed > count => verdict.lost.push(words()),
            () if confirmed < count => verdict.misreported.push(words()),
            () => {}
        }
        for one in told {
            if !is_final(one.entry.fate) || took_back(&one.fates) {
                verdict
                    .misreported
                    .push(format!("{mark:?}: told {:?}", one.fates));
            }
        }
    }
    for (mark, count) in kept {
        verdict
            .doubled
            .push(format!("{mark:?}: stored {count} times, and nobody bid it"));
    }
    verdict
}

impl Verdict {
    fn count(&mut self, one: &Told) {
        if !one.left() {
            self.unsent += 1;
            return;
        }
        self.bids += 1;
        match one.entry.fate {
            Fate::Confirmed => self.confirmed += 1,
            Fate::Refused => self.refused += 1,
            Fate::NotStored => self.not_stored += 1,
            Fate::Draft | Fate::Sent | Fate::Unknown | Fate::Accepted | Fate::Undecidable => {}
        }
        self.doubted += usize::from(one.fates.contains(&Fate::Unknown));
    }
}

fn fates<'a>(told: &[&'a Told]) -> Vec<&'a [Fate]> {
    told.iter().map(|one| one.fates.as_slice()).collect()
}

/// Whether something that was told as certain was told otherwise later.
fn took_back(fates: &[Fate]) -> bool {
    fates.windows(2).any(|pair| match pair[0] {
        Fate::Refused | Fate::NotStored | Fate::Undecidable | Fate::Confirmed => true,
        Fate::Accepted => pair[1] != Fate::Confirmed,
        Fate::Draft | Fate::Sent | Fate::Unknown => false,
    })
}

#[cfg(test)]
mod tests {
    use gavelscope_client::state::{LedgerEntry, Millis};

    use super::*;

    fn told(key: &str, pounds: u32, fates: &[Fate]) -> (String, Told) {
        let entry = LedgerEntry {
            key: key.to_owned(),
            auction_id: "a".into(),
            lot: 1,
            club: String::new(),
            club_id: None,
            amount: Money::from_pounds(pounds),
            fate: *fates.last().unwrap(),
            sentence: String::new(),
            refusal: None,
            sent_at: Millis(0),
            answer_ms: None,
            echo_ms: None,
            pod: None,
            attempts: 1,
            earlier: false,
        };
        let fates = fates.to_vec();
        (key.to_owned(), Told { entry, fates })
    }

    fn stored(key: Option<&str>, pounds: u32) -> Bid {
        let key = key.map_or_else(String::new, |key| format!(",\"clientBidId\":\"{key}\""));
        serde_json::from_str(&format!("{{\"userId\":\"me\",\"amount\":{pounds}{key}}}")).unwrap()
    }

    fn judged(book: Vec<(String, Told)>, stored: &[Bid]) -> (usize, usize, usize) {
        let book = book.into_iter().collect();
        let verdict = judge([(&UserId::from("me"), &book)], stored);
        let found = (
            verdict.lost.len(),
            verdict.doubled.len(),
            verdict.misreported.len(),
        );
        assert_eq!(verdict.is_clean(), found == (0, 0, 0));
        found
    }

    const YES: &[Fate] = &[Fate::Sent, Fate::Accepted, Fate::Confirmed];
    const NO: &[Fate] = &[Fate::Sent, Fate::Refused];

    #[test]
    fn books_that_agree_with_the_server_are_clean() {
        let book = || vec![told("a", 1, YES), told("b", 2, NO), told("c", 2, YES)];
        assert_eq!(judged(book(), &[stored(None, 1), stored(None, 2)]), (0, 0, 0));
        let keyed = [stored(Some("a"), 1), stored(Some("c"), 2)];
        assert_eq!(judged(book(), &keyed), (0, 0, 0));
    }

    #[test]
    fn a_bid_that_was_confirmed_and_is_not_there_is_lost() {
        assert_eq!(judged(vec![told("a", 1, YES)], &[]), (1, 0, 0));
        let other = [stored(Some("b"), 1)];
        assert_eq!(
            judged(vec![told("a", 1, YES), told("b", 1, YES)], &other),
            (1, 0, 0)
        );
    }

    #[test]
    fn a_bid_that_is_there_twice_or_is_nobodys_is_doubled() {
        let twice = [stored(None, 1), stored(None, 1)];
        assert_eq!(judged(vec![told("a", 1, YES)], &twice), (0, 1, 0));
        assert_eq!(
            judged(vec![told("a", 1, YES)], &[stored(None, 1), stored(None, 2)]),
            (0, 1, 0)
        );
    }

    #[test]
    fn a_bid_that_is_there_and_was_told_not_to_be_is_misreported() {
        assert_eq!(judged(vec![told("a", 1, NO)], &[stored(None, 1)]), (0, 0, 1));
        // A key tells apart what an amount cannot.
        let swapped = vec![told("a", 1, NO), told("b", 1, YES)];
        assert_eq!(judged(swapped, &[stored(Some("a"), 1)]), (1, 0, 1));
    }

    #[test]
    fn what_stays_open_or_was_taken_back_is_misreported() {
        assert_eq!(
            judged(vec![told("a", 1, &[Fate::Sent, Fate::Unknown])], &[]),
            (0, 0, 1)
        );
        let taken_back = [Fate::Unknown, Fate::NotStored, Fate::Confirmed];
        assert_eq!(
            judged(vec![told("a", 1, &taken_back)], &[stored(None, 1)]),
            (0, 0, 1)
        );
    }
}
