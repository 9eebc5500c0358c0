//! Ways of reading what the field writes unevenly.

use serde::{Deserialize, Deserializer, de};

/// For a field that can be missing, null or a value, where the difference has to survive being passed on:
/// `Option<Option<T>>` with `#[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]`.
#[allow(
    clippy::option_option,
    reason = "missing, null and a value are three things on this wire"
)]
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// For a list that is sometimes null.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The furthest moment from the epoch that a browser's clock can name, ms. What lies beyond is no time, and could not be
/// reckoned with.
const FURTHEST: u64 = 8_640_000_000_000_000;

/// For a moment in ms since the epoch.
pub fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let millis = i64::deserialize(deserializer)?;
    if millis.unsigned_abs() > FURTHEST {
        return Err(de::Error::custom(format!("{millis} is no moment in time")));
    }
    Ok(millis)
}

/// For a moment that can be missing; one that is no time is as good as missing.
pub fn moment_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let millis = Option::<i64>::deserialize(deserializer)?;
    Ok(millis.filter(|millis| millis.unsigned_abs() <= FURTHEST))
}
