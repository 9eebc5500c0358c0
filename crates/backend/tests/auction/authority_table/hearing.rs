//! What is said in a room is heard in it and nowhere else.

use serde_json::{Value, json};

use super::{Stage, Table, Who};
use crate::common::Socket;

/// Everybody connects and tries every room; then things happen in all of them.
#[tokio::test]
async fn only_those_who_were_let_into_a_room_hear_what_is_said_in_it() {
    let table = Table::at(Stage::Waiting).await;
    let hall = &table.hall;
    let mut listeners = Vec::new();
    for who in Who::ALL {
        for tries in [false, true] {
            let mut socket = Socket::open(&hall.url, json!({"token": table.token(who)})).await;
            let mut let_in = false;
            if tries {
                for (call, payload) in [
                    (
                        "join_auction",
                        json!({"auctionId": hall.auction, "userId": table.named(who)}),
                    ),
                    ("join_league_room", json!({"leagueId": hall.league})),
                ] {
                    let_in |= socket.call(call, payload).await["ok"] == true;
                }
            }
            let may = matches!(who, Who::AsAnother | Who::Participant | Who::Commissioner);
            assert_eq!(let_in, tries && may, "{who:?}");
            listeners.push((who, let_in, socket));
        }
    }
    // The rooms' names are no calls, either.
    for (_, let_in, socket) in &mut listeners {
        if !*let_in {
            for room in [
                format!("auction:{}", hall.auction),
                format!("league:{}", hall.league),
            ] {
                socket.say("join", json!(room)).await;
                socket.say(&room, json!({})).await;
            }
        }
    }
    let mut member = hall.in_the_room(2).await;
    member
        .call("join_league_room", json!({"leagueId": hall.league}))
        .await;
    member.call("join_probe_room", json!({"probeId": "p"})).await;
    hall.command(0, "begin").await.ok();
    hall.bid(1, 2_000_000).await.ok();
    hall.command(0, "pause").await.ok();
    member.event("auction_paused").await;
    let nonce = json!({"probeId": "p", "nonce": "n"});
    member.call("probe", nonce.clone()).await;
    // It went the same way after all the others: whoever hears anything has it by now.
    member.event("probe").await;
    for (who, let_in, socket) in &mut listeners {
        // The answer comes behind whatever was sent to this socket before.
        let ack = socket.call("probe", nonce.clone()).await;
        assert_eq!(ack["ok"], false, "{who:?} is in nobody's probe room");
        let heard: Vec<String> = socket.heard().map(|(name, _): (String, Value)| name).collect();
        if *let_in {
            assert!(!heard.is_empty(), "{who:?} is in a room");
            assert!(!heard.iter().any(|name| name == "probe"));
        } else {
            assert_eq!(
                heard,
                Vec::<String>::new(),
                "{who:?} heard what was not said to them"
            );
        }
    }
}
