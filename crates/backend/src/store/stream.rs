//! The stream of an auction's room: what is said to it is numbered and kept in the transaction that makes it true.

use gavelscope_contract::auction::{EventPage, KeptEvent};
use gavelscope_contract::{AuctionId, Event, Position};
use serde_json::Value;

use super::rows::AuctionRow;
use super::{Store, StoreError, Tx};

/// An event that was numbered and kept, and is now to be said to the auction's room.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its number in the stream.
    pub seq: u64,
    /// Its name.
    pub name: &'static str,
    /// Its payload.
    pub payload: Value,
}

/// Numbers what one transaction says.
pub(super) struct Stream {
    auction: String,
    epoch: String,
    seq: u64,
    said: Vec<Said>,
}

impl Stream {
    pub(super) fn of(auction: &AuctionRow) -> Result<Self, StoreError> {
        Ok(Self {
            auction: auction.id.clone(),
            epoch: auction.epoch.clone(),
            seq: u64::try_from(auction.stream_seq)?,
            said: Vec::new(),
        })
    }

    /// Says an event, made with the position that it gets.
    pub(super) fn say(&mut self, event: impl FnOnce(Option<Position>) -> Event) -> Result<(), StoreError> {
        self.seq += 1;
        let event = event(Some(Position {
            epoch: self.epoch.clone(),
            seq: self.seq,
            passing: false,
        }));
        self.said.push(Said {
            seq: self.seq,
            name: event.name(),
            payload: event.payload()?,
        });
        Ok(())
    }

    /// Keeps what was said, drops the oldest beyond `kept`, and moves the auction's counter.
    pub(super) async fn keep(self, tx: &mut Tx, kept: i64) -> Result<Vec<Said>, StoreError> {
        let newest = i64::try_from(self.seq)?;
        for said in &self.said {
            sqlx::query(
                "INSERT INTO auction_events (auction_id, seq, name, payload) VALUES ($1, $2, $3, $4)",
            )
            .bind(&self.auction)
            .bind(i64::try_from(said.seq)?)
            .bind(said.name)
            .bind(said.payload.to_string())
            .execute(&mut **tx)
            .await?;
        }
        sqlx::query("UPDATE auctions SET stream_seq = $1 WHERE id = $2")
            .bind(newest)
            .bind(&self.auction)
            .execute(&mut **tx)
            .await?;
        if newest > kept {
            sqlx::query("DELETE FROM auction_events WHERE auction_id = $1 AND seq <= $2")
                .bind(&self.auction)
                .bind(newest - kept)
                .execute(&mut **tx)
                .await?;
        }
        Ok(self.said)
    }

    /// What was said, where there is nothing left to keep it with.
    pub(super) fn into_said(self) -> Vec<Said> {
        self.said
    }
}

impl Store {
    /// How many events one answer holds at the most.
    const PAGE: i64 = 500;

    /// What was said to an auction's room after a position.
    pub async fn events_after(
        &self,
        auction: &AuctionId,
        after: u64,
    ) -> Result<Option<EventPage>, StoreError> {
        let mut tx = self.view().await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(None);
        };
        let oldest: Option<i64> =
            sqlx::query_scalar("SELECT MIN(seq) FROM auction_events WHERE auction_id = $1")
                .bind(auction.as_str())
                .fetch_one(&mut *tx)
                .await?;
        let rows: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT seq, name, payload FROM auction_events WHERE auction_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(auction.as_str())
        // A number beyond what the database counts is beyond every event, too.
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(Self::PAGE)
        .fetch_all(&mut *tx)
        .await?;
        let events = rows
            .into_iter()
            .map(|(seq, name, payload)| {
                Ok(KeptEvent {
                    seq: u64::try_from(seq)?,
                    name,
                    payload: serde_json::from_str(&payload)?,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        let latest = u64::try_from(row.stream_seq)?;
        Ok(Some(EventPage {
            epoch: row.epoch,
            latest,
            oldest: oldest.map_or(Ok(latest + 1), u64::try_from)?,
            events,
        }))
    }
}
