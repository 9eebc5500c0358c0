//! A whole session where its first way does not serve.

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::state::{Carrier, LinkPhase, TransportKind};
use gavelscope_client::{ServerAddress, Session, SessionConfig, check};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, seed};

use crate::on_the_way::NoWebsockets;
use crate::way::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_behind_a_proxy_that_knows_no_websockets_polls_and_says_so() {
    for kind in [PodKind::Gaveld, PodKind::Python] {
        let pod = Pod::start(kind, PodOptions::default()).await.unwrap();
        let seed = seed(&pod.url(), 1).await.unwrap();
        let proxy = NoWebsockets::before(&pod.url()).await;
        let address = ServerAddress::parse(&proxy.url(), DEFAULT_PATH).unwrap();
        let found = check::server(&address).await;
        assert!(found.is_ok(), "{kind:?}: {found:?}");
        for transport in [TransportKind::RustSocketio, TransportKind::Wire] {
            let credentials = seed.people[0].clone();
            let session =
                Session::start(SessionConfig::new(address.clone(), credentials, transport)).unwrap();
            let mut state = session.state();
            let online = state.wait_for(|state| state.connection.phase == LinkPhase::Online);
            let online = tokio::time::timeout(PATIENCE, online).await;
            let connection = online.expect("online in time").unwrap().connection.clone();
            assert_eq!(connection.carrier, Carrier::Polling, "{kind:?}, {transport:?}");
            let why = connection.changed_over.unwrap_or_default();
            assert!(why.contains("refused"), "{kind:?}, {transport:?}: {why:?}");
        }
    }
}
