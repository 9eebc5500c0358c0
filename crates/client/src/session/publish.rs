//! From what the task owns to the one state that it publishes; the lobby; the ends of jobs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gavelscope_contract::league::Competition;
use gavelscope_contract::{AuctionId, LeagueId};

use super::driver::Driver;
use super::jobs::{Done, List};
use super::polled::pace;
use super::rooms::Room;
use super::{CommissionerCall, Reply, SessionConfig};
use crate::clock::ServerClock;
use crate::error::ClientError;
use crate::input::Input;
use crate::recorder::Recorder;
use crate::rest::Answer;
use crate::state::{
    Account, AuctionView, Connection, LeagueCard, LeagueStage, LedgerKeeping, LinkPhase, Lobby, Millis,
    ServerInfo, SessionState,
};
use crate::time;
use crate::view::{self, Polled, Surroundings};

/// How long after a failure a list is asked for again.
const LIST_AGAIN: Duration = Duration::from_secs(3);

/// Before anything happened.
pub(super) fn first(
    config: &SessionConfig,
    connection: &Connection,
    ledger: LedgerKeeping,
    now: Millis,
) -> SessionState {
    SessionState {
        revision: 0,
        at: now,
        server: ServerInfo {
            address: config.address.base(),
            path: config.address.path().to_owned(),
            claim: None,
        },
        connection: connection.clone(),
        account: Account {
            user_id: config.credentials.user.clone(),
            name: config.credentials.name.clone(),
        },
        clock: ServerClock::default().estimate(),
        lobby: Lobby {
            read_at: None,
            leagues: Vec::new(),
            trouble: None,
            signed_out: false,
        },
        auctions: Vec::new(),
        bids: Vec::new(),
        ledger,
        measurements: super::driver::Measured::default().shown(0, 0),
        recording: None,
    }
}

impl Driver {
    pub(super) fn surroundings<'a>(&'a self, room: &'a Room) -> Surroundings<'a> {
        Surroundings {
            me: self.me(),
            league: room.state.league_id.as_ref().and_then(|id| self.leagues.get(id)),
            online: self.is_online(),
            suspect: self.machine.phase() == LinkPhase::Suspect,
            moving: self.machine.is_moving(),
            polled: self.polled(room),
            room: &room.claim,
            clock: &self.clock,
            ledger: &self.ledger,
            bid_takes_ms: self.bid_takes_ms(),
            now: time::now(),
        }
    }

    /// In polled mode: why, how often the state is read, and when it last was.
    pub(super) fn polled(&self, room: &Room) -> Option<Polled> {
        let missing = room.delivery.polled()?;
        let every = room.delivery.every(pace(room, &self.clock, time::now()));
        Some(Polled {
            missing,
            every_ms: time::millis(every),
            read_at: room.read_at,
            failures: room.failures,
        })
    }

    pub(super) fn view_of(&self, index: usize) -> AuctionView {
        let room = &self.rooms[index];
        view::auction(&room.state, &self.surroundings(room))
    }

    /// My link as it is.
    pub(super) fn connection(&self) -> Connection {
        Connection {
            phase: self.machine.phase(),
            since: self.machine.since(),
            attempt: self.machine.attempts(),
            retry_at: self.machine.retry_at().map(|due| {
                let wait = time::millis(due.saturating_duration_since(Instant::now()));
                Millis(time::now().0 + i64::from(wait))
            }),
            transitions: self.machine.transitions(),
            moving: self.machine.is_moving(),
            ..self.connection.clone()
        }
    }

    pub(super) fn publish(&mut self) {
        self.keep_moves();
        self.record_changes();
        for index in 0..self.rooms.len() {
            // What is blocked by time alone changes without an event.
            let by_time = self.rooms[index]
                .view
                .as_ref()
                .is_some_and(|view| depends_on_time(view));
            if self.rooms[index].view.is_none() || by_time {
                self.rooms[index].view = Some(Arc::new(self.view_of(index)));
            }
        }
        self.plan_the_buttons_turn();
        self.revision = self.revision.wrapping_add(1);
        let (gaps, repeats) = self.rooms.iter().fold((0, 0), |(gaps, repeats), room| {
            (gaps + room.state.gaps, repeats + room.state.repeats)
        });
        let state = SessionState {
            revision: self.revision,
            at: time::now(),
            server: ServerInfo {
                address: self.config.address.base(),
                path: self.config.address.path().to_owned(),
                claim: self.claim.clone(),
            },
            connection: self.connection(),
            account: Account {
                user_id: self.config.credentials.user.clone(),
                name: self.config.credentials.name.clone(),
            },
            clock: self.clock.estimate(),
            lobby: self.lobby.clone(),
            auctions: self.rooms.iter().filter_map(|room| room.view.clone()).collect(),
            bids: self.ledger.entries().cloned().collect(),
            ledger: self.keeping.shown(),
            measurements: self.measured.shown(gaps, repeats),
            recording: self.config.recorder.as_ref().map(Recorder::status),
        };
        self.published.send_replace(Arc::new(state));
        self.last_published = Some(Instant::now());
        self.unpublished = false;
    }

    /// The state is published once a second at least; where time alone changes the button sooner, at that moment.
    fn plan_the_buttons_turn(&mut self) {
        let now = time::now();
        if self.button_turns.is_some_and(|planned| planned > now) {
            return;
        }
        let soonest = self
            .rooms
            .iter()
            .filter_map(|room| view::button_turns_in(&room.state, &self.surroundings(room)))
            .min()
            .filter(|turn| *turn < 1_000);
        self.button_turns = soonest.map(|turn| Millis(now.0 + turn));
        if let Some(wait) = soonest.and_then(|turn| u64::try_from(turn).ok()) {
            self.jobs.spawn(async move {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                Done::ButtonTurns
            });
        }
    }

    pub(super) fn done(&mut self, done: Done) {
        match done {
            Done::Resolved { link, result } => self.resolved(link, result),
            Done::CheckDue { link, asked } => self.check_due(link, asked),
            Done::Renewed(result) => {
                self.renewing = false;
                if let Err(error) = result {
                    self.note(None, "sign-in", error.to_string());
                }
            }
            Done::Snapshot { auction, result } => self.snapshot(&auction, *result),
            Done::SnapshotDue(auction) => self.ask_snapshot(&auction),
            Done::Waited { auction, since } => self.waited(&auction, since),
            Done::Page { auction, result } => self.page(&auction, result),
            Done::Clubs {
                auction,
                told,
                result,
            } => self.list_read(&auction, result, List::Clubs, |list| Input::Clubs { list, told }),
            Done::Participants {
                auction,
                told,
                result,
            } => self.list_read(&auction, result, List::Participants, |list| Input::Participants {
                list,
                told,
            }),
            Done::ListDue(auction, List::Clubs) => self.want_clubs(&auction),
            Done::ListDue(auction, List::Participants) => self.want_participants(&auction),
            Done::League { league, result } => {
                if let Ok(answer) = *result {
                    self.saw_answer(&answer);
                    self.league_read(league, answer.body);
                }
            }
            Done::Competitions { result, reply } => self.lobby_read(result.map(|answer| answer.body), reply),
            Done::Health(result) => {
                if let Ok(claim) = result {
                    if let Some(pod) = &claim.pod {
                        self.measured.pods.on_rest(pod, claim.at);
                    }
                    self.claim = Some(claim);
                    self.unpublished = true;
                }
            }
            Done::Bid { key, outcome, reply } => self.bid_done(&key, *outcome, reply),
            Done::WrittenDown {
                key,
                order,
                result,
                reply,
            } => self.written_down(&key, order, result, reply),
            Done::Saved { key, result } => self.saved(key, result),
            Done::SaveDue(key) => self.save_again(&key),
            Done::SendAgain(key) => self.send_again(key),
            Done::LookFor { key, round } => self.look(key, round),
            Done::Looked { key, round, sight } => self.looked(key, round, *sight),
            Done::ButtonTurns => self.unpublished = true,
            Done::EchoDue(key) => self.echo_due(&key),
            Done::Joined {
                asked,
                link,
                room,
                result,
            } => self.joined(asked, link, &room, &result),
            Done::Called {
                result,
                auction,
                reply,
            } => {
                if let Some(auction) = auction {
                    self.want_snapshot(&auction);
                }
                self.read_lobby(None);
                let _ = reply.send(result);
            }
            Done::JoinedLeague { result, reply } => {
                self.read_lobby(None);
                let _ = reply.send(result);
            }
        }
    }

    /// A list of an auction was read, or could not be: then it is asked for again, for nothing else brings it.
    fn list_read<T>(
        &mut self,
        auction: &AuctionId,
        result: Result<Answer<T>, ClientError>,
        which: List,
        input: impl for<'a> FnOnce(&'a T) -> Input<'a>,
    ) {
        match result {
            Ok(answer) => {
                self.saw_answer(&answer);
                let effects = self.fold_into(auction, &input(&answer.body), time::now());
                if let Some(room) = self.room(auction) {
                    room.view = None;
                }
                self.effects(auction, effects);
            }
            // A no is an answer.
            Err(ClientError::Refused(refusal)) if refusal.status < 500 && refusal.status != 429 => {}
            Err(_) if self.room(auction).is_none() => {}
            Err(_) => {
                let auction = auction.clone();
                self.jobs.spawn(async move {
                    tokio::time::sleep(LIST_AGAIN).await;
                    Done::ListDue(auction, which)
                });
            }
        }
    }

    /// Reads my leagues.
    pub(super) fn read_lobby(&mut self, reply: Option<Reply<()>>) {
        let (rest, me) = (self.rest.clone(), self.me().clone());
        self.jobs.spawn(async move {
            Done::Competitions {
                result: rest.competitions(&me).await,
                reply,
            }
        });
    }

    fn lobby_read(&mut self, result: Result<Vec<Competition>, ClientError>, reply: Option<Reply<()>>) {
        match &result {
            Ok(competitions) => {
                let known = |id: &LeagueId| {
                    self.leagues
                        .get(id)
                        .and_then(|league| league.invite_token.clone())
                };
                let leagues: Vec<LeagueCard> = competitions
                    .iter()
                    .map(|competition| LeagueCard {
                        id: competition.league_id.clone(),
                        name: competition.name.clone(),
                        stage: stage(competition),
                        is_commissioner: competition.is_commissioner,
                        auction_id: competition.active_auction_id.clone(),
                        managers: competition.managers_count,
                        invite: competition
                            .is_commissioner
                            .then(|| known(&competition.league_id))
                            .flatten(),
                        timer_seconds: competition.timer_seconds,
                    })
                    .collect();
                for card in leagues
                    .iter()
                    .filter(|card| card.is_commissioner && card.invite.is_none())
                {
                    self.want_league(card.id.clone());
                }
                self.lobby = Lobby {
                    read_at: Some(time::now()),
                    leagues,
                    trouble: None,
                    signed_out: false,
                };
                self.join_leagues();
            }
            Err(error) => {
                self.lobby.signed_out = matches!(error, ClientError::SignedOut);
                self.lobby.trouble = Some(error.to_string());
            }
        }
        self.unpublished = true;
        if let Some(reply) = reply {
            let _ = reply.send(result.map(|_| ()));
        }
    }

    fn league_read(&mut self, id: LeagueId, league: gavelscope_contract::league::League) {
        if league.commissioner_id == *self.me()
            && let Some(card) = self.lobby.leagues.iter_mut().find(|card| card.id == id)
        {
            card.invite.clone_from(&league.invite_token);
        }
        self.record(|recorder| recorder.league(&id, &league));
        self.leagues.insert(id, league);
        self.touch_all();
    }

    pub(super) fn commission(&mut self, league: LeagueId, call: CommissionerCall, reply: Reply<()>) {
        let auction = self
            .rooms
            .iter()
            .find(|room| room.state.league_id.as_ref() == Some(&league))
            .map(|room| room.state.id.clone())
            .or_else(|| {
                self.lobby
                    .leagues
                    .iter()
                    .find(|card| card.id == league)
                    .and_then(|card| card.auction_id.clone())
            });
        let (rest, me) = (self.rest.clone(), self.me().clone());
        self.jobs.spawn(async move {
            let result = commission(&rest, &league, auction.as_ref(), &me, call).await;
            Done::Called {
                result,
                auction,
                reply,
            }
        });
    }

    pub(super) fn join_league(&mut self, invite: String, reply: Reply<LeagueId>) {
        let (rest, me) = (self.rest.clone(), self.me().clone());
        self.jobs.spawn(async move {
            let result = rest.join_league(&invite, &me).await.and_then(|answer| {
                let joined = answer.body.league_id.or(answer.body.participant.league_id);
                joined.ok_or_else(|| ClientError::Malformed {
                    what: "joining the league".to_owned(),
                    reason: "it does not say which league".to_owned(),
                })
            });
            Done::JoinedLeague { result, reply }
        });
    }
}

async fn commission(
    rest: &crate::rest::Rest,
    league: &LeagueId,
    auction: Option<&AuctionId>,
    me: &gavelscope_contract::UserId,
    call: CommissionerCall,
) -> Result<(), ClientError> {
    let of_auction = |name: &'static str| async move {
        let auction = auction.ok_or_else(|| ClientError::UnknownAuction("of this league".to_owned()))?;
        rest.auction_call(auction, name).await.map(|_| ())
    };
    match call {
        CommissionerCall::CreateAuction => rest.start_auction(league).await.map(|_| ()),
        CommissionerCall::Begin => of_auction("begin").await,
        CommissionerCall::Pause => of_auction("pause").await,
        CommissionerCall::Resume => of_auction("resume").await,
        // It answers only after the countdown, which takes about as long as a call may.
        CommissionerCall::CompleteLot => match of_auction("complete-lot").await {
            Err(ClientError::TooSlow { .. }) => Ok(()),
            other => other,
        },
        CommissionerCall::Reset => rest.reset_auction(league, me).await.map(|_| ()),
        CommissionerCall::Delete => {
            let auction = auction.ok_or_else(|| ClientError::UnknownAuction("of this league".to_owned()))?;
            rest.delete_auction(auction).await.map(|_| ())
        }
    }
}

fn stage(competition: &Competition) -> LeagueStage {
    match (competition.status.as_str(), &competition.active_auction_id) {
        (status, _) if status.contains("complete") => LeagueStage::Over,
        (status, _) if status.contains("live") || status.contains("active") => LeagueStage::Live,
        (_, Some(_)) => LeagueStage::WaitingRoom,
        (_, None) => LeagueStage::Gathering,
    }
}

fn depends_on_time(view: &AuctionView) -> bool {
    view.phase == crate::state::AuctionPhase::Bidding
}
