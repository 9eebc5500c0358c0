//! Leagues and their managers.

use gavelscope_contract::auction::{Club, Participant};
use gavelscope_contract::event::{Event, Member, ParticipantsChanged};
use gavelscope_contract::league::{Competition, League, NewLeague};
use gavelscope_contract::{AuctionId, ClubId, LeagueId, Money, RefusalCode, Timestamp, UserId};
use sqlx::FromRow;

use super::people::is_known;
use super::rows::{AuctionRow, ClubRow, ParticipantRow};
use super::stream::Stream;
use super::{Said, Store, StoreError, Tx, new_id};
use crate::refuse::{Denied, Refused};

#[derive(Debug, Clone, FromRow)]
pub(super) struct LeagueRow {
    pub id: String,
    name: String,
    pub commissioner_id: String,
    budget: i64,
    min_managers: i64,
    max_managers: i64,
    club_slots: i64,
    sport_key: String,
    pub timer_seconds: i64,
    pub anti_snipe_seconds: i64,
    pub assets_selected: Option<String>,
    status: String,
    invite_token: String,
    created_at: i64,
    pub auction_id: Option<String>,
}

impl LeagueRow {
    pub(super) async fn load(tx: &mut Tx, id: &LeagueId) -> Result<Option<Self>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT l.*, a.id AS auction_id FROM leagues l LEFT JOIN auctions a ON a.league_id = l.id WHERE l.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await?)
    }

    async fn by_invite(tx: &mut Tx, invite: &str) -> Result<Option<Self>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT l.*, a.id AS auction_id FROM leagues l LEFT JOIN auctions a ON a.league_id = l.id
             WHERE l.invite_token = $1",
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

#[derive(Debug, FromRow)]
struct CompetitionRow {
    id: String,
    name: String,
    commissioner_id: String,
    auction_id: Option<String>,
    auction_status: Option<String>,
    managers: i64,
    timer_seconds: i64,
    anti_snipe_seconds: i64,
}

impl CompetitionRow {
    fn into_competition(self, user: &UserId) -> Result<Competition, StoreError> {
        let status = match self.auction_status.as_deref() {
            Some("active" | "paused") => "auction_live",
            Some("completed") => "auction_complete",
            _ => "pre_auction",
        };
        Ok(Competition {
            league_id: LeagueId(self.id),
            name: self.name,
            status: status.to_owned(),
            is_commissioner: self.commissioner_id == user.0,
            active_auction_id: self.auction_id.map(AuctionId),
            managers_count: Some(u32::try_from(self.managers)?),
            timer_seconds: Some(u32::try_from(self.timer_seconds)?),
            anti_snipe_seconds: Some(u32::try_from(self.anti_snipe_seconds)?),
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
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', $12, $13)",
        )
        .bind(&id)
        .bind(&new.name)
        .bind(new.commissioner_id.as_str())
        .bind(new.budget.pence())
        .bind(i64::from(new.min_managers))
        .bind(i64::from(new.max_managers))
        .bind(i64::from(new.club_slots))
        .bind(&new.sport_key)
        .bind(i64::from(new.timer_seconds))
        .bind(i64::from(new.anti_snipe_seconds))
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
        let row = sqlx::query(
            "SELECT 1 FROM leagues WHERE id = $1 AND commissioner_id = $2
             UNION ALL SELECT 1 FROM participants WHERE league_id = $1 AND user_id = $2 LIMIT 1",
        )
        .bind(league.as_str())
        .bind(user.as_str())
        .fetch_optional(&self.read)
        .await?;
        Ok(row.is_some())
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
             WHERE p.league_id = $1 ORDER BY p.place",
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
        let rows: Vec<CompetitionRow> = sqlx::query_as(
            "SELECT l.id, l.name, l.commissioner_id, a.id AS auction_id, a.status AS auction_status,
                    (SELECT COUNT(*) FROM participants p WHERE p.league_id = l.id) AS managers,
                    l.timer_seconds, l.anti_snipe_seconds
             FROM leagues l LEFT JOIN auctions a ON a.league_id = l.id
             WHERE l.commissioner_id = $1
                OR EXISTS (SELECT 1 FROM participants p WHERE p.league_id = l.id AND p.user_id = $1)
             ORDER BY l.created_at DESC, l.id",
        )
        .bind(user.as_str())
        .fetch_all(&self.read)
        .await?;
        rows.into_iter().map(|row| row.into_competition(user)).collect()
    }

    /// Takes somebody into the league of an invitation; into `league`, where one is named.
    pub(crate) async fn join_league(
        &self,
        league: Option<&LeagueId>,
        invite: &str,
        user: &UserId,
    ) -> Result<Joined, Denied> {
        let (mut tx, row, now) = self.hold_to_join(league, invite).await?;
        if !is_known(&mut tx, user).await? {
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
            "INSERT INTO participants (id, league_id, user_id, budget_remaining, joined_at, place)
             VALUES ($1, $2, $3, $4, $5,
                 (SELECT COALESCE(MAX(place), 0) + 1 FROM participants WHERE league_id = $2))",
        )
        .bind(new_id())
        .bind(&row.id)
        .bind(user.as_str())
        .bind(row.budget)
        .bind(now)
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
}

impl Store {
    /// A transaction that holds the league of an invitation and, before that, its auction, where there is one.
    async fn hold_to_join(
        &self,
        league: Option<&LeagueId>,
        invite: &str,
    ) -> Result<(Tx, LeagueRow, i64), Denied> {
        // Which auction is known only of a league that is not held yet: where another one was made meanwhile, again.
        for _ in 0..5 {
            let mut tx = self.begin().await?;
            let found = invited(&mut tx, league, invite).await?;
            let auction = found.auction_id.map(AuctionId);
            let now = match &auction {
                Some(auction) => self.hold(&mut tx, auction).await?,
                None => self.now(),
            };
            self.hold_league(&mut tx, &found.id).await?;
            let row = invited(&mut tx, league, invite).await?;
            if row.auction_id == auction.map(|id| id.0) {
                return Ok((tx, row, now));
            }
            tx.rollback().await?;
        }
        Err(Refused::wrong_state("The league's auction is being made anew. Try again.").into())
    }
}

/// The league of an invitation; `league`, where one is named.
async fn invited(tx: &mut Tx, league: Option<&LeagueId>, invite: &str) -> Result<LeagueRow, Denied> {
    let Some(id) = league else {
        let row = LeagueRow::by_invite(tx, invite).await?.ok_or_else(|| {
            let sentence = "Invalid invite code. Please check the code and try again.";
            Refused::new(404, RefusalCode::InvalidInvite, sentence)
        })?;
        return Ok(row);
    };
    let row = LeagueRow::load(tx, id)
        .await?
        .ok_or_else(Refused::league_not_found)?;
    if row.invite_token == invite.trim().to_lowercase() {
        Ok(row)
    } else {
        Err(Refused::new(403, RefusalCode::InvalidInvite, "Invalid invite token").into())
    }
}

pub(super) async fn set_league_status(
    tx: &mut Tx,
    league: &LeagueId,
    status: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE leagues SET status = $1 WHERE id = $2")
        .bind(status)
        .bind(league.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The clubs to be sold, in the order of the selection where there is one.
pub(super) async fn clubs_of_league(tx: &mut Tx, league: &LeagueRow) -> Result<Vec<ClubRow>, StoreError> {
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
        let known = sqlx::query("SELECT 1 FROM clubs WHERE id = $1")
            .bind(club.as_str())
            .fetch_optional(&mut **tx)
            .await?;
        if known.is_none() || !seen.insert(club) {
            let sentence = "Club not found, or selected twice.";
            return Err(Refused::new(400, RefusalCode::ClubNotFound, sentence).into());
        }
    }
    Ok(())
}
