//! The session's link: attempts, losses, doubts and checks. What is decided is decided in [`crate::link`].

use std::time::{Duration, Instant};

use tokio::net::lookup_host;

use super::driver::Driver;
use super::jobs::{Done, JoinedRoom};
use crate::link::{Heartbeat, Wish};
use crate::state::{LinkPhase, Millis};
use crate::time;
use crate::transport::{self, Lost, Online, Target};

/// `pingTimeout` where the transport does not show it: the default of the Socket.IO servers.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// A sign-in is renewed when this is left of it.
const RENEW_BEFORE: i64 = 60_000;

impl Driver {
    pub(super) fn is_online(&self) -> bool {
        self.machine.is_online()
    }

    /// Starts an attempt: first the name. There is never more than one, and the link before it is dropped with all that
    /// it held.
    pub(super) fn attempt(&mut self) {
        self.link = None;
        self.link_number += 1;
        self.machine.resolving(time::now());
        self.touch_all();
        let (number, limit) = (self.link_number, self.config.handshake_limit);
        let way = self.way.way();
        let proxy = transport::proxy_on_the_way(way.transport, way.carrier, &self.config.address.socket());
        let (host, port) = proxy.unwrap_or_else(|| self.config.address.host_and_port());
        self.jobs.spawn(async move {
            let found = tokio::time::timeout(limit, lookup_host((host.as_str(), port))).await;
            let result = match found {
                Ok(Ok(mut addresses)) => addresses
                    .next()
                    .map(|address| format!("{host} is {}.", address.ip()))
                    .ok_or_else(|| format!("{host} has no address")),
                Ok(Err(_)) => Err(format!("the name {host} is not known")),
                Err(_) => Err(format!("nobody says what the address of {host} is")),
            };
            Done::Resolved { link: number, result }
        });
    }

    /// The name was looked up; now the connection.
    pub(super) fn resolved(&mut self, link: u64, result: Result<String, String>) {
        if link != self.link_number || self.machine.phase() != LinkPhase::Resolving {
            return;
        }
        let found = match result {
            Ok(found) => found,
            Err(reason) => return self.lost(&Lost::NotConnected(reason)),
        };
        self.machine.connecting(time::now(), found);
        let way = self.way.way();
        self.connection.transport = way.transport;
        self.connection.carrier = way.carrier;
        let target = Target {
            carrier: way.carrier,
            url: self.config.address.socket(),
            token: self.rest.credentials().map(|credentials| credentials.access),
            limit: self.config.handshake_limit,
        };
        self.link = Some(transport::open(way.transport, target));
        self.touch_all();
    }

    /// The server said yes.
    pub(super) fn came_online(&mut self, online: Online) {
        let now = time::now();
        // The boxed library hands `connected` over before it says that it is online.
        self.connection.socket_id = online.socket_id.or(self.connection.socket_id.take());
        self.connection.ping_interval_ms = online
            .ping_interval
            .and_then(|interval| u32::try_from(interval.as_millis()).ok());
        self.connection.handshake_ms = u32::try_from(online.took.as_millis()).ok();
        self.connection.heard_at = Some(now);
        // A move that was planned is no loss.
        if self.connection.was_online && !self.machine.is_moving() {
            self.connection.reconnects += 1;
        }
        self.connection.was_online = true;
        self.connection.trouble = None;
        self.answers_checks = online.answers_checks;
        self.asked_for_life = None;
        let heartbeat = online.ping_interval.map(|interval| Heartbeat {
            interval,
            timeout: online.ping_timeout.unwrap_or(PING_TIMEOUT),
        });
        self.machine.online(Instant::now(), now, heartbeat, online.took);
        self.note(None, "online", "Connected; events can arrive.".to_owned());
        self.touch_all();
        self.join_all();
    }

    /// Anything came over the link.
    pub(super) fn heard(&mut self, at: Millis) {
        self.connection.heard_at = Some(at);
        let before = self.machine.phase();
        self.machine.heard(Instant::now(), at);
        if self.machine.phase() != before {
            self.touch_all();
        }
        self.unpublished = true;
    }

    /// The link is over, or the attempt at one.
    pub(super) fn lost(&mut self, lost: &Lost) {
        self.link = None;
        // What the jobs of this link still bring says nothing about the next one.
        self.link_number += 1;
        if self.is_online() && self.machine.is_leaving() {
            return self.was_left_early();
        }
        let (now, at) = (Instant::now(), time::now());
        let was_online = self.is_online();
        let sentence = sentence(lost);
        let changed = self.way.lost(lost, self.machine.stood(now));
        let after = self.retry_after.take();
        self.machine
            .lost(now, at, sentence.clone(), after, &mut rand::rng());
        if let Some(changed) = changed {
            self.note(None, "way", changed);
            // What was learnt is worth an attempt at once; but two ways that both fail must not chase each other.
            if self.machine.attempts() <= 2 {
                self.machine.retry_now(now);
            }
        }
        self.connection.changed_over = self.way.why().map(str::to_owned);
        if self.connection.trouble.as_deref() != Some(&sentence) || was_online {
            let name = if was_online { "lost" } else { "attempt" };
            self.note(None, name, sentence.clone());
        }
        self.connection.trouble = Some(sentence);
        self.connection.socket_id = None;
        self.connection.pod = None;
        self.connection.pod_alone = None;
        self.touch_all();
        self.link_was_lost(now);
    }

    /// What depends on time alone.
    pub(super) fn pulse(&mut self) {
        let (now, at) = (Instant::now(), time::now());
        let wish = self.machine.passed(now, at);
        self.grant(wish);
        self.look_at_delivery(now);
    }

    /// Does what the machine wants.
    pub(super) fn grant(&mut self, wish: Option<Wish>) {
        match wish {
            None => {}
            Some(Wish::Attempt) if self.is_online() => {
                self.attempt();
                self.leave_quietly(time::now());
            }
            Some(Wish::Attempt) => self.attempt(),
            Some(Wish::Check) => self.check_link(),
            Some(Wish::Drop) => self.lost(&Lost::Broken("the server's heartbeat stopped".to_owned())),
        }
    }

    /// There is a reason to doubt the link; it is checked at once.
    pub(super) fn doubt_link(&mut self, reason: &str) {
        let wish = self.machine.doubt(Instant::now(), time::now(), reason);
        if wish.is_some() {
            self.note(
                None,
                "check",
                format!("{reason} The connection is being checked."),
            );
            self.touch_all();
        }
        self.grant(wish);
    }

    /// This machine has an address that it had not.
    pub(super) fn network_changed(&mut self) {
        let wish = self.machine.network_changed(Instant::now(), time::now());
        self.note(None, "network", "This machine's network changed.".to_owned());
        self.touch_all();
        self.grant(wish);
        self.read_all_anew();
    }

    /// Asks for a sign of life over the link itself: a join of a room that this socket is in anyway, or of none that
    /// exists. Both are acknowledged, and neither is told to anybody.
    pub(super) fn check_link(&mut self) {
        let asked = Instant::now();
        let (link, limit) = (self.link_number, self.config.ack_limit);
        self.jobs.spawn(async move {
            tokio::time::sleep(limit).await;
            Done::CheckDue { link, asked }
        });
        if self.ask_for_life() {
            return;
        }
        let auction = self
            .rooms
            .first()
            .map_or_else(|| "connection-check".into(), |room| room.state.id.clone());
        let payload = serde_json::json!({ "auctionId": auction });
        self.emit("join_auction", payload, Some(JoinedRoom::Check));
    }

    /// Asks for a sign of life without content, where this link has one.
    pub(super) fn ask_for_life(&mut self) -> bool {
        let sent = self.answers_checks
            && self
                .link
                .as_ref()
                .is_some_and(|link| link.checks.try_send(()).is_ok());
        if sent {
            // The first answer to come is that to the first question.
            self.asked_for_life.get_or_insert_with(Instant::now);
        }
        sent
    }

    /// The check should have been answered by now.
    pub(super) fn check_due(&mut self, link: u64, asked: Instant) {
        let answerable = self.answers_checks
            || !self
                .acknowledged
                .get("join_auction")
                .is_some_and(|acks| acks.is_hopeless());
        if link == self.link_number && answerable && !self.machine.heard_since(asked) {
            self.lost(&Lost::Broken(
                "the server no longer answers on this connection".to_owned(),
            ));
        }
    }

    /// Once a second.
    pub(super) fn second(&mut self) {
        if let Some(jump) = time::jumped() {
            // Whether the machine slept or its clock was set: times of before mean something else now.
            self.clock.forget();
            let seconds = jump / 1_000;
            let text = if jump > 0 {
                format!("This machine slept or its clock was set ({seconds} s).")
            } else {
                format!("This machine's clock was set back ({} s).", -seconds)
            };
            self.doubt_link(&text);
            self.machine.retry_now(Instant::now());
            self.read_all_anew();
        }
        let now = time::now();
        self.measured.rate.roll(now);
        self.renew_sign_in(now);
        self.unpublished = true;
    }

    /// Renews the sign-in before it runs out, so that neither a bid nor a handshake meets a 401.
    fn renew_sign_in(&mut self, now: Millis) {
        let due = self
            .rest
            .credentials()
            .and_then(|credentials| credentials.expires_at)
            .is_some_and(|until| until.0 - now.0 <= RENEW_BEFORE);
        if due && !self.renewing {
            self.renewing = true;
            let rest = self.rest.clone();
            self.jobs
                .spawn(async move { Done::Renewed(rest.renew_before_it_ends().await) });
        }
    }
}

/// The sentence for a loss.
fn sentence(lost: &Lost) -> String {
    let text = lost.to_string();
    let mut letters = text.chars();
    let capital: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    format!("{}.", capital.trim_end_matches('.'))
}
