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
        let (mut tx, _) = self.turn(auction).await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(Vec::new());
        };
        // Once the auction has begun nobody waits any more, and a leave is nobody's business.
        if !enters && row.status != "waiting" {
            return Ok(Vec::new());
        }
        let before = waiting(&mut tx, auction).await?;
        if enters {
            sqlx::query(
                "INSERT INTO waiting_room (auction_id, user_id, boot_id, place)
                 VALUES ($1, $2, $3, (SELECT COALESCE(MAX(place), 0) + 1 FROM waiting_room WHERE auction_id = $1))
                 ON CONFLICT DO NOTHING",
            )
            .bind(auction.as_str())
            .bind(user.as_str())
            .bind(self.boot())
            .execute(&mut *tx)
            .await?;
        } else {
            sqlx::query("DELETE FROM waiting_room WHERE auction_id = $1 AND user_id = $2 AND boot_id = $3")
                .bind(auction.as_str())
                .bind(user.as_str())
                .bind(self.boot())
                .execute(&mut *tx)
                .await?;
        }
        let said = self.say_who_waits(&mut tx, &row, &before).await?;
        tx.commit().await?;
        Ok(said)
    }

    /// Says who waits, if that is not who waited before.
    pub(super) async fn say_who_waits(
        &self,
        tx: &mut Tx,
        row: &AuctionRow,
        before: &[UserId],
    ) -> Result<Vec<Said>, StoreError> {
        let users_in_waiting_room = waiting(tx, &row.auction_id()).await?;
        if users_in_waiting_room == before {
            return Ok(Vec::new());
        }
        let mut stream = Stream::of(row)?;
        stream.say(|stream| {
            Event::WaitingRoomUpdated(WaitingRoomUpdated {
                users_in_waiting_room,
                stream,
            })
        })?;
        stream.keep(tx, self.kept_events).await
    }
}

/// Who is in an auction's waiting room, by whichever pod, in the order of entering.
pub(super) async fn waiting(tx: &mut Tx, auction: &AuctionId) -> Result<Vec<UserId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT user_id FROM waiting_room WHERE auction_id = $1 GROUP BY user_id ORDER BY MIN(place)",
    )
    .bind(auction.as_str())
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}
