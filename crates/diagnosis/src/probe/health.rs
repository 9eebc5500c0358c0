//! What the pods claim: `/health`, over fresh connections, so that a balancer shows more than one of them.

use std::time::{Duration, Instant};

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

pub(super) async fn ask(
    target: &Target,
    pace: &mut Pace,
    when: When,
    seen: &mut Vec<HealthSeen>,
) -> Result<(), Stopped> {
    let Some(http) = super::turns::http(target, false) else {
        return Ok(());
    };
    for _ in 0..ASKED {
        pace.turn(Turn::FreshRequest).await?;
        let asked = http.get(target.address.rest("/health")).timeout(LIMIT).send();
        let since = Instant::now();
        // One that does not answer claims nothing.
        if let Ok(answer) = pace.within(asked).await? {
            seen.push(HealthSeen {
                afterwards: when == When::Afterwards,
                ..read(answer, since).await
            });
        }
    }
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
        reason: adapter.and_then(|adapter| adapter.last_error.or(adapter.reason)),
        took_ms,
        afterwards: false,
    }
}
