//! What the pods claim: `/health`, over fresh connections, so that a balancer shows more than one of them.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use gavelscope_contract::auction::POD_ID_HEADER;
use gavelscope_contract::health::Health;

use super::pace::{Pace, Stopped, Turn};
use super::{Target, millis};
use crate::evidence::HealthSeen;

/// When it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before anything else is measured.
    Before,
    /// When something was found.
    Afterwards,
}

/// How often it is asked each time.
const ASKED: usize = 4;
const LIMIT: Duration = Duration::from_secs(5);

/// One after the other, without waiting for the answers in between.
pub(super) async fn ask(
    target: &Target,
    pace: &Pace,
    when: When,
    seen: &mut Vec<HealthSeen>,
) -> Result<(), Stopped> {
    let Some(http) = super::turns::http(target, false) else {
        return Ok(());
    };
    let url = target.address.rest("/health");
    let asked = (0..ASKED).map(async |_| {
        pace.turn(Turn::FreshRequest).await?;
        let since = Instant::now();
        let answer = http.get(url.clone()).timeout(LIMIT).send();
        // One that does not answer claims nothing.
        let Ok(answer) = pace.within(answer).await? else {
            return Ok(None);
        };
        Ok(Some(HealthSeen {
            afterwards: when == When::Afterwards,
            ..pace.within(read(answer, since)).await?
        }))
    });
    seen.extend(try_join_all(asked).await?.into_iter().flatten());
    Ok(())
}

async fn read(answer: reqwest::Response, since: Instant) -> HealthSeen {
    let code = u32::from(answer.status().as_u16());
    let named = answer
        .headers()
        .get(POD_ID_HEADER)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let health = answer.json::<Health>().await.ok();
    let took_ms = millis(since.elapsed());
    let Some(health) = health else {
        return HealthSeen {
            code,
            pod: named,
            took_ms,
            ..HealthSeen::default()
        };
    };
    let sockets = health.socketio;
    let adapter = sockets.as_ref().and_then(|sockets| sockets.adapter.clone());
    HealthSeen {
        code,
        status: health.status,
        pod: named.or(health.pod.map(|pod| pod.0)),
        mode: sockets.as_ref().map(|sockets| sockets.mode.clone()),
        multi_pod_ready: sockets.as_ref().map(|sockets| sockets.multi_pod_ready),
        adapter: adapter.as_ref().map(|adapter| adapter.state.clone()),
        pods: adapter.as_ref().and_then(|adapter| adapter.pods),
        reason: adapter.and_then(|adapter| adapter.reason.or(adapter.last_error)),
        took_ms,
        afterwards: false,
    }
}
