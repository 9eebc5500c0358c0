//! The waiting room of an auction: who is here before it begins.

use gavelscope_contract::event::{Event, WaitingRoomUpdated};
use gavelscope_contract::{AuctionId, UserId};

use super::rows::AuctionRow;
use super::stream::Stream;
use super::{Said, Store, StoreError, Tx};

impl Store {
    /// Puts somebody into an auction's waiting room, or takes them out; what is to be said, if that changed it.
    pub(crate) async fn move_in_waiting_room(
        &self,
        auction: &AuctionId,
        user: &UserId,
        enters: bool,
    ) -> Result<Vec<Said>, StoreError> {
        let mut tx = self.begin().await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(Vec::new());
        };
        // Once the auction has begun nobody waits any more, and a leave is nobody's business.
        if !enters && row.status != "waiting" {
            return Ok(Vec::new());
        }
        let changed = if enters {
            sqlx::query(
                "INSERT INTO waiting_room (auction_id, user_id, entered_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(auction.as_str())
            .bind(user.as_str())
            .bind(self.now())
            .execute(&mut *tx)
            .await?
        } else {
            sqlx::query("DELETE FROM waiting_room WHERE auction_id = ? AND user_id = ?")
                .bind(auction.as_str())
                .bind(user.as_str())
                .execute(&mut *tx)
                .await?
        };
        if changed.rows_affected() == 0 {
            return Ok(Vec::new());
        }
        let users_in_waiting_room = waiting(&mut tx, auction).await?;
        let mut stream = Stream::of(&row)?;
        stream.say(|stream| {
            Event::WaitingRoomUpdated(WaitingRoomUpdated {
                users_in_waiting_room,
                stream,
            })
        })?;
        let said = stream.keep(&mut tx, self.kept_events).await?;
        tx.commit().await?;
        Ok(said)
    }

    /// At a start nobody is connected yet.
    pub(crate) async fn empty_waiting_rooms(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM waiting_room")
            .execute(&self.write)
            .await?;
        Ok(())
    }
}

/// Who is in an auction's waiting room, in the order of entering.
pub(super) async fn waiting(tx: &mut Tx, auction: &AuctionId) -> Result<Vec<UserId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT user_id FROM waiting_room WHERE auction_id = ? ORDER BY entered_at, rowid",
    )
    .bind(auction.as_str())
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}
