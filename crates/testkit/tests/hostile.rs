//! Hostile frames, a million of them in the soak run (`GAVELSCOPE_SOAK=1`) and 20,000 otherwise: nothing panics, nothing
//! grows without bound, and a good snapshot is believed after all of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use gavelscope_testkit::hostile::{Mutator, Victim, feed};

/// So many snapshots bring anybody back: two for a server that seems to have gone back, three for messages that wait and
/// are not true, and as many for those that made another believe in a later lot.
const LONGEST_DOUBT: usize = 12;
/// A victim's evening.
const FRAMES: u64 = 400;

fn frames() -> u64 {
    if std::env::var("GAVELSCOPE_SOAK").is_ok_and(|soak| soak == "1") {
        1_000_000
    } else {
        20_000
    }
}

/// The state that everybody can see, whatever was said before.
const GOOD: &str = r#"{"auction":{"id":"a","leagueId":"l","status":"active","currentLot":7,"currentClubId":"c",
    "currentLotId":"a-lot-7","timerEndsAt":"2026-11-23T01:25:12Z","pausedRemainingTime":null,"currentBid":5000000,
    "currentBidder":{"userId":"u","displayName":"U"},"bidSequence":12},"bids":[{"userId":"u","amount":5000000}],
    "currentClub":null}"#;

#[test]
fn nothing_that_a_server_sends_breaks_the_decoder_or_the_reducer() {
    let mut mutator = Mutator::of_recordings(20_261_123).unwrap();
    let (mut fed, mut understood) = (0, 0);
    while fed < frames() {
        let mut victim = Victim::new("a");
        for number in 0..FRAMES {
            feed(&mut victim, &mutator.frame());
            match number % 23 {
                3 | 11 => {
                    let answer = mutator.answer();
                    victim.answer(&String::from_utf8_lossy(&answer));
                }
                17 if number % 3 == 0 => victim.no_answer(),
                19 if number % 5 == 0 => victim.link_lost(),
                _ => {}
            }
        }
        // Numbers that were made up make it look old, and messages that were made up wait for what never was: neither
        // lasts.
        for _ in 0..LONGEST_DOUBT {
            if !victim.is_fresh() || victim.state().sequence != 12 {
                victim.answer(GOOD);
            }
        }
        let lot = victim.state().lot.as_ref().expect("a lot is on the block");
        assert!(victim.is_fresh(), "still behind after {fed} frames");
        assert_eq!(
            (lot.number, victim.state().sequence),
            (7, 12),
            "after {fed} frames"
        );
        fed += FRAMES;
        understood += victim.understood;
    }
    // Were nothing understood, nothing would be tested.
    assert!(understood > fed / 4, "{understood} of {fed} were understood");
}
