//! The ways in which an Engine.IO server refuses a request (HTTP 400).

use serde_json::Value;

/// Why an Engine.IO server refused a request: the texts of python-engineio and the codes of the JavaScript server.
///
/// Rule: contract.md section 2, and `errors` in the JavaScript server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The request reached a process that does not hold the session.
    UnknownSession,
    /// The transport's name is not known or not allowed.
    InvalidTransport,
    /// A websocket was asked for without an upgrade, or an upgrade that is not allowed.
    InvalidUpgrade,
    /// The server speaks another revision of the protocol.
    UnsupportedVersion,
    /// Refused for a reason of the server's own.
    BadRequest,
}

/// The one table of texts. Each entry is how a body's text begins.
const TEXTS: [(&str, Refusal); 7] = [
    ("Invalid session", Refusal::UnknownSession),
    ("Invalid transport", Refusal::InvalidTransport),
    ("Invalid websocket upgrade", Refusal::InvalidUpgrade),
    (
        "The client is using an unsupported version",
        Refusal::UnsupportedVersion,
    ),
    ("Session ID unknown", Refusal::UnknownSession),
    ("Transport unknown", Refusal::InvalidTransport),
    ("Unsupported protocol version", Refusal::UnsupportedVersion),
];

impl Refusal {
    /// Reads the body of a 400 answer; `None` where it does not come from an Engine.IO server.
    pub fn from_body(body: &str) -> Option<Self> {
        match serde_json::from_str(body.trim()).ok()? {
            Value::String(text) => Self::from_text(&text),
            Value::Object(members) => match (
                members.get("code").and_then(Value::as_u64),
                members.get("message"),
            ) {
                (Some(0), Some(_)) => Some(Self::InvalidTransport),
                (Some(1), Some(_)) => Some(Self::UnknownSession),
                (Some(2 | 4), Some(_)) => Some(Self::BadRequest),
                (Some(3), Some(Value::String(_))) => Some(Self::InvalidUpgrade),
                (Some(5), Some(_)) => Some(Self::UnsupportedVersion),
                (_, Some(Value::String(text))) => Self::from_text(text),
                _ => None,
            },
            _ => None,
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        TEXTS
            .iter()
            .find(|(start, _)| text.starts_with(start))
            .map(|(_, refusal)| *refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusals_of_both_servers_are_told_apart() {
        let check =
            |body: &str, expect: Option<Refusal>| assert_eq!(Refusal::from_body(body), expect, "{body}");
        check("\"Invalid session deadbeef\"", Some(Refusal::UnknownSession));
        check("\"Invalid transport\"", Some(Refusal::InvalidTransport));
        check("\"Invalid websocket upgrade\"", Some(Refusal::InvalidUpgrade));
        check(
            "\"The client is using an unsupported version of the Socket.IO or Engine.IO protocols\"",
            Some(Refusal::UnsupportedVersion),
        );
        check(
            r#"{"code":1,"message":"Session ID unknown"}"#,
            Some(Refusal::UnknownSession),
        );
        check(
            r#"{"code":3,"message":"Bad request"}"#,
            Some(Refusal::InvalidUpgrade),
        );
        check(
            r#"{"code":5,"message":"Unsupported protocol version"}"#,
            Some(Refusal::UnsupportedVersion),
        );
        check(r#"{"detail":"Not Found"}"#, None);
        check("<html>", None);
        check("", None);
    }
}
