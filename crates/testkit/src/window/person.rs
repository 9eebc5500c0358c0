//! What a person does in the window, step by step: practice, or a server of one's own and an auction there; then bids.

use std::time::Duration;

use gavelscope_contract::Money;

use super::{SOON, Window};
use crate::pods::Cast;

/// The first sits at the window, the others bid elsewhere.
pub const PEOPLE: [&str; 3] = [
    "ada@auction.example",
    "bruno@auction.example",
    "chidi@auction.example",
];

/// They, in a league of this name. A lot stays on the block until somebody has looked at everything.
#[must_use]
pub const fn cast(league: &str) -> Cast<'_> {
    Cast {
        league,
        people: &PEOPLE,
        budget: Money::from_pounds(500_000_000),
        lots: 6,
        seconds: 900,
        anti_snipe_seconds: 1,
        slots: 1,
    }
}

impl Window {
    /// Starts a practice auction and lets it begin; the room is on the screen afterwards.
    pub async fn begin_practice(&self) -> anyhow::Result<()> {
        self.press("practice-start").await?;
        self.wait_for("screen-room", SOON).await?;
        self.press("begin-auction").await?;
        self.wait_for("lot-price", SOON).await
    }

    /// Presses the smallest raise, and confirms it when asked. The core is asked after each press, so what follows one
    /// is waited for: the question, the bid's fate, or a sentence that says why there is none.
    pub async fn bid_the_next_step(&self) -> anyhow::Result<()> {
        let before = self.text("bid-fate").await;
        self.press("bid-step-1").await?;
        let followed = || async {
            self.is_enabled("bid-confirm").await
                || self.text("bid-fate").await != before
                || self.has("error-sentence").await
        };
        self.until("waiting for what follows a bid", SOON, followed)
            .await?;
        if self.is_enabled("bid-confirm").await {
            self.press("bid-confirm").await?;
        }
        Ok(())
    }

    /// Bids the first step until a bid counts. Somebody may be faster, the price may move between the two presses, and
    /// the lot may end: then the question is answered anew, or the next price is tried.
    pub async fn bid_until_it_counts(&self) -> anyhow::Result<()> {
        let before = self.text("bid-fate").await;
        let counts = || async {
            if self.attribute("bid-fate", "data-fate").await.as_deref() == Some("confirmed")
                && self.text("bid-fate").await != before
            {
                return true;
            }
            // Neither can be pressed while a bid is under way.
            if !self.press_now("bid-confirm").await {
                self.press_now("bid-step-1").await;
            }
            false
        };
        self.until("waiting for a bid that counts", Duration::from_mins(2), counts)
            .await
    }

    /// Adds a server and signs in there as the first of [`PEOPLE`]; the lobby is on the screen afterwards.
    pub async fn sign_in(&self, url: &str) -> anyhow::Result<()> {
        self.press("server-new").await?;
        self.type_into("server-address", url).await?;
        self.type_into("server-label", "Auction house").await?;
        self.press("server-add").await?;
        self.type_into("signin-email", PEOPLE[0]).await?;
        self.press("signin-request").await?;
        self.wait_for("league-row", SOON).await
    }

    /// Enters the auction of a league, from the lobby.
    pub async fn enter(&self, league: &str) -> anyhow::Result<()> {
        let press = format!(
            "const rows = [...document.querySelectorAll('[data-testid=\"league-row\"]')]; \
             const row = rows.find((row) => row.textContent.includes('{league}')); \
             const open = row?.querySelector('[data-testid=\"league-open\"]'); open?.click(); return Boolean(open)"
        );
        self.until_script(&format!("{league} is in the lobby"), SOON, &press)
            .await?;
        self.wait_for("screen-room", SOON).await
    }
}
