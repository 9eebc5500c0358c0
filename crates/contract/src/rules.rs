//! The rules of bidding that both sides know, in the order in which a bid is refused (contract, section 1).
//!
//! The backend decides by them; the client asks them first, so that a button can say why it is disabled.

use crate::money::Money;
use crate::refusal::RefusalCode;

/// What a bidder has, and what the league grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    /// What is left to spend.
    pub budget: Money,
    /// How many clubs a manager buys at the most.
    pub slots: u32,
    /// How many they have.
    pub won: u32,
    /// The least that a bid may be; as much is kept back for every slot still to be filled after this one.
    pub minimum: Money,
}

/// What stands on the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The price; none while nobody has bid.
    pub current: Option<Money>,
    /// Whether the bidder leads already.
    pub leading: bool,
}

impl Purse {
    /// The slots still to be filled once this one is.
    pub const fn slots_after(&self) -> u32 {
        self.slots.saturating_sub(self.won).saturating_sub(1)
    }

    /// What has to be kept back.
    pub fn reserve(&self) -> Money {
        self.minimum.saturating_times(self.slots_after())
    }

    /// The maximum legal bid; none where no bid is possible.
    pub fn maximum_bid(&self) -> Option<Money> {
        let maximum = self.budget.saturating_sub(self.reserve());
        (self.won < self.slots && maximum >= self.minimum && maximum > Money::ZERO).then_some(maximum)
    }

    /// Whether a bid breaks a rule, and which: the first in the contract's order.
    pub fn check(&self, block: Block, amount: Money) -> Result<(), RefusalCode> {
        if amount < self.minimum {
            Err(RefusalCode::BelowMinimum)
        } else if amount > self.budget {
            Err(RefusalCode::InsufficientBudget)
        } else if self.won < self.slots && amount > self.budget.saturating_sub(self.reserve()) {
            Err(RefusalCode::ReserveRequired)
        } else if self.won >= self.slots {
            Err(RefusalCode::RosterFull)
        } else if block.leading {
            Err(RefusalCode::AlreadyHighest)
        } else if block.current.is_some_and(|current| amount <= current) {
            Err(RefusalCode::BidTooLow)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn pounds(amount: u32) -> Money {
        Money::from_pounds(amount)
    }

    const PURSE: Purse = Purse {
        budget: pounds(20_000_000),
        slots: 2,
        won: 0,
        minimum: pounds(1_000_000),
    };
    const OPEN: Block = Block {
        current: None,
        leading: false,
    };

    #[test]
    fn the_recorded_refusals_come_out_of_the_rules() {
        let at_five = Block {
            current: Some(pounds(5_000_000)),
            leading: false,
        };
        let mine = Block {
            current: Some(pounds(5_000_000)),
            leading: true,
        };
        let full = Purse { won: 2, ..PURSE };
        for (purse, block, amount, expected) in [
            (PURSE, OPEN, 500_000, Err(RefusalCode::BelowMinimum)),
            (PURSE, OPEN, 21_000_000, Err(RefusalCode::InsufficientBudget)),
            (PURSE, OPEN, 19_500_000, Err(RefusalCode::ReserveRequired)),
            (PURSE, OPEN, 19_000_000, Ok(())),
            (full, OPEN, 5_000_000, Err(RefusalCode::RosterFull)),
            (PURSE, mine, 6_000_000, Err(RefusalCode::AlreadyHighest)),
            (PURSE, at_five, 5_000_000, Err(RefusalCode::BidTooLow)),
            (PURSE, at_five, 5_000_001, Ok(())),
        ] {
            assert_eq!(purse.check(block, pounds(amount)), expected, "{amount} {block:?}");
        }
        assert_eq!(PURSE.maximum_bid(), Some(pounds(19_000_000)));
        assert_eq!(full.maximum_bid(), None);
    }

    proptest! {
        #[test]
        fn the_maximum_is_legal_and_a_penny_more_is_not(
            budget in 0..50_000_000u32, slots in 0..6u32, won in 0..6u32, minimum in 0..3_000_000u32,
        ) {
            let purse = Purse { budget: pounds(budget), slots, won, minimum: pounds(minimum) };
            match purse.maximum_bid() {
                Some(maximum) => {
                    prop_assert_eq!(purse.check(OPEN, maximum), Ok(()));
                    let more = Money::from_pence(maximum.pence() + 1).unwrap();
                    prop_assert!(purse.check(OPEN, more).is_err());
                }
                None => prop_assert!(purse.check(OPEN, purse.minimum.max(pounds(1))).is_err()),
            }
        }
    }
}
