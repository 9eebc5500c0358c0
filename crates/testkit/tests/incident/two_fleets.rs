//! A `gaveld` fleet and one of the field on one Redis: they do not speak each other's language, so neither hears the
//! other, and neither is disturbed.

use std::collections::VecDeque;

use gavelscope_contract::Money;
use gavelscope_contract::auction::BidRequest;
use gavelscope_testkit::fleet::{Adapter, FleetKind, FleetOptions};
use gavelscope_wire::connection::{ConnectOptions, Connection, Endpoint, Incoming, connect};
use serde_json::{Value, json};

use crate::hall::{ADA, BRUNO, Hall, ME, PATIENCE};

/// A socket, and the names and payloads of what it heard.
struct Listener {
    connection: Connection,
    heard: VecDeque<(String, String)>,
}

impl Listener {
    async fn at(url: &str, token: &str) -> Self {
        let options = ConnectOptions::default()
            .with_auth(&json!({ "token": token }))
            .unwrap();
        let connection = connect(&Endpoint::parse(url).unwrap(), &options).await.unwrap();
        Self {
            connection,
            heard: VecDeque::new(),
        }
    }

    /// Joins a room; what it hears meanwhile is kept.
    async fn join(&mut self, event: &str, room: &Value) {
        let id = self.connection.emit_with_ack(event, room).unwrap();
        loop {
            match self.incoming().await {
                Incoming::Event(event) => self.keep(&event),
                Incoming::Ack(ack) if ack.id() == id => {
                    let answer: Value = serde_json::from_str(ack.first_argument().unwrap()).unwrap();
                    assert_eq!(answer["ok"], true, "{answer}");
                    return;
                }
                _ => {}
            }
        }
    }

    async fn incoming(&mut self) -> Incoming {
        let next = tokio::time::timeout(PATIENCE, self.connection.next());
        next.await.expect("something comes in time").unwrap()
    }

    fn keep(&mut self, event: &gavelscope_wire::connection::Event) {
        let payload = event.first_argument().unwrap_or_default().to_owned();
        self.heard.push_back((event.name().to_owned(), payload));
    }

    /// Everything up to an event of this name that speaks of this.
    async fn up_to(&mut self, name: &str, of: &str) -> Vec<String> {
        let mut names = Vec::new();
        let hearing = async {
            loop {
                while let Some((heard, payload)) = self.heard.pop_front() {
                    let is_it = heard == name && payload.contains(of);
                    names.push(heard);
                    if is_it {
                        return;
                    }
                }
                if let Incoming::Event(event) = self.incoming().await {
                    self.keep(&event);
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, hearing).await;
        assert!(in_time.is_ok(), "{name} never came; {names:?} did");
        names
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_of_the_field_on_the_same_redis_hears_nothing_of_gaveld_and_the_other_way_round() {
    let hall = Hall::with(FleetOptions {
        pods: 2,
        kind: FleetKind::MixedTwoFleets,
        adapter: Adapter::Redis,
        ..FleetOptions::default()
    })
    .await;
    let [ours, field] = hall.fleet.sides() else {
        panic!("there are two sides")
    };
    let token = hall.seed.people[ME].access.expose();
    let (auction, league) = (&hall.seed.auction, &hall.seed.league);
    let (auction_room, league_room) = (json!({ "auctionId": auction }), json!({ "leagueId": league }));

    // One on each pod of each side, in rooms of the same names: the field lets anybody in anywhere.
    let mut here = Vec::new();
    for pod in ours.pods() {
        let mut listener = Listener::at(&pod.url(), token).await;
        listener.join("join_auction", &auction_room).await;
        listener.join("join_league_room", &league_room).await;
        here.push(listener);
    }
    let mut there = Vec::new();
    for pod in field.pods() {
        let mut listener = Listener::at(&pod.url(), "").await;
        listener.join("join_auction", &auction_room).await;
        listener.join("join_league_room", &league_room).await;
        there.push(listener);
    }

    // A bid on the one side is heard on both of its pods …
    hall.bid(0, ADA, 2_000_000).await;
    for listener in &mut here {
        listener.up_to("bid_placed", "2000000").await;
    }
    // … and then something on the other side is heard on both of its pods, and nothing between.
    let mut last = Listener::at(&field.pods()[1].url(), "").await;
    for listener in &mut there {
        listener.heard.clear();
    }
    last.join("join_league_room", &league_room).await;
    for listener in &mut there {
        let names = listener.up_to("sync_members", "").await;
        assert!(
            names.iter().all(|name| !name.starts_with("bid_")),
            "the field heard {names:?}"
        );
    }
    // Nor did that cross: the next thing that is heard here is the next bid.
    let bid = BidRequest {
        user_id: hall.seed.people[BRUNO].user.clone(),
        amount: Money::from_pounds(3_000_000),
    };
    hall.rest(1, BRUNO).bid(auction, &bid, "next").await;
    for listener in &mut here {
        let names = listener.up_to("bid_placed", "3000000").await;
        assert!(
            names.iter().all(|name| name != "sync_members"),
            "gaveld heard {names:?}"
        );
    }
}
