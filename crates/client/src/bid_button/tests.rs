use super::*;

const fn pounds(amount: u32) -> Money {
    Money::from_pounds(amount)
}

const PURSE: Purse = Purse {
    budget: pounds(20),
    slots: 2,
    won: 0,
    minimum: pounds(1),
};

/// Nothing is against a bid.
const OPEN: Circumstances = Circumstances {
    phase: AuctionPhase::Bidding,
    trust: Trust::Live,
    purse: Some(PURSE),
    block: Block {
        current: None,
        leading: false,
    },
    least: pounds(1),
    in_flight: false,
    has_lot: true,
    hammered: false,
    left_ms: Some(10_000),
    needed_ms: 80,
};

/// What makes each state hold, in the order of the list.
const MAKE: [fn(&mut Circumstances); 13] = [
    |c| c.phase = AuctionPhase::Completed,
    |c| c.phase = AuctionPhase::Loading,
    |c| c.trust = Trust::Stale,
    |c| c.phase = AuctionPhase::Paused,
    |c| c.has_lot = false,
    |c| c.purse = None,
    |c| c.in_flight = true,
    |c| c.hammered = true,
    |c| c.left_ms = Some(0),
    |c| c.purse = c.purse.map(|purse| Purse { won: 2, ..purse }),
    |c| c.block.leading = true,
    |c| c.least = pounds(20),
    |c| c.left_ms = Some(79),
];

#[test]
fn where_nothing_is_against_it_a_bid_can_be_placed() {
    assert_eq!(blocked(&OPEN), None);
    for trust in [Trust::Live, Trust::CatchingUp, Trust::Polled] {
        assert_eq!(blocked(&Circumstances { trust, ..OPEN }), None, "{trust:?}");
    }
}

#[test]
fn each_state_is_told_when_it_alone_holds() {
    for (index, make) in MAKE.iter().enumerate() {
        let mut circumstances = OPEN;
        make(&mut circumstances);
        let told = state_of(&circumstances).expect("it holds");
        assert!(
            std::ptr::eq(told, &raw const ORDER[index]),
            "state {index} is told as {:?} “{}”",
            told.reason,
            told.button
        );
    }
}

#[test]
fn of_two_states_the_first_is_told() {
    for (first, make_first) in MAKE.iter().enumerate() {
        for make_later in &MAKE[first + 1..] {
            let mut both = OPEN;
            make_later(&mut both);
            make_first(&mut both);
            let told = state_of(&both).expect("it holds");
            let place = ORDER.iter().position(|state| std::ptr::eq(state, told));
            assert!(
                place <= Some(first),
                "state {first} is hidden by {:?} “{}”",
                told.reason,
                told.button
            );
        }
    }
}

#[test]
fn the_order_is_this() {
    let order: Vec<(BlockReason, &str)> = ORDER.iter().map(|state| (state.reason, state.button)).collect();
    assert_eq!(
        order,
        [
            (BlockReason::Over, "Over"),
            (BlockReason::NotLive, "Loading"),
            (BlockReason::NotLive, "No connection"),
            (BlockReason::Paused, "Paused"),
            (BlockReason::NoLot, "No lot"),
            (BlockReason::NotAParticipant, "Watching"),
            (BlockReason::InFlight, "On its way"),
            (BlockReason::TimeUp, "Hammer"),
            (BlockReason::TimeUp, "Time is up"),
            (BlockReason::RosterFull, "Roster full"),
            (BlockReason::Leading, "You lead"),
            (BlockReason::Budget, "Out of budget"),
            (BlockReason::TooLate, "Bid anyway"),
        ]
    );
    let overruled: Vec<BlockReason> = ORDER
        .iter()
        .filter(|state| state.may_insist)
        .map(|state| state.reason)
        .collect();
    assert_eq!(overruled, [BlockReason::TooLate], "only time may be overruled");
    for state in &ORDER {
        assert!(state.sentence.ends_with('.') && state.button.chars().count() <= 16);
        assert!(!sentence(state.reason).is_empty());
    }
}

#[test]
fn the_last_moments_by_the_millisecond() {
    for (left_ms, reason) in [
        (Some(80), None),
        (Some(79), Some(BlockReason::TooLate)),
        (Some(1), Some(BlockReason::TooLate)),
        (Some(0), Some(BlockReason::TimeUp)),
        (Some(-2_999), Some(BlockReason::TimeUp)),
        // The clock died with its pod; bids are still taken.
        (Some(-3_000), None),
        (None, None),
    ] {
        let circumstances = Circumstances { left_ms, ..OPEN };
        assert_eq!(
            state_of(&circumstances).map(|state| state.reason),
            reason,
            "{left_ms:?}"
        );
    }
}
