//! Leagues over REST (contract, section 1).

use serde::{Deserialize, Serialize};

use crate::auction::Participant;
use crate::ids::{AuctionId, ClubId, LeagueId, UserId};
use crate::lenient;
use crate::money::Money;
use crate::timestamp::Timestamp;

/// `POST /leagues`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewLeague {
    /// What people call it.
    pub name: String,
    /// Who runs it.
    pub commissioner_id: UserId,
    /// What every manager may spend, in pounds.
    #[serde(default = "NewLeague::default_budget")]
    pub budget: Money,
    /// How many managers it takes to begin.
    #[serde(default = "NewLeague::default_min_managers")]
    pub min_managers: u32,
    /// How many managers it holds.
    #[serde(default = "NewLeague::default_max_managers")]
    pub max_managers: u32,
    /// How many clubs a manager buys at the most.
    #[serde(default = "NewLeague::default_club_slots")]
    pub club_slots: u32,
    /// The sport.
    #[serde(default = "NewLeague::default_sport")]
    pub sport_key: String,
    /// Seconds that a lot runs.
    #[serde(default = "NewLeague::default_timer")]
    pub timer_seconds: u32,
    /// Seconds that a late bid leaves on the clock.
    #[serde(default = "NewLeague::default_anti_snipe")]
    pub anti_snipe_seconds: u32,
    /// The clubs to be sold; all, where missing or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets_selected: Option<Vec<ClubId>>,
}

impl NewLeague {
    const fn default_budget() -> Money {
        Money::from_pounds(500_000_000)
    }
    const fn default_min_managers() -> u32 {
        2
    }
    const fn default_max_managers() -> u32 {
        8
    }
    const fn default_club_slots() -> u32 {
        3
    }
    fn default_sport() -> String {
        "football".to_owned()
    }
    const fn default_timer() -> u32 {
        30
    }
    const fn default_anti_snipe() -> u32 {
        10
    }
}

/// A league.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct League {
    /// Its id.
    pub id: LeagueId,
    /// What people call it.
    pub name: String,
    /// Who runs it.
    pub commissioner_id: UserId,
    /// What every manager may spend, in pounds.
    pub budget: Money,
    /// How many managers it takes to begin.
    pub min_managers: u32,
    /// How many managers it holds.
    pub max_managers: u32,
    /// How many clubs a manager buys at the most.
    pub club_slots: u32,
    /// The sport.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sport_key: Option<String>,
    /// `pending`, `active`, …
    pub status: String,
    /// The auction that is on, if any.
    pub active_auction_id: Option<AuctionId>,
    /// What a new manager joins with. (The field's backend shows it to everybody.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_token: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Seconds that a lot runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer_seconds: Option<u32>,
    /// Seconds that a late bid leaves on the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anti_snipe_seconds: Option<u32>,
    /// The clubs to be sold.
    #[serde(
        default,
        deserialize_with = "lenient::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub assets_selected: Option<Option<Vec<ClubId>>>,
}

/// `POST /leagues/join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinLeagueRequest {
    /// The league's invitation.
    pub invite_token: String,
    /// Who joins; our backend requires it to agree with the token.
    pub user_id: UserId,
}

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinLeagueAnswer {
    /// A sentence.
    pub message: String,
    /// The manager as the league now has them.
    pub participant: Participant,
    /// Which league.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub league_id: Option<LeagueId>,
}

/// `GET /leagues/{id}/participants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantList {
    /// How many.
    pub count: u32,
    /// In the order of joining.
    pub participants: Vec<Participant>,
}

/// `GET /leagues/{id}/state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeagueState {
    /// Which league.
    pub league_id: LeagueId,
    /// `pending`, `active`, …
    pub status: String,
    /// The auction that is on, if any.
    pub active_auction_id: Option<AuctionId>,
}

/// `POST /leagues/{id}/auction/start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartAnswer {
    /// Which auction.
    pub auction_id: AuctionId,
    /// How far it has come; the field's backend leaves it out where there was an auction already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<crate::auction::AuctionStatus>,
    /// A sentence, where there was one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// `GET /leagues/{id}/auction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeagueAuction {
    /// Which auction.
    pub auction_id: AuctionId,
    /// How far it has come.
    pub status: crate::auction::AuctionStatus,
}

/// One row of `GET /me/competitions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Competition {
    /// Which league.
    pub league_id: LeagueId,
    /// What people call it.
    pub name: String,
    /// `pre_auction`, `auction_live`, `auction_complete`, …
    pub status: String,
    /// Whether the asker runs it.
    #[serde(default)]
    pub is_commissioner: bool,
    /// The auction that is on, or was last.
    pub active_auction_id: Option<AuctionId>,
    /// How many managers there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managers_count: Option<u32>,
    /// Seconds that a lot runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer_seconds: Option<u32>,
    /// Seconds that a late bid leaves on the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anti_snipe_seconds: Option<u32>,
}
