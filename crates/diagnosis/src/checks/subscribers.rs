//! How many pods listen to Redis, by its own count, beside how many there are.

use std::collections::BTreeSet;

use crate::checks::operator::{LATE, NOT_GIVEN};
use crate::checks::skipped;
use crate::evidence::{ChannelForm, Evidence, RedisChannel, Scratch};
use crate::report::{Confidence, Finding, Outcome};
use crate::turns::{Turns, pod_count};

pub(super) const CODE: &str = "GS-REDIS-SUBSCRIBERS";

/// How many pods there are, as far as the probe tells. What a session saw may be gone by now.
#[derive(Clone, Copy)]
pub(super) struct Pods {
    /// As many, as far as it is known.
    pub(super) likely: u32,
    /// There is no doubt about it.
    exact: bool,
    /// Each of them had a socket of the probe.
    had_sockets: bool,
}

impl Pods {
    pub(super) fn of(evidence: &Evidence) -> Option<Self> {
        let probe = evidence.probe.as_ref()?;
        let mut known: BTreeSet<&str> = probe
            .health
            .iter()
            .filter_map(|seen| seen.pod.as_deref())
            .collect();
        let mut holding: BTreeSet<&str> = BTreeSet::new();
        let mut count = None;
        let mut sockets = 0;
        if let Some(turns) = &probe.turns {
            known.extend(turns.pods.iter().map(String::as_str));
            count = pod_count(&turns.searches);
        }
        if let Some(room) = &probe.room {
            holding.extend(room.sockets.iter().filter_map(|socket| socket.pod.as_deref()));
            known.extend(holding.iter().copied());
            sockets = room.sockets.len();
        }
        let number = |set: &BTreeSet<&str>| u32::try_from(set.len()).unwrap_or(u32::MAX);
        let (named, holding) = (number(&known), number(&holding));
        let sockets = u32::try_from(sockets).unwrap_or(u32::MAX);
        if named == 0 && count.is_none() {
            return None;
        }
        let searched = count.map_or(0, |count| count.likely);
        let strictly = count.is_some_and(|count| count.turns == Turns::Strict);
        let likely = named.max(searched).max(1);
        Some(Self {
            likely,
            exact: strictly && searched >= named || named > 0 && named >= searched,
            // By their names, or because they were served one after the other.
            had_sockets: holding >= likely || named == 0 && strictly && sockets >= likely,
        })
    }

    fn words(self) -> String {
        if self.exact {
            format!("{}", self.likely)
        } else {
            format!("about {}", self.likely)
        }
    }
}

/// In which form the probed backend names its channels, where the probe tells.
fn form_of(evidence: &Evidence) -> Option<ChannelForm> {
    match evidence.probe.as_ref()?.room.as_ref()?.scratch? {
        Scratch::ProbeRoom => Some(ChannelForm::SocketIo),
        Scratch::LeagueRooms => Some(ChannelForm::Python),
    }
}

/// The channels with somebody on them, the fullest first: those that a pod of this kind may use, and those of which that
/// cannot be told.
struct InUse<'a> {
    pods: Vec<&'a RedisChannel>,
    unknown: Vec<&'a RedisChannel>,
    /// A python-socketio's pods subscribe with their first socket.
    python: bool,
}

impl<'a> InUse<'a> {
    fn of(channels: &'a [RedisChannel], form: Option<ChannelForm>) -> Self {
        let mut used: Vec<&RedisChannel> = channels
            .iter()
            .filter(|channel| channel.subscribers > 0)
            .collect();
        used.sort_by(|one, other| {
            other
                .subscribers
                .cmp(&one.subscribers)
                .then_with(|| one.cmp(other))
        });
        let (unknown, pods) = used
            .into_iter()
            .partition(|channel| channel.form == ChannelForm::Unknown);
        let pods: Vec<&RedisChannel> = pods;
        Self {
            pods: pods
                .into_iter()
                .filter(|channel| form.is_none_or(|form| form == channel.form))
                .collect(),
            // Socket.IO's form is known when it is seen.
            unknown: if form == Some(ChannelForm::SocketIo) {
                Vec::new()
            } else {
                unknown
            },
            python: form != Some(ChannelForm::SocketIo),
        }
    }
}

fn listed(channels: &[&RedisChannel]) -> String {
    let each: Vec<String> = channels
        .iter()
        .map(|channel| format!("{} ({})", channel.name, channel.subscribers))
        .collect();
    each.join(", ")
}

/// How many pods listen there, beside how many there are.
pub(super) fn count(evidence: &Evidence) -> Finding {
    let Some(redis) = &evidence.redis else {
        return skipped(CODE, NOT_GIVEN);
    };
    let Some(channels) = &redis.channels else {
        let finding = Finding::new(
            CODE,
            Outcome::Inconclusive,
            "How many pods listen to Redis is not known.",
        )
        .resting(Confidence::Weak, "nothing was counted");
        return if redis.trouble.is_some() {
            finding.because("Redis was not looked at to the end.")
        } else {
            finding
                .because("This user may not ask Redis who listens (PUBSUB).")
                .fix("Operator: give the address with a user who may (+pubsub), or look with redis-cli PUBSUB NUMSUB.")
        };
    };
    let used = InUse::of(channels, form_of(evidence));
    let mut finding = match Pods::of(evidence) {
        None => uncompared(&used),
        Some(pods) => compared(&used, pods),
    };
    for channel in channels {
        let form = match channel.form {
            ChannelForm::SocketIo => "socketioxide's form",
            ChannelForm::Python => "python-socketio's",
            ChannelForm::Unknown => "whose is not known",
        };
        let label = format!("On {} ({form})", channel.name);
        finding = finding.fact(&label, channel.subscribers.to_string());
    }
    if redis.other_channels > 0 {
        finding = finding.fact("Other channels in use", redis.other_channels.to_string());
    }
    if let Some(patterns) = redis.patterns.filter(|&patterns| patterns > 0) {
        finding = finding.fact("Patterns in use", patterns.to_string());
    }
    match Pods::of(evidence) {
        Some(pods) => finding.fact("Pods that were found", pods.words()),
        None => finding,
    }
}

/// Nothing is known of the pods.
fn uncompared(used: &InUse<'_>) -> Finding {
    let run = "Operator: add --probe, which finds out how many pods there are.";
    let said = |outcome, sentence: String| {
        Finding::new(CODE, outcome, sentence)
            .resting(Confidence::Weak, "a count, and nothing to compare it with")
    };
    match used.pods.as_slice() {
        [] if !used.unknown.is_empty() => said(Outcome::Inconclusive, unusual(&used.unknown)).fix(NAME_IT),
        [] => said(
            Outcome::Warn,
            "Nobody listens on any channel of Socket.IO's: no pod uses this Redis.".to_owned(),
        )
        .because(ONE_NEEDS_NONE)
        .fix("Operator: give every pod the same REDIS_URL; one pod alone needs none."),
        [one] => said(
            Outcome::Inconclusive,
            format!(
                "{} on the channel {}; how many pods there are is not known.",
                listening(one.subscribers),
                one.name
            ),
        )
        .fix(run),
        several => said(
            Outcome::Inconclusive,
            format!(
                "Several channels are in use: {}. Pods on different ones do not hear each other.",
                listed(several)
            ),
        )
        .because(
            "Fleets that share a Redis have a channel each; the pods of one fleet have to have the same.",
        )
        .fix(run),
    }
}

const ONE_NEEDS_NONE: &str =
    "A pod that was given no address of Redis, or another one, does not listen here.";
const NAME_IT: &str = "Operator: name your pods' channel with --redis-channel, if it is one of these.";

fn unusual(unknown: &[&RedisChannel]) -> String {
    format!(
        "Nobody listens on a usual channel of Socket.IO's; others are in use: {}.",
        listed(unknown)
    )
}

fn listening(number: u32) -> String {
    match number {
        1 => "One listens".to_owned(),
        number => format!("{number} listen"),
    }
}

/// Beside the pods that were found.
fn compared(used: &InUse<'_>, pods: Pods) -> Finding {
    let said = |outcome, sentence: String| {
        let confidence = if pods.exact {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        Finding::new(CODE, outcome, sentence)
            .resting(confidence, "a count by Redis, beside the pods that were found")
    };
    let broken = |sentence: String| {
        let words = format!("Your bids are safe, but the prices you see can be late: {sentence}");
        said(Outcome::Fail, words).means(LATE)
    };
    let number = pods.words();
    let Some(fullest) = used.pods.first() else {
        if !used.unknown.is_empty() {
            return said(Outcome::Inconclusive, unusual(&used.unknown)).fix(NAME_IT);
        }
        if pods.likely < 2 {
            return said(
                Outcome::Inconclusive,
                "No pod listens to Redis; one was reached, and if it is the only one it needs none."
                    .to_owned(),
            )
            .because(ONE_NEEDS_NONE)
            .fix(
                "Operator: count the replicas. With one, all is well; with more, set REDIS_URL on every pod.",
            );
        }
        return broken(format!("none of {number} pods listens to Redis."))
            .because("No pod subscribes at this Redis: the adapter is missing, or was given another address.")
            .fix("Operator: set REDIS_URL on every pod, the same one, or run one replica.");
    };
    let (name, listen) = (&fullest.name, fullest.subscribers);
    if listen == pods.likely || (listen > pods.likely && !pods.exact) {
        let sentence = match listen {
            1 => format!("The one pod that was reached listens on the channel {name}."),
            _ => format!("All {listen} pods listen on the channel {name}."),
        };
        let finding = said(Outcome::Pass, sentence);
        return if used.pods.len() > 1 {
            finding.because("Other fleets use this Redis, too, on channels of their own.")
        } else {
            finding
        };
    }
    if listen > pods.likely {
        return said(
            Outcome::Inconclusive,
            format!("{listen} listen on the channel {name}, and {number} pods were found: which is which cannot be told."),
        )
        .because("Pods were not reached, or another fleet uses the same channel and hears this one's events.")
        .fix("Operator: give each fleet a channel of its own, and run the diagnosis with more sockets.");
    }
    if used.pods.len() > 1 {
        return broken(format!("the pods are split over the channels {}.", listed(&used.pods)))
            .because(format!("Pods on different channels do not hear each other, and no channel has all {number} of them."))
            .fix("Operator: give every pod the same channel (gaveld: GAVELD_REDIS_CHANNEL; python-socketio: channel=…).");
    }
    let (cause, fix) = if used.unknown.is_empty() {
        (
            "The others were given another Redis or channel, or none, or their subscription is broken."
                .to_owned(),
            "Operator: give every pod the same REDIS_URL and channel, and restart the pod that does not listen.",
        )
    } else {
        (
            format!(
                "Somebody listens on other channels, as it seems the missing pods: {}.",
                listed(&used.unknown)
            ),
            "Operator: give every pod the same channel (python-socketio: channel=…), and restart the pod that has another.",
        )
    };
    let short = format!("only {listen} of {number} pods listen on the channel {name}.");
    let unsure = !pods.exact || (used.python && !pods.had_sockets);
    if unsure {
        let words = format!("The prices you see may be late: {short}");
        said(Outcome::Warn, words)
            .resting(
                Confidence::Likely,
                "a count by Redis; a python-socketio pod listens from its first socket on",
            )
            .because(cause)
            .means(LATE)
            .fix(fix)
    } else {
        broken(short).because(cause).fix(fix)
    }
}
