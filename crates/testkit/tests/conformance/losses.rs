//! A link that stood and is over: each kind of loss is noticed, and told as what the transport can tell it as.

use std::time::Duration;

use gavelscope_client::transport::Lost;
use gavelscope_testkit::proxy::Fault;
use serde_json::json;

use crate::servers::{KINDS, Setup};
use crate::way::{Each, Player, WAYS, cut, proxy_before};

/// How a loss is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// "The server closed the connection."
    ClosedByServer,
    /// The connection broke.
    Broke,
    /// A polling request reached a server that does not know the session.
    UnknownSession,
}

use Told::{Broke, ClosedByServer, UnknownSession};

/// How a server takes its leave, and how each transport tells it.
pub struct Leaving {
    pub what: &'static str,
    how: &'static str,
    pub told: Each<&'static [Told]>,
}

pub const LEAVINGS: &[Leaving] = &[
    Leaving {
        what: "the server ends the Socket.IO session",
        how: "disconnect",
        told: [&[ClosedByServer], &[ClosedByServer], &[ClosedByServer]],
    },
    Leaving {
        what: "the server closes the transport in due form",
        how: "close",
        told: [&[ClosedByServer, Broke], &[ClosedByServer], &[ClosedByServer]],
    },
];

/// The process dies, or TCP is cut.
pub const BREAKS: Each<Told> = [Broke, Broke, Broke];

pub fn told(lost: &Lost) -> Option<Told> {
    match lost {
        Lost::ClosedByServer => Some(ClosedByServer),
        Lost::Broken(_) => Some(Broke),
        Lost::InvalidSession(_) => Some(UnknownSession),
        _ => None,
    }
}

/// A heartbeat that a test can wait for, and a busy machine can keep up with.
const HASTY: Setup = Setup {
    transports: &["polling", "websocket"],
    ping_interval: Duration::from_secs(2),
    ping_timeout: Duration::from_secs(4),
};

async fn leave(player: &Player, how: &str) {
    player.tell("leave", json!({ "how": how })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_its_leave_is_told_as_the_table_says() {
    let mut wrong = Vec::new();
    for server in KINDS {
        // After its close packet python-socketio keeps the websocket until the heartbeat is due; the boxed library passes
        // over that packet, and waits as long.
        let hasty = server.start(HASTY);
        for leaving in LEAVINGS {
            for way in WAYS {
                let mut player = way.connect(&hasty.url, None).await.unwrap();
                player.before("connected").await.unwrap();
                leave(&player, leaving.how).await;
                let lost = player.end().await;
                let expected = way.of(&leaving.told);
                if !told(&lost).is_some_and(|told| expected.contains(&told)) {
                    wrong.push(format!(
                        "{server:?}, {way}, {}: {lost:?}, not {expected:?}",
                        leaving.what
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_noticed() {
    for server in KINDS {
        for way in WAYS {
            let killed = server.start(Setup::default());
            let mut player = way.connect(&killed.url, None).await.unwrap();
            player.before("connected").await.unwrap();
            leave(&player, "kill").await;
            let lost = player.end().await;
            assert_eq!(told(&lost), Some(*way.of(&BREAKS)), "{server:?}, {way}: {lost:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_noticed() {
    for server in KINDS {
        for way in WAYS {
            let proxy = proxy_before(server.shared()).await;
            let mut player = way.connect(&proxy.url(), None).await.unwrap();
            player.before("connected").await.unwrap();
            cut(&proxy).await;
            let lost = player.end().await;
            assert_eq!(told(&lost), Some(*way.of(&BREAKS)), "{server:?}, {way}: {lost:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_carries_nothing_any_more_is_noticed_by_the_heartbeat() {
    for server in KINDS {
        let hasty = server.start(HASTY);
        for way in WAYS {
            let proxy = proxy_before(&hasty.url).await;
            let mut player = way.connect(&proxy.url(), None).await.unwrap();
            player.before("connected").await.unwrap();
            proxy.set(Fault::HalfOpen).await;
            let lost = player.end().await;
            assert_eq!(told(&lost), Some(*way.of(&BREAKS)), "{server:?}, {way}: {lost:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_before_the_end_still_counts() {
    for server in KINDS {
        for way in WAYS {
            let mut player = way.connect(server.shared(), None).await.unwrap();
            player.before("connected").await.unwrap();
            player.tell("say", json!({ "events": [["last", 1]] })).await;
            leave(&player, "disconnect").await;
            assert!(player.before("last").await.is_ok(), "{server:?}, {way}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_dropped_says_goodbye() {
    for server in KINDS {
        for way in WAYS {
            let player = way.connect(server.shared(), None).await.unwrap();
            let mut inbound = player.link.inbound;
            drop((player.link.outbound, player.link.checks));
            let ended = async {
                while let Some(message) = inbound.recv().await {
                    if let gavelscope_client::transport::Inbound::Closed(lost) = message {
                        return Some(lost);
                    }
                }
                None
            };
            let ended = tokio::time::timeout(crate::way::PATIENCE, ended).await.unwrap();
            assert_eq!(ended, Some(Lost::ClosedHere), "{server:?}, {way}");
        }
    }
}
