//! The same over our own server, as far as it can be asked for it.

use std::collections::BTreeSet;
use std::time::Duration;

use gavelscope_backend::{Demo, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::transport::{AckError, Lost, Stage};
use gavelscope_contract::{Decoded, Event};
use serde_json::json;

use crate::acks::OUTLIVES_SILENCE;
use crate::losses::{BREAKS, Told, told};
use crate::relay::Relay;
use crate::way::{Came, Each, Player, WAYS, Way};

async fn house() -> (Running, Demo) {
    let running = start(Settings::practice()).await.unwrap();
    let demo = seed_demo(&running, &DemoSpec::practice("Ada", 1)).await.unwrap();
    (running, demo)
}

async fn enter(way: Way, url: &str, demo: &Demo) -> Player {
    let token = demo.people[0].access_token.expose();
    let mut player = way.connect(url, Some(token)).await.unwrap();
    player.before("connected").await.unwrap();
    player
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_are_answered_and_their_events_arrive_typed() {
    let (running, demo) = house().await;
    for way in WAYS {
        let mut player = enter(way, &running.url(), &demo).await;
        assert_eq!(player.stages, [Stage::Connecting, Stage::Handshaking], "{way}");
        let join = json!({ "auctionId": demo.auction });
        let answer = player.ask("join_auction", join).await.unwrap();
        assert_eq!(answer[0]["ok"], true, "{way}: {answer:?}");
        loop {
            let Came::Event(event) = player.next().await.unwrap() else {
                panic!("{way}")
            };
            if event.name == "auction_snapshot" {
                let Decoded::Known(known) = &event.decoded else {
                    panic!("{way}: {:?}", event.decoded)
                };
                assert!(matches!(**known, Event::AuctionSnapshot(_)), "{way}");
                break;
            }
        }
        let refused = player.ask("join_auction", json!({})).await.unwrap();
        assert_eq!(refused[0]["ok"], false, "{way}: {refused:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_a_room_comes_once_to_everybody_in_it() {
    let (running, demo) = house().await;
    let mut players = Vec::new();
    for way in WAYS {
        let player = enter(way, &running.url(), &demo).await;
        let room = json!({ "probeId": "conformance" });
        assert_eq!(
            player.ask("join_probe_room", room).await.unwrap()[0]["ok"],
            true,
            "{way}"
        );
        players.push((way, player));
    }
    for round in 0..30 {
        let mut said = BTreeSet::new();
        for (way, player) in &players {
            let nonce = format!("{round}-{way}").replace(' ', "-");
            let probe = json!({ "probeId": "conformance", "nonce": nonce });
            assert_eq!(player.ask("probe", probe).await.unwrap()[0]["ok"], true, "{way}");
            said.insert(nonce);
        }
        for (way, player) in &mut players {
            let mut heard = BTreeSet::new();
            while heard.len() < said.len() {
                if let Came::Event(event) = player.next().await.unwrap()
                    && let Decoded::Known(known) = event.decoded
                    && let Event::Probe(probe) = *known
                {
                    // What came twice, or in a later round, is in the way of what is expected.
                    assert!(
                        heard.insert(probe.nonce.clone()),
                        "{way}: {} came twice",
                        probe.nonce
                    );
                }
            }
            assert_eq!(heard, said, "{way}");
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_handler_is_never_answered_here_either() {
    let (running, demo) = house().await;
    for way in WAYS {
        let mut player = enter(way, &running.url(), &demo).await;
        let answer = player
            .ask_within("sync_state", json!({}), Duration::from_secs(2))
            .await;
        assert_eq!(answer, Err(AckError::Missing), "{way}");
        if *way.of(&OUTLIVES_SILENCE) {
            let join = json!({ "auctionId": demo.auction });
            assert!(player.ask("join_auction", join).await.is_ok(), "{way}");
        } else {
            assert_eq!(player.end().await, Lost::AckMissing, "{way}");
        }
    }
    running.stop().await;
}

/// Our server says goodbye to its sockets before it ends.
const STOPS: Each<&[Told]> = [
    &[Told::ClosedByServer, Told::Broke],
    &[Told::ClosedByServer],
    // Whichever comes first: the goodbye in the poll, or the end of the connection that the poll waits on.
    &[Told::ClosedByServer, Told::Broke],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_cut_are_noticed() {
    for way in WAYS {
        let (running, demo) = house().await;
        let relay = Relay::to(&[&running.url()]).await;
        let mut behind_relay = enter(way, &relay.url(), &demo).await;
        relay.cut();
        let lost = behind_relay.end().await;
        assert_eq!(told(&lost), Some(*way.of(&BREAKS)), "{way}: {lost:?}");

        let mut player = enter(way, &running.url(), &demo).await;
        let (lost, ()) = tokio::join!(player.end(), running.stop());
        assert!(
            told(&lost).is_some_and(|told| way.of(&STOPS).contains(&told)),
            "{way}: {lost:?}"
        );
    }
}
