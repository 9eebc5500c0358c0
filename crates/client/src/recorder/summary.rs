//! A line of a recording in words, as the feed says it.

use gavelscope_contract::Received;

use super::line::Entry;
use super::playback::RecordedKind;
use crate::words;

/// What kind of line it is, and what it says.
pub(super) fn of(entry: &Entry<'_>) -> (RecordedKind, String) {
    let reason = || entry.reason.as_deref().unwrap_or_default().to_owned();
    match entry.kind.as_ref() {
        "event" => event(entry),
        "frame" => (RecordedKind::Malformed, format!("Not a packet: {}.", reason())),
        "ping" => (RecordedKind::Link, "The server's heartbeat.".to_owned()),
        "out" => (RecordedKind::Sent, "Sent to the server.".to_owned()),
        "ack" if entry.reason.is_some() => (RecordedKind::Answer, format!("No answer: {}.", reason())),
        "ack" => (RecordedKind::Answer, "Acknowledged.".to_owned()),
        "call" => {
            let (method, path) = (entry.method.as_deref(), entry.path.as_deref());
            let (method, path) = (method.unwrap_or_default(), path.unwrap_or_default());
            let text = format!("Call {}: {method} {path}", entry.n.unwrap_or(0));
            (RecordedKind::Sent, text)
        }
        "answer" => (RecordedKind::Answer, answer(entry)),
        "input" => (RecordedKind::State, input(entry.name()).to_owned()),
        "transition" => (RecordedKind::Link, reason()),
        "link" => (RecordedKind::Link, link(entry)),
        "polled" if entry.body().is_some() => (
            RecordedKind::State,
            "Events are not believed to arrive; the state is read from the server.".to_owned(),
        ),
        "polled" => (RecordedKind::State, "Events are followed.".to_owned()),
        "room" => (RecordedKind::Answer, "What the join was answered.".to_owned()),
        "bid" => (RecordedKind::Bid, field(entry, "sentence")),
        "clock" => {
            let (offset, error) = (field(entry, "offsetMs"), field(entry, "errorMs"));
            let text = format!("The server's clock is {offset} ms ahead of ours, give or take {error} ms.");
            (RecordedKind::State, text)
        }
        "league" => (
            RecordedKind::State,
            format!("The league “{}” was read.", field(entry, "name")),
        ),
        "note" => (RecordedKind::Note, reason()),
        "closed" => (RecordedKind::State, "The auction was closed.".to_owned()),
        "state" => (RecordedKind::State, "The whole state.".to_owned()),
        "dropped" => {
            let text = format!(
                "{} lines are missing: the disk was slower than the session.",
                entry.count.unwrap_or(0)
            );
            (RecordedKind::Note, text)
        }
        "recording" => (RecordedKind::Note, "The recording begins.".to_owned()),
        "seal" => (RecordedKind::Note, "The lines up to here are sealed.".to_owned()),
        "end" => (RecordedKind::Note, "The session ended.".to_owned()),
        other => (
            RecordedKind::Note,
            format!("A line of a kind that this version does not know: {other}."),
        ),
    }
}

fn event(entry: &Entry<'_>) -> (RecordedKind, String) {
    let kind = match entry.verdict.as_deref() {
        None => RecordedKind::Event,
        Some("unknown") => RecordedKind::Unknown,
        Some(_) => RecordedKind::Malformed,
    };
    let summary = match (&entry.reason, kind) {
        (Some(reason), RecordedKind::Malformed) => format!("Not what the contract says: {reason}."),
        _ => words::summary(&Received::from_text(entry.name(), entry.body())),
    };
    (kind, summary)
}

fn answer(entry: &Entry<'_>) -> String {
    let (n, after) = (entry.n.unwrap_or(0), entry.took_ms.unwrap_or(0));
    match (entry.status, &entry.reason) {
        (Some(status), _) => format!("Call {n}: {status} after {after} ms"),
        (None, Some(reason)) => format!("Call {n}: no answer after {after} ms. {reason}"),
        (None, None) => format!("Call {n}: no answer after {after} ms."),
    }
}

fn input(name: &str) -> &'static str {
    match name {
        "snapshot" => "A snapshot was taken in.",
        "clubs" => "The clubs were taken in.",
        "participants" => "The managers were taken in.",
        "withoutSnapshot" => "No snapshot could be had; what was kept back is taken as it is.",
        "linkLost" => "The link is gone: what follows does not connect.",
        "resync" => "Messages were dropped on this side: what follows does not connect.",
        "gone" => "The server does not know the auction any more.",
        _ => "Taken in.",
    }
}

fn link(entry: &Entry<'_>) -> String {
    let (phase, trouble) = (field(entry, "phase"), field(entry, "trouble"));
    if trouble.is_empty() {
        format!("The link is {phase}.")
    } else {
        format!("The link is {phase}. {trouble}")
    }
}

/// A field of the body, as text; empty where it is missing or null.
fn field(entry: &Entry<'_>, name: &str) -> String {
    let value: serde_json::Value = entry
        .body()
        .and_then(|body| serde_json::from_str(body).ok())
        .unwrap_or_default();
    match &value[name] {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
