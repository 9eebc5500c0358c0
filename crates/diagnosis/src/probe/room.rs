//! The scratch room: sockets connect and join it, until enough of them are there that no pod is likely to have been left out.
//!
//! On our own backend it is a probe room, and everything that is said in it carries a number. The field's backend has none;
//! there the sockets join rooms of leagues that do not exist: every further join is told to the whole room, and to nobody
//! else.

use std::collections::BTreeSet;
use std::time::Duration;

use gavelscope_contract::ack::Ack;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hearsay::Manner;
use super::meeting::Meeting;
use super::pace::{Pace, Stopped, Turn};
use super::socket::{Arrival, Socket, open};
use super::{Caps, Target, millis};
use crate::evidence::{ProbeEvidence, ProbeSocket, RoomProbe, Scratch};
use crate::turns::{PodCount, Search, Turns, chance_of_an_omission, pod_count};

/// How long a join may take. What is not acknowledged by then never is (contract, section 4, 10).
const ACK_LIMIT: Duration = Duration::from_secs(2);
/// A server that knows probe rooms says so before this.
const KNOWS_PROBE_ROOMS: Duration = Duration::from_secs(1);
/// Rooms of leagues, used in turn.
const ROOMS: usize = 2;
/// Where one pod answers, or nothing tells how many there are.
const WHERE_NOTHING_TELLS: u32 = 8;
/// A chance of leaving a pod out that is not worth another socket.
const SMALL: f64 = 0.1;

/// What was found out before of who is there.
pub(super) struct Expected {
    /// Pods that named themselves.
    named: BTreeSet<String>,
    searches: Vec<Search>,
    /// By searching, where not every answer had a name.
    count: Option<PodCount>,
    /// Somebody answered, and no pod named itself: the field's backend, which has no probe rooms.
    nameless: bool,
    /// The first websocket stood, and no session was granted over it.
    never_granted: bool,
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
            never_granted: evidence.path.as_ref().is_some_and(|path| path.never_granted),
        }
    }

    /// Whether these sockets reach everybody, as far as can be known.
    fn enough(&self, sockets: &[ProbeSocket]) -> bool {
        let named = u32::try_from(self.named.len()).unwrap_or(u32::MAX);
        let (searched, at_least) = self.count.map_or((0, 0), |count| (count.likely, count.least));
        if named > 1 && named >= at_least {
            // They say who they are, so there is no need to guess.
            let holding: BTreeSet<&String> =
                sockets.iter().filter_map(|socket| socket.pod.as_ref()).collect();
            return self.named.iter().all(|pod| holding.contains(pod));
        }
        let so_many = u32::try_from(sockets.len()).unwrap_or(u32::MAX);
        match self.count.map(|count| count.turns) {
            // Others may come in between, so half as many again.
            Some(Turns::Strict) => so_many >= searched + searched.div_ceil(2),
            Some(Turns::Drawn) => chance_of_an_omission(&self.searches, named.max(2), so_many) <= SMALL,
            Some(Turns::None) | None => so_many >= WHERE_NOTHING_TELLS,
        }
    }
}

/// Measures who hears whom, and leaves nothing behind.
pub(super) async fn measure(
    target: &Target,
    caps: Caps,
    pace: &mut Pace,
    expected: &Expected,
    evidence: &mut RoomProbe,
    in_place: impl Fn(),
) -> Result<(), Stopped> {
    let (arrivals, heard) = mpsc::unbounded_channel();
    let mut meeting = Meeting::new(heard);
    let mut placing = Placing {
        target,
        expected,
        most: caps.connections,
        least: caps.sockets.min(caps.connections),
        arrivals,
        polling: false,
    };
    let placed = Box::pin(placing.place(pace, evidence, &mut meeting)).await;
    drop(placing);
    let measured = match placed {
        Ok(Some(scratch)) if meeting.size() > 1 => {
            in_place();
            evidence.scratch = Some(scratch);
            let measured = meeting.ask_everybody(pace, evidence).await;
            evidence.matrix = meeting.matrix();
            evidence.unsteady = meeting.unsteady_pairs();
            measured
        }
        Ok(_) => {
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
    expected: &'a Expected,
    most: u32,
    least: u32,
    arrivals: mpsc::UnboundedSender<Arrival>,
    polling: bool,
}

impl Placing<'_> {
    /// Sockets connect and join; the first one finds out what kind of room there is.
    async fn place(
        &mut self,
        pace: &mut Pace,
        evidence: &mut RoomProbe,
        meeting: &mut Meeting,
    ) -> Result<Option<Scratch>, Stopped> {
        let mut found = None;
        for tried in 0..self.most {
            if tried >= self.least && self.expected.enough(&evidence.sockets) {
                break;
            }
            let number = meeting.size();
            let nobody_yet = || number == 0;
            let since = Instant::now();
            let socket = match self.open(pace, number).await? {
                Ok(socket) => socket,
                Err(trouble) => {
                    evidence.lost += 1;
                    evidence.trouble = Some(trouble);
                    // One that cannot connect, and no other could: there is nothing to measure with.
                    if nobody_yet() && (evidence.lost > 1 || self.expected.never_granted) {
                        return Ok(None);
                    }
                    continue;
                }
            };
            let seen = ProbeSocket {
                connect_ms: millis(since.elapsed()),
                joined_as: u32::try_from(number + 1).unwrap_or(u32::MAX),
                ..ProbeSocket::default()
            };
            let kind = match found {
                Some(scratch) => Some(scratch),
                None => self.kind_of_room(pace, &socket, meeting, evidence).await?,
            };
            let Some(scratch) = kind else {
                socket.close().await;
                return Ok(None);
            };
            match Self::join_all(pace, meeting, &socket, seen, evidence).await? {
                Ok(seen) => {
                    found = Some(scratch);
                    evidence.sockets.push(seen);
                    meeting.sits_down(socket);
                }
                Err(trouble) => {
                    evidence.lost += 1;
                    evidence.trouble = Some(trouble);
                    meeting.forget(number);
                    socket.close().await;
                    if nobody_yet() && evidence.lost > 1 {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(found)
    }

    async fn open(&mut self, pace: &mut Pace, number: usize) -> Result<Result<Socket, String>, Stopped> {
        pace.turn(Turn::Connection).await?;
        let opening = Box::pin(open(self.target, self.polling, number, self.arrivals.clone()));
        let opened = pace.within(opening).await?;
        if opened.is_ok() || number > 0 || self.polling || self.expected.never_granted {
            return Ok(opened);
        }
        // Websockets are refused; what is left may still do.
        self.polling = true;
        pace.turn(Turn::Connection).await?;
        let opening = Box::pin(open(self.target, true, number, self.arrivals.clone()));
        pace.within(opening).await
    }

    /// Whether there are probe rooms here; none where there are, and this socket is not let in.
    async fn kind_of_room(
        &self,
        pace: &mut Pace,
        socket: &Socket,
        meeting: &mut Meeting,
        evidence: &mut RoomProbe,
    ) -> Result<Option<Scratch>, Stopped> {
        if !self.expected.nameless {
            meeting.meets_in(Scratch::ProbeRoom, 1);
            pace.turn(Turn::Message).await?;
            let answer = meeting
                .join(pace, socket, 0, 0, KNOWS_PROBE_ROOMS, evidence)
                .await?;
            match answer.map(read) {
                Some(Ok(_)) => return Ok(Some(Scratch::ProbeRoom)),
                Some(Err(trouble)) => {
                    evidence.trouble = Some(trouble);
                    return Ok(None);
                }
                None => {}
            }
        }
        meeting.meets_in(Scratch::LeagueRooms, ROOMS);
        Ok(Some(Scratch::LeagueRooms))
    }

    /// Joins every room; what is known of the socket by then, or why it is not in.
    async fn join_all(
        pace: &mut Pace,
        meeting: &mut Meeting,
        socket: &Socket,
        mut seen: ProbeSocket,
        evidence: &mut RoomProbe,
    ) -> Result<Result<ProbeSocket, String>, Stopped> {
        let number = meeting.size();
        for room in 0..meeting.rooms() {
            meeting.until_told(pace, room, Manner::Joining, evidence).await?;
            pace.turn(Turn::Message).await?;
            let since = Instant::now();
            let answer = meeting
                .join(pace, socket, number, room, ACK_LIMIT, evidence)
                .await?;
            match answer.map(read) {
                Some(Ok(ack)) => {
                    seen.join_ms = Some(millis(since.elapsed()));
                    seen.pod = ack.pod.map(|pod| pod.0);
                    seen.claimed = ack.room_size;
                    seen.claimed_cluster = ack.cluster_room_size.flatten();
                }
                Some(Err(trouble)) => return Ok(Err(trouble)),
                None => return Ok(Err("a join of the scratch room was not acknowledged".to_owned())),
            }
        }
        Ok(Ok(seen))
    }
}

/// What a join was answered: in, or why not.
fn read(answer: serde_json::Value) -> Result<Ack, String> {
    let ack: Ack = serde_json::from_value(answer)
        .map_err(|_| "the answer to a join of the scratch room cannot be read".to_owned())?;
    if ack.ok {
        Ok(ack)
    } else {
        Err(ack
            .error
            .unwrap_or_else(|| "the scratch room was refused".to_owned()))
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
            never_granted: false,
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
    fn wanted(searches: &[u32]) -> usize {
        let expected = expected(&[], searches);
        (0..100)
            .find(|&many| expected.enough(&vec![ProbeSocket::default(); many]))
            .unwrap()
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
        assert!(expected(&["a", "b"], &[2, 1, 3]).enough(&on(&["a", "b"])));
        assert!(
            !expected(&["a", "b", "c"], &[2, 1, 3]).enough(&on(&["a", "b", "a", "b", "a", "b", "a", "b"])),
            "one has a name, and nobody is on it yet"
        );
        assert!(
            !expected(&["a", "b"], &[3; 4]).enough(&on(&["a", "b"])),
            "searching found one that has no name"
        );
    }
}
