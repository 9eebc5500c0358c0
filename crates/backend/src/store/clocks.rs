//! The leases of the auctions' clocks, and the pods that are there.

use gavelscope_contract::AuctionId;

use super::lease::{Hold, LEASE, Lease, Taken, take};
use super::rows::AuctionRow;
use super::{Said, Store, StoreError, Tx, new_id};
use crate::neighbours::PodRow;

/// How long a pod counts as being there after it said so, ms.
const PRESENCE: i64 = 7_500;
/// After how long nothing is left of a pod that is gone, ms.
const LONG: i64 = 60 * 60 * 1_000;

impl Store {
    /// The auctions that have begun and whose clock nobody has.
    pub(crate) async fn lapsed_clocks(&self) -> Result<Vec<AuctionId>, StoreError> {
        let now = self.look_at_the_clock().await?;
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT a.id FROM auctions a LEFT JOIN clocks k ON k.auction_id = a.id
             WHERE a.status IN ('active', 'paused') AND (k.auction_id IS NULL OR k.until <= $1)",
        )
        .bind(now)
        .fetch_all(&self.read)
        .await?;
        Ok(ids.into_iter().map(AuctionId).collect())
    }

    /// Takes an auction's clock, if it has begun and nobody has it. A clock that moves to another pod begins a new epoch of
    /// the room's stream.
    pub async fn take_clock(&self, auction: &AuctionId) -> Result<Option<Taken>, StoreError> {
        let (mut tx, now) = self.turn(auction).await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(None);
        };
        if !matches!(row.status.as_str(), "active" | "paused") {
            return Ok(None);
        }
        let taken = self.take_in(&mut tx, &row, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// The same, in a transaction that holds the auction's lock.
    pub(super) async fn take_in(
        &self,
        tx: &mut Tx,
        row: &AuctionRow,
        now: i64,
    ) -> Result<Option<Taken>, StoreError> {
        let current = row.lease();
        let Some(taken) = take(current.as_ref(), self.boot(), now) else {
            return Ok(None);
        };
        let lease = &taken.lease;
        let written = match &current {
            None => {
                sqlx::query("INSERT INTO clocks (auction_id, holder, fence, until) VALUES ($1, $2, $3, $4)")
                    .bind(&row.id)
                    .bind(&lease.holder)
                    .bind(lease.fence)
                    .bind(lease.until)
                    .execute(&mut **tx)
                    .await?
            }
            Some(current) => {
                // Renewing takes no lock of the auction: what was read must still be there.
                sqlx::query(
                    "UPDATE clocks SET holder = $2, fence = $3, until = $4
                     WHERE auction_id = $1 AND fence = $5 AND until = $6",
                )
                .bind(&row.id)
                .bind(&lease.holder)
                .bind(lease.fence)
                .bind(lease.until)
                .bind(current.fence)
                .bind(current.until)
                .execute(&mut **tx)
                .await?
            }
        };
        if written.rows_affected() != 1 {
            return Ok(None);
        }
        if taken.moved {
            sqlx::query("UPDATE auctions SET epoch = $1 WHERE id = $2")
                .bind(new_id())
                .bind(&row.id)
                .execute(&mut **tx)
                .await?;
        }
        Ok(Some(taken))
    }

    /// Renews the leases that this pod has and that have not lapsed ([`Lease::renewed`]); how many they are.
    pub async fn renew_clocks(&self) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let now = self.time_in(&mut tx).await?;
        // Never shorter: this pod may have taken the clock anew since it read the time, and may be speaking on that.
        let renew = "UPDATE clocks SET until = CASE WHEN until > $1 THEN until ELSE $1 END
                     WHERE holder = $2 AND until > $3";
        let renewed = sqlx::query(renew)
            .bind(now + LEASE)
            .bind(self.boot())
            .bind(now)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(renewed.rows_affected())
    }

    /// Gives one clock back: its auction is over.
    pub(crate) async fn release_clock(&self, auction: &AuctionId, hold: &Hold) -> Result<(), StoreError> {
        sqlx::query("UPDATE clocks SET until = 0 WHERE auction_id = $1 AND holder = $2 AND fence = $3")
            .bind(auction.as_str())
            .bind(&hold.holder)
            .bind(hold.fence)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Gives all clocks of this pod back, so that others can take them at once; how many they were.
    pub async fn release_clocks(&self) -> Result<u64, StoreError> {
        let released = sqlx::query("UPDATE clocks SET until = 0 WHERE holder = $1 AND until > 0")
            .bind(self.boot())
            .execute(&self.write)
            .await?;
        Ok(released.rows_affected())
    }

    /// An auction's lease, and what time it is.
    pub async fn lease_of(&self, auction: &AuctionId) -> Result<(Option<Lease>, i64), StoreError> {
        let row: Option<(String, i64, i64)> =
            sqlx::query_as("SELECT holder, fence, until FROM clocks WHERE auction_id = $1")
                .bind(auction.as_str())
                .fetch_optional(&self.read)
                .await?;
        let lease = row.map(|(holder, fence, until)| Lease { holder, fence, until });
        Ok((lease, self.look_at_the_clock().await?))
    }

    /// Says that this pod is there.
    pub(crate) async fn stay_present(&self, name: &str) -> Result<(), StoreError> {
        let now = self.look_at_the_clock().await?;
        sqlx::query(
            "INSERT INTO pods (boot_id, name, until) VALUES ($1, $2, $3)
             ON CONFLICT (boot_id) DO UPDATE SET until = excluded.until",
        )
        .bind(self.boot())
        .bind(name)
        .bind(now + PRESENCE)
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// The other pods that use this database, those that were killed a moment ago among them.
    pub(crate) async fn other_pods(&self) -> Result<Vec<PodRow>, StoreError> {
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT boot_id, name, until FROM pods WHERE boot_id <> $1 AND until > $2")
                .bind(self.boot())
                .bind(self.look_at_the_clock().await?)
                .fetch_all(&self.read)
                .await?;
        let row = |(boot, name, until)| PodRow { boot, name, until };
        Ok(rows.into_iter().map(row).collect())
    }

    /// The pods that somebody waits on and that have not said for long that they are there.
    pub(crate) async fn pods_gone(&self) -> Result<Vec<String>, StoreError> {
        let now = self.look_at_the_clock().await?;
        let boots = sqlx::query_scalar(
            "SELECT DISTINCT w.boot_id FROM waiting_room w LEFT JOIN pods p ON p.boot_id = w.boot_id
             WHERE p.boot_id IS NULL OR p.until <= $1",
        )
        .bind(now)
        .fetch_all(&self.read)
        .await?;
        Ok(boots)
    }

    /// Forgets the pods that have been gone for an hour: nothing is left of them.
    pub(crate) async fn forget_pods_long_gone(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM pods WHERE until < $1")
            .bind(self.now() - LONG)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// The auctions whose waiting rooms somebody entered by a pod.
    pub(crate) async fn waited_for_on(&self, boot: &str) -> Result<Vec<AuctionId>, StoreError> {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT auction_id FROM waiting_room WHERE boot_id = $1")
                .bind(boot)
                .fetch_all(&self.read)
                .await?;
        Ok(ids.into_iter().map(AuctionId).collect())
    }

    /// Takes everybody out of a waiting room who entered it by a pod that is gone; what its room is told.
    pub(crate) async fn clear_waiting_room(
        &self,
        auction: &AuctionId,
        boot: &str,
    ) -> Result<Vec<Said>, StoreError> {
        let (mut tx, _) = self.turn(auction).await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(Vec::new());
        };
        let before = super::waiting::waiting(&mut tx, auction).await?;
        sqlx::query("DELETE FROM waiting_room WHERE auction_id = $1 AND boot_id = $2")
            .bind(auction.as_str())
            .bind(boot)
            .execute(&mut *tx)
            .await?;
        let said = match row.status.as_str() {
            "waiting" => self.say_who_waits(&mut tx, &row, &before).await?,
            _ => Vec::new(),
        };
        tx.commit().await?;
        Ok(said)
    }

    /// Forgets a pod, this one when it stops or one that is gone.
    pub(crate) async fn forget_pod(&self, boot: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM pods WHERE boot_id = $1")
            .bind(boot)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// What time it is, asked over a connection that is used already.
    pub(super) async fn time_in(&self, tx: &mut Tx) -> Result<i64, StoreError> {
        match self.engine.time() {
            Some(time) => Ok(sqlx::query_scalar(time).fetch_one(&mut **tx).await?),
            None => Ok(self.now()),
        }
    }
}
