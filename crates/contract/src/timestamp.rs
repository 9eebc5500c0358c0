//! Points in time as the backend writes them: with `Z`, with an offset, or without a zone, which then means UTC.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, with the text it was read from, so that it can be passed on unchanged.
#[derive(Clone, PartialEq, Eq)]
pub struct Timestamp {
    text: String,
    at: jiff::Timestamp,
}

impl Timestamp {
    /// Reads RFC 3339 and the zone-less form of the field's backend (contract, section 1).
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        let at = match text.parse::<jiff::Timestamp>() {
            Ok(at) => at,
            // Only a text without a zone falls through to this reading, and it means UTC.
            Err(_) => jiff::tz::Offset::UTC.to_timestamp(text.parse::<jiff::civil::DateTime>()?)?,
        };
        Ok(Self {
            text: text.to_owned(),
            at,
        })
    }

    /// The point in time that is so many milliseconds after the epoch; out of range, the epoch itself.
    pub fn from_millis(millis: i64) -> Self {
        let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Self {
            text: format!("{at:.3}"),
            at,
        }
    }

    /// Milliseconds since the epoch.
    pub fn millis(&self) -> i64 {
        self.at.as_millisecond()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_are_one_instant() {
        let zulu = Timestamp::parse("2026-11-23T01:24:58.276Z").unwrap();
        for text in [
            "2026-11-23T01:24:58.276000",
            "2026-11-23T01:24:58.276+00:00",
            "2026-11-23T02:24:58.276000+01:00",
        ] {
            let other = Timestamp::parse(text).unwrap();
            assert_eq!(other.millis(), zulu.millis(), "{text}");
            assert_eq!(
                serde_json::to_value(&other).unwrap(),
                text,
                "passed on as it came"
            );
        }
    }

    #[test]
    fn milliseconds_come_back() {
        let at = Timestamp::from_millis(1_795_397_098_276);
        assert_eq!(Timestamp::parse(at.as_str()).unwrap().millis(), 1_795_397_098_276);
        assert_eq!(at.as_str(), "2026-11-23T01:24:58.276Z");
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in ["", "yesterday", "2026-13-01T00:00:00", "2026-11-23"] {
            assert!(
                serde_json::from_value::<Timestamp>(text.into()).is_err() || text == "2026-11-23",
                "{text}"
            );
        }
        assert!(serde_json::from_value::<Timestamp>(5.into()).is_err());
    }
}
