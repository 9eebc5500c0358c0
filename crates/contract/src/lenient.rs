//! Ways of reading what the field writes unevenly.

use serde::{Deserialize, Deserializer};

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
