//! Name and arguments of an event, borrowed from its frame.

use std::borrow::Cow;

use crate::error::{DecodeError, JsonFault};
use crate::json;
use crate::limits::Limits;

/// The arguments of an event or acknowledgement, as JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arguments<'a> {
    text: &'a str,
    first: &'a str,
    count: usize,
}

impl<'a> Arguments<'a> {
    /// No argument at all, as in `["bell"]`.
    pub const NONE: Arguments<'static> = Arguments {
        text: "",
        first: "",
        count: 0,
    };

    /// Takes comma-separated JSON values, as they stand between the brackets; empty text is no argument.
    pub fn parse(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        let text = json::trim(text);
        if text.is_empty() {
            return Ok(Self::NONE);
        }
        // The scan wants the brackets; one argument, the usual case, needs no copy.
        if json::value(text, limits).is_ok() {
            return Ok(Self {
                text,
                first: text,
                count: 1,
            });
        }
        let bracketed = format!("[{text}]");
        let array = json::array(&bracketed, limits)?;
        let first = array.first_comma.map_or(text, |comma| json::trim(&text[..comma]));
        Ok(Self {
            text,
            first,
            count: array.count,
        })
    }

    /// Takes a whole JSON array.
    pub(crate) fn parse_array(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        let array = json::array(text, limits)?;
        let first_end = array.first_comma.unwrap_or(array.inside.len());
        Ok(Self {
            text: json::trim(array.inside),
            first: json::trim(&array.inside[..first_end]),
            count: array.count,
        })
    }

    /// All arguments as they stand between the brackets; empty where there is none.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The first argument's JSON text.
    #[inline]
    pub fn first(&self) -> Option<&'a str> {
        if self.count == 0 { None } else { Some(self.first) }
    }

    /// How many arguments there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// An event: its name, and its arguments as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventText<'a> {
    /// The name; owned only where it was written with escapes.
    pub name: Cow<'a, str>,
    /// What follows the name.
    pub arguments: Arguments<'a>,
}

impl<'a> EventText<'a> {
    /// Reads `["name",…]`.
    #[inline]
    pub(crate) fn parse(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        let array = json::array(text, limits)?;
        let inside = array.inside;
        let name_end = array.first_comma.unwrap_or(inside.len());
        let name = read_name(json::trim(&inside[..name_end]))?;
        let arguments = match array.first_comma {
            None => Arguments::NONE,
            Some(comma) => {
                let first_end = array.second_comma.unwrap_or(inside.len());
                Arguments {
                    text: json::trim(&inside[comma + 1..]),
                    first: json::trim(&inside[comma + 1..first_end]),
                    count: array.count - 1,
                }
            }
        };
        Ok(Self { name, arguments })
    }

    /// Appends `["name",…]`.
    pub(crate) fn encode_into(&self, out: &mut String) {
        out.push('[');
        json::push_string(out, &self.name);
        if self.arguments.count() > 0 {
            out.push(',');
            out.push_str(self.arguments.text());
        }
        out.push(']');
    }
}

/// Reads the JSON string that an event begins with.
fn read_name(text: &str) -> Result<Cow<'_, str>, DecodeError> {
    let inside = text.strip_prefix('"').ok_or(DecodeError::EventNameMissing)?;
    let end = json::end_of_string(text.as_bytes(), 1)?;
    if end + 1 != text.len() {
        return Err(DecodeError::Json(JsonFault::TrailingText));
    }
    let inside = inside.strip_suffix('"').unwrap_or(inside);
    if inside.bytes().all(|byte| byte != b'\\' && byte >= b' ') {
        return Ok(Cow::Borrowed(inside));
    }
    serde_json::from_str(text)
        .map(Cow::Owned)
        .map_err(|_| DecodeError::Values)
}
