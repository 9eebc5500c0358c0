//! Names and payloads of every kind, from the server's own serializer and as raw packets that no serializer writes.

use std::borrow::Cow;

use gavelscope_client::transport::Lost;
use gavelscope_contract::event::Raw;
use serde_json::{Value, json};

use crate::servers::KINDS;
use crate::way::{Came, Each, Player, WAYS};

/// What a transport makes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It arrives as it was said: its name and its first argument.
    Whole,
    /// Something arrives that was not said so.
    Mangled,
    /// It is counted as a frame that cannot be decoded, and the link goes on.
    Counted,
    /// Nobody is told, and the link goes on.
    Vanishes,
    /// It ends the link, which says that it could not be read.
    Unreadable,
    /// It ends the link.
    EndsTheLink,
}

/// How a server is made to say something.
#[derive(Debug, Clone, Copy)]
pub enum Said {
    /// A JSON array of name and arguments, emitted by the server's library.
    Emitted(&'static str),
    /// A name (as JSON writes it) and an argument, as a packet that the server's library would not write.
    Raw(&'static str, &'static str),
    /// A packet whose argument is nested so deep.
    Nested(usize),
    /// A string of so many bytes.
    Large(usize),
    /// One object with these attachments.
    Binary(&'static [&'static [u8]]),
}

/// A kind of event, and what each transport makes of it.
pub struct Kind {
    pub what: &'static str,
    pub said: Said,
    pub seen: Each<Seen>,
}

const fn whole(what: &'static str, said: Said) -> Kind {
    Kind {
        what,
        said,
        seen: [Seen::Whole; 3],
    }
}

const fn each(what: &'static str, said: Said, seen: Each<Seen>) -> Kind {
    Kind { what, said, seen }
}

use Said::{Binary, Emitted, Large, Nested};
use Seen::{Counted, EndsTheLink, Mangled, Unreadable, Vanishes, Whole};

pub const EVENTS: &[Kind] = &[
    whole("an object", Emitted(r#"["lot",{"a":[1,"x",null,true]}]"#)),
    whole("no argument", Emitted(r#"["bell"]"#)),
    whole(
        "several arguments (the first is kept)",
        Emitted(r#"["several",1,"two",[3]]"#),
    ),
    whole("`null`", Emitted(r#"["nothing",null]"#)),
    whole("an empty string", Emitted(r#"["empty",""]"#)),
    whole("a string", Emitted(r#"["text","a \"b\" \\ \n \u001e"]"#)),
    whole("a fraction", Emitted(r#"["number",-1234567890.125]"#)),
    whole(
        "an integer of 53 bits",
        Emitted(r#"["integer",9007199254740991]"#),
    ),
    whole("a boolean", Emitted(r#"["yes",false]"#)),
    whole("an array", Emitted(r#"["array",[[],[1],{}]]"#)),
    whole(
        "unicode in name and payload",
        Emitted(r#"["größe",{"ключ":"価値 🏏 \u2028"}]"#),
    ),
    whole("an escaped name", Said::Raw(r"caf\u00e9", "1")),
    whole("named `close`", Emitted(r#"["close",{"a":1}]"#)),
    whole("named `error`", Emitted(r#"["error",{"a":1}]"#)),
    whole("named `open`", Emitted(r#"["open",{"a":1}]"#)),
    whole("named `connect`", Said::Raw("connect", r#"{"a":1}"#)),
    whole("named `message`", Emitted(r#"["message",{"a":1}]"#)),
    whole("nested 100 deep", Nested(100)),
    each("nested 200 deep", Nested(200), [Vanishes, Counted, Counted]),
    each(
        "the number 1e400",
        Said::Raw("huge", "1e400"),
        [Vanishes, Whole, Whole],
    ),
    each(
        "a lone surrogate",
        Said::Raw("half", r#""\ud800""#),
        [Vanishes, Whole, Whole],
    ),
    each(
        "`NaN`, which is no JSON",
        Said::Raw("nan", r#"{"amount":NaN}"#),
        [Unreadable, Whole, Whole],
    ),
    each(
        "a packet cut short",
        Said::Raw("cut", r#"{"a":"#),
        [Unreadable, Counted, Counted],
    ),
    each(
        "binary, one attachment",
        Binary(&[&[1, 2, 3]]),
        [Mangled, Counted, Counted],
    ),
    each(
        "binary, two attachments",
        Binary(&[&[1], &[2]]),
        [Mangled, Counted, Counted],
    ),
    each(
        "binary that begins with the byte 0x1E",
        Binary(&[&[0x1e, 1]]),
        [EndsTheLink, Counted, Counted],
    ),
    whole("2 MB", Large(2_000_000)),
    each("5 MB", Large(5_000_000), [Whole, EndsTheLink, Counted]),
];

impl Said {
    /// Name and first argument.
    fn first(self) -> (String, Option<Cow<'static, str>>) {
        match self {
            Self::Emitted(array) => {
                let values: Vec<Value> = serde_json::from_str(array).unwrap();
                let first = values.get(1).map(|first| first.to_string().into());
                (values[0].as_str().unwrap().to_owned(), first)
            }
            Self::Raw(name, argument) => {
                let name = serde_json::from_str(&format!("\"{name}\"")).unwrap();
                (name, Some(argument.into()))
            }
            Self::Nested(depth) => {
                let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
                ("deep".to_owned(), Some(text.into()))
            }
            Self::Large(bytes) => (
                "large".to_owned(),
                Some(format!("\"{}\"", "x".repeat(bytes)).into()),
            ),
            Self::Binary(_) => ("binary".to_owned(), None),
        }
    }

    async fn be_said(self, player: &Player) {
        let raw = |packet: String| ("raw", json!({ "packets": [packet] }));
        let (name, payload) = match self {
            Self::Emitted(array) => {
                let event: Value = serde_json::from_str(array).unwrap();
                ("say", json!({ "events": [event] }))
            }
            Self::Raw(name, argument) => raw(format!("2[\"{name}\",{argument}]")),
            Self::Nested(_) => raw(format!("2[\"deep\",{}]", self.first().1.unwrap())),
            Self::Large(bytes) => ("large", json!({ "bytes": bytes })),
            Self::Binary(attachments) => ("binary", json!({ "attachments": attachments })),
        };
        player.tell(name, payload).await;
        player.tell("say", json!({ "events": [["marker"]] })).await;
    }
}

/// What became of it, judged by what came before the marker.
fn judge(said: Said, came: Result<Vec<Came>, Lost>) -> Result<Seen, String> {
    let came = match came {
        Ok(came) => came,
        Err(Lost::Unreadable(_)) => return Ok(Seen::Unreadable),
        Err(_) => return Ok(Seen::EndsTheLink),
    };
    let (name, first) = said.first();
    match came.as_slice() {
        [] => Ok(Seen::Vanishes),
        [Came::Undecodable] => Ok(Seen::Counted),
        [Came::Event(event)] => {
            let is_whole = match (&event.raw, &first) {
                (Raw::Nothing, None) => !matches!(said, Said::Binary(_)),
                (Raw::Nothing, Some(_)) | (_, None) => false,
                (raw, Some(first)) => is_same_json(&raw.to_text(), first),
            };
            Ok(if event.name == name && is_whole {
                Seen::Whole
            } else {
                Seen::Mangled
            })
        }
        several => Err(format!("{} things came: {several:?}", several.len())),
    }
}

/// Texts that are no JSON have to be the same to the letter.
fn is_same_json(one: &str, other: &str) -> bool {
    let values: (Result<Value, _>, Result<Value, _>) =
        (serde_json::from_str(one), serde_json::from_str(other));
    match values {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_every_kind_arrive_as_the_table_says() {
    let mut wrong = Vec::new();
    for kind in KINDS {
        for way in WAYS {
            let mut player = way.connect(kind.shared(), None).await.unwrap();
            player.before("connected").await.unwrap();
            for event in EVENTS {
                event.said.be_said(&player).await;
                let seen = judge(event.said, player.before("marker").await);
                let expected = *way.of(&event.seen);
                if seen != Ok(expected) {
                    wrong.push(format!(
                        "{kind:?}, {way}, {}: {seen:?}, not {expected:?}",
                        event.what
                    ));
                }
                if matches!(seen, Ok(EndsTheLink | Unreadable)) {
                    player = way.connect(kind.shared(), None).await.unwrap();
                    player.before("connected").await.unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a client can say, and hears back.
const ECHOED: &[&str] = &[
    r#"{"leagueId":"52ea77bd"}"#,
    "null",
    r#""""#,
    "-1234567890.125",
    "9007199254740991",
    r#"{"ключ":"価値 🏏 \u2028 \u001e"}"#,
    r#"[[],{"a":[true,null]}]"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_arrives_and_comes_back_as_it_was() {
    for kind in KINDS {
        for way in WAYS {
            let player = way.connect(kind.shared(), None).await.unwrap();
            for text in ECHOED {
                let payload: Value = serde_json::from_str(text).unwrap();
                let answer = player.ask("echo", payload.clone()).await;
                assert_eq!(answer, Ok(vec![payload]), "{kind:?}, {way}: {text}");
            }
            // Nearly as much as the server accepts in one message.
            let large = json!("x".repeat(900_000));
            assert_eq!(
                player.ask("echo", large.clone()).await,
                Ok(vec![large]),
                "{kind:?}, {way}"
            );
        }
    }
}
