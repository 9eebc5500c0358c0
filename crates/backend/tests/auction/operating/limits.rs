//! Too much is refused with 429 and how long to wait, and nobody else pays for it.

use gavelscope_backend::{Limits, Settings, Web};
use gavelscope_contract::RefusalCode;
use gavelscope_contract::refusal::Refusal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Hall, Socket, settings, spec};

/// One proxy, which is this machine: so that a test can be anybody.
fn limited(limits: &Limits) -> Settings {
    Settings {
        limits: Limits {
            none: false,
            ..limits.clone()
        },
        web: Web {
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            ..Web::default()
        },
        ..settings()
    }
}

/// Asks until it is refused; after how many, and the refusal.
async fn until_refused(hall: &Hall, path: &str, token: Option<&str>, from: &str) -> (u32, reqwest::Response) {
    for count in 0..100 {
        let mut request = hall
            .http
            .get(format!("{}{path}", hall.url))
            .header("X-Forwarded-For", from);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        if response.status() == 429 {
            return (count, response);
        }
    }
    panic!("{path} was never refused");
}

#[tokio::test]
async fn a_user_who_asks_too_often_is_told_how_long_to_wait_and_another_is_not() {
    let limits = Limits {
        user_calls: 1,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    let token = hall.people[1].access_token.expose();
    let (let_in, refused) = until_refused(&hall, "/api/auth/me", Some(token), "203.0.113.1").await;
    assert!(let_in >= 2, "two may come at once: {let_in}");
    let wait: u32 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(wait, 1);
    // As the client reads it.
    let refusal = Refusal::read(429, &refused.text().await.unwrap());
    assert_eq!(refusal.code, RefusalCode::TooManyRequests);
    assert!(refusal.detail.contains("wait 1 s"), "{}", refusal.detail);
    hall.get(0, "/api/auth/me").await.ok();
    // Whoever waits as long as told is let in.
    tokio::time::sleep(std::time::Duration::from_secs(u64::from(wait))).await;
    hall.get(1, "/api/auth/me").await.ok();
}

#[tokio::test]
async fn bids_have_a_limit_of_their_own_and_a_refused_one_is_not_stored() {
    let limits = Limits {
        user_bids: 1,
        ..Limits::NONE
    };
    let hall = Hall::begun(limited(&limits), spec(2)).await;
    let mut refused = 0;
    for pounds in 1..=20 {
        let answer = hall.bid(1, pounds * 1_000_000).await;
        refused += u32::from(answer.verdict() == (429, "too_many_requests"));
        if answer.status == 429 {
            hall.get(1, "/api/auth/me").await.ok();
        }
    }
    assert!(refused > 0, "the limit was never met");
    let snapshot = hall.snapshot().await;
    assert_eq!(
        snapshot.bids.len(),
        1,
        "the first is stored, and one's own is not outbid"
    );
    hall.bid(0, 19_000_000).await.ok();
}

#[tokio::test]
async fn strangers_are_counted_by_address_and_the_proxy_says_by_which() {
    let limits = Limits {
        address_calls: 1,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    until_refused(&hall, "/api/auth/me", None, "203.0.113.1").await;
    let from = async |address: &str| {
        let header = [("X-Forwarded-For", address)];
        let answer = hall.call_with(Method::GET, "/api/auth/me", Some("bad"), None, &header);
        answer.await.status
    };
    let statuses = [
        // The last one is the client; what it wrote itself stands before, and counts for nothing.
        from("198.51.100.7, 203.0.113.1").await,
        from("203.0.113.2").await,
    ];
    assert_eq!(statuses, [429, 401]);
}

#[tokio::test]
async fn a_header_from_a_stranger_moves_no_limit() {
    let limits = Limits {
        address_calls: 1,
        none: false,
        ..Limits::NONE
    };
    // No proxy is trusted: all of this is from loopback, which is not limited, whatever it says of itself.
    let hall = Hall::open(Settings { limits, ..settings() }, spec(2)).await;
    for _ in 0..20 {
        let header = [("X-Forwarded-For", "203.0.113.1")];
        let answer = hall
            .call_with(Method::GET, "/api/auth/me", None, None, &header)
            .await;
        assert_eq!(answer.status, 401);
    }
}

#[tokio::test]
async fn sign_in_links_are_limited_by_address_and_by_mailbox() {
    let limits = Limits {
        address_sign_ins: 5,
        email_links: 3,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    let ask = async |email: String, from: &str| {
        let header = [("X-Forwarded-For", from)];
        let body = Some(json!({ "email": email }));
        hall.call_with(Method::POST, "/api/auth/magic-link", None, body, &header)
            .await
            .status
    };
    // One mailbox, from many places.
    for number in 0..6 {
        let expected = if number < 3 { 200 } else { 429 };
        let email = if number % 2 == 0 {
            "a@x.example"
        } else {
            " A@X.example"
        };
        assert_eq!(
            ask(email.to_owned(), &format!("203.0.113.{number}")).await,
            expected
        );
    }
    // Many mailboxes, from one place: five sign-ins are ten calls.
    let mut let_in = 0;
    while ask(format!("b{let_in}@x.example"), "198.51.100.1").await == 200 {
        let_in += 1;
    }
    assert!((10..100).contains(&let_in), "{let_in} were let in");
}

#[tokio::test]
async fn a_socket_calls_so_often_and_is_in_so_many_rooms() {
    let limits = Limits {
        socket_calls: 8,
        socket_rooms: 2,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    let league = json!({"leagueId": hall.league});
    assert_eq!(socket.call("join_league_room", league.clone()).await["ok"], true);
    let third = socket.call("join_probe_room", json!({"probeId": "p"})).await;
    assert!(error(&third).contains("in 2 rooms"), "{third}");
    let again = socket.call("join_league_room", league.clone()).await;
    assert_eq!(again["ok"], true, "it is in that one already");
    assert_eq!(socket.call("leave_league", league.clone()).await["ok"], true);
    assert_eq!(
        socket.call("join_probe_room", json!({"probeId": "p"})).await["ok"],
        true
    );
    let refused = until_refused_by(&mut socket, "leave_league", &league).await;
    assert!(
        error(&refused).contains("Too many calls of this socket: wait"),
        "{refused}"
    );
    // Another socket of the same user has its own.
    hall.in_the_room(1).await;
}

/// Calls until it is refused.
async fn until_refused_by(socket: &mut Socket, call: &str, payload: &Value) -> Value {
    for _ in 0..100 {
        let ack = socket.call(call, payload.clone()).await;
        if ack["ok"] == false {
            return ack;
        }
    }
    panic!("{call} was never refused");
}

fn error(ack: &Value) -> &str {
    ack["error"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn calls_of_all_sockets_of_a_user_count_together() {
    let limits = Limits {
        user_socket_calls: 5,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    let mut let_in = 0;
    let refused = loop {
        let mut socket = hall.socket(1).await;
        let ack = socket
            .call("join_auction", json!({"auctionId": hall.auction}))
            .await;
        if ack["ok"] == false {
            break ack;
        }
        let_in += 1;
    };
    assert!((5..100).contains(&let_in), "{let_in} were let in");
    assert!(error(&refused).contains("this user's sockets"), "{refused}");
    hall.in_the_room(0).await;
}

#[tokio::test]
async fn a_user_has_so_many_sockets_and_gets_a_place_back_with_each_that_goes() {
    let limits = Limits {
        user_sockets: 2,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    let token = json!({"token": hall.people[1].access_token.expose()});
    let (first, _second) = (hall.socket(1).await, hall.socket(1).await);
    let refusal = Socket::refused(&hall.url, token, &[]).await;
    assert!(refusal.contains("This user has 2 sockets here"), "{refusal}");
    // Shown only with the join, it is the same.
    let mut anonymous = Socket::open(&hall.url, json!({})).await;
    let join = json!({"auctionId": hall.auction, "token": hall.people[1].access_token.expose()});
    let ack = anonymous.call("join_auction", join.clone()).await;
    assert!(error(&ack).contains("This user has 2 sockets here"), "{ack}");
    hall.in_the_room(0).await;
    first.close().await;
    // The place is free once the server has seen it go.
    for _ in 0..500 {
        if anonymous.call("join_auction", join.clone()).await["ok"] == true {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the place of a socket that is gone was never given back");
}

#[tokio::test]
async fn an_address_has_so_many_sockets() {
    let limits = Limits {
        address_sockets: 2,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    let from = [("X-Forwarded-For", "203.0.113.1")];
    let _first = Socket::open_with(&hall.url, json!({}), &from).await;
    let _second = Socket::open_with(&hall.url, json!({}), &from).await;
    let refusal = Socket::refused(&hall.url, json!({}), &from).await;
    assert!(refusal.contains("This address has 2 sockets here"), "{refusal}");
    Socket::open_with(&hall.url, json!({}), &[("X-Forwarded-For", "203.0.113.2")]).await;
}

#[tokio::test]
async fn new_sockets_of_an_address_are_refused_over_http_with_a_wait() {
    let limits = Limits {
        address_calls: 1,
        ..Limits::NONE
    };
    let hall = Hall::open(limited(&limits), spec(2)).await;
    let handshake = "/api/socket.io/?EIO=4&transport=polling";
    let (_, refused) = until_refused(&hall, handshake, None, "203.0.113.1").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let refusal: Value = refused.json().await.unwrap();
    assert_eq!(refusal["code"], "too_many_requests");
}

#[tokio::test]
async fn a_pod_takes_so_many_connections_and_websockets_are_some() {
    let limits = Limits {
        connections: 3,
        none: false,
        ..Limits::NONE
    };
    let hall = Hall::open(Settings { limits, ..settings() }, spec(2)).await;
    let get = async || {
        let once = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        once.get(format!("{}/health/live", hall.url)).send().await.is_ok()
    };
    let sockets = [hall.socket(0).await, hall.socket(1).await, hall.socket(1).await];
    assert!(!get().await, "there is no place left");
    for socket in sockets {
        socket.close().await;
    }
    for _ in 0..500 {
        if get().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the places of connections that are gone were never given back");
}
