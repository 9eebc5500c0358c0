//! What a probe proves about the backend: its pods, and whether what is said on one is heard on the others.

use std::collections::BTreeSet;

use gavelscope_client::state::Trust;

use crate::checks::session::SHARE_ROOMS;
use crate::checks::{not_probed, skipped};
use crate::evidence::{Evidence, ProbeEvidence, RoomProbe, Scratch, TurnsEvidence};
use crate::matrix::{Pair, Partition};
use crate::report::{Confidence, Finding, Outcome};
use crate::turns::{PodCount, Search, Turns, chance_of_a_miss, chance_of_an_omission, pod_count};

pub(crate) const ROOM_SPLIT: &str = "GS-ROOM-SPLIT";
pub(super) const ONE_WAY: &str = "GS-ONE-WAY";
pub(super) const PARTIAL: &str = "GS-PARTIAL";
pub(super) const PATH: &str = "GS-PATH";
pub(super) const SLOW_POD: &str = "GS-SLOW-POD";
pub(super) const PODS: &str = "GS-PODS";
pub(super) const STICKY: &str = "GS-STICKY";

/// A pod that is so much later than the others, ms, is slow; what is less, a busy machine explains.
const SLOW_MS: u32 = 150;
/// A chance of having missed a pod up to this is taken, and said.
const MISS: f64 = 0.2;

/// Everybody who was in the scratch room, and what came of it; or why there is nothing to judge.
fn measured<'a>(evidence: &'a Evidence, code: &str) -> Result<(&'a RoomProbe, Partition), Box<Finding>> {
    let probe = evidence
        .probe
        .as_ref()
        .ok_or_else(|| Box::new(not_probed(code)))?;
    let room = probe.room.as_ref().filter(|room| room.matrix.rows.len() > 1);
    let Some(room) = room else {
        let why = probe
            .room
            .as_ref()
            .and_then(|room| room.trouble.clone())
            .or_else(|| probe.cut_short.clone())
            .unwrap_or_else(|| "no scratch room was reached".to_owned());
        let sentence = "Whether pods hear each other could not be measured.";
        let finding = Finding::new(code, Outcome::Inconclusive, sentence)
            .resting(Confidence::Weak, "nothing was measured")
            .fact("Why", why);
        let has_a_way = probe
            .path
            .as_ref()
            .is_some_and(|path| path.websocket_trouble.is_none());
        return Err(Box::new(if has_a_way {
            finding.fix("Sign in and run the diagnosis again; our own backend lets only its users probe.")
        } else {
            finding
                .because("The sockets of the probe could not connect, either: see the finding about the way.")
        }));
    };
    Ok((room, room.matrix.partition()))
}

/// How many pods there are, as far as anything tells.
struct Known {
    /// Pods that named themselves.
    named: BTreeSet<String>,
    /// Those of them that held a socket of the probe.
    holding: BTreeSet<String>,
    searches: Vec<Search>,
    /// By searching.
    count: Option<PodCount>,
    /// Every answer had a name, so that searching tells nothing new.
    by_name: bool,
    /// By the pods' own words.
    claimed: Option<u32>,
}

impl Known {
    fn of(evidence: &Evidence) -> Self {
        let mut known = Self {
            named: BTreeSet::new(),
            holding: BTreeSet::new(),
            searches: Vec::new(),
            count: None,
            by_name: false,
            claimed: None,
        };
        if let Some(session) = &evidence.session {
            let seen = session.measurements.pods.iter();
            known.named.extend(seen.map(|seen| seen.pod.0.clone()));
        }
        if let Some(probe) = &evidence.probe {
            known
                .named
                .extend(probe.health.iter().filter_map(|health| health.pod.clone()));
            // One that says it does not hear all of them does not know how many there are.
            let well = probe.health.iter().filter(|health| health.status == "healthy");
            known.claimed = well.filter_map(|health| health.pods).max();
            if let Some(turns) = &probe.turns {
                known.named.extend(turns.pods.iter().cloned());
                known.count = pod_count(&turns.searches);
                known.searches.clone_from(&turns.searches);
                known.by_name = turns.by_name();
            }
            if let Some(room) = &probe.room {
                known
                    .holding
                    .extend(room.sockets.iter().filter_map(|socket| socket.pod.clone()));
                known.named.extend(known.holding.iter().cloned());
            }
        }
        known
    }

    /// What searching adds to the names.
    fn guessed(&self) -> Option<PodCount> {
        self.count.filter(|_| !self.by_name)
    }

    fn searched(&self) -> u32 {
        self.guessed().map_or(1, |count| count.likely)
    }

    fn names(&self) -> u32 {
        u32::try_from(self.named.len()).unwrap_or(u32::MAX)
    }

    /// The number of pods that were reached, at least.
    fn reached(&self) -> u32 {
        self.names().max(self.searched()).max(1)
    }

    /// The number of pods that held a socket, where that is not guessed.
    fn surely(&self) -> Option<usize> {
        if !self.holding.is_empty() {
            return Some(self.holding.len());
        }
        let strict = self.count.filter(|count| count.turns == Turns::Strict)?;
        usize::try_from(strict.likely).ok()
    }

    /// In words.
    fn words(&self, islands: usize) -> String {
        let islands = u32::try_from(islands).unwrap_or(u32::MAX);
        let number = self.reached().max(islands);
        let exact = number == self.names()
            || self
                .count
                .is_some_and(|count| count.turns == Turns::Strict && count.likely == number);
        if exact {
            format!("{number}")
        } else {
            format!("about {number}")
        }
    }

    /// The chance that no socket of so many was on one of the pods.
    fn missed(&self, sockets: usize) -> f64 {
        let at_least = self.guessed().map_or(1, |count| count.least);
        if !self.named.is_empty() && self.holding.len() == self.named.len() && self.names() >= at_least {
            return 0.0;
        }
        let sockets = u32::try_from(sockets).unwrap_or(u32::MAX);
        match self.guessed() {
            // One after the other: as many sockets as pods reach all of them.
            Some(PodCount {
                turns: Turns::Strict,
                likely,
                ..
            }) if sockets >= likely => 0.0,
            Some(PodCount {
                turns: Turns::Drawn, ..
            }) => chance_of_an_omission(&self.searches, self.names().max(2), sockets),
            _ => chance_of_a_miss(self.reached(), sockets),
        }
    }
}

fn percent(chance: f64) -> String {
    if chance > 0.0 && chance < 0.01 {
        "less than 1 %".to_owned()
    } else {
        format!("{:.0} %", chance * 100.0)
    }
}

pub(super) fn room_split(evidence: &Evidence) -> Finding {
    let (room, partition) = match measured(evidence, ROOM_SPLIT) {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    let known = Known::of(evidence);
    let sockets = room.matrix.rows.len();
    let said = |outcome, sentence: String| {
        let mut finding = Finding::new(ROOM_SPLIT, outcome, sentence)
            .fact("Sockets in the scratch room", sockets.to_string())
            .fact("Groups that hear each other", partition.groups.len().to_string())
            .fact("Pods that were reached", known.words(partition.islands.len()));
        if !known.holding.is_empty() {
            let names: Vec<_> = known.holding.iter().cloned().collect();
            finding = finding.fact("Pods that held a socket", names.join(", "));
        }
        if let Some(claimed) = known.claimed {
            finding = finding.claim("Pods", claimed.to_string());
        }
        finding
    };
    if partition.split() && came_too_late(room) {
        return too_late(said);
    }
    if partition.split() {
        return apart(&known, &partition, said);
    }
    if !partition.whole() {
        return said(
            Outcome::Inconclusive,
            "Nothing shows that pods are apart, but not everybody was heard by everybody.".to_owned(),
        )
        .resting(Confidence::Weak, "an incomplete measurement");
    }
    if known.reached() < 2 {
        return alone(&known, said);
    }
    let missed = known.missed(sockets);
    let finding = if missed > MISS {
        said(
            Outcome::Inconclusive,
            "Everybody who was asked hears everybody, but a pod may have been left out.".to_owned(),
        )
        .resting(Confidence::Weak, "too few sockets for so many pods")
        .fix("Run the diagnosis again with more sockets.")
    } else {
        said(
            Outcome::Pass,
            format!("What is said on one pod is heard on all {}.", known.words(1)),
        )
        .resting(
            if missed > 0.0 {
                Confidence::Likely
            } else {
                Confidence::Certain
            },
            "every pair of sockets, asked more than once",
        )
    };
    finding.fact("Chance of having missed a pod", percent(missed))
}

/// Something came in a room of a league that can be put down to nobody: whoever seems not to be heard may be heard late.
fn came_too_late(room: &RoomProbe) -> bool {
    room.scratch == Some(Scratch::LeagueRooms) && room.strangers > 0
}

fn too_late(said: impl Fn(Outcome, String) -> Finding) -> Finding {
    said(
        Outcome::Inconclusive,
        "What is said takes so long here that it cannot be told from what is not said at all.".to_owned(),
    )
    .resting(
        Confidence::Weak,
        "messages that came too late to be put down to anybody",
    )
    .fix("Operator: look at the load of the pods and of this machine, and run the diagnosis again.")
}

/// Between some pods nothing crosses.
fn apart(known: &Known, partition: &Partition, said: impl Fn(Outcome, String) -> Finding) -> Finding {
    let islands = partition.islands.len();
    let pods = known.words(islands);
    // Some of them do share.
    let grouped = known.surely().is_some_and(|pods| pods > islands);
    let groups = if grouped {
        format!(" in {islands} groups")
    } else {
        String::new()
    };
    let sentence = format!(
        "Your bids are safe, but the prices you see can be late: this backend runs {pods} pods{groups} that do not share \
         rooms."
    );
    let finding = said(Outcome::Fail, sentence)
        .resting(Confidence::Certain, "every pair of sockets, asked more than once")
        .means(
            "A bid that another pod takes is not told to you. Your own bids count, whichever pod takes them.",
        );
    if grouped {
        finding
            .because(
                "Events cross between some of these pods and not between all: they were not set up alike.",
            )
            .fix("Operator: give every pod the same REDIS_URL and the same channel, or run one replica.")
    } else {
        finding
            .because(
                "Events do not cross between these pods: no adapter, or one that does not deliver. From outside the two \
                 look the same.",
            )
            .fix(SHARE_ROOMS)
    }
}

/// One pod was reached and no other.
fn alone(known: &Known, said: impl Fn(Outcome, String) -> Finding) -> Finding {
    match known.claimed {
        Some(1) => said(
            Outcome::Pass,
            "Everybody in the room hears everybody: one pod answers, and it says that it is alone.".to_owned(),
        )
        .resting(Confidence::Likely, "the measurement, and the pod's own word that there is no other"),
        Some(others) => said(
            Outcome::Inconclusive,
            format!("Only one of {others} pods can be reached from here, so nothing is known of the others."),
        )
        .resting(Confidence::Weak, "one pod of several")
        .because("The balancer keeps this address on one pod.")
        .fix("Operator: run the diagnosis from several addresses, or look at each pod's /health."),
        None => said(
            Outcome::Inconclusive,
            "Everybody who was reached hears everybody, but only one pod was reached: there may be others.".to_owned(),
        )
        .resting(Confidence::Weak, "one pod, and nothing that tells whether it is the only one")
        .because("Either there is one pod, or the balancer keeps this address on it; from here the two look the same.")
        .fix("Operator: if there is one replica, all is well. If there are more, run the diagnosis from elsewhere."),
    }
}

pub(super) fn one_way(evidence: &Evidence) -> Finding {
    let (room, partition) = match measured(evidence, ONE_WAY) {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    if !partition.one_way.is_empty() && came_too_late(room) {
        return too_late(|outcome, sentence| Finding::new(ONE_WAY, outcome, sentence));
    }
    if partition.one_way.is_empty() {
        return Finding::new(ONE_WAY, Outcome::Pass, "Who is heard also hears.")
            .fact("Pairs", (room.matrix.rows.len().pow(2)).to_string());
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut deaf: BTreeSet<u32> = BTreeSet::new();
    for pair in &partition.one_way {
        // Who spoke and was heard does not hear the other.
        deaf.insert(pair.from);
        let socket = usize::try_from(pair.from)
            .ok()
            .and_then(|place| room.sockets.get(place));
        names.extend(socket.and_then(|socket| socket.pod.clone()));
    }
    let mut finding = Finding::new(
        ONE_WAY,
        Outcome::Fail,
        "Your bids are safe, but the prices you see can be late: a pod of this backend sends, and does not hear the \
         others.",
    )
    .resting(Confidence::Certain, "pairs of sockets, asked more than once")
    .fact("Pairs that hear one way only", partition.one_way.len().to_string())
    .fact("Sockets that are heard and do not hear", deaf.len().to_string())
    .means("Whoever is connected to that pod misses what others bid. Nobody else notices.")
    .because("The pod publishes, and what it subscribed to does not arrive.")
    .fix("Operator: restart that pod. If it comes back so, look at its subscription: the channel, and Redis' ACL.");
    if !names.is_empty() {
        finding = finding.fact("On the pods", names.into_iter().collect::<Vec<_>>().join(", "));
    }
    finding
}

pub(super) fn partial(evidence: &Evidence) -> Finding {
    let (room, partition) = match measured(evidence, PARTIAL) {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    let pairs: BTreeSet<Pair> = partition.partial.iter().chain(&room.unsteady).copied().collect();
    let said = |outcome, sentence: &str| {
        Finding::new(PARTIAL, outcome, sentence)
            .fact("Pairs heard now and then", pairs.len().to_string())
            .fact("Messages of others in the room", room.strangers.to_string())
            .fact("Sockets lost", room.lost.to_string())
    };
    if pairs.is_empty() {
        said(Outcome::Pass, "What is heard once is heard every time.")
    } else if partition.partial.is_empty() && room.scratch == Some(Scratch::LeagueRooms) && !partition.split()
    {
        // Without a number on it, what was late cannot be told from what was lost.
        said(
            Outcome::Inconclusive,
            "Something was heard one time and not the next; asked again, with patience, it was heard each time.",
        )
        .resting(Confidence::Weak, "what came late, or was lost")
        .fix("Operator: look at the load of the pods and of this machine, and run the diagnosis again.")
    } else if room.strangers > 0 || room.lost > 0 || was_cut_short(evidence) {
        said(
            Outcome::Inconclusive,
            "Something was heard one time and not the next, but others were in the room, a socket was lost, or the time was \
             up before all of it could come.",
        )
        .resting(Confidence::Weak, "a measurement that was disturbed")
        .fix("Run the diagnosis again.")
    } else {
        said(
            Outcome::Warn,
            "Your bids are safe, but some events get lost between the pods: a price can be late now and then.",
        )
        .resting(Confidence::Likely, "pairs of sockets, asked four times")
        .because("What connects the pods drops messages, or went away while it was measured.")
        .fix("Operator: look at Redis, its load and its output buffers, and run the diagnosis again.")
    }
}

/// What was said last had no time to be heard.
fn was_cut_short(evidence: &Evidence) -> bool {
    evidence
        .probe
        .as_ref()
        .is_some_and(|probe| probe.cut_short.is_some())
}

/// What shows in a probe or a session that events get lost.
pub(super) fn proves_loss(evidence: &Evidence) -> bool {
    let apart = evidence
        .probe
        .as_ref()
        .and_then(|probe| probe.room.as_ref())
        .map(|room| room.matrix.partition())
        .is_some_and(|partition| partition.split() || !partition.one_way.is_empty());
    let missing = evidence.session.as_ref().is_some_and(|session| {
        session.measurements.echoes_missing > 0
            || session.rooms.iter().any(|room| room.trust == Trust::Polled)
    });
    apart || missing
}

/// Polling can work: its requests reach the pod that holds the session.
fn polling_works(turns: &TurnsEvidence) -> bool {
    let at_once = turns
        .searches
        .iter()
        .all(|search| search.found && search.requests == 1);
    turns.trouble.is_none() && !turns.searches.is_empty() && (at_once || turns.with_cookies == Some(true))
}

pub(super) fn path(evidence: &Evidence) -> Finding {
    let Some(ProbeEvidence {
        path: Some(path),
        turns,
        ..
    }) = &evidence.probe
    else {
        return not_probed(PATH);
    };
    let mut finding = match (&path.websocket_trouble, turns) {
        (None, _) => Finding::new(PATH, Outcome::Pass, "A websocket reaches the backend."),
        (Some(_), _) if path.never_granted => Finding::new(
            PATH,
            Outcome::Fail,
            "Live events cannot reach you: the backend takes connections, and then does not answer them.",
        )
        .means("A bid may get no answer either, and count all the same: look at the auction before you bid again.")
        .because("The pod waits for something before it answers. In the field that is a Redis that stands still.")
        .fix("Operator: look at whether Redis answers, then at the pod's log."),
        (Some(_), Some(turns)) if polling_works(turns) => Finding::new(
            PATH,
            Outcome::Warn,
            "Websockets are refused on the way; long polling is what is left, and slower.",
        )
        .fix("Operator: let the balancer or proxy pass websocket upgrades."),
        (Some(_), Some(turns)) if turns.trouble.is_none() && !turns.searches.is_empty() => Finding::new(
            PATH,
            Outcome::Fail,
            "Live events cannot reach you: websockets are refused, and long polling meets pods that take turns.",
        )
        .means("Bids count, and the state can be read; nothing is told as it happens.")
        .fix("Operator: let websocket upgrades pass, or keep each client on one pod (sticky sessions)."),
        (Some(_), Some(_)) => Finding::new(PATH, Outcome::Fail, "The backend's Socket.IO cannot be reached.")
            .fix("Check the address and its path, and whether the server runs."),
        (Some(_), None) => Finding::new(PATH, Outcome::Warn, "No websocket reaches the backend."),
    };
    if let Some(trouble) = &path.websocket_trouble {
        finding = finding.fact("The websocket", trouble.clone());
    }
    for (label, time) in [
        ("Name", path.resolve_ms),
        ("TCP", path.tcp_ms),
        ("TLS", path.tls_ms),
        ("Upgrade", path.upgrade_ms),
        ("In all", path.total_ms),
    ] {
        if let Some(time) = time {
            finding = finding.fact(label, format!("{time} ms"));
        }
    }
    for (label, who) in [
        ("The server calls itself", &path.server_header),
        ("By way of", &path.via),
        ("Through the proxy", &path.proxy),
    ] {
        if let Some(who) = who {
            finding = finding.fact(label, who.clone());
        }
    }
    finding
}

/// The middle of the times after which a socket hears the others, ms.
fn hears_after(room: &RoomProbe, to: usize) -> Option<u32> {
    let mut times: Vec<u32> = room
        .matrix
        .rows
        .iter()
        .filter_map(|row| row.get(to)?.median_ms)
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// How fast the sockets of a scratch room hear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hearing {
    /// After how long most of them hear, ms; none where nobody heard anything.
    pub usual_ms: Option<u32>,
    /// Those that hear much later than most, by their places in the matrix, with their time, ms.
    pub late: Vec<(usize, u32)>,
}

impl Hearing {
    /// As it was measured.
    pub fn of(room: &RoomProbe) -> Self {
        let times: Vec<(usize, u32)> = (0..room.matrix.rows.len())
            .filter_map(|to| Some((to, hears_after(room, to)?)))
            .collect();
        let mut sorted: Vec<u32> = times.iter().map(|(_, time)| *time).collect();
        sorted.sort_unstable();
        let usual_ms = sorted.get(sorted.len() / 2).copied();
        let slow = |time: u32| {
            usual_ms.is_some_and(|usual| time > usual.saturating_mul(3) && time > usual + SLOW_MS)
        };
        Self {
            usual_ms,
            late: times.into_iter().filter(|(_, time)| slow(*time)).collect(),
        }
    }
}

pub(super) fn slow_pod(evidence: &Evidence) -> Finding {
    let (room, _) = match measured(evidence, SLOW_POD) {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    let hearing = Hearing::of(room);
    let Some(usual) = hearing.usual_ms else {
        return skipped(SLOW_POD, "Nobody heard anything, so nobody was late.");
    };
    let pods: BTreeSet<String> = hearing
        .late
        .iter()
        .filter_map(|(socket, _)| room.sockets.get(*socket)?.pod.clone())
        .collect();
    let said = |outcome, sentence: String| {
        Finding::new(SLOW_POD, outcome, sentence).fact("Usually heard after", format!("{usual} ms"))
    };
    let Some(worst) = hearing.late.iter().map(|(_, time)| *time).max() else {
        return said(Outcome::Pass, "No pod is slower than the others.".to_owned());
    };
    let mut finding = said(
        Outcome::Warn,
        format!("One of the pods is slow: what you see through it is {worst} ms late."),
    )
    .resting(Confidence::Likely, "everything that was heard through it")
    .fact("Sockets that hear late", hearing.late.len().to_string())
    .means("Bid earlier than the last second while you are connected to it.")
    .fix("Operator: look at that pod's load and its network.");
    if !pods.is_empty() {
        finding = finding.fact("Slow", pods.into_iter().collect::<Vec<_>>().join(", "));
    }
    finding
}

pub(super) fn pods(evidence: &Evidence) -> Finding {
    let known = Known::of(evidence);
    let said = |outcome, sentence: String| {
        let mut finding = Finding::new(PODS, outcome, sentence);
        if !known.named.is_empty() {
            let names: Vec<_> = known.named.iter().cloned().collect();
            finding = finding.fact("They call themselves", names.join(", "));
        }
        if let Some(count) = known.count {
            let most = count
                .most
                .map_or("any number".to_owned(), |most| most.to_string());
            finding = finding.fact(
                "By searching",
                format!("{}, between {} and {most}", count.likely, count.least),
            );
        }
        if let Some(claimed) = known.claimed {
            finding = finding.claim("Pods", claimed.to_string());
        }
        finding
    };
    match known.reached() {
        1 if known.named.is_empty() && known.count.is_none() => said(
            Outcome::Inconclusive,
            "The server does not say which pod serves you.".to_owned(),
        )
        .resting(Confidence::Weak, "nothing tells"),
        1 => said(Outcome::Pass, "One pod answers.".to_owned()),
        _ => said(
            Outcome::Pass,
            format!("{} pods take turns.", capital(&known.words(1))),
        ),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(super) fn sticky(evidence: &Evidence) -> Finding {
    let Some(turns) = evidence.probe.as_ref().and_then(|probe| probe.turns.as_ref()) else {
        return not_probed(STICKY);
    };
    if turns.searches.is_empty() {
        let why = turns
            .trouble
            .clone()
            .unwrap_or_else(|| "nothing was searched".to_owned());
        return skipped(
            STICKY,
            "Long polling is off here, and only it would show whether clients stick.",
        )
        .fact("Why", why);
    }
    let known = Known::of(evidence);
    let yes = |found| if found { "yes" } else { "no" };
    let said = |outcome, sentence: &str| {
        let mut finding = Finding::new(STICKY, outcome, sentence);
        if let Some(found) = turns.with_cookies {
            finding = finding.fact("With cookies", yes(found));
        }
        if let Some(found) = turns.kept_alive {
            finding = finding.fact("Over a kept connection", yes(found));
        }
        finding
    };
    let at_once = turns
        .searches
        .iter()
        .all(|search| search.found && search.requests == 1);
    match (at_once, turns.with_cookies) {
        (true, _) if known.names() > 1 || known.claimed.is_some_and(|claimed| claimed > 1) => said(
            Outcome::Inconclusive,
            "The balancer keeps this address on one pod: the others cannot be tried from here.",
        )
        .resting(
            Confidence::Likely,
            "every request reached one pod, and there are others",
        ),
        (true, _) => said(Outcome::Pass, "Every request reaches the pod that it is for."),
        (false, Some(true)) => said(Outcome::Pass, "A cookie keeps each client on its pod."),
        (false, _) => said(
            Outcome::Pass,
            "Requests of one client reach different pods: websockets do not mind, long polling cannot work.",
        ),
    }
}
