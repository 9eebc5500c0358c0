//! One call with its limits: signed in again where that ran out, written down, and read no further than an answer can be.

use std::time::Instant;

use gavelscope_contract::auction::{IDEMPOTENCY_KEY, POD_ID_HEADER, USER_ID_HEADER};
use gavelscope_contract::auth::{RefreshRequest, SignIn};
use gavelscope_contract::{PodId, Refusal};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Answer, Credentials, Outcome, Rest};
use crate::error::ClientError;
use crate::recorder::Recorder;
use crate::time;

/// No answer of the contract comes near this; more is not read.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// What is asked.
pub(super) struct Call<'a, B: ?Sized> {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<&'a B>,
    pub(super) key: Option<&'a str>,
    pub(super) what: &'a str,
}

/// Why there is no good answer, and whether the server may have acted.
pub(super) enum Failure {
    /// Before anything was sent.
    Before(ClientError),
    /// The server may have acted.
    After(ClientError),
    /// The server answered no.
    No {
        refusal: Refusal,
        pod: Option<PodId>,
        took_ms: u32,
    },
}

impl From<Failure> for ClientError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Before(error) | Failure::After(error) => error,
            Failure::No { refusal, .. } => Self::Refused(refusal),
        }
    }
}

impl Rest {
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, what: &str) -> Outcome<T> {
        let call = Call {
            method: Method::GET,
            path: path.to_owned(),
            body: None::<&()>,
            key: None,
            what,
        };
        Ok(self.call(&call).await?)
    }

    pub(super) async fn post<B: Serialize + ?Sized + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&B>,
        what: &str,
    ) -> Outcome<T> {
        Ok(self
            .call(&Call {
                method: Method::POST,
                path: path.to_owned(),
                body,
                key: None,
                what,
            })
            .await?)
    }

    /// One call. A 401 is met with one refresh of the sign-in and one repeat: it was refused before it did anything.
    pub(super) async fn call<B: Serialize + ?Sized + Sync, T: DeserializeOwned>(
        &self,
        call: &Call<'_, B>,
    ) -> Result<Answer<T>, Failure> {
        let credentials = self.credentials();
        match self.call_once(call, credentials.as_ref()).await {
            Err(Failure::No { refusal, .. }) if refusal.status == 401 && credentials.is_some() => {
                let renewed = self.renew(credentials.as_ref()).await.map_err(Failure::Before)?;
                self.call_once(call, Some(&renewed)).await
            }
            other => other,
        }
    }

    pub(super) async fn renew(&self, used: Option<&Credentials>) -> Result<Credentials, ClientError> {
        let _one_at_a_time = self.renewal.lock().await;
        // Another call may have renewed it while this one was refused.
        if let (Some(now), Some(used)) = (self.credentials(), used)
            && now.access != used.access
        {
            return Ok(now);
        }
        let refresh = used
            .and_then(|u| u.refresh.clone())
            .ok_or(ClientError::SignedOut)?;
        let body = RefreshRequest {
            refresh_token: refresh,
        };
        let call = Call {
            method: Method::POST,
            path: "/auth/refresh".to_owned(),
            body: Some(&body),
            key: None,
            what: "renewing the sign-in",
        };
        match self.call_once::<_, SignIn>(&call, None).await {
            Ok(answer) => {
                let credentials = Credentials::from(answer.body);
                self.set_credentials(credentials.clone());
                Ok(credentials)
            }
            Err(Failure::No { .. }) => Err(ClientError::SignedOut),
            Err(other) => Err(other.into()),
        }
    }

    async fn call_once<B: Serialize + ?Sized + Sync, T: DeserializeOwned>(
        &self,
        call: &Call<'_, B>,
        credentials: Option<&Credentials>,
    ) -> Result<Answer<T>, Failure> {
        let mut request = self
            .http
            .request(call.method.clone(), self.address.rest(&call.path));
        if let Some(credentials) = credentials {
            // Older backends know nothing of tokens and read the bare id (contract, section 1).
            request = request
                .bearer_auth(credentials.access.expose())
                .header(USER_ID_HEADER, credentials.user.as_str());
        }
        if let Some(key) = call.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let recorded = self.recorder.as_ref().map(|recorder| {
            let body = call.body.and_then(|body| serde_json::to_string(body).ok());
            (recorder, recorder.call(call.method.as_str(), &call.path, body))
        });
        let (sent, started) = (time::now(), Instant::now());
        let response = request.send().await.map_err(|error| {
            let failure = self.failure(&error, call.what);
            record_failure(recorded, started, &failure);
            failure
        })?;
        let (status, pod) = (response.status(), pod_of(&response));
        let retry_after_seconds = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim().parse().ok());
        let text = read_body(response).await.map_err(|reason| {
            let failure = Failure::After(self.broken(call.what, reason));
            record_failure(recorded, started, &failure);
            failure
        })?;
        let took_ms = time::millis_since(started);
        if let Some((recorder, n)) = recorded {
            let pod = pod.as_ref().map(PodId::as_str);
            recorder.answer(n, &call.path, status.as_u16(), took_ms, pod, &text);
        }
        tracing::debug!(
            call = call.what,
            status = status.as_u16(),
            took_ms,
            "REST answered"
        );
        if status.is_success() {
            let body = serde_json::from_str(&text)
                .map_err(|error| Failure::After(self.malformed(call.what, &error, &text)))?;
            Ok(Answer {
                body,
                pod,
                sent,
                received: time::now(),
                took_ms,
            })
        } else {
            Err(Failure::No {
                refusal: Refusal {
                    retry_after_seconds,
                    ..Refusal::read(status.as_u16(), &text)
                },
                pod,
                took_ms,
            })
        }
    }
}

/// Writes down why a recorded call has no answer.
fn record_failure(recorded: Option<(&Recorder, u64)>, started: Instant, failure: &Failure) {
    if let (Some((recorder, n)), Failure::Before(error) | Failure::After(error)) = (recorded, failure) {
        recorder.no_answer(n, time::millis_since(started), error);
    }
}

fn pod_of(response: &reqwest::Response) -> Option<PodId> {
    response
        .headers()
        .get(POD_ID_HEADER)
        .and_then(|value| value.to_str().ok())
        .map(PodId::from)
}

#[derive(Clone, Copy)]
pub(super) enum BodyError {
    TooSlow,
    TooLarge,
    Broken,
}

async fn read_body(mut response: reqwest::Response) -> Result<String, BodyError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_BODY => return Err(BodyError::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(String::from_utf8_lossy(&body).into_owned()),
            Err(error) if error.is_timeout() => return Err(BodyError::TooSlow),
            Err(_) => return Err(BodyError::Broken),
        }
    }
}
