//! The scratch room: sockets connect and join it, until enough of them are there that no pod is likely to have been left out.
//!
//! On our own backend it is a probe room, and everything that is said in it carries a number. The field's backend has none;
//! there the sockets join rooms of leagues that do not exist: every further join is told to the whole room, and to nobody
//! else.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::meeting::Meeting;
use super::pace::{Pace, Stopped, Turn};
use super::socket::{Arrival, Socket, open};
use super::{Caps, Target, millis, turns};
use crate::evidence::{ProbeEvidence, ProbeSocket, RoomProbe, Scratch, TurnsEvidence};
use crate::turns::{PodCount, SMALL, Search, Turns, chance_of_an_omission, pod_count};

/// A server that knows probe rooms says so before this; one whose pods say who they are most likely knows them.
const KNOWS_PROBE_ROOMS: Duration = Duration::from_secs(1);
const MUST_KNOW_PROBE_ROOMS: Duration = Duration::from_secs(3);
/// After so many times that not everybody of a batch got in, those who did have to do.
const TRIES: u32 = 2;
/// Where one pod answers, or nothing tells how many there are.
const WHERE_NOTHING_TELLS: u32 = 8;
/// More sockets than this are never wanted.
const MANY: u32 = 100;

/// What was found out before of who is there.
pub(super) struct Expected {
    /// Pods that named themselves.
    named: BTreeSet<String>,
    searches: Vec<Search>,
    /// By searching, where not every answer had a name.
    count: Option<PodCount>,
    /// Somebody answered, and no pod named itself: the field's backend, which has no probe rooms.
    nameless: bool,
    /// The first websocket did not stand.
    trouble: bool,
}

impl Expected {
    pub(super) fn of(evidence: &ProbeEvidence) -> Self {
        let turns = evidence.turns.as_ref();
        let mut named: BTreeSet<String> = evidence
            .health
            .iter()
            .filter_map(|health| health.pod.clone())
            .collect();
        named.extend(turns.into_iter().flat_map(|turns| turns.pods.iter().cloned()));
        Self {
            nameless: named.is_empty() && evidence.health.iter().any(|health| !health.status.is_empty()),
            named,
            searches: turns.map(|turns| turns.searches.clone()).unwrap_or_default(),
            count: turns
                .filter(|turns| !turns.by_name())
                .and_then(|turns| pod_count(&turns.searches)),
            trouble: evidence
                .path
                .as_ref()
                .is_some_and(|path| path.websocket_trouble.is_some()),
        }
    }

    /// How many more sockets it takes to reach everybody, as far as can be known.
    fn missing(&self, sockets: &[ProbeSocket]) -> u32 {
        let named = u32::try_from(self.named.len()).unwrap_or(u32::MAX);
        let (searched, at_least) = self.count.map_or((0, 0), |count| (count.likely, count.least));
        if named > 1 && named >= at_least {
            // They say who they are, so there is no need to guess.
            let holding: BTreeSet<&String> =
                sockets.iter().filter_map(|socket| socket.pod.as_ref()).collect();
            let all = self.named.iter().all(|pod| holding.contains(pod));
            // Once round.
            return if all { 0 } else { named };
        }
        let there = u32::try_from(sockets.len()).unwrap_or(u32::MAX);
        let wanted = match self.count.map(|count| count.turns) {
            // Others may come in between, so half as many again.
            Some(Turns::Strict) => searched + searched.div_ceil(2),
            Some(Turns::Drawn) => (there..MANY)
                .find(|&many| chance_of_an_omission(&self.searches, named.max(2), many) <= SMALL)
                .unwrap_or(MANY),
            Some(Turns::None) | None => WHERE_NOTHING_TELLS,
        };
        wanted.saturating_sub(there)
    }
}

/// Measures who hears whom, and leaves nothing behind.
pub(super) async fn measure(
    target: &Target,
    caps: Caps,
    pace: &Pace,
    probed: &mut ProbeEvidence,
    in_place: impl Fn(),
) -> Result<(), Stopped> {
    let expected = Expected::of(probed);
    let turns = probed.turns.as_mut();
    let evidence = probed.room.insert(RoomProbe::default());
    let (arrivals, heard) = mpsc::unbounded_channel();
    let mut meeting = Meeting::new(heard);
    let mut placing = Placing {
        target,
        expected,
        turns,
        most: caps.connections,
        least: caps.sockets.min(caps.connections),
        arrivals,
        opened: 0,
        polling: false,
    };
    let placed = Box::pin(placing.place(pace, evidence, &mut meeting)).await;
    drop(placing);
    let measured = match placed {
        Ok(()) if meeting.size() > 1 => {
            in_place();
            let measured = meeting.ask_everybody(pace, evidence).await;
            meeting.finish(evidence);
            measured
        }
        Ok(()) => {
            evidence
                .trouble
                .get_or_insert_with(|| "fewer than two sockets got into the scratch room".to_owned());
            Ok(())
        }
        Err(stopped) => Err(stopped),
    };
    meeting.leave().await;
    measured
}

struct Placing<'a> {
    target: &'a Target,
    expected: Expected,
    turns: Option<&'a mut TurnsEvidence>,
    most: u32,
    least: u32,
    arrivals: mpsc::UnboundedSender<Arrival>,
    /// Sockets so far; each has a number of its own.
    opened: u32,
    polling: bool,
}

/// A socket that connected.
struct Opened {
    socket: Socket,
    connect_ms: u32,
}

impl Placing<'_> {
    /// Sockets connect and join; the first ones find out how one connects, and what kind of room there is.
    async fn place(
        &mut self,
        pace: &Pace,
        evidence: &mut RoomProbe,
        meeting: &mut Meeting,
    ) -> Result<(), Stopped> {
        let mut more = if self.expected.trouble { 1 } else { self.least };
        let mut tries = 0;
        while more > 0 && self.opened < self.most {
            let lost = evidence.lost;
            let opened = self.open(pace, more, evidence).await?;
            if opened.is_empty() && meeting.size() == 0 {
                if self.polling {
                    // Nobody can connect: there is nothing to measure with.
                    return Ok(());
                }
                // Websockets are refused, which says nothing of who would be reached; what is left may still do.
                self.polling = true;
                evidence.lost = 0;
                // Each of them takes two connections.
                self.most = self.opened + (self.most - self.opened) / 2;
                more = 1;
                continue;
            }
            if meeting.size() == 0 && !self.finds_room(pace, opened.first(), meeting, evidence).await? {
                join_all(opened.into_iter().map(|opened| opened.socket.close())).await;
                return Ok(());
            }
            for Opened { socket, connect_ms } in opened {
                meeting.sits_down(socket);
                evidence.sockets.push(ProbeSocket {
                    connect_ms,
                    ..ProbeSocket::default()
                });
            }
            meeting.join(pace, evidence).await?;
            if meeting.size() == 0 {
                return Ok(());
            }
            tries += u32::from(evidence.lost > lost);
            if tries >= TRIES && meeting.size() > 1 {
                return Ok(());
            }
            more = self
                .least
                .saturating_sub(u32::try_from(meeting.size()).unwrap_or(u32::MAX));
            // Where some do not hear each other already, to find everybody would show nothing new.
            if more == 0 && meeting.is_whole_so_far(pace, evidence).await? {
                more = self.missing(pace, &evidence.sockets).await?;
            }
        }
        Ok(())
    }

    /// How many more it takes; where there can not be so many, the number of pods is worth knowing better.
    async fn missing(&mut self, pace: &Pace, sockets: &[ProbeSocket]) -> Result<u32, Stopped> {
        let missing = self.expected.missing(sockets);
        let left = self.most - self.opened;
        if let Some(turns) = &mut self.turns
            && missing > left
            && left > 0
            && !turns.by_name()
        {
            turns::search_on(self.target, pace, self.most, left, turns).await?;
            self.expected.searches.clone_from(&turns.searches);
            self.expected.count = pod_count(&turns.searches);
        }
        Ok(self.expected.missing(sockets))
    }

    /// So many connect, without waiting for each other.
    async fn open(
        &mut self,
        pace: &Pace,
        many: u32,
        evidence: &mut RoomProbe,
    ) -> Result<Vec<Opened>, Stopped> {
        let many = many.min(self.most - self.opened);
        let numbers = self.opened..self.opened + many;
        self.opened += many;
        let (target, polling, arrivals) = (self.target, self.polling, &self.arrivals);
        let opening = numbers.map(async |number| {
            pace.turn(Turn::Connection).await?;
            let since = Instant::now();
            let opening = Box::pin(open(target, polling, number, arrivals.clone()));
            let opened = pace.within(opening).await?;
            Ok(opened.map(|socket| Opened {
                socket,
                connect_ms: millis(since.elapsed()),
            }))
        });
        let mut opened = Vec::new();
        for outcome in Box::pin(try_join_all(opening)).await? {
            match outcome {
                Ok(socket) => opened.push(socket),
                Err(trouble) => {
                    evidence.lost += 1;
                    evidence.trouble = Some(trouble);
                }
            }
        }
        Ok(opened)
    }

    /// Finds out whether there are probe rooms here; not where there are, and this socket is not let in.
    async fn finds_room(
        &self,
        pace: &Pace,
        first: Option<&Opened>,
        meeting: &mut Meeting,
        evidence: &mut RoomProbe,
    ) -> Result<bool, Stopped> {
        if let Some(first) = first
            && !self.expected.nameless
        {
            let limit = if self.expected.named.is_empty() {
                KNOWS_PROBE_ROOMS
            } else {
                MUST_KNOW_PROBE_ROOMS
            };
            meeting.meets_in(Scratch::ProbeRoom);
            pace.turn(Turn::Message).await?;
            match meeting.tries(pace, &first.socket, limit).await? {
                Some(Ok(_)) => return Ok(true),
                Some(Err(trouble)) => {
                    evidence.trouble = Some(trouble);
                    return Ok(false);
                }
                None => {}
            }
        }
        meeting.meets_in(Scratch::LeagueRooms);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(named: &[&str], searches: &[u32]) -> Expected {
        let searches: Vec<Search> = searches
            .iter()
            .map(|&requests| Search {
                requests,
                found: true,
            })
            .collect();
        Expected {
            named: named.iter().map(|&pod| pod.to_owned()).collect(),
            count: pod_count(&searches),
            searches,
            nameless: false,
            trouble: false,
        }
    }

    fn on(pods: &[&str]) -> Vec<ProbeSocket> {
        pods.iter()
            .map(|&pod| ProbeSocket {
                pod: Some(pod.to_owned()),
                ..ProbeSocket::default()
            })
            .collect()
    }

    /// How many sockets are enough where no pod says who it is.
    fn wanted(searches: &[u32]) -> u32 {
        expected(&[], searches).missing(&[])
    }

    #[test]
    fn more_pods_ask_for_more_sockets() {
        assert_eq!([2, 3, 4, 5].map(|pods| wanted(&[pods; 4])), [3, 5, 6, 8]);
        assert_eq!([&[][..], &[1; 6]].map(wanted), [8, 8]);
        // Drawn among two, three and five.
        let drawn = [[1, 3, 2, 1, 4, 1], [4, 1, 3, 2, 7, 1], [5, 9, 1, 3, 11, 1]].map(|drawn| wanted(&drawn));
        assert!(drawn.is_sorted() && (7..12).contains(&drawn[1]), "{drawn:?}");
    }

    #[test]
    fn where_every_pod_has_a_name_and_a_socket_there_are_enough() {
        let missing =
            |named: &[&str], searches: &[u32], there: &[&str]| expected(named, searches).missing(&on(there));
        assert_eq!(missing(&["a", "b"], &[2, 1, 3], &["a", "b"]), 0);
        assert_eq!(
            missing(
                &["a", "b", "c"],
                &[2, 1, 3],
                &["a", "b", "a", "b", "a", "b", "a", "b"]
            ),
            3,
            "one has a name, and nobody is on it yet"
        );
        assert_eq!(
            missing(&["a", "b"], &[3; 4], &["a", "b"]),
            3,
            "searching found one that has no name"
        );
    }
}
