//! No from the server, in each of its forms.

use std::mem::{Discriminant, discriminant};

use gavelscope_client::transport::{Lost, Stage};

use crate::on_the_way::Balancer;
use crate::servers::{KINDS, Kind, Setup};
use crate::way::{Each, WAYS, Way};

/// Whether the server's own words reach the user when it refuses the session.
pub const TELLS_WHY: Each<bool> = [true, true, true];

fn kind_of(lost: &Lost) -> Discriminant<Lost> {
    discriminant(lost)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_refused_says_why() {
    for server in KINDS {
        for way in WAYS {
            let Err(lost) = way.connect(server.shared(), Some("refuse")).await else {
                panic!("{server:?}, {way}: it was let in")
            };
            let Lost::Refused(reason) = &lost else {
                panic!("{server:?}, {way}: {lost:?}")
            };
            assert_eq!(
                reason.contains("not signed in"),
                *way.of(&TELLS_WHY),
                "{server:?}, {way}: {reason}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_granted_and_ended_at_once_ends() {
    for server in KINDS {
        for way in WAYS {
            let lost = match way.connect(server.shared(), Some("accept-then-disconnect")).await {
                Ok(mut player) => player.end().await,
                Err(lost) => lost,
            };
            assert!(
                matches!(lost, Lost::ClosedByServer | Lost::Broken(_) | Lost::Refused(_)),
                "{server:?}, {way}: {lost:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_websocket_says_so_and_polling_works() {
    for server in KINDS {
        let polling_only = server.start(Setup {
            transports: &["polling"],
            ..Setup::default()
        });
        for way in [Way::Boxed, Way::Wire] {
            let Err(lost) = way.connect(&polling_only.url, None).await else {
                panic!("{server:?}, {way}: it was let in")
            };
            let refused = Lost::WebsocketRefused(String::new());
            assert_eq!(kind_of(&lost), kind_of(&refused), "{server:?}, {way}: {lost:?}");
            // Node says that it knows no such transport; python-socketio is asked by uvicorn and refuses.
            let status = match server {
                Kind::Node => "HTTP 400",
                Kind::Python => "HTTP 403",
            };
            assert!(lost.to_string().contains(status), "{server:?}, {way}: {lost}");
        }
        let player = Way::Polling.connect(&polling_only.url, None).await.unwrap();
        assert_eq!(player.stages, [Stage::Connecting, Stage::Handshaking]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_behind_a_balancer_that_deals_requests_out_in_turn_ends_as_an_unknown_session() {
    for server in KINDS {
        let other = server.start(Setup::default());
        let balancer = Balancer::before(&[server.shared(), &other.url]).await;
        let lost = match Way::Polling.connect(&balancer.url(), None).await {
            Ok(mut player) => player.end().await,
            Err(lost) => lost,
        };
        let unknown = Lost::InvalidSession(String::new());
        assert_eq!(kind_of(&lost), kind_of(&unknown), "{server:?}: {lost:?}");
        for way in [Way::Boxed, Way::Wire] {
            let connected = way.connect(&balancer.url(), None).await;
            assert!(
                connected.is_ok(),
                "{server:?}, {way}: a websocket stays with its server"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_tells_how_far_it_has_come() {
    for server in KINDS {
        for way in WAYS {
            let player = way.connect(server.shared(), None).await.unwrap();
            assert_eq!(
                player.stages,
                [Stage::Connecting, Stage::Handshaking],
                "{server:?}, {way}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_listens_no_connection_comes_about() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for way in WAYS {
        let Err(lost) = way.connect(&url, None).await else {
            panic!("{way}: there is nothing")
        };
        assert!(matches!(lost, Lost::NotConnected(_)), "{way}: {lost:?}");
    }
}
