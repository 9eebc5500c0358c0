//! The handshake that a server sends first.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::DecodeError;

/// What the server's open packet says. Only the session id is required of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Engine.IO session id.
    pub sid: String,
    /// Transports that the server offers to upgrade to.
    pub upgrades: Vec<String>,
    /// How often the server sends a ping. 25 s where it does not say.
    pub ping_interval: Duration,
    /// How long after a due ping the connection counts as lost. 20 s where the server does not say.
    pub ping_timeout: Duration,
    /// Most bytes that the server accepts in one message, where it says so.
    pub max_payload: Option<usize>,
}

/// The protocol's own defaults.
const DEFAULT_PING_INTERVAL: Duration = Duration::from_secs(25);
const DEFAULT_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// A longer heartbeat would be none; the bound keeps deadlines representable.
const LONGEST_HEARTBEAT: Duration = Duration::from_hours(24);

impl Open {
    /// Reads the JSON text of an open packet: unknown members are ignored, numbers may be floats or texts.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        let members: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| DecodeError::Handshake(describe(&error)))?;
        let sid = match members.get("sid") {
            Some(Value::String(sid)) if !sid.is_empty() => sid.clone(),
            _ => return Err(DecodeError::Handshake("it holds no session id".to_owned())),
        };
        let upgrades = match members.get("upgrades") {
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        };
        let milliseconds = |name: &str, default: Duration| {
            let given = members.get(name).and_then(number).filter(|value| *value > 0);
            given
                .map_or(default, Duration::from_millis)
                .min(LONGEST_HEARTBEAT)
        };
        Ok(Self {
            sid,
            upgrades,
            ping_interval: milliseconds("pingInterval", DEFAULT_PING_INTERVAL),
            ping_timeout: milliseconds("pingTimeout", DEFAULT_PING_TIMEOUT),
            max_payload: members
                .get("maxPayload")
                .and_then(number)
                .and_then(|value| usize::try_from(value).ok()),
        })
    }

    /// The JSON text of an open packet.
    pub fn to_json(&self) -> String {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut members = Map::new();
        members.insert("sid".to_owned(), self.sid.clone().into());
        members.insert("upgrades".to_owned(), self.upgrades.clone().into());
        members.insert("pingInterval".to_owned(), milliseconds(self.ping_interval).into());
        members.insert("pingTimeout".to_owned(), milliseconds(self.ping_timeout).into());
        if let Some(max_payload) = self.max_payload {
            members.insert("maxPayload".to_owned(), max_payload.into());
        }
        Value::Object(members).to_string()
    }
}

/// A serde message may quote the input; its kind and place say enough.
fn describe(error: &serde_json::Error) -> String {
    if error.is_data() {
        "it is not a JSON object".to_owned()
    } else {
        "it is not JSON".to_owned()
    }
}

/// A whole number that may come as a float or a text; what is negative or no number is none.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64().filter(|float| *float >= 0.0)?;
            // Through the text, because a cast from a float would round silently: `20000.0` is `20000`.
            format!("{float:.0}").parse().ok()
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(ping_interval: u64, ping_timeout: u64, max_payload: Option<usize>, upgrades: &[&str]) -> Open {
        Open {
            sid: "s".to_owned(),
            upgrades: upgrades.iter().map(ToString::to_string).collect(),
            ping_interval: Duration::from_millis(ping_interval),
            ping_timeout: Duration::from_millis(ping_timeout),
            max_payload,
        }
    }

    #[test]
    fn the_fields_handshake_is_read() {
        let text = r#"{"sid":"CnABGOwTkdWvCtu2AAAB","upgrades":[],"pingTimeout":25000,"pingInterval":20000,"maxPayload":1000000}"#;
        let expect = Open {
            sid: "CnABGOwTkdWvCtu2AAAB".to_owned(),
            ..open(20_000, 25_000, Some(1_000_000), &[])
        };
        assert_eq!(Open::parse(text), Ok(expect));
    }

    #[test]
    fn a_lean_or_odd_handshake_is_read_with_defaults() {
        let check = |text: &str, expect: Open| assert_eq!(Open::parse(text), Ok(expect), "{text}");
        check(r#"{"sid":"s"}"#, open(25_000, 20_000, None, &[]));
        check(
            r#"{"sid":"s","pingInterval":300.0,"pingTimeout":"200"}"#,
            open(300, 200, None, &[]),
        );
        check(
            r#"{"sid":"s","pingInterval":0,"pingTimeout":-5}"#,
            open(25_000, 20_000, None, &[]),
        );
        check(
            r#"{"sid":"s","pingInterval":1e300,"pingTimeout":null}"#,
            open(25_000, 20_000, None, &[]),
        );
        check(
            r#"{"sid":"s","pingInterval":99999999999999}"#,
            open(86_400_000, 20_000, None, &[]),
        );
        check(
            r#"{"sid":"s","upgrades":["websocket",1],"new":{}}"#,
            open(25_000, 20_000, None, &["websocket"]),
        );
    }

    #[test]
    fn a_handshake_without_a_session_id_is_refused() {
        for text in ["", "{", "[]", "{}", r#"{"sid":""}"#, r#"{"sid":1}"#, "null"] {
            assert!(
                matches!(Open::parse(text), Err(DecodeError::Handshake(_))),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            sid in ".{1,40}",
            upgrades in prop::collection::vec(any::<String>(), 0..3),
            ping_interval in 1_u64..86_400_000,
            ping_timeout in 1_u64..86_400_000,
            max_payload in any::<Option<u32>>(),
        ) {
            let original = Open {
                sid,
                upgrades,
                ping_interval: Duration::from_millis(ping_interval),
                ping_timeout: Duration::from_millis(ping_timeout),
                max_payload: max_payload.map(|value| value as usize),
            };
            prop_assert_eq!(Open::parse(&original.to_json()), Ok(original));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in any::<String>()) {
            let _ = Open::parse(&text);
        }
    }
}
