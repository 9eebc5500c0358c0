use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Bytes;
use crate::error::JsonFault;

fn decode(text: &str) -> Result<Packet<'_>, DecodeError> {
    Packet::decode(text, &Limits::default())
}

fn arguments(text: &str) -> Arguments<'_> {
    Arguments::parse(text, &Limits::default()).unwrap()
}

fn main(kind: Kind<'_>) -> Packet<'_> {
    Packet { namespace: "/", kind }
}

fn event<'a>(ack_id: Option<u64>, name: &'a str, text: &'a str) -> Packet<'a> {
    main(Kind::Event {
        ack_id,
        event: EventText {
            name: name.into(),
            arguments: arguments(text),
        },
    })
}

/// Decodes to `expect`, and `expect` encodes to the same text.
fn check(text: &str, expect: Packet<'_>) {
    assert_eq!(expect.encode(), text);
    assert_eq!(decode(text), Ok(expect), "{text}");
}

fn check_error(text: &str, expect: DecodeError) {
    assert_eq!(decode(text), Err(expect), "{text}");
}

#[test]
fn every_kind_of_frame_of_a_real_auction_is_decoded_and_encoded_back() {
    check("0{}", main(Kind::Connect { payload: Some("{}") }));
    let sid = r#"{"sid":"6uGNunBGknmkj9NDAAAC"}"#;
    check(&format!("0{sid}"), main(Kind::Connect { payload: Some(sid) }));
    check(&format!("2[\"connected\",{sid}]"), event(None, "connected", sid));
    check("1", main(Kind::Disconnect { payload: None }));
    let join = r#"{"leagueId":"52ea77bd-8b95-4c55-891a-7a2de267b3dc"}"#;
    check(
        &format!("22[\"join_league_room\",{join}]"),
        event(Some(2), "join_league_room", join),
    );
    check("24[\"join_auction\",{}]", event(Some(4), "join_auction", "{}"));
    let answer = r#"{"ok":true,"room":"league:52ea77bd-8b95-4c55-891a-7a2de267b3dc","roomSize":0}"#;
    check(
        &format!("32[{answer}]"),
        main(Kind::Ack {
            ack_id: 2,
            arguments: arguments(answer),
        }),
    );
    for (name, payload) in [
        ("sync_members", r#"{"leagueId":"52ea77bd","members":[]}"#),
        (
            "waiting_room_updated",
            r#"{"usersInWaitingRoom":["54d8da89-6434-4309-8d7d-fe086e5892c5"]}"#,
        ),
        (
            "tick",
            r#"{"lotId":"57c9540c-lot-1","seq":2,"endsAt":1795397112248,"serverNow":1795397104754}"#,
        ),
        (
            "bid_update",
            r#"{"lotId":"57c9-lot-1","amount":5000000.0,"bidder":{"userId":"54d8","displayName":"Alice A"},"seq":1,"serverTime":"2026-11-23T01:25:04.346576+00:00"}"#,
        ),
        (
            "sold",
            r#"{"clubId":"club-04","clubName":"Everton FC","winningBid":null,"unsold":true,"participants":[]}"#,
        ),
        (
            "auction_paused",
            r#"{"message":"Auction has been paused by the commissioner","remainingTime":7.65605}"#,
        ),
        (
            "next_team_countdown",
            r#"{"seconds":3,"message":"Next team in 3..."}"#,
        ),
    ] {
        check(&format!("2[\"{name}\",{payload}]"), event(None, name, payload));
    }
}

#[test]
fn an_event_may_have_no_argument_or_several() {
    check(r#"2["bell"]"#, event(None, "bell", ""));
    check(r#"2["a",1,"b",[2,3]]"#, event(None, "a", r#"1,"b",[2,3]"#));
    let packet = decode(r#"2[ "a" , {"b":",]"} , 2 ]"#).unwrap();
    let Kind::Event { event, .. } = packet.kind else {
        panic!("no event: {packet:?}")
    };
    assert_eq!(event.arguments.first(), Some(r#"{"b":",]"}"#));
    assert_eq!(event.arguments.text(), r#"{"b":",]"} , 2"#);
    assert_eq!(event.arguments.count(), 2);
    assert_eq!(Arguments::NONE.first(), None);
}

#[test]
fn a_name_with_escapes_is_unescaped_and_a_plain_one_is_borrowed() {
    let name = |text| match decode(text).unwrap().kind {
        Kind::Event { event, .. } => event.name,
        other => panic!("no event: {other:?}"),
    };
    assert!(matches!(name(r#"2["tick"]"#), std::borrow::Cow::Borrowed("tick")));
    assert_eq!(name(r#"2["caf\u00e9 \"x\""]"#), "café \"x\"");
    assert_eq!(name(r#"2[""]"#), "");
    check_error(r#"2["\ud800"]"#, DecodeError::Values);
    check_error("2[\"a\u{1}b\"]", DecodeError::Values);
}

#[test]
fn a_bad_value_leaves_the_event_readable() {
    let packet = decode(r#"2["bid_update",{"amount":NaN}]"#).unwrap();
    let Kind::Event { event, .. } = packet.kind else {
        panic!("no event: {packet:?}")
    };
    assert_eq!(event.name, "bid_update");
    assert!(serde_json::from_str::<Value>(event.arguments.first().unwrap()).is_err());
}

#[test]
fn namespaces_ids_and_attachments_are_read_from_the_head() {
    check(
        "0/admin,",
        Packet {
            namespace: "/admin",
            kind: Kind::Connect { payload: None },
        },
    );
    assert_eq!(decode("0/admin"), decode("0/admin,"));
    check(
        r#"0/admin,{"sid":"a"}"#,
        Packet {
            namespace: "/admin",
            kind: Kind::Connect {
                payload: Some(r#"{"sid":"a"}"#),
            },
        },
    );
    check(
        r#"4/admin,{"message":"Not authorized"}"#,
        Packet {
            namespace: "/admin",
            kind: Kind::ConnectError {
                payload: Some(r#"{"message":"Not authorized"}"#),
            },
        },
    );
    check(
        r#"4"Unable to connect""#,
        main(Kind::ConnectError {
            payload: Some(r#""Unable to connect""#),
        }),
    );
    check(
        "1{\"reason\":\"x\"}",
        main(Kind::Disconnect {
            payload: Some("{\"reason\":\"x\"}"),
        }),
    );
    check("17", main(Kind::Disconnect { payload: Some("7") }));
    let event = EventText {
        name: "a".into(),
        arguments: Arguments::NONE,
    };
    check(
        r#"2/admin,12["a"]"#,
        Packet {
            namespace: "/admin",
            kind: Kind::Event {
                ack_id: Some(12),
                event,
            },
        },
    );
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    check(
        &format!("51-/admin,456[\"a\",{placeholder}]"),
        Packet {
            namespace: "/admin",
            kind: Kind::BinaryEvent {
                attachments: 1,
                ack_id: Some(456),
                event: EventText {
                    name: "a".into(),
                    arguments: arguments(placeholder),
                },
            },
        },
    );
    check(
        &format!("61-9[{placeholder}]"),
        main(Kind::BinaryAck {
            attachments: 1,
            ack_id: 9,
            arguments: arguments(placeholder),
        }),
    );
    check(
        "318446744073[]",
        main(Kind::Ack {
            ack_id: 18_446_744_073,
            arguments: Arguments::NONE,
        }),
    );
}

#[test]
fn what_is_no_packet_is_refused_with_the_reason() {
    check_error("", DecodeError::Empty);
    check_error("7", DecodeError::UnknownSocketPacket('7'));
    check_error("x", DecodeError::UnknownSocketPacket('x'));
    check_error("2", DecodeError::Json(JsonFault::NoValue));
    check_error("2{}", DecodeError::NotAnArray);
    check_error("2[]", DecodeError::EventNameMissing);
    check_error("2[1]", DecodeError::EventNameMissing);
    check_error("2[\"a\"1]", DecodeError::Json(JsonFault::TrailingText));
    check_error("2[\"a\",]", DecodeError::Json(JsonFault::MissingElement));
    check_error("2[\"a\"", DecodeError::Json(JsonFault::Brackets));
    check_error("3[]", DecodeError::AckIdMissing);
    check_error("31{}", DecodeError::NotAnArray);
    check_error("5[\"a\"]", DecodeError::AttachmentCountMissing);
    check_error("5-[\"a\"]", DecodeError::AttachmentCountMissing);
    check_error("517-[\"a\"]", DecodeError::TooManyAttachments { limit: 16 });
    check_error(
        "599999999999999999999999-[\"a\"]",
        DecodeError::TooManyAttachments { limit: 16 },
    );
    check_error("0{", DecodeError::Json(JsonFault::Brackets));
}

#[test]
fn the_bounds_hold() {
    check_error(
        "399999999999999999999[]",
        DecodeError::AckIdTooLong { digits: 20 },
    );
    assert!(decode("39999999999999999999[]").is_ok());
    let wide = Limits {
        max_ack_digits: 40,
        ..Limits::default()
    };
    let beyond = "318446744073709551616[]";
    assert_eq!(
        Packet::decode(beyond, &wide),
        Err(DecodeError::AckIdTooLong { digits: 20 })
    );
    let long = format!("0/{}", "n".repeat(256));
    check_error(
        &long,
        DecodeError::NamespaceTooLong {
            size: 257,
            limit: 256,
        },
    );
    let deep = format!("2[\"a\",{}{}]", "[".repeat(128), "]".repeat(128));
    check_error(&deep, DecodeError::TooDeep { limit: 128 });
    let small = Limits {
        max_packet_bytes: 5,
        ..Limits::default()
    };
    assert_eq!(
        Packet::decode("2[\"a\"]", &small),
        Err(DecodeError::TooLarge { size: 6, limit: 5 })
    );
}

#[test]
fn the_deepest_argument_allowed_can_still_be_deserialized() {
    let deep = format!("2[\"a\",{}{}]", "[".repeat(127), "]".repeat(127));
    let Kind::Event { event, .. } = decode(&deep).unwrap().kind else {
        panic!("no event")
    };
    assert!(serde_json::from_str::<Value>(event.arguments.first().unwrap()).is_ok());
}

fn reassembled(text: &str, attachments: &[&'static [u8]]) -> Result<BinaryMessage, DecodeError> {
    let mut reassembly = Reassembly::begin(&decode(text).unwrap()).unwrap();
    for attachment in attachments {
        reassembly.push(Bytes::from_static(attachment), &Limits::default())?;
    }
    Ok(reassembly.finish().unwrap())
}

#[test]
fn attachments_are_put_where_their_placeholders_stand() {
    let text = r#"52-["a",{"x":{"_placeholder":true,"num":1}},[{"_placeholder":true,"num":0}]]"#;
    let message = reassembled(text, &[b"one", b"two"]).unwrap();
    let filled = message
        .arguments_with(|index, bytes| json!([index, bytes.len()]))
        .unwrap();
    assert_eq!(filled, vec![json!({"x": [1, 3]}), json!([[0, 3]])]);
    assert_eq!(message.attachments()[1], b"two"[..]);
    assert_eq!(
        message.kind(),
        &BinaryKind::Event {
            name: "a".to_owned(),
            ack_id: None
        }
    );
}

#[test]
fn a_placeholder_without_an_attachment_is_refused() {
    for number in ["1", "-1", "\"0\"", "18446744073709551615", "null"] {
        let text = format!("51-[\"a\",{{\"_placeholder\":true,\"num\":{number}}}]");
        let message = reassembled(&text, &[b"one"]).unwrap();
        assert_eq!(
            message.arguments_with(|_, _| Value::Null),
            Err(DecodeError::PlaceholderOutOfRange),
            "{number}"
        );
    }
}

#[test]
fn attachments_are_bounded_in_number_and_size() {
    let mut reassembly = Reassembly::begin(&decode("51-[\"a\"]").unwrap()).unwrap();
    let small = Limits {
        max_packet_bytes: 3,
        ..Limits::default()
    };
    let four = Bytes::from_static(b"four");
    assert_eq!(
        reassembly.push(four.clone(), &small),
        Err(DecodeError::TooLarge { size: 4, limit: 3 })
    );
    let mut reassembly = Reassembly::begin(&decode("50-[\"a\"]").unwrap()).unwrap();
    assert_eq!(
        reassembly.push(four, &Limits::default()),
        Err(DecodeError::UnannouncedAttachment)
    );
    assert!(Reassembly::begin(&decode("2[\"a\"]").unwrap()).is_none());
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(
        kind in 0_u8..7,
        namespace in prop_oneof![Just("/".to_owned()), "/[a-z?=&/é]{1,12}"],
        ack_id in prop::option::of(0_u64..10_u64.pow(19)),
        name in any::<String>(),
        values in prop::collection::vec(prop_oneof![
            any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from),
            any::<Vec<String>>().prop_map(Value::from),
        ], 0..4),
        attachments in 0_usize..17,
    ) {
        let text = values.iter().map(Value::to_string).collect::<Vec<_>>().join(",");
        let arguments = arguments(&text);
        prop_assert_eq!(arguments.count(), values.len());
        let event = EventText { name: name.as_str().into(), arguments };
        let payload = values.first().map(Value::to_string);
        let payload = payload.as_deref();
        let kind = match kind {
            0 => Kind::Connect { payload },
            1 => Kind::Disconnect { payload },
            2 => Kind::Event { ack_id, event },
            3 => Kind::Ack { ack_id: ack_id.unwrap_or(7), arguments },
            4 => Kind::ConnectError { payload },
            5 => Kind::BinaryEvent { attachments, ack_id, event },
            _ => Kind::BinaryAck { attachments, ack_id: ack_id.unwrap_or(7), arguments },
        };
        let packet = Packet { namespace: &namespace, kind };
        let encoded = packet.encode();
        prop_assert_eq!(decode(&encoded).unwrap(), packet);
    }

    #[test]
    fn no_text_makes_decoding_panic(text in any::<String>()) {
        let _ = decode(&text);
    }

    #[test]
    fn no_near_packet_makes_decoding_panic(text in r#"[0-6][0-9]{0,3}-?(/[a-zé]{0,3},?)?[0-9]{0,21}[\[\]{}",\\:a1é ]{0,40}"#) {
        let _ = decode(&text);
    }

    #[test]
    fn no_bytes_read_as_text_make_decoding_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_cut_or_changed_byte_of_a_real_event_makes_decoding_panic(cut in 0_usize..140, at in 0_usize..140, byte in 0_u8..128) {
        let mut frame = br#"212["tick",{"lotId":"57c9540c-3dfe-4d73-8b21-5cfeb95ed8b4-lot-1","seq":2,"endsAt":1795397112248,"name":"a\"b"}]"#.to_vec();
        if let Some(place) = frame.get_mut(at) { *place = byte; }
        frame.truncate(cut.max(1));
        let _ = decode(&String::from_utf8(frame).unwrap());
    }
}
