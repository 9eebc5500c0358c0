//! What a backend gone mad says to a room: Socket.IO packets as they stand behind Engine.IO's `4`.

use gavelscope_contract::AuctionId;

/// Of a deeply nested payload.
const DEPTH: usize = 20_000;

/// The packets, each with what is wrong with it. `max_payload` is what the server's handshake calls the largest
/// message, in bytes.
pub fn packets(auction: &AuctionId, max_payload: usize) -> Vec<(&'static str, String)> {
    let lot = format!("{auction}-lot-1");
    let bid = |amount: &str, seq: &str| {
        format!(
            r#"2["bid_update",{{"lotId":"{lot}","amount":{amount},"bidder":{{"userId":"u","displayName":"U"}},"seq":{seq},"serverTime":"2026-11-23T01:25:04.346576+00:00"}}]"#
        )
    };
    let mut packets = vec![
        ("an amount that is no number", bid("NaN", "1")),
        ("an amount without end", bid("Infinity", "1")),
        ("an amount beyond every double", bid("1e999", "1")),
        ("an amount below zero", bid("-5000000.0", "1")),
        ("an amount in words", bid("\"five million\"", "1")),
        ("an amount that is a list", bid("[[1]]", "1")),
        ("no amount", bid("null", "1")),
        ("a sequence below zero", bid("2000000.0", "-1")),
        ("a sequence in halves", bid("2000000.0", "1.5")),
        (
            "a sequence beyond 64 bits",
            bid("2000000.0", "99999999999999999999999"),
        ),
        ("a bid that was told long ago", bid("1000000.0", "1")),
        ("an event without a payload", r#"2["bid_update"]"#.to_owned()),
        ("a payload that is null", r#"2["bid_update",null]"#.to_owned()),
        ("a payload that is a number", r#"2["tick",7]"#.to_owned()),
        ("a payload that is a text", r#"2["sold","sold"]"#.to_owned()),
        (
            "a payload that is a list",
            r#"2["auction_snapshot",[]]"#.to_owned(),
        ),
        ("an empty payload", r#"2["auction_snapshot",{}]"#.to_owned()),
        (
            "a tick of wrong types",
            r#"2["tick",{"lotId":7,"seq":"x","endsAt":true,"serverNow":null}]"#.to_owned(),
        ),
        (
            "a lot that is a number",
            r#"2["lot_started",{"club":5,"lotNumber":"two","timer":[]}]"#.to_owned(),
        ),
        (
            "a room that is a text",
            r#"2["waiting_room_updated",{"usersInWaitingRoom":"everybody"}]"#.to_owned(),
        ),
        (
            "an event that nobody knows",
            r#"2["invented_tomorrow",{"a":1}]"#.to_owned(),
        ),
        (
            "an event named like a part of the library",
            r#"2["close",{}]"#.to_owned(),
        ),
        ("another such event", r#"2["error",{"reason":"none"}]"#.to_owned()),
        ("an event without a name", "2[]".to_owned()),
        ("a name that is a number", "2[5,{}]".to_owned()),
        ("an event that is an object", r#"2{"bid_update":1}"#.to_owned()),
        (
            "an event that breaks off",
            r#"2["bid_update",{"amount":"#.to_owned(),
        ),
        ("an answer to nothing", r#"3999[{"ok":true}]"#.to_owned()),
        (
            "an event of another namespace",
            r#"2/elsewhere,["tick",{}]"#.to_owned(),
        ),
        ("a lone surrogate", r#"2["tick","\ud800"]"#.to_owned()),
        (
            "a name of a thousand letters",
            format!(r#"2["{}",1]"#, "n".repeat(1_000)),
        ),
        (
            "a payload that is nested deeply",
            format!(r#"2["tick",{}{}]"#, "[".repeat(DEPTH), "]".repeat(DEPTH)),
        ),
        (
            "objects that are nested deeply",
            format!(r#"2["sold",{}1{}]"#, r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH)),
        ),
    ];
    let filler = "x".repeat(max_payload * 4);
    packets.push((
        "four times the largest message",
        format!(r#"2["filler","{filler}"]"#),
    ));
    packets.push((
        "a tick four times the largest message",
        format!(r#"2["tick",{{"lotId":"{filler}","seq":1,"endsAt":1,"serverNow":1}}]"#),
    ));
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_something_of_everything() {
        let packets = packets(&"a".into(), 1_000);
        assert!(packets.iter().any(|(_, text)| text.len() > 4_000));
        assert!(packets.iter().any(|(_, text)| text.contains("NaN")));
        let broken = |text: &String| serde_json::from_str::<serde_json::Value>(&text[1..]).is_err();
        assert!(packets.iter().filter(|(_, text)| broken(text)).count() > 4);
    }
}
