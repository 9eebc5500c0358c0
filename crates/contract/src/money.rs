//! Money as whole pence, and the numbers of the wire that it is read from.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// An amount of money, never negative.
///
/// In memory it is pence. In JSON, on the wire and to the window, it is a number in **pounds** (`5000000`, `5000000.0`), now and then a string (`"5000000"`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
// TypeScript has one kind of number. What crosses is pounds, as everywhere on the wire.
pub struct Money(
    #[cfg_attr(feature = "specta", specta(type = u32))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    i64,
);

/// Why something is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// NaN or an infinity.
    #[error("an amount has to be a finite number")]
    NotFinite,
    /// Below zero.
    #[error("an amount cannot be negative")]
    Negative,
    /// More than two digits after the decimal point.
    #[error("an amount has at most two decimals")]
    TooManyDecimals,
    /// More than the largest amount that every part of the chain holds exactly.
    #[error("an amount cannot be more than £{}", Money::MAX.pounds())]
    TooLarge,
    /// Not a number at all; what was found is quoted.
    #[error("“{0}” is not an amount of money")]
    NotANumber(String),
}

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount, a trillion pounds: a double, and so every JSON reader, still tells its pence apart.
    pub const MAX: Self = Self(100_000_000_000_000);

    /// An amount in whole pounds; clipped to [`Money::MAX`].
    pub const fn from_pounds(pounds: u32) -> Self {
        Self(pounds as i64 * 100)
    }

    /// An amount in pence.
    pub fn from_pence(pence: i64) -> Result<Self, MoneyError> {
        match pence {
            ..0 => Err(MoneyError::Negative),
            _ if pence > Self::MAX.0 => Err(MoneyError::TooLarge),
            _ => Ok(Self(pence)),
        }
    }

    /// Pence.
    pub const fn pence(self) -> i64 {
        self.0
    }

    /// Whole pounds, pence cut off.
    pub const fn pounds(self) -> i64 {
        self.0 / 100
    }

    /// The sum, clipped to [`Money::MAX`].
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self((self.0 + other.0).min(Self::MAX.0))
    }

    /// The difference, or nothing at all where it would be negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0).max(0))
    }

    /// The amount so many times, clipped to [`Money::MAX`].
    #[must_use]
    pub fn saturating_times(self, times: u32) -> Self {
        Self(self.0.saturating_mul(i64::from(times)).min(Self::MAX.0))
    }

    /// Reads what a person types: `5000000`, `5,000,000`, `£5m`, `5.5 m`, `750k`.
    pub fn parse_typed(text: &str) -> Result<Self, MoneyError> {
        let refuse = || MoneyError::NotANumber(text.trim().to_owned());
        let mut digits: String = text
            .trim()
            .trim_start_matches('£')
            .chars()
            .filter(|c| !matches!(c, ',' | ' ' | '_' | '\u{a0}'))
            .collect();
        let shift = match digits.to_ascii_lowercase().pop() {
            Some('k') => 3,
            Some('m') => 6,
            _ => 0,
        };
        if shift > 0 {
            digits.pop();
        }
        if digits.is_empty() || digits.starts_with('+') {
            return Err(refuse());
        }
        Self::from_decimal(&digits, shift).map_err(|e| match e {
            MoneyError::NotANumber(_) => refuse(),
            other => other,
        })
    }

    /// Reads plain decimal notation without an exponent; `shift` moves the decimal point to the right.
    fn from_decimal(text: &str, shift: usize) -> Result<Self, MoneyError> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return Err(MoneyError::NotANumber(text.to_owned()));
        }
        let fraction = fraction.trim_end_matches('0');
        let places = 2 + shift;
        if fraction.len() > places {
            return Err(MoneyError::TooManyDecimals);
        }
        let digits = format!("{whole}{fraction:0<places$}");
        let digits = digits.trim_start_matches('0');
        let pence: i64 = match digits {
            "" => 0,
            _ if digits.len() > 16 => return Err(MoneyError::TooLarge),
            _ => digits
                .parse()
                .map_err(|_| MoneyError::NotANumber(text.to_owned()))?,
        };
        if pence != 0 && unsigned.len() != text.len() {
            return Err(MoneyError::Negative);
        }
        Self::from_pence(pence)
    }
}

impl TryFrom<f64> for Money {
    type Error = MoneyError;

    fn try_from(pounds: f64) -> Result<Self, MoneyError> {
        if !pounds.is_finite() {
            return Err(MoneyError::NotFinite);
        }
        if pounds < 0.0 {
            return Err(MoneyError::Negative);
        }
        // Whole pounds are what nearly every amount is; the rest goes by its shortest decimal form, which is the
        // number that was meant: 0.1 is ten pence although no double is exactly a tenth.
        if pounds.fract() == 0.0 && pounds <= 1.0e12 {
            #[allow(clippy::cast_possible_truncation, reason = "whole, and far below 2^53")]
            return Self::from_pence(pounds as i64 * 100);
        }
        Self::from_decimal(&format!("{pounds}"), 0)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Money {
    /// `£5,000,000`, and `£0.50` where there are pence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pounds = self.pounds().to_string();
        let mut text = String::with_capacity(pounds.len() + 8);
        for (index, digit) in pounds.chars().enumerate() {
            if index > 0 && (pounds.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        match self.0 % 100 {
            0 => write!(f, "£{text}"),
            pence => write!(f, "£{text}.{pence:02}"),
        }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            serializer.serialize_i64(self.0 / 100)
        } else {
            #[allow(clippy::cast_precision_loss, reason = "Money::MAX is far below 2^53")]
            serializer.serialize_f64(self.0 as f64 / 100.0)
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;

        impl Visitor<'_> for AnyNumber {
            type Value = Money;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of money in pounds")
            }

            fn visit_u64<E: de::Error>(self, pounds: u64) -> Result<Money, E> {
                i64::try_from(pounds)
                    .ok()
                    .and_then(|pounds| pounds.checked_mul(100))
                    .ok_or(MoneyError::TooLarge)
                    .and_then(Money::from_pence)
                    .map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, pounds: i64) -> Result<Money, E> {
                u64::try_from(pounds)
                    .map_err(|_| E::custom(MoneyError::Negative))
                    .and_then(|p| self.visit_u64(p))
            }

            fn visit_f64<E: de::Error>(self, pounds: f64) -> Result<Money, E> {
                Money::try_from(pounds).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
                Money::from_decimal(text, 0).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(AnyNumber)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<i64, String> {
        serde_json::from_str::<Money>(json)
            .map(Money::pence)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_three_spellings_of_the_wire_are_one_amount() {
        for spelling in ["5000000", "5000000.0", "\"5000000\"", "5e6"] {
            assert_eq!(read(spelling), Ok(500_000_000), "{spelling}");
        }
        assert_eq!(read("0.1"), Ok(10));
        assert_eq!(read("\"0.10\""), Ok(10));
        assert_eq!(read("-0.0"), Ok(0));
    }

    #[test]
    fn what_is_not_an_amount_is_refused_with_its_reason() {
        for (json, reason) in [
            ("-1", "cannot be negative"),
            ("-0.01", "cannot be negative"),
            ("\"-5\"", "cannot be negative"),
            ("0.001", "two decimals"),
            ("\"1.005\"", "two decimals"),
            ("1000000000001", "more than"),
            ("1e300", "more than"),
            ("\"abc\"", "not an amount"),
            ("\"\"", "not an amount"),
            ("\"NaN\"", "not an amount"),
            ("null", "an amount of money in pounds"),
            ("[]", "an amount of money in pounds"),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.contains(reason), "{json}: {error}");
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Money::try_from(number), Err(MoneyError::NotFinite));
        }
    }

    #[test]
    fn what_a_person_types_is_read() {
        for (typed, pounds) in [
            ("5m", 5_000_000),
            ("£5.5M", 5_500_000),
            ("750k", 750_000),
            ("5,000,000", 5_000_000),
            (" 1 000 ", 1_000),
        ] {
            assert_eq!(
                Money::parse_typed(typed),
                Ok(Money::from_pounds(pounds)),
                "{typed}"
            );
        }
        for typed in ["", "m", "£", "+5", "five", "1e6", "5mm", "--5", "5.5.5"] {
            assert_eq!(
                Money::parse_typed(typed),
                Err(MoneyError::NotANumber(typed.trim().to_owned())),
                "{typed}"
            );
        }
        assert_eq!(Money::parse_typed("-5"), Err(MoneyError::Negative));
        assert_eq!(Money::parse_typed("1.005"), Err(MoneyError::TooManyDecimals));
    }

    #[test]
    fn it_prints_as_people_write_it() {
        for (pence, text) in [
            (0, "£0"),
            (50, "£0.50"),
            (99_900, "£999"),
            (100_000, "£1,000"),
            (500_000_005, "£5,000,000.05"),
        ] {
            assert_eq!(Money(pence).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn every_amount_survives_the_wire(pence in 0..=Money::MAX.0) {
            let json = serde_json::to_string(&Money(pence)).unwrap();
            prop_assert_eq!(read(&json), Ok(pence), "{}", json);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Money::parse_typed(&text);
            let _ = Money::from_decimal(&text, 0);
        }
    }
}
