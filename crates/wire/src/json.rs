//! The structure of JSON text, checked in one pass and without building a value.
//!
//! Quotes, brackets and the outer commas are checked, and the depth; numbers and words are not. So an event whose
//! amount is `NaN` still has a name and an argument (contract.md section 4, rule 8), and whoever deserializes the
//! argument reports the bad value with the event's name beside it.

use crate::error::{DecodeError, JsonFault};
use crate::limits::{DEEPEST_NESTING, Limits};

/// The inside of a JSON array: where its outer commas are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArrayText<'a> {
    /// Text between the outer brackets.
    pub(crate) inside: &'a str,
    /// Offset in `inside` of the first comma of the outer array.
    pub(crate) first_comma: Option<usize>,
    /// Offset in `inside` of the second one.
    pub(crate) second_comma: Option<usize>,
    /// Elements of the outer array.
    pub(crate) count: usize,
}

/// White space as JSON knows it; `str::trim` would also take Unicode's.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Checks that `text` is one array and finds its outer commas.
pub(crate) fn array<'a>(text: &'a str, limits: &Limits) -> Result<ArrayText<'a>, DecodeError> {
    let text = trim(text);
    match text.as_bytes().first() {
        None => return Err(DecodeError::Json(JsonFault::NoValue)),
        Some(b'[') => {}
        Some(_) => return Err(DecodeError::NotAnArray),
    }
    let outline = container(text.as_bytes(), limits)?;
    if outline.end + 1 != text.len() {
        return Err(DecodeError::Json(JsonFault::TrailingText));
    }
    let inside = &text[1..outline.end];
    let is_empty = outline.commas == 0 && trim(inside).is_empty();
    Ok(ArrayText {
        inside,
        first_comma: outline.first_comma.map(|at| at - 1),
        second_comma: outline.second_comma.map(|at| at - 1),
        count: if is_empty { 0 } else { outline.commas + 1 },
    })
}

/// Checks the structure of one JSON value of any kind.
pub(crate) fn value(text: &str, limits: &Limits) -> Result<(), DecodeError> {
    let text = trim(text);
    let bytes = text.as_bytes();
    let end = match bytes.first() {
        None => return Err(DecodeError::Json(JsonFault::NoValue)),
        Some(b'[' | b'{') => container(bytes, limits)?.end,
        Some(b'"') => end_of_string(bytes, 1)?,
        Some(_) => {
            let is_word = bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'));
            return if is_word {
                Ok(())
            } else {
                Err(DecodeError::Json(JsonFault::TrailingText))
            };
        }
    };
    if end + 1 == bytes.len() {
        Ok(())
    } else {
        Err(DecodeError::Json(JsonFault::TrailingText))
    }
}

/// Offset of the closing quote of the string whose first character is at `from`.
pub(crate) fn end_of_string(bytes: &[u8], from: usize) -> Result<usize, DecodeError> {
    let mut at = from;
    loop {
        at = next_quote_or_backslash(bytes, at).ok_or(DecodeError::Json(JsonFault::OpenString))?;
        if bytes[at] == b'"' {
            return Ok(at);
        }
        at += 2;
    }
}

const fn every_byte(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// High bit set in the lowest zero byte of `word` (higher bytes may be marked falsely, the lowest one never is).
const fn zero_byte(word: u64) -> u64 {
    word.wrapping_sub(every_byte(1)) & !word & every_byte(0x80)
}

/// Eight bytes at a time, because most of an event is ids and names inside strings.
fn next_quote_or_backslash(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let found = zero_byte(word ^ every_byte(b'"')) | zero_byte(word ^ every_byte(b'\\'));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter()
        .position(|byte| matches!(byte, b'"' | b'\\'))
        .map(|offset| at + offset)
}

struct Outline {
    /// Offset of the bracket that closes the first one.
    end: usize,
    first_comma: Option<usize>,
    second_comma: Option<usize>,
    commas: usize,
}

/// Walks from the bracket at offset 0 to the one that closes it.
fn container(bytes: &[u8], limits: &Limits) -> Result<Outline, DecodeError> {
    let max_depth = limits.max_depth.min(DEEPEST_NESTING);
    let mut outline = Outline {
        end: 0,
        first_comma: None,
        second_comma: None,
        commas: 0,
    };
    // One bit a level: set for an object, clear for an array.
    let mut open_brackets: u128 = 0;
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at + 1)?,
            b'[' | b'{' => {
                if depth >= max_depth {
                    return Err(DecodeError::TooDeep { limit: max_depth });
                }
                open_brackets = open_brackets << 1 | u128::from(byte == b'{');
                depth += 1;
            }
            b']' | b'}' => {
                if (open_brackets & 1 == 1) != (byte == b'}') {
                    return Err(DecodeError::Json(JsonFault::Brackets));
                }
                open_brackets >>= 1;
                depth -= 1;
                if depth == 0 {
                    if last_significant(&bytes[..at]) == Some(b',') {
                        return Err(DecodeError::Json(JsonFault::MissingElement));
                    }
                    outline.end = at;
                    return Ok(outline);
                }
            }
            b',' if depth == 1 => {
                if outline.commas == 0 {
                    outline.first_comma = Some(at);
                } else if outline.commas == 1 {
                    outline.second_comma = Some(at);
                }
                outline.commas += 1;
                // A string's closing quote stands before a comma, so a bracket there is the outer one.
                if matches!(last_significant(&bytes[..at]), Some(b',' | b'[' | b'{')) {
                    return Err(DecodeError::Json(JsonFault::MissingElement));
                }
            }
            _ => {}
        }
        at += 1;
    }
    Err(DecodeError::Json(JsonFault::Brackets))
}

fn last_significant(bytes: &[u8]) -> Option<u8> {
    bytes
        .iter()
        .rev()
        .copied()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{0}'..='\u{1f}' => {
                const HEX: [char; 16] = [
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
                ];
                let code = u32::from(character) as usize;
                out.push_str("\\u00");
                out.push(HEX[code >> 4]);
                out.push(HEX[code & 15]);
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
    fn check(text: &str, expect: Result<(usize, Option<usize>, Option<usize>), DecodeError>) {
        let got = array(text, &Limits::default()).map(|a| (a.count, a.first_comma, a.second_comma));
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn outer_commas_are_found_and_inner_ones_are_not() {
        check("[]", Ok((0, None, None)));
        check(" [ ] ", Ok((0, None, None)));
        check("[1]", Ok((1, None, None)));
        check(r#"["a",{"b":[1,2],"c":"x,y]"}]"#, Ok((2, Some(3), None)));
        check(r#"["a\",b",1 , 2,3]"#, Ok((4, Some(7), Some(10))));
        check(r#"["\\",1]"#, Ok((2, Some(4), None)));
    }

    #[test]
    fn broken_structure_is_named() {
        let json = |fault| Err(DecodeError::Json(fault));
        check("", json(JsonFault::NoValue));
        check("{}", Err(DecodeError::NotAnArray));
        check("[", json(JsonFault::Brackets));
        check("[}", json(JsonFault::Brackets));
        check("[{]}", json(JsonFault::Brackets));
        check("[\"a]", json(JsonFault::OpenString));
        check("[\"a\\", json(JsonFault::OpenString));
        check("[1,]", json(JsonFault::MissingElement));
        check("[,1]", json(JsonFault::MissingElement));
        check("[1, ,1]", json(JsonFault::MissingElement));
        check("[1]2", json(JsonFault::TrailingText));
        check("[1]]", json(JsonFault::TrailingText));
    }

    #[test]
    fn nesting_is_bounded_at_the_limit_and_not_before() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(128), Ok((1, None, None)));
        check(&nested(129), Err(DecodeError::TooDeep { limit: 128 }));
        check(&"[".repeat(1_000_000), Err(DecodeError::TooDeep { limit: 128 }));
        let tight = Limits {
            max_depth: 2,
            ..Limits::default()
        };
        assert!(array("[[1]]", &tight).is_ok());
        assert_eq!(array("[[[1]]]", &tight), Err(DecodeError::TooDeep { limit: 2 }));
    }

    #[test]
    fn single_values_are_checked() {
        for good in [
            "1",
            "-1.5e+3",
            "null",
            "NaN",
            "\"a\"",
            "{}",
            " [1] ",
            r#"{"a":"}"}"#,
        ] {
            assert_eq!(value(good, &Limits::default()), Ok(()), "{good}");
        }
        for bad in ["", "\"a", "\"a\"b", "{", "{}{}", "1 2", "a:b"] {
            assert!(value(bad, &Limits::default()).is_err(), "{bad}");
        }
    }

    /// Lists, because `serde_json::Value` has no ready strategy.
    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_real_array_is_split_where_serde_splits_it(
            values in prop::collection::vec(any_value(), 0..5),
            pretty in any::<bool>(),
        ) {
            let text = if pretty { serde_json::to_string_pretty(&values) } else { serde_json::to_string(&values) };
            let text = text.unwrap();
            let found = array(&text, &Limits::default()).unwrap();
            prop_assert_eq!(found.count, values.len());
            if let Some(first) = values.first() {
                let first_text = &found.inside[..found.first_comma.unwrap_or(found.inside.len())];
                prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(first_text).unwrap(), first);
            }
        }

        #[test]
        fn no_text_makes_the_scan_panic(text in any::<String>()) {
            let _ = array(&text, &Limits::default());
            let _ = value(&text, &Limits::default());
        }

        #[test]
        fn no_bracket_soup_makes_the_scan_panic(text in r#"\[[\[\]{}",\\ a1:]{0,60}"#) {
            let _ = array(&text, &Limits::default());
            let _ = value(&text, &Limits::default());
        }

        #[test]
        fn a_written_string_reads_back(text in any::<String>()) {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
