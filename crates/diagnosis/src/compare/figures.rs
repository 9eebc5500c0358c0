//! The figures of two reports, and which of them moved by more than chance moves them.

use gavelscope_client::state::Spread;

use super::chance::{Times, shares_are_apart, times_are_apart};
use super::{Drift, FigureChange};
use crate::checks::slow_pod::much_later;
use crate::evidence::{ProbeEvidence, RoomProbe, SessionEvidence};
use crate::saved::Saved;
use crate::{Hearing, pod_count};

/// Times of a session that differ by less, ms, differ by too little to matter; by less than a fifth, too.
const TOO_LITTLE_MS: u32 = 10;

/// What was measured of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measured {
    /// Times all through a session.
    Times(Times),
    /// Times of one moment: how busy everybody was just then is in all of them.
    Moment(Times),
    /// A time, once.
    Once(u32),
    /// Trouble, so often of so many times.
    Share(u32, u32),
    /// Trouble that was proved, each asked more than once.
    Proved(u32),
    /// The same, where how many they are depends on how many were asked: only none and some can be told apart.
    AnyOf(u32),
    /// What is neither good nor bad, or not known of how many.
    Number(u32),
}

impl Measured {
    const fn shown(self) -> u32 {
        match self {
            Self::Times(times) | Self::Moment(times) => times.median,
            Self::Once(number)
            | Self::Share(number, _)
            | Self::Proved(number)
            | Self::AnyOf(number)
            | Self::Number(number) => number,
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Times(_) | Self::Moment(_) | Self::Once(_) => "ms",
            Self::Share(..) | Self::Proved(_) | Self::AnyOf(_) | Self::Number(_) => "",
        }
    }
}

type Of = fn(&Saved) -> Option<Measured>;

const FIGURES: &[(&str, Of)] = &[
    ("Groups that hear nothing of each other", |saved| {
        let islands = room(saved)?.matrix.partition().islands.len();
        // One group is nobody who is apart.
        (islands > 0).then(|| Measured::Proved(number(islands)))
    }),
    ("Pods, by searching", |saved| {
        let turns = probe(saved)?.turns.as_ref()?;
        Some(Measured::Number(pod_count(&turns.searches)?.likely))
    }),
    ("Usually heard after", |saved| heard(room(saved)?)),
    ("Sockets that hear late", |saved| {
        Some(Measured::AnyOf(number(Hearing::of(room(saved)?).late.len())))
    }),
    ("The way to the server", |saved| {
        Some(Measured::Once(probe(saved)?.path.as_ref()?.total_ms?))
    }),
    ("There and back, half within", |saved| {
        times(session(saved)?.measurements.round_trip.as_ref()?)
    }),
    ("Bid → answer, half within", |saved| {
        times(&session(saved)?.measurements.answer)
    }),
    ("Bid → echo, half within", |saved| {
        times(&session(saved)?.measurements.echo)
    }),
    ("Bids that never came back", |saved| {
        let measured = &session(saved)?.measurements;
        let missing = measured.echoes_missing;
        Some(Measured::Share(
            missing,
            measured.echo.count.saturating_add(missing),
        ))
    }),
    ("Bids missed", |saved| {
        let measured = &session(saved)?.measurements;
        Some(Measured::Share(
            measured.gaps,
            measured.events.saturating_add(measured.gaps),
        ))
    }),
    ("Joins without an answer", |saved| {
        Some(Measured::Number(session(saved)?.measurements.acks_missing))
    }),
    ("Malformed events", |saved| {
        let measured = &session(saved)?.measurements;
        Some(Measured::Share(
            measured.malformed,
            measured.events.max(measured.malformed),
        ))
    }),
    ("Reconnects", |saved| {
        Some(Measured::Number(session(saved)?.connection.reconnects))
    }),
    ("Clock error", |saved| {
        Some(Measured::Once(session(saved)?.clock.error_ms?))
    }),
];

fn session(saved: &Saved) -> Option<&SessionEvidence> {
    saved.evidence.session.as_ref()
}

fn probe(saved: &Saved) -> Option<&ProbeEvidence> {
    saved.evidence.probe.as_ref()
}

fn room(saved: &Saved) -> Option<&RoomProbe> {
    probe(saved)?.room.as_ref()
}

fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn times(spread: &Spread) -> Option<Measured> {
    Some(Measured::Times(Times {
        count: spread.count,
        median: spread.median?,
        p95: spread.p95?,
    }))
}

/// From every pair of sockets.
fn heard(room: &RoomProbe) -> Option<Measured> {
    let mut pairs: Vec<u32> = room
        .matrix
        .rows
        .iter()
        .flatten()
        .filter_map(|heard| heard.median_ms)
        .collect();
    pairs.sort_unstable();
    let last = (pairs.len() * 95).div_ceil(100).checked_sub(1)?;
    Some(Measured::Moment(Times {
        count: number(pairs.len()),
        median: Hearing::of(room).usual_ms?,
        p95: *pairs.get(last)?,
    }))
}

/// Those that moved.
pub(super) fn moved(before: &Saved, after: &Saved) -> Vec<FigureChange> {
    let moved = |&(label, of): &(&str, Of)| {
        let (was, is) = (of(before), of(after));
        let unit = was.or(is)?.unit();
        Some(FigureChange {
            label: label.to_owned(),
            unit: unit.to_owned(),
            before: was.map(Measured::shown),
            after: is.map(Measured::shown),
            drift: drift(was, is)?,
        })
    };
    FIGURES.iter().filter_map(moved).collect()
}

/// Which way it went; none where it stayed, or where chance and a busy machine explain it.
fn drift(was: Option<Measured>, is: Option<Measured>) -> Option<Drift> {
    let (Some(was), Some(is)) = (was, is) else {
        return (was != is).then_some(Drift::Other);
    };
    let (before, after) = (was.shown(), is.shown());
    if before == after {
        return None;
    }
    let way = if after < before {
        Drift::Better
    } else {
        Drift::Worse
    };
    let by_far = much_later(before.max(after), before.min(after));
    let judged = |proved: bool| proved.then_some(way).or(by_far.then_some(Drift::Other));
    match (was, is) {
        (Measured::Times(was), Measured::Times(is)) => {
            let enough = before.abs_diff(after) > TOO_LITTLE_MS.max(before.min(after) / 5);
            judged(enough && times_are_apart(was, is))
        }
        (Measured::Moment(was), Measured::Moment(is)) => judged(by_far && times_are_apart(was, is)),
        (Measured::Once(_), Measured::Once(_)) => judged(false),
        (Measured::Share(bad, of), Measured::Share(bad_now, of_now)) => {
            let proved = shares_are_apart((bad, of), (bad_now, of_now));
            // More of more may be a smaller share.
            let less = u64::from(bad_now) * u64::from(of) < u64::from(bad) * u64::from(of_now);
            Some(match (proved, less) {
                (true, true) => Drift::Better,
                (true, false) => Drift::Worse,
                (false, _) => Drift::Other,
            })
        }
        (Measured::Proved(_), Measured::Proved(_)) => Some(way),
        (Measured::AnyOf(_), Measured::AnyOf(_)) if before == 0 || after == 0 => Some(way),
        _ => Some(Drift::Other),
    }
}
