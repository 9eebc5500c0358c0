//! Leagues, their managers, and the making and unmaking of their auctions.

use gavelscope_contract::auction::{AuctionStatus, Club, Participant};
use gavelscope_contract::event::{AuctionDeleted, Event, Member, ParticipantsChanged, WaitingRoomUpdated};
use gavelscope_contract::league::{Competition, League, LeagueAuction, NewLeague};
use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money, RefusalCode, Timestamp, UserId};
use rand::seq::SliceRandom;
use sqlx::FromRow;

use super::rows::{AuctionRow, ClubRow, ParticipantRow};
use super::stream::Stream;
use super::{Said, Store, StoreError, Tx, new_id};
use crate::refuse::{Denied, Refused};

/// The least that a bid may be, and what is kept back for every open slot.
pub(crate) const MINIMUM_BID: Money = Money::from_pounds(1_000_000);

#[derive(Debug, Clone, FromRow)]
struct LeagueRow {
    id: String,
    name: String,
    commissioner_id: String,
    budget: i64,
    min_managers: i64,
    max_managers: i64,
    club_slots: i64,
    sport_key: String,
    timer_seconds: i64,
    anti_snipe_seconds: i64,
    assets_selected: Option<String>,
    status: String,
    invite_token: String,
    created_at: i64,
    auction_id: Option<String>,
}

impl LeagueRow {
    async fn load(tx: &mut Tx, id: &LeagueId) -> Result<Option<Self>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT l.*, a.id AS auction_id FROM leagues l LEFT JOIN auctions a ON a.league_id = l.id WHERE l.id = ?",
        )
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await?)
    }

    async fn by_invite(tx: &mut Tx, invite: &str) -> Result<Option<Self>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT l.*, a.id AS auction_id FROM leagues l LEFT JOIN auctions a ON a.league_id = l.id
             WHERE l.invite_token = ?",
        )
        .bind(invite.trim().to_lowercase())
        .fetch_optional(&mut **tx)
        .await?)
    }

    fn selection(&self) -> Result<Option<Vec<ClubId>>, StoreError> {
        Ok(self
            .assets_selected
            .as_deref()
            .map(serde_json::from_str)
            .transpose()?)
    }

    fn into_league(self) -> Result<League, StoreError> {
        let assets_selected = Some(self.selection()?);
        Ok(League {
            id: LeagueId(self.id),
            name: self.name,
            commissioner_id: UserId(self.commissioner_id),
            budget: Money::from_pence(self.budget)?,
            min_managers: u32::try_from(self.min_managers)?,
            max_managers: u32::try_from(self.max_managers)?,
            club_slots: u32::try_from(self.club_slots)?,
            sport_key: Some(self.sport_key),
            status: self.status,
            active_auction_id: self.auction_id.map(AuctionId),
            invite_token: Some(self.invite_token),
            created_at: Some(Timestamp::from_millis(self.created_at)),
            timer_seconds: Some(u32::try_from(self.timer_seconds)?),
            anti_snipe_seconds: Some(u32::try_from(self.anti_snipe_seconds)?),
            assets_selected,
        })
    }
}

/// What joining a league came to.
#[derive(Debug)]
pub(crate) struct Joined {
    pub league: LeagueId,
    pub participant: Participant,
    /// They are new: the rooms are to be told.
    pub new: bool,
    /// How many managers there are now.
    pub count: u32,
    /// The league's auction, and what its room is told.
    pub said: Option<(AuctionId, Vec<Said>)>,
}

/// What deleting an auction came to.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub bids: u64,
    pub participants_reset: u64,
    pub said: Vec<Said>,
}

impl Store {
    /// Makes a league. The body was checked already, but for its clubs.
    pub(crate) async fn create_league(&self, new: &NewLeague) -> Result<League, Denied> {
        let mut tx = self.begin().await?;
        let selection = new.assets_selected.as_ref().filter(|list| !list.is_empty());
        if let Some(selection) = selection {
            check_selection(&mut tx, selection, new.club_slots).await?;
        }
        let id = new_id();
        // Sixty bits, nearly all of them random: an invitation cannot be guessed.
        let invite: String = new_id().replace('-', "").chars().take(15).collect();
        sqlx::query(
            "INSERT INTO leagues (id, name, commissioner_id, budget, min_managers, max_managers, club_slots, sport_key,
                 timer_seconds, anti_snipe_seconds, assets_selected, status, invite_token, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?)",
        )
        .bind(&id)
        .bind(&new.name)
        .bind(new.commissioner_id.as_str())
        .bind(new.budget.pence())
        .bind(new.min_managers)
        .bind(new.max_managers)
        .bind(new.club_slots)
        .bind(&new.sport_key)
        .bind(new.timer_seconds)
        .bind(new.anti_snipe_seconds)
        .bind(selection.map(serde_json::to_string).transpose()?)
        .bind(invite)
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        let row = LeagueRow::load(&mut tx, &LeagueId(id)).await?;
        tx.commit().await?;
        let row = row.ok_or_else(|| StoreError::Corrupt("a league vanished".to_owned()))?;
        Ok(row.into_league()?)
    }

    /// A league.
    pub async fn league(&self, id: &LeagueId) -> Result<Option<League>, StoreError> {
        let mut tx = self.view().await?;
        LeagueRow::load(&mut tx, id)
            .await?
            .map(LeagueRow::into_league)
            .transpose()
    }

    /// Whether somebody runs a league or takes part in it.
    pub(crate) async fn is_member(&self, league: &LeagueId, user: &UserId) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM leagues WHERE id = ?1 AND commissioner_id = ?2)
                 OR EXISTS (SELECT 1 FROM participants WHERE league_id = ?1 AND user_id = ?2)",
        )
        .bind(league.as_str())
        .bind(user.as_str())
        .fetch_one(&self.read)
        .await?)
    }

    /// The managers of a league in the order of joining.
    pub async fn participants_of(&self, league: &LeagueId) -> Result<Vec<Participant>, StoreError> {
        let mut tx = self.view().await?;
        ParticipantRow::list(&mut tx, league.as_str()).await
    }

    /// The same without money.
    pub(crate) async fn members_of(&self, league: &LeagueId) -> Result<Vec<Member>, StoreError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT p.user_id, u.name, p.joined_at FROM participants p JOIN users u ON u.id = p.user_id
             WHERE p.league_id = ? ORDER BY p.joined_at, p.rowid",
        )
        .bind(league.as_str())
        .fetch_all(&self.read)
        .await?;
        let member = |(user, name, joined)| Member {
            user_id: UserId(user),
            display_name: Some(name),
            joined_at: Some(Timestamp::from_millis(joined)),
        };
        Ok(rows.into_iter().map(member).collect())
    }

    /// The clubs that a league's auction sells.
    pub(crate) async fn assets_of(&self, league: &LeagueId) -> Result<Option<Vec<Club>>, StoreError> {
        let mut tx = self.view().await?;
        let Some(row) = LeagueRow::load(&mut tx, league).await? else {
            return Ok(None);
        };
        let clubs = clubs_of_league(&mut tx, &row).await?;
        Ok(Some(clubs.into_iter().map(ClubRow::into_club).collect()))
    }

    /// The leagues that somebody runs or takes part in, newest first.
    pub(crate) async fn competitions_of(&self, user: &UserId) -> Result<Vec<Competition>, StoreError> {
        let rows: Vec<(String, String, String, Option<String>, Option<String>, u32, u32, u32)> = sqlx::query_as(
            "SELECT l.id, l.name, l.commissioner_id, a.id, a.status,
                    (SELECT COUNT(*) FROM participants p WHERE p.league_id = l.id), l.timer_seconds, l.anti_snipe_seconds
             FROM leagues l LEFT JOIN auctions a ON a.league_id = l.id
             WHERE l.commissioner_id = ?1
                OR EXISTS (SELECT 1 FROM participants p WHERE p.league_id = l.id AND p.user_id = ?1)
             ORDER BY l.created_at DESC, l.rowid DESC",
        )
        .bind(user.as_str())
        .fetch_all(&self.read)
        .await?;
        let competition = |(league, name, commissioner, auction, status, managers, timer, anti_snipe): (
            String,
            String,
            String,
            Option<String>,
            Option<String>,
            u32,
            u32,
            u32,
        )| {
            let status = match status.as_deref() {
                Some("active" | "paused") => "auction_live",
                Some("completed") => "auction_complete",
                _ => "pre_auction",
            };
            Competition {
                league_id: LeagueId(league),
                name,
                status: status.to_owned(),
                is_commissioner: commissioner == user.0,
                active_auction_id: auction.map(AuctionId),
                managers_count: Some(managers),
                timer_seconds: Some(timer),
                anti_snipe_seconds: Some(anti_snipe),
            }
        };
        Ok(rows.into_iter().map(competition).collect())
    }

    /// Takes somebody into the league of an invitation; into `league`, where one is named.
    pub(crate) async fn join_league(
        &self,
        league: Option<&LeagueId>,
        invite: &str,
        user: &UserId,
    ) -> Result<Joined, Denied> {
        let mut tx = self.begin().await?;
        let row = match league {
            None => LeagueRow::by_invite(&mut tx, invite).await?.ok_or_else(|| {
                let sentence = "Invalid invite code. Please check the code and try again.";
                Refused::new(404, RefusalCode::InvalidInvite, sentence)
            })?,
            Some(id) => {
                let row = LeagueRow::load(&mut tx, id)
                    .await?
                    .ok_or_else(Refused::league_not_found)?;
                if row.invite_token != invite.trim().to_lowercase() {
                    return Err(Refused::new(403, RefusalCode::InvalidInvite, "Invalid invite token").into());
                }
                row
            }
        };
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE id = ?)")
            .bind(user.as_str())
            .fetch_one(&mut *tx)
            .await?;
        if !known {
            return Err(Refused::user_not_found().into());
        }
        let managers = ParticipantRow::list(&mut tx, &row.id).await?;
        let league = LeagueId(row.id.clone());
        if let Some(participant) = managers.iter().find(|p| p.user_id == *user) {
            return Ok(Joined {
                league,
                participant: participant.clone(),
                new: false,
                count: u32::try_from(managers.len())?,
                said: None,
            });
        }
        if managers.len() >= usize::try_from(row.max_managers)? {
            return Err(Refused::new(400, RefusalCode::LeagueFull, "League is full").into());
        }
        let auction = match &row.auction_id {
            Some(id) => AuctionRow::load(&mut tx, &AuctionId(id.clone())).await?,
            None => None,
        };
        if auction.as_ref().is_some_and(|a| a.status != "waiting") {
            return Err(
                Refused::wrong_state("The auction of this league has begun; nobody can join now.").into(),
            );
        }
        sqlx::query(
            "INSERT INTO participants (id, league_id, user_id, budget_remaining, joined_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(new_id())
        .bind(&row.id)
        .bind(user.as_str())
        .bind(row.budget)
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        let managers = ParticipantRow::list(&mut tx, &row.id).await?;
        let count = u32::try_from(managers.len())?;
        let participant = managers
            .into_iter()
            .find(|p| p.user_id == *user)
            .ok_or_else(|| StoreError::Corrupt("a manager vanished".to_owned()))?;
        let mut told = None;
        if let Some(auction) = auction {
            let mut stream = Stream::of(&auction)?;
            stream.say(|stream| {
                Event::ParticipantsChanged(ParticipantsChanged {
                    league_id: league.clone(),
                    count,
                    stream,
                })
            })?;
            told = Some((
                auction.auction_id(),
                stream.keep(&mut tx, self.kept_events).await?,
            ));
        }
        tx.commit().await?;
        Ok(Joined {
            league,
            participant,
            new: true,
            count,
            said: told,
        })
    }

    /// Makes a league's auction; whether it is new.
    pub(crate) async fn create_auction(
        &self,
        league: &LeagueId,
        user: &UserId,
    ) -> Result<(LeagueAuction, bool), Denied> {
        let mut tx = self.begin().await?;
        let row = LeagueRow::load(&mut tx, league)
            .await?
            .ok_or_else(Refused::league_not_found)?;
        if row.commissioner_id != user.0 {
            return Err(Refused::commissioner_only().into());
        }
        if let Some(id) = row.auction_id.clone().map(AuctionId) {
            let auction = AuctionRow::load(&mut tx, &id)
                .await?
                .ok_or_else(Refused::auction_not_found)?;
            let status = auction.status();
            return Ok((
                LeagueAuction {
                    auction_id: id,
                    status,
                },
                false,
            ));
        }
        let mut clubs = clubs_of_league(&mut tx, &row).await?;
        if row.assets_selected.is_none() {
            clubs.shuffle(&mut rand::rng());
        }
        let id = AuctionId(new_id());
        sqlx::query(
            "INSERT INTO auctions (id, league_id, status, phase, bid_timer, anti_snipe, minimum_budget, epoch, created_at)
             VALUES (?, ?, 'waiting', 'none', ?, ?, ?, ?, ?)",
        )
        .bind(id.as_str())
        .bind(league.as_str())
        .bind(row.timer_seconds * 1000)
        .bind(row.anti_snipe_seconds * 1000)
        .bind(MINIMUM_BID.pence())
        .bind(new_id())
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        for (position, club) in (1_i64..).zip(&clubs) {
            sqlx::query(
                "INSERT INTO lots (auction_id, club_id, position, status) VALUES (?, ?, ?, 'upcoming')",
            )
            .bind(id.as_str())
            .bind(&club.id)
            .bind(position)
            .execute(&mut *tx)
            .await?;
        }
        set_league_status(&mut tx, league, "active").await?;
        tx.commit().await?;
        let status = AuctionStatus::Waiting;
        Ok((
            LeagueAuction {
                auction_id: id,
                status,
            },
            true,
        ))
    }

    /// Deletes an auction and gives every manager their budget back.
    pub(crate) async fn delete_auction(&self, auction: &AuctionId, user: &UserId) -> Result<Deleted, Denied> {
        let mut tx = self.begin().await?;
        let row = AuctionRow::load(&mut tx, auction)
            .await?
            .ok_or_else(Refused::auction_not_found)?;
        if row.commissioner_id != user.0 {
            return Err(Refused::commissioner_only().into());
        }
        let deleted = unmake(&mut tx, &row, "Auction has been deleted by the commissioner").await?;
        tx.commit().await?;
        Ok(deleted)
    }

    /// Deletes the auction of a league, if it is paused or over, so that another one can be held.
    pub(crate) async fn reset_auction(&self, league: &LeagueId, user: &UserId) -> Result<Deleted, Denied> {
        let mut tx = self.begin().await?;
        let row = LeagueRow::load(&mut tx, league)
            .await?
            .ok_or_else(Refused::league_not_found)?;
        if row.commissioner_id != user.0 {
            return Err(Refused::commissioner_only().into());
        }
        let auction = match row.auction_id.map(AuctionId) {
            Some(id) => AuctionRow::load(&mut tx, &id).await?,
            None => None,
        };
        let auction = auction.ok_or_else(|| {
            Refused::new(
                404,
                RefusalCode::AuctionNotFound,
                "No auction found for this league",
            )
        })?;
        if !matches!(auction.status.as_str(), "paused" | "completed") {
            let sentence = "Can only reset paused or completed auctions. Please pause the auction first.";
            return Err(Refused::wrong_state(sentence).into());
        }
        let deleted = unmake(&mut tx, &auction, "Auction has been reset by the commissioner").await?;
        tx.commit().await?;
        Ok(deleted)
    }

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

pub(super) async fn set_league_status(
    tx: &mut Tx,
    league: &LeagueId,
    status: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE leagues SET status = ? WHERE id = ?")
        .bind(status)
        .bind(league.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The clubs to be sold, in the order of the selection where there is one.
async fn clubs_of_league(tx: &mut Tx, league: &LeagueRow) -> Result<Vec<ClubRow>, StoreError> {
    let mut clubs: Vec<ClubRow> =
        sqlx::query_as("SELECT id, name, country, competition, competition_short FROM clubs ORDER BY id")
            .fetch_all(&mut **tx)
            .await?;
    if let Some(selection) = league.selection()? {
        let place = |club: &ClubRow| selection.iter().position(|id| id.0 == club.id);
        clubs.retain(|club| place(club).is_some());
        clubs.sort_by_key(place);
    }
    Ok(clubs)
}

async fn check_selection(tx: &mut Tx, selection: &[ClubId], slots: u32) -> Result<(), Denied> {
    if selection.len() < usize::try_from(slots)? {
        let sentence = format!(
            "Selected teams ({}) must be at least equal to slots per manager ({slots}), or leave selection empty to include all.",
            selection.len()
        );
        return Err(Refused::new(400, RefusalCode::InvalidBody, sentence).into());
    }
    let mut seen = std::collections::HashSet::new();
    for club in selection {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM clubs WHERE id = ?)")
            .bind(club.as_str())
            .fetch_one(&mut **tx)
            .await?;
        if !known || !seen.insert(club) {
            let sentence = "Club not found, or selected twice.";
            return Err(Refused::new(400, RefusalCode::ClubNotFound, sentence).into());
        }
    }
    Ok(())
}

/// Takes an auction out of the world, and its traces out of the league.
async fn unmake(tx: &mut Tx, auction: &AuctionRow, message: &str) -> Result<Deleted, StoreError> {
    let mut stream = Stream::of(auction)?;
    stream.say(|stream| {
        Event::AuctionDeleted(AuctionDeleted {
            auction_id: auction.auction_id(),
            league_id: auction.league_id(),
            message: Some(message.to_owned()),
            stream,
        })
    })?;
    let bids = sqlx::query("DELETE FROM bids WHERE auction_id = ?")
        .bind(&auction.id)
        .execute(&mut **tx)
        .await?;
    for statement in [
        "DELETE FROM bid_answers WHERE auction_id = ?",
        "DELETE FROM auction_events WHERE auction_id = ?",
        "DELETE FROM waiting_room WHERE auction_id = ?",
        "DELETE FROM lots WHERE auction_id = ?",
        "DELETE FROM auctions WHERE id = ?",
    ] {
        sqlx::query(statement)
            .bind(&auction.id)
            .execute(&mut **tx)
            .await?;
    }
    let reset = sqlx::query(
        "UPDATE participants SET total_spent = 0,
             budget_remaining = (SELECT budget FROM leagues WHERE leagues.id = participants.league_id)
         WHERE league_id = ?",
    )
    .bind(&auction.league_id)
    .execute(&mut **tx)
    .await?;
    set_league_status(tx, &auction.league_id(), "pending").await?;
    Ok(Deleted {
        bids: bids.rows_affected(),
        participants_reset: reset.rows_affected(),
        said: stream.into_said(),
    })
}
