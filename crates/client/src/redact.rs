//! E-mail addresses and tokens out of a text before anybody sees it or a file keeps it.
//!
//! Text in, text out: nothing is parsed and printed anew, so that a number keeps its spelling, what is no JSON is covered
//! too, and an event that holds nothing of the kind (nearly every one) costs one look.

use std::borrow::Cow;

/// What stands where something stood.
const BLOT: &str = "\"[redacted]\"";

/// The text without the values of fields whose name speaks of an e-mail address or a token, and without anything else
/// that looks like an address.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !is_suspicious(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\\u0040", "@");
    let fields = without_fields(&text);
    Cow::Owned(without_addresses(&fields))
}

/// One look. An escape can hide a field's name, so it is a reason to look closer.
fn is_suspicious(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().any(|(index, byte)| match byte {
        b'@' => true,
        b'\\' => bytes.get(index + 1) == Some(&b'u'),
        b'm' | b'M' => starts(bytes, index, b"mail"),
        b't' | b'T' => starts(bytes, index, b"token"),
        _ => false,
    })
}

fn starts(bytes: &[u8], index: usize, word: &[u8]) -> bool {
    bytes
        .get(index..index + word.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(word))
}

/// Goes from string to string: one that a colon follows is the name of a field.
fn without_fields(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut kept, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let end = string_end(bytes, at);
        let colon = blank_end(bytes, end);
        let name = &text[at..end];
        at = end;
        if bytes.get(colon) != Some(&b':') || !is_secret(name) {
            continue;
        }
        let value = blank_end(bytes, colon + 1);
        at = value_end(bytes, value);
        if text[value..at].trim() != "null" {
            out.push_str(&text[kept..value]);
            out.push_str(BLOT);
            kept = at;
        }
    }
    out.push_str(&text[kept..]);
    out
}

/// Whether a field's name, in its quotes, speaks of an e-mail address or a token.
fn is_secret(quoted: &str) -> bool {
    let name = if quoted.contains('\\') {
        serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned())
    } else {
        quoted.to_owned()
    };
    let name = name.to_ascii_lowercase();
    name.contains("email") || name.contains("token")
}

/// The place after the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    bytes.len()
}

fn blank_end(bytes: &[u8], at: usize) -> usize {
    let blanks = bytes[at.min(bytes.len())..]
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace());
    at + blanks.count()
}

/// The place after the value that begins at `at`, whatever it is.
fn value_end(bytes: &[u8], at: usize) -> usize {
    let (mut end, mut depth) = (at, 0_usize);
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'"' => {
                end = string_end(bytes, end);
                if depth == 0 {
                    return end;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return end,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return end + 1;
                }
            }
            _ => {}
        }
        end += 1;
    }
    bytes.len()
}

fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let after = &after[1..];
        let local = before.len() - before.bytes().rev().take_while(|byte| is_local(*byte)).count();
        let domain = after
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            .count();
        // A backslash before it belongs to an escape, whose letters are none of the address.
        let local = match before[..local].ends_with('\\') {
            true if before[local..].starts_with('u') => (local + 5).min(before.len()),
            true => (local + 1).min(before.len()),
            false => local,
        };
        if local < before.len() && after[..domain].trim_end_matches('.').contains('.') {
            out.push_str(&before[..local]);
            out.push_str("[redacted]");
            rest = &after[domain..];
        } else {
            out.push_str(before);
            out.push('@');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_holds_nothing_is_passed_on_as_it_is() {
        let tick = r#"{"lotId":"a-lot-1","seq":1,"endsAt":2.0,"serverNow":1}"#;
        assert!(matches!(redact(tick), Cow::Borrowed(same) if same == tick));
    }

    #[test]
    fn addresses_and_tokens_go_whatever_they_are() {
        for (text, wanted) in [
            (
                r#"{"userEmail":"a@b.example","n":5.0}"#,
                r#"{"userEmail":"[redacted]","n":5.0}"#,
            ),
            (
                r#"{"email" : null, "EMAIL":""}"#,
                r#"{"email" : null, "EMAIL":"[redacted]"}"#,
            ),
            (
                r#"[{"accessToken":["x",{"y":"]"}],"z":1}]"#,
                r#"[{"accessToken":"[redacted]","z":1}]"#,
            ),
            (
                r#"{"tok\u0065n":"x","expires":5}"#,
                r#"{"tok\u0065n":"[redacted]","expires":5}"#,
            ),
            (
                r#"{"a":"token","b":"the \"token\": x"}"#,
                r#"{"a":"token","b":"the \"token\": x"}"#,
            ),
            (
                r#"{"m":"a\nme.you@mail.example, hi"}"#,
                r#"{"m":"a\n[redacted], hi"}"#,
            ),
            (
                r#"{"m":"\u00e9me\u0040mail.example"}"#,
                r#"{"m":"\u00e9[redacted]"}"#,
            ),
            (r#"{"m":"@ and a@b"}"#, r#"{"m":"@ and a@b"}"#),
            (
                r#"{"amount":NaN,"userEmail":"a@b.example""#,
                r#"{"amount":NaN,"userEmail":"[redacted]""#,
            ),
            (r#"{"token":5,"n":1}"#, r#"{"token":"[redacted]","n":1}"#),
            (r#"{"token":"cut"#, r#"{"token":"[redacted]""#),
        ] {
            assert_eq!(redact(text), wanted, "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let name = prop_oneof![
            "[a-zé\"\\\\@. ]{0,6}",
            Just("userEmail".to_owned()),
            Just("token".to_owned())
        ];
        let text = prop_oneof![".{0,12}", Just("someone@mail.example".to_owned())];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn holds_secret(value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.iter().any(|(name, field)| {
                let named = name.contains("Email") || name.contains("token");
                (named && !field.is_null() && *field != "[redacted]") || holds_secret(field)
            }),
            Value::Array(items) => items.iter().any(holds_secret),
            Value::String(text) => text.contains("someone@mail.example"),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn json_stays_json_and_holds_nothing(value in json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let read: Value = serde_json::from_str(&redact(&text)).expect(&text);
                prop_assert!(!holds_secret(&read), "{}", read);
                let printed = read.to_string();
                prop_assert_eq!(redact(&printed), printed.as_str(), "once is enough");
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"[\\"{}\[\]:, u@é.a-z0-9]{0,60}"#) {
            let _ = redact(&format!("{text}mail@token{text}"));
        }
    }
}
