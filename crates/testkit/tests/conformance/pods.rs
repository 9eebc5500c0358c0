//! The same over whole backends, as far as they can be asked for it: our own, and one like those in the field.

use std::collections::BTreeSet;
use std::time::Duration;

use gavelscope_client::transport::{AckError, Lost, Stage};
use gavelscope_contract::{AuctionId, Decoded, Event, Secret};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, seed};
use serde_json::json;

use crate::acks::OUTLIVES_SILENCE;
use crate::losses::{BREAKS, Told, told};
use crate::way::{Came, Each, Player, WAYS, Way, cut, proxy_before};

const KINDS: [PodKind; 2] = [PodKind::Gaveld, PodKind::Python];

/// A backend with an auction in it.
struct House {
    pod: Pod,
    auction: AuctionId,
    token: Secret,
}

impl House {
    async fn of(kind: PodKind) -> Self {
        let pod = Pod::start(kind, PodOptions::default()).await.unwrap();
        let seed = seed(&pod.url(), 1).await.unwrap();
        Self {
            pod,
            auction: seed.auction,
            token: seed.people[0].access.clone(),
        }
    }

    async fn enter(&self, way: Way, url: &str) -> Player {
        let mut player = way.connect(url, Some(self.token.expose())).await.unwrap();
        player.before("connected").await.unwrap();
        player
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_are_answered_and_their_events_arrive_typed() {
    for kind in KINDS {
        let house = House::of(kind).await;
        for way in WAYS {
            let mut player = house.enter(way, &house.pod.url()).await;
            assert_eq!(
                player.stages,
                [Stage::Connecting, Stage::Handshaking],
                "{kind:?}, {way}"
            );
            let answer = player
                .ask("join_auction", json!({ "auctionId": house.auction }))
                .await;
            assert_eq!(answer.unwrap()[0]["ok"], true, "{kind:?}, {way}");
            loop {
                let Came::Event(event) = player.next().await.unwrap() else {
                    panic!("{kind:?}, {way}")
                };
                if event.name == "auction_snapshot" {
                    let Decoded::Known(known) = &event.decoded else {
                        panic!("{kind:?}, {way}: {:?}", event.decoded)
                    };
                    assert!(matches!(**known, Event::AuctionSnapshot(_)), "{kind:?}, {way}");
                    break;
                }
            }
            let refused = player.ask("join_auction", json!({})).await.unwrap();
            assert_eq!(refused[0]["ok"], false, "{kind:?}, {way}: {refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_a_room_comes_once_to_everybody_in_it() {
    let house = House::of(PodKind::Gaveld).await;
    let mut players = Vec::new();
    for way in WAYS {
        let player = house.enter(way, &house.pod.url()).await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_handler_is_never_answered_here_either() {
    for kind in KINDS {
        let house = House::of(kind).await;
        for way in WAYS {
            let mut player = house.enter(way, &house.pod.url()).await;
            let answer = player
                .ask_within("sync_state", json!({}), Duration::from_secs(2))
                .await;
            assert_eq!(answer, Err(AckError::Missing), "{kind:?}, {way}");
            if *way.of(&OUTLIVES_SILENCE) {
                let join = json!({ "auctionId": house.auction });
                assert!(player.ask("join_auction", join).await.is_ok(), "{kind:?}, {way}");
            } else {
                assert_eq!(player.end().await, Lost::AckMissing, "{kind:?}, {way}");
            }
        }
    }
}

/// Both say goodbye to their websockets before they end. A poll that waits may be answered, or its connection just ended.
const STOPS: Each<&[Told]> = [
    &[Told::ClosedByServer, Told::Broke],
    &[Told::ClosedByServer],
    &[Told::ClosedByServer, Told::Broke, Told::UnknownSession],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_cut_are_noticed() {
    for kind in KINDS {
        let mut house = House::of(kind).await;
        for way in WAYS {
            let proxy = proxy_before(&house.pod.url()).await;
            let mut player = house.enter(way, &proxy.url()).await;
            cut(&proxy).await;
            let lost = player.end().await;
            assert_eq!(told(&lost), Some(*way.of(&BREAKS)), "{kind:?}, {way}: {lost:?}");
        }
        let mut players = Vec::new();
        for way in WAYS {
            players.push((way, house.enter(way, &house.pod.url()).await));
        }
        let ending = house.pod.end();
        let noticing = async {
            for (way, player) in &mut players {
                let lost = player.end().await;
                let expected = way.of(&STOPS);
                assert!(
                    told(&lost).is_some_and(|told| expected.contains(&told)),
                    "{kind:?}, {way}: {lost:?}"
                );
            }
        };
        let (ended, ()) = tokio::join!(ending, noticing);
        ended.unwrap();
    }
}
