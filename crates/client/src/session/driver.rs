//! The task that owns a session.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gavelscope_contract::event::Event;
use gavelscope_contract::league::League;
use gavelscope_contract::{AuctionId, LeagueId, PodId, Received, UserId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::jobs::Done;
use super::keeping::Keeping;
use super::recording::Noted;
use super::rooms::Room;
use super::{Command, SessionConfig};
use crate::change_over::ChangeOver;
use crate::clock::ServerClock;
use crate::feed::{Body, Feed};
use crate::ledger::Ledger;
use crate::link::LinkMachine;
use crate::measure::{Durations, Pods, Rate};
use crate::network::NetworkWatch;
use crate::recorder::Recorder;
use crate::rest::Rest;
use crate::state::{
    Carrier, Connection, HealthClaim, LinkPhase, Lobby, Measurements, Millis, SessionState, Spread,
};
use crate::time;
use crate::transport::{self, Inbound, Link, Lost, Stage};

/// How often what depends on time alone is looked at.
const PULSE: Duration = Duration::from_millis(250);
/// How often the health is asked for.
const HEALTH_EVERY: Duration = Duration::from_secs(15);
/// Between two publications while events pour in; about two to a frame.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_millis(8);
/// How many messages are taken from the link before anything else gets its turn.
const BATCH: usize = 512;

/// Everything that the task owns.
pub(super) struct Driver {
    pub(super) config: SessionConfig,
    pub(super) rest: Rest,
    pub(super) inbox: mpsc::Receiver<Command>,
    pub(super) published: watch::Sender<Arc<SessionState>>,
    pub(super) jobs: JoinSet<Done>,
    pub(super) link: Option<Link>,
    /// Which link it is, counted from 1: an ack of an earlier one says nothing about this one.
    pub(super) link_number: u64,
    /// How it is, and why.
    pub(super) machine: LinkMachine,
    /// Over what it is made.
    pub(super) way: ChangeOver,
    /// What the server asked to be waited before the next attempt.
    pub(super) retry_after: Option<Duration>,
    /// When a silent link was last checked without a word about it.
    pub(super) checked_quietly: Option<Instant>,
    /// Whether this link answers a check of its own.
    pub(super) answers_checks: bool,
    /// When it was asked for a sign of life that has not come yet.
    pub(super) asked_for_life: Option<Instant>,
    /// What is published of it besides.
    pub(super) connection: Connection,
    /// What this server did with the acks that each join asked for.
    pub(super) acknowledged: HashMap<&'static str, Acknowledged>,
    pub(super) rooms: Vec<Room>,
    pub(super) leagues: HashMap<LeagueId, League>,
    pub(super) league_rooms: HashSet<LeagueId>,
    pub(super) lobby: Lobby,
    pub(super) claim: Option<HealthClaim>,
    pub(super) ledger: Ledger,
    pub(super) keeping: Keeping,
    /// When time alone changes the bid button next, where that is planned.
    pub(super) button_turns: Option<Millis>,
    pub(super) feed: Feed,
    pub(super) clock: ServerClock,
    pub(super) measured: Measured,
    /// The sign-in is being renewed.
    pub(super) renewing: bool,
    pub(super) revision: u32,
    pub(super) last_published: Option<Instant>,
    pub(super) unpublished: bool,
    pub(super) noted: Noted,
}

/// What became of the acks of one kind of join.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Acknowledged {
    /// At least one came.
    pub(super) ever: bool,
    /// So many in a row did not.
    pub(super) missing: u32,
}

impl Acknowledged {
    /// An event that the server has no handler for is never acknowledged (contract, section 4, 10). One ack can be lost;
    /// two, and none ever came, and it is sent without asking from then on.
    pub(super) const fn is_hopeless(self) -> bool {
        !self.ever && self.missing >= 2
    }
}

/// The raw material of [`Measurements`].
#[derive(Default)]
pub(super) struct Measured {
    pub(super) events: u32,
    pub(super) rate: Rate,
    pub(super) unknown_events: u32,
    pub(super) unknown_fields: u32,
    pub(super) malformed: u32,
    pub(super) dropped: u32,
    pub(super) snapshots: u32,
    pub(super) polls: u32,
    pub(super) acks_missing: u32,
    pub(super) rest_ms: Option<u32>,
    pub(super) rest: Durations,
    pub(super) round_trip: Durations,
    pub(super) answer: Durations,
    pub(super) echo: Durations,
    pub(super) echoes_missing: u32,
    pub(super) last_bid_pod: Option<PodId>,
    pub(super) pods: Pods,
}

impl Measured {
    pub(super) fn shown(&self, gaps: u32, repeats: u32) -> Measurements {
        Measurements {
            events: self.events,
            events_per_second: self.rate.last(),
            events_history: self.rate.history(),
            unknown_events: self.unknown_events,
            unknown_fields: self.unknown_fields,
            malformed: self.malformed,
            gaps,
            repeats,
            dropped: self.dropped,
            snapshots: self.snapshots,
            polls: self.polls,
            acks_missing: self.acks_missing,
            rest_ms: self.rest_ms,
            round_trip: Some(self.round_trip.spread()).filter(|spread| spread.count > 0),
            answer: self.answer.spread(),
            echo: self.echo.spread(),
            echoes_missing: self.echoes_missing,
            last_bid_pod: self.last_bid_pod.clone(),
            pods: self.pods.list(),
        }
    }
}

impl Default for Spread {
    fn default() -> Self {
        Durations::default().spread()
    }
}

/// What woke the task.
enum Wake {
    Command(Option<Command>),
    Inbound(Option<Inbound>),
    Job(Done),
    Pulse,
    Network,
    Publish,
    Health,
    Second,
}

impl Driver {
    pub(super) fn new(
        config: SessionConfig,
        rest: Rest,
        inbox: mpsc::Receiver<Command>,
    ) -> (Self, watch::Receiver<Arc<SessionState>>) {
        let now = time::now();
        let connection = Connection {
            phase: LinkPhase::Idle,
            since: now,
            transport: config.transport,
            carrier: Carrier::Websocket,
            changed_over: None,
            was_online: false,
            transitions: Arc::default(),
            socket_id: None,
            pod: None,
            reconnects: 0,
            attempt: 0,
            retry_at: None,
            heard_at: None,
            ping_interval_ms: None,
            handshake_ms: None,
            moving: false,
            pod_alone: None,
            trouble: None,
        };
        let keeping = Keeping::new(&config);
        let state = super::publish::first(&config, &connection, keeping.shown(), now);
        let proxy = transport::has_proxy(&config.address.socket());
        let way = ChangeOver::new(config.transport, proxy);
        let (published, reader) = watch::channel(Arc::new(state));
        let driver = Self {
            config,
            rest,
            inbox,
            published,
            jobs: JoinSet::new(),
            link: None,
            link_number: 0,
            machine: LinkMachine::new(now),
            way,
            retry_after: None,
            checked_quietly: None,
            answers_checks: false,
            asked_for_life: None,
            connection,
            acknowledged: HashMap::new(),
            rooms: Vec::new(),
            leagues: HashMap::new(),
            league_rooms: HashSet::new(),
            lobby: Lobby {
                read_at: None,
                leagues: Vec::new(),
                trouble: None,
                signed_out: false,
            },
            claim: None,
            ledger: Ledger::default(),
            keeping,
            button_turns: None,
            feed: Feed::default(),
            clock: ServerClock::default(),
            measured: Measured::default(),
            renewing: false,
            revision: 0,
            last_published: None,
            unpublished: false,
            noted: Noted::default(),
        };
        (driver, reader)
    }

    /// Until the user ends it or the last handle is gone.
    pub(super) async fn run(mut self) {
        self.attempt();
        // Before any command is heard: a bid that was left open holds the next one on its lot up.
        self.take_in_earlier().await;
        self.read_lobby(None);
        let mut health = tokio::time::interval(HEALTH_EVERY);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut pulse = tokio::time::interval(PULSE);
        let mut network = NetworkWatch::new();
        // After a stall (the machine slept) one look is enough.
        for timer in [&mut health, &mut second, &mut pulse] {
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }
        loop {
            let wake = {
                let link = self.link.as_mut();
                let publish_at = self.unpublished.then(|| {
                    self.last_published
                        .map_or_else(Instant::now, |last| last + PUBLISH_EVERY)
                });
                tokio::select! {
                    biased;
                    command = self.inbox.recv() => Wake::Command(command),
                    Some(done) = self.jobs.join_next(), if !self.jobs.is_empty() => match done {
                        Ok(done) => Wake::Job(done),
                        Err(_) => continue,
                    },
                    () = until(publish_at) => Wake::Publish,
                    () = until(self.machine.retry_at()) => Wake::Pulse,
                    _ = pulse.tick() => Wake::Pulse,
                    () = network.changed() => Wake::Network,
                    _ = second.tick() => Wake::Second,
                    _ = health.tick() => Wake::Health,
                    inbound = next(link) => Wake::Inbound(inbound),
                }
            };
            match wake {
                Wake::Command(None | Some(Command::Close)) => break,
                Wake::Command(Some(command)) => self.command(command),
                Wake::Inbound(None) => self.lost(&Lost::Broken("the connection broke".to_owned())),
                Wake::Inbound(Some(first)) => self.take_in(first),
                Wake::Job(done) => self.done(done),
                Wake::Pulse => self.pulse(),
                Wake::Network => self.network_changed(),
                Wake::Health => self.ask_health(),
                Wake::Second => self.second(),
                Wake::Publish => self.publish(),
            }
        }
        self.link = None;
        self.machine.closed(time::now());
        self.end_recording().await;
        self.publish();
        self.finish_keeping().await;
    }

    pub(super) fn me(&self) -> &UserId {
        &self.config.credentials.user
    }

    pub(super) fn note(&mut self, auction: Option<AuctionId>, name: &'static str, text: String) {
        self.record(|recorder| recorder.note(auction.as_ref(), name, &text));
        self.feed
            .push(time::now(), auction.map(Arc::new), Body::Note { name, text });
        self.unpublished = true;
    }

    /// Takes what the link has ready, in one go, so that a flood costs one publication and not thousands.
    fn take_in(&mut self, first: Inbound) {
        let mut message = Some(first);
        let mut taken = 0;
        while let Some(inbound) = message {
            self.inbound(inbound);
            taken += 1;
            if taken >= BATCH {
                break;
            }
            message = self.link.as_mut().and_then(|link| link.inbound.try_recv().ok());
        }
        let dropped = self
            .link
            .as_ref()
            .map_or(0, |link| link.dropped.swap(0, Ordering::Relaxed));
        if dropped > 0 {
            self.measured.dropped = self.measured.dropped.saturating_add(dropped);
            self.note(
                None,
                "dropped",
                format!("{dropped} messages came faster than they could be taken; reading the state anew."),
            );
            self.resync_all();
        }
    }

    fn inbound(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Online(online) => self.came_online(online),
            Inbound::Events(events) => {
                let now = time::now();
                self.heard(now);
                self.measured
                    .rate
                    .add(now, u32::try_from(events.len()).unwrap_or(u32::MAX));
                for received in events {
                    self.event(received, now);
                }
                self.unpublished = true;
            }
            Inbound::Progress(Stage::Connecting) => {}
            Inbound::Progress(Stage::Handshaking) => {
                self.machine.handshaking(time::now());
                self.unpublished = true;
            }
            Inbound::RetryAfter(after) => self.retry_after = Some(after),
            Inbound::Ping(_) => {
                self.record(Recorder::ping);
                self.heard(time::now());
                // Its heartbeat tells nothing of the way there and back; ours does.
                self.ask_for_life();
            }
            Inbound::Alive(at) => {
                self.record(Recorder::ping);
                self.heard(time::now());
                if let Some(asked) = self.asked_for_life.take() {
                    let took = at.saturating_duration_since(asked);
                    self.measured.round_trip.add(time::millis(took));
                }
            }
            Inbound::Undecodable { raw, reason } => {
                self.measured.malformed = self.measured.malformed.saturating_add(1);
                self.record(|recorder| recorder.frame(&raw, &reason));
                self.feed
                    .push(time::now(), None, Body::Undecodable { raw, reason });
                self.unpublished = true;
            }
            Inbound::Closed(lost) => self.lost(&lost),
        }
    }

    fn event(&mut self, received: Received, now: Millis) {
        self.measured.events = self.measured.events.saturating_add(1);
        self.measured.unknown_fields = self
            .measured
            .unknown_fields
            .saturating_add(received.unknown_fields);
        let mut belongs_to = None;
        match received.event() {
            Some(event) => belongs_to = self.known_event(&received, event, now),
            None if matches!(received.decoded, gavelscope_contract::Decoded::Unknown) => {
                self.measured.unknown_events = self.measured.unknown_events.saturating_add(1);
            }
            None => self.measured.malformed = self.measured.malformed.saturating_add(1),
        }
        if belongs_to.is_none() {
            self.record(|recorder| recorder.event(None, &received, now));
        }
        self.feed.push(now, belongs_to, Body::Event(received));
    }

    fn known_event(&mut self, received: &Received, event: &Event, now: Millis) -> Option<Arc<AuctionId>> {
        match event {
            Event::Connected(connected) => {
                self.connection.socket_id = Some(connected.sid.clone());
                self.connection.pod.clone_from(&connected.pod);
                if let Some(pod) = &connected.pod {
                    self.measured.pods.on_socket(pod, now);
                }
                return None;
            }
            Event::Tick(timer) | Event::AntiSnipe(timer) => self.clock.one_way(now, timer.server_now),
            Event::LeagueStatusChanged(_) => self.read_lobby(None),
            Event::ClusterDegraded(degraded) => self.cluster_lost(degraded, now),
            Event::ClusterRestored(restored) => self.cluster_is_back(restored, now),
            Event::PodDraining(draining) => self.pod_leaves(draining),
            _ => {}
        }
        self.room_event(received, event, now)
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::OpenAuction(auction, reply) => self.open_auction(&auction, reply),
            Command::CloseAuction(auction) => self.close_auction(&auction),
            Command::CheckBid {
                auction,
                amount,
                insist,
                reply,
            } => drop(reply.send(self.check_bid(&auction, amount, insist))),
            Command::Bid {
                auction,
                order,
                reply,
            } => self.bid(auction, order, reply),
            Command::Commission { league, call, reply } => self.commission(league, call, reply),
            Command::JoinLeague { invite, reply } => self.join_league(invite, reply),
            Command::RefreshLobby(reply) => self.read_lobby(Some(reply)),
            Command::RetryNow => self.machine.retry_now(Instant::now()),
            Command::ReadFeed(reply) => drop(reply.send(self.feed.read())),
            Command::Raw(id, reply) => drop(reply.send(self.feed.get(id).and_then(|entry| entry.raw()))),
            Command::Close => {}
        }
    }

    fn ask_health(&mut self) {
        let rest = self.rest.clone();
        self.jobs
            .spawn(async move { Done::Health(crate::check::health(&rest).await) });
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn next(link: Option<&mut Link>) -> Option<Inbound> {
    match link {
        Some(link) => link.inbound.recv().await,
        None => std::future::pending().await,
    }
}
