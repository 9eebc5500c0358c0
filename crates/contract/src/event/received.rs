//! An event as it was received: typed where possible, with what it was read from beside it.

use std::borrow::Cow;
use std::sync::Arc;

use super::Event;

/// The payload as it came, for the feed and the recorder; sharing it costs a counter.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// The text of the first argument.
    Text(Arc<str>),
    /// The first argument, where a transport hands over only what it parsed.
    Value(Arc<serde_json::Value>),
    /// An event without arguments.
    Nothing,
}

impl Raw {
    /// As JSON text; empty for an event without arguments.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Value(value) => value.to_string(),
            Self::Nothing => String::new(),
        }
    }
}

/// What came of an event's payload.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// Understood.
    Known(Box<Event>),
    /// Nothing wrong with it, but the contract does not know the name.
    Unknown,
    /// The contract knows the name, and the payload is not what it says; with the reason.
    Malformed(String),
}

/// An event as it was received: typed where possible, raw always.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Its name; one that the contract knows costs nothing.
    pub name: Cow<'static, str>,
    /// What was understood.
    pub decoded: Decoded,
    /// What it was read from.
    pub raw: Raw,
    /// How many of its fields the contract does not know.
    pub unknown_fields: u32,
}

impl Received {
    /// From the JSON text of the first argument.
    pub fn from_text(name: &str, payload: Option<&str>) -> Self {
        let Some(text) = payload else {
            return Self::without_argument(name);
        };
        let mut unknown_fields = 0;
        let mut reader = serde_json::Deserializer::from_str(text);
        let decoded = Event::read(name, &mut reader, &mut |_| unknown_fields += 1);
        Self {
            name: Self::name_of(name),
            decoded: Self::judged(decoded),
            raw: Raw::Text(text.into()),
            unknown_fields,
        }
    }

    /// From a first argument that is parsed already.
    pub fn from_value(name: &str, payload: Option<serde_json::Value>) -> Self {
        let Some(value) = payload else {
            return Self::without_argument(name);
        };
        let mut unknown_fields = 0;
        let decoded = Event::read(name, &value, &mut |_| unknown_fields += 1);
        Self {
            name: Self::name_of(name),
            decoded: Self::judged(decoded),
            raw: Raw::Value(Arc::new(value)),
            unknown_fields,
        }
    }

    fn without_argument(name: &str) -> Self {
        let decoded = if Event::NAMES.contains(&name) {
            Decoded::Malformed("it came without a payload".to_owned())
        } else {
            Decoded::Unknown
        };
        Self {
            name: Self::name_of(name),
            decoded,
            raw: Raw::Nothing,
            unknown_fields: 0,
        }
    }

    fn name_of(name: &str) -> Cow<'static, str> {
        match Event::known_name(name) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(name.to_owned()),
        }
    }

    fn judged(read: Option<Result<Event, serde_json::Error>>) -> Decoded {
        match read {
            None => Decoded::Unknown,
            Some(Ok(event)) => Decoded::Known(Box::new(event)),
            Some(Err(error)) => Decoded::Malformed(error.to_string()),
        }
    }

    /// The event, where it was understood.
    pub fn event(&self) -> Option<&Event> {
        match &self.decoded {
            Decoded::Known(event) => Some(event),
            Decoded::Unknown | Decoded::Malformed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_event_is_kept_as_it_came() {
        let received = Received::from_text("brand_new", Some(r#"{"x":[1,2]}"#));
        assert_eq!(received.decoded, Decoded::Unknown);
        assert_eq!(received.raw.to_text(), r#"{"x":[1,2]}"#);
    }

    #[test]
    fn unknown_fields_are_counted_and_stop_nothing() {
        let received =
            Received::from_text("connected", Some(r#"{"sid":"s","region":"eu","load":{"cpu":1}}"#));
        assert_eq!(received.unknown_fields, 2);
        assert!(received.event().is_some());
    }

    #[test]
    fn a_payload_that_breaks_the_contract_is_malformed_and_kept() {
        for payload in [r#"{"sid":5}"#, "{}", "[]", "null", r#"{"sid":"s""#] {
            let received = Received::from_text("connected", Some(payload));
            assert!(matches!(received.decoded, Decoded::Malformed(_)), "{payload}");
            assert_eq!(received.raw.to_text(), payload);
        }
        assert!(matches!(
            Received::from_text("connected", None).decoded,
            Decoded::Malformed(_)
        ));
        assert_eq!(Received::from_text("bell", None).decoded, Decoded::Unknown);
    }

    #[test]
    fn an_event_that_was_kept_is_the_same_event() {
        for (name, payload) in [
            ("tick", r#"{"lotId":"a-lot-1","seq":1,"endsAt":2,"serverNow":1}"#),
            (
                "auction_paused",
                r#"{"message":null,"remainingTime":9.37,"stream":{"epoch":"e","seq":4}}"#,
            ),
            (
                "sold",
                r#"{"clubId":"c","winningBid":{"userId":"u","amount":0.5,"userEmail":"a@b.example"}}"#,
            ),
        ] {
            let event = Received::from_text(name, Some(payload)).event().cloned().unwrap();
            let kept = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&kept).unwrap(), event, "{kept}");
        }
        assert!(serde_json::from_str::<Event>(r#"{"name":"bell","payload":{}}"#).is_err());
    }

    #[test]
    fn text_and_value_decode_alike() {
        let text = r#"{"lotId":"a-lot-1","amount":5000000.0,"bidder":{"userId":"u","displayName":"U"},"seq":1,"serverTime":"2026-11-23T01:25:04.346576+00:00","later":1}"#;
        let from_text = Received::from_text("bid_update", Some(text));
        let from_value = Received::from_value("bid_update", Some(serde_json::from_str(text).unwrap()));
        assert_eq!(from_text.decoded, from_value.decoded);
        assert_eq!(from_text.unknown_fields, from_value.unknown_fields);
        assert!(from_text.event().is_some());
    }
}
