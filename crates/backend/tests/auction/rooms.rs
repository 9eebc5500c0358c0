//! Rooms: who may join, how many are in them, and what the joiner is told.

use gavelscope_contract::ack::Ack;
use serde_json::{Value, json};

use crate::common::{Hall, Socket, settings, spec};

#[tokio::test]
async fn an_ack_says_how_many_are_in_the_room_and_on_which_pod() {
    let hall = Hall::open(settings(), spec(3)).await;
    let join = json!({"auctionId": hall.auction});
    let mut sockets = Vec::new();
    for (who, expected) in [(0, 1), (1, 2), (2, 3)] {
        let mut socket = hall.socket(who).await;
        let ack: Ack = serde_json::from_value(socket.call("join_auction", join.clone()).await).unwrap();
        assert_eq!((ack.ok, ack.room_size), (true, Some(expected)));
        assert_eq!(ack.cluster_room_size, Some(ack.room_size));
        assert_eq!(ack.room, Some(format!("auction:{}", hall.auction)));
        assert_eq!(ack.pod.as_ref(), Some(hall.running.pod()));
        sockets.push(socket);
    }
    let again = sockets[0].call("join_auction", join.clone()).await;
    assert_eq!(again["roomSize"], 3, "joining twice is being there once");
    assert_eq!(
        sockets[0].call("leave_auction", join.clone()).await["roomSize"],
        2
    );
    assert_eq!(sockets[0].call("join_auction", join).await["roomSize"], 3);
}

#[tokio::test]
async fn the_joiner_gets_a_snapshot_that_agrees_with_rest() {
    let hall = Hall::begun(settings(), spec(2)).await;
    hall.bid_with_key(0, 2_000_000, Some("k")).await.ok();
    let mut socket = hall.in_the_room(1).await;
    let event = socket.event("auction_snapshot").await;
    let rest = serde_json::to_value(hall.snapshot().await).unwrap();
    for field in [
        "status",
        "currentLot",
        "currentClubId",
        "currentBid",
        "currentBidder",
        "timerEndsAt",
        "unsoldClubs",
    ] {
        assert_eq!(event[field], rest["auction"][field], "{field}");
    }
    assert_eq!(event["currentBids"], rest["bids"]);
    assert_eq!(event["currentClub"], rest["currentClub"]);
    assert_eq!(event["seq"], rest["auction"]["bidSequence"]);
    assert_eq!(event["timer"]["lotId"], rest["auction"]["currentLotId"]);
    assert_eq!(event["participants"][0].get("userEmail"), None);
}

#[tokio::test]
async fn only_members_join_and_only_as_themselves() {
    let mut hall = Hall::open(settings(), spec(2)).await;
    let outsider = hall.outsider().await;
    let (auction, league) = (
        json!({"auctionId": hall.auction}),
        json!({"leagueId": hall.league}),
    );
    let refused = |ack: &Value, what: &str| {
        assert_eq!(ack["ok"], false, "{what}: {ack}");
        assert!(
            ack["error"].as_str().is_some_and(|error| error.len() > 10),
            "{what} says why"
        );
    };
    let mut stranger = Socket::open(&hall.url, json!({})).await;
    refused(&stranger.call("join_auction", auction.clone()).await, "no token");
    refused(
        &stranger.call("join_league_room", league.clone()).await,
        "no token",
    );
    refused(
        &stranger.call("join_probe_room", json!({"probeId": "p"})).await,
        "no token",
    );
    let mut forger = Socket::open(&hall.url, json!({"token": "a.b.c"})).await;
    refused(
        &forger.call("join_auction", auction.clone()).await,
        "a wrong token",
    );
    let mut outside = hall.socket(outsider).await;
    refused(
        &outside.call("join_auction", auction.clone()).await,
        "not a member",
    );
    refused(&outside.call("join_league_room", league).await, "not a member");
    let mut member = hall.socket(1).await;
    let as_another = json!({"auctionId": hall.auction, "userId": hall.id(0)});
    refused(&member.call("join_auction", as_another).await, "as somebody else");
    refused(
        &member.call("join_auction", json!({"auctionId": "none"})).await,
        "no such auction",
    );
    refused(&member.call("join_auction", json!({})).await, "no auction");
    refused(&member.call("join_auction", json!("x")).await, "no object");
    assert_eq!(
        member.call("join_auction", auction).await["roomSize"],
        1,
        "nobody else got in"
    );
}

#[tokio::test]
async fn a_token_may_come_with_the_join() {
    let hall = Hall::open(settings(), spec(2)).await;
    let mut socket = Socket::open(&hall.url, json!({})).await;
    let token = hall.people[1].access_token.expose();
    let join = json!({"auctionId": hall.auction, "userId": hall.id(1), "token": token});
    assert_eq!(socket.call("join_auction", join).await["ok"], true);
    let other = hall.people[0].access_token.expose();
    let turncoat = json!({"auctionId": hall.auction, "token": other});
    assert_eq!(socket.call("join_auction", turncoat).await["ok"], false);
}

#[tokio::test]
async fn the_waiting_room_is_told_once_who_is_there() {
    let hall = Hall::open(settings(), spec(2)).await;
    let mut first = hall.in_the_room(0).await;
    assert_eq!(
        first.event("waiting_room_updated").await["usersInWaitingRoom"],
        json!([hall.id(0)])
    );
    let mut second = hall.in_the_room(1).await;
    let both = json!([hall.id(0), hall.id(1)]);
    assert_eq!(
        first.event("waiting_room_updated").await["usersInWaitingRoom"],
        both
    );
    second.event("waiting_room_updated").await;
    // A join that changes nothing is answered to the joiner alone, beside the stream.
    let join = json!({"auctionId": hall.auction, "userId": hall.id(1)});
    second.call("join_auction", join).await;
    let again = second.event("waiting_room_updated").await;
    assert_eq!(
        (&again["stream"]["passing"], &again["usersInWaitingRoom"]),
        (&json!(true), &both)
    );
    second.close().await;
    // The next thing the first one hears of the waiting room is that the second is gone.
    assert_eq!(
        first.event("waiting_room_updated").await["usersInWaitingRoom"],
        json!([hall.id(0)])
    );
}

#[tokio::test]
async fn a_league_room_hears_who_is_in_the_league() {
    let mut hall = Hall::open(settings(), spec(2)).await;
    let mut socket = hall.socket(0).await;
    let ack = socket
        .call("join_league_room", json!({"leagueId": hall.league}))
        .await;
    assert_eq!(ack["roomSize"], 1);
    assert_eq!(socket.event("room_joined").await["memberCount"], 2);
    let outsider = hall.outsider().await;
    let join = json!({"inviteToken": hall.demo.invite_token, "userId": hall.id(outsider)});
    hall.call(
        reqwest::Method::POST,
        "/api/leagues/join",
        Some(outsider),
        Some(join),
    )
    .await
    .ok();
    assert_eq!(socket.event("member_joined").await["userId"], hall.id(outsider));
    let joined = socket.event("participant_joined").await;
    assert_eq!(joined["participant"]["budgetRemaining"], 20_000_000);
    assert!(!joined.to_string().contains('@'));
    assert_eq!(socket.event("participants_changed").await["count"], 3);
    hall.command(0, "begin").await.ok();
    assert_eq!(
        socket.event("league_status_changed").await["status"],
        "auction_active"
    );
}

#[tokio::test]
async fn rejoining_brings_back_the_rooms_of_ones_leagues() {
    let hall = Hall::open(settings(), spec(2)).await;
    let mut socket = hall.socket(1).await;
    assert_eq!(
        socket.call("rejoin_rooms", json!({"userId": hall.id(1)})).await["ok"],
        true
    );
    hall.command(0, "begin").await.ok();
    socket.event("lot_started").await;
    assert_eq!(
        socket.call("rejoin_rooms", json!({"userId": hall.id(0)})).await["ok"],
        false
    );
}

#[tokio::test]
async fn a_probe_comes_back_to_its_room_and_nowhere_else() {
    let hall = Hall::open(settings(), spec(2)).await;
    let (mut one, mut other) = (hall.socket(0).await, hall.socket(1).await);
    let room = json!({"probeId": "p-1"});
    let outside = one.call("probe", json!({"probeId": "p-1", "nonce": "n"})).await;
    assert_eq!(outside["ok"], false, "not in the room yet");
    one.call("join_probe_room", room.clone()).await;
    assert_eq!(other.call("join_probe_room", room).await["roomSize"], 2);
    one.call("probe", json!({"probeId": "p-1", "nonce": "n-7"})).await;
    for socket in [&mut one, &mut other] {
        let probe = socket.event("probe").await;
        assert_eq!(
            (&probe["nonce"], &probe["pod"]),
            (&json!("n-7"), &json!(hall.running.pod()))
        );
    }
    for wrong in [
        json!({}),
        json!({"probeId": ""}),
        json!({"probeId": "x".repeat(129)}),
        json!({"probeId": "a b"}),
    ] {
        assert_eq!(one.call("join_probe_room", wrong).await["ok"], false);
    }
}

#[tokio::test]
async fn a_probe_room_holds_thirty_two_sockets_and_a_socket_four_of_them() {
    let hall = Hall::open(settings(), spec(2)).await;
    let mut sockets = Vec::new();
    for _ in 0..32 {
        let mut socket = hall.socket(0).await;
        assert_eq!(
            socket.call("join_probe_room", json!({"probeId": "p"})).await["ok"],
            true
        );
        sockets.push(socket);
    }
    let mut late = hall.socket(0).await;
    assert_eq!(
        late.call("join_probe_room", json!({"probeId": "p"})).await["ok"],
        false
    );
    for number in 0..4 {
        let room = json!({"probeId": format!("q{number}")});
        assert_eq!(late.call("join_probe_room", room).await["ok"], true);
    }
    assert_eq!(
        late.call("join_probe_room", json!({"probeId": "q4"})).await["ok"],
        false
    );
}
