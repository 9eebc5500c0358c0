//! The REST half of the contract over `reqwest`.

use std::error::Error as _;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use gavelscope_contract::auction::{
    AuctionSnapshot, BidAnswer, BidRequest, ClubList, EventPage, IDEMPOTENCY_KEY, POD_ID_HEADER,
    USER_ID_HEADER,
};
use gavelscope_contract::auth::{
    MagicLinkAnswer, MagicLinkRequest, NewUser, RefreshRequest, SignIn, User, VerifyRequest,
};
use gavelscope_contract::health::Health;
use gavelscope_contract::league::{
    Competition, JoinLeagueAnswer, JoinLeagueRequest, League, NewLeague, ParticipantList, StartAnswer,
};
use gavelscope_contract::{AuctionId, Email, LeagueId, PodId, Refusal, RefusalCode, Secret, UserId};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::ServerAddress;
use crate::error::ClientError;
use crate::recorder::Recorder;
use crate::state::Millis;
use crate::time;

/// Every call is given up after this long.
pub const LIMIT: Duration = Duration::from_secs(5);
/// No answer of the contract comes near this; more is not read.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// Calls to one backend, signed in or not. Clones share the sign-in.
#[derive(Clone)]
pub struct Rest {
    http: reqwest::Client,
    address: Arc<ServerAddress>,
    sign_in: Arc<RwLock<Option<Credentials>>>,
    /// Held while the sign-in is renewed: two calls that met a 401 renew it once.
    renewal: Arc<tokio::sync::Mutex<()>>,
    recorder: Option<Recorder>,
}

/// What a signed-in call carries.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// For the `Authorization` header.
    pub access: Secret,
    /// To get the next one.
    pub refresh: Option<Secret>,
    /// When `access` runs out, by this machine's clock, where the server said it.
    pub expires_at: Option<Millis>,
}

impl From<SignIn> for Credentials {
    fn from(sign_in: SignIn) -> Self {
        Self {
            user: sign_in.user.id,
            name: sign_in.user.name,
            access: sign_in.access_token,
            refresh: Some(sign_in.refresh_token),
            expires_at: Some(Millis(
                time::now().0 + i64::from(sign_in.expires_in).saturating_mul(1_000),
            )),
        }
    }
}

/// An answer, with what it tells besides its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The body.
    pub body: T,
    /// The pod that answered, where it says so.
    pub pod: Option<PodId>,
    /// When the call left.
    pub sent: Millis,
    /// When the answer was whole.
    pub received: Millis,
    /// Between the two, by a clock that does not jump, ms.
    pub took_ms: u32,
}

/// What is known of a bid once its request is over (design, rule 2).
#[derive(Debug, Clone, PartialEq)]
pub enum BidOutcome {
    /// The server said yes.
    Accepted(Box<Answer<BidAnswer>>),
    /// The server said no.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The pod that said so.
        pod: Option<PodId>,
        /// Until the answer, ms.
        took_ms: u32,
    },
    /// The request never left: nothing was stored.
    NotSent(ClientError),
    /// It may have been stored, and it may not.
    Unknown(ClientError),
}

struct Call<'a, B: ?Sized> {
    method: Method,
    path: String,
    body: Option<&'a B>,
    key: Option<&'a str>,
    what: &'a str,
}

enum Failure {
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

type Outcome<T> = Result<Answer<T>, ClientError>;

impl Rest {
    /// For one backend, not signed in.
    pub fn new(address: ServerAddress) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .connect_timeout(LIMIT)
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::limited(3))
            .user_agent(concat!("Gavelscope/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError::Tls {
                address: address.base(),
                reason: innermost(&error),
            })?;
        Ok(Self {
            http,
            address: Arc::new(address),
            sign_in: Arc::default(),
            renewal: Arc::default(),
            recorder: None,
        })
    }

    /// From now on written down, where there is a recorder.
    #[must_use]
    pub fn recorded(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    /// The backend's address.
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// From now on signed in.
    pub fn set_credentials(&self, credentials: Credentials) {
        *self
            .sign_in
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(credentials);
    }

    /// The sign-in as it is now: a refresh changes it.
    pub fn credentials(&self) -> Option<Credentials> {
        self.sign_in
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// `GET /health`.
    pub async fn health(&self) -> Outcome<Health> {
        self.get("/health", "the health check").await
    }

    /// `POST /users`.
    pub async fn create_user(&self, name: &str, email: &str) -> Outcome<User> {
        let body = NewUser {
            name: name.to_owned(),
            email: Email(email.to_owned()),
        };
        self.post("/users", Some(&body), "the new user").await
    }

    /// `POST /auth/magic-link`.
    pub async fn request_link(&self, email: &str) -> Outcome<MagicLinkAnswer> {
        let body = MagicLinkRequest {
            email: Email(email.to_owned()),
        };
        self.post("/auth/magic-link", Some(&body), "the sign-in link")
            .await
    }

    /// `POST /auth/verify-magic-link`; on success the calls of this and its clones are signed in.
    pub async fn verify(&self, email: &str, token: &Secret) -> Result<Credentials, ClientError> {
        let body = VerifyRequest {
            email: Email(email.to_owned()),
            token: token.clone(),
        };
        let answer: Answer<SignIn> = self
            .post("/auth/verify-magic-link", Some(&body), "the sign-in")
            .await
            .map_err(|error| match error {
                ClientError::Refused(refusal) if matches!(refusal.status, 400 | 401 | 403) => {
                    ClientError::SignIn(refusal.detail.trim_end_matches('.').to_owned())
                }
                other => other,
            })?;
        let credentials = Credentials::from(answer.body);
        self.set_credentials(credentials.clone());
        Ok(credentials)
    }

    /// `GET /me/competitions`.
    pub async fn competitions(&self, user: &UserId) -> Outcome<Vec<Competition>> {
        self.get(
            &format!("/me/competitions?userId={}", escaped(user.as_str())),
            "the list of leagues",
        )
        .await
    }

    /// `POST /leagues`.
    pub async fn create_league(&self, league: &NewLeague) -> Outcome<League> {
        self.post("/leagues", Some(league), "the new league").await
    }

    /// `GET /leagues/{id}`.
    pub async fn league(&self, league: &LeagueId) -> Outcome<League> {
        self.get(&format!("/leagues/{}", escaped(league.as_str())), "the league")
            .await
    }

    /// `POST /leagues/join`.
    pub async fn join_league(&self, invite: &str, user: &UserId) -> Outcome<JoinLeagueAnswer> {
        let body = JoinLeagueRequest {
            invite_token: invite.trim().to_owned(),
            user_id: user.clone(),
        };
        self.post("/leagues/join", Some(&body), "joining the league")
            .await
    }

    /// `GET /leagues/{id}/participants`.
    pub async fn participants(&self, league: &LeagueId) -> Outcome<ParticipantList> {
        self.get(
            &format!("/leagues/{}/participants", escaped(league.as_str())),
            "the managers",
        )
        .await
    }

    /// `POST /leagues/{id}/auction/start`.
    pub async fn start_auction(&self, league: &LeagueId) -> Outcome<StartAnswer> {
        let path = format!("/leagues/{}/auction/start", escaped(league.as_str()));
        self.post(&path, None::<&()>, "creating the auction").await
    }

    /// `POST /leagues/{id}/auction/reset`.
    pub async fn reset_auction(
        &self,
        league: &LeagueId,
        commissioner: &UserId,
    ) -> Outcome<serde_json::Value> {
        let (league, commissioner) = (escaped(league.as_str()), escaped(commissioner.as_str()));
        let path = format!("/leagues/{league}/auction/reset?commissioner_id={commissioner}");
        self.post(&path, None::<&()>, "resetting the auction").await
    }

    /// `GET /auction/{id}`: the snapshot.
    pub async fn snapshot(&self, auction: &AuctionId) -> Outcome<AuctionSnapshot> {
        self.get(&format!("/auction/{}", escaped(auction.as_str())), "the snapshot")
            .await
    }

    /// `GET /auction/{id}/events?after=`: what was said to the auction's room since (our backend).
    pub async fn events(&self, auction: &AuctionId, after: u64) -> Outcome<EventPage> {
        self.get(
            &format!("/auction/{}/events?after={after}", escaped(auction.as_str())),
            "what was missed",
        )
        .await
    }

    /// `GET /auction/{id}/clubs`.
    pub async fn clubs(&self, auction: &AuctionId) -> Outcome<ClubList> {
        self.get(
            &format!("/auction/{}/clubs", escaped(auction.as_str())),
            "the clubs",
        )
        .await
    }

    /// `GET /auction/{id}/events?after=`: what was said in the room since (our backend).
    pub async fn events_after(&self, auction: &AuctionId, after: u64) -> Outcome<EventPage> {
        let path = format!("/auction/{}/events?after={after}", escaped(auction.as_str()));
        self.get(&path, "what was said before").await
    }

    /// `POST /auction/{id}/{begin,pause,resume,complete-lot}`.
    pub async fn auction_call(&self, auction: &AuctionId, call: &str) -> Outcome<serde_json::Value> {
        let path = format!("/auction/{}/{call}", escaped(auction.as_str()));
        self.post(&path, None::<&()>, "the commissioner's call").await
    }

    /// `DELETE /auction/{id}`.
    pub async fn delete_auction(&self, auction: &AuctionId) -> Outcome<serde_json::Value> {
        let path = format!("/auction/{}", escaped(auction.as_str()));
        Ok(self
            .call(&Call {
                method: Method::DELETE,
                path,
                body: None::<&()>,
                key: None,
                what: "deleting the auction",
            })
            .await?)
    }

    /// `POST /auction/{id}/bid`, once and never again by itself; `key` is the idempotency key.
    pub async fn bid(&self, auction: &AuctionId, bid: &BidRequest, key: &str) -> BidOutcome {
        let call = Call {
            method: Method::POST,
            path: format!("/auction/{}/bid", escaped(auction.as_str())),
            body: Some(bid),
            key: Some(key),
            what: "the bid",
        };
        match self.call(&call).await {
            Ok(answer) => BidOutcome::Accepted(Box::new(answer)),
            Err(Failure::Before(error)) => BidOutcome::NotSent(error),
            Err(Failure::After(error)) => BidOutcome::Unknown(error),
            // A gateway's 502 or 504 says nothing about what the server behind it stored.
            Err(Failure::No { refusal, .. }) if refusal.code == RefusalCode::ServerFailed => {
                BidOutcome::Unknown(ClientError::Refused(refusal))
            }
            Err(Failure::No {
                refusal,
                pod,
                took_ms,
            }) => BidOutcome::Refused {
                refusal,
                pod,
                took_ms,
            },
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, what: &str) -> Outcome<T> {
        let call = Call {
            method: Method::GET,
            path: path.to_owned(),
            body: None::<&()>,
            key: None,
            what,
        };
        Ok(self.call(&call).await?)
    }

    async fn post<B: Serialize + ?Sized + Sync, T: DeserializeOwned>(
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
    async fn call<B: Serialize + ?Sized + Sync, T: DeserializeOwned>(
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

    /// Renews the sign-in while it is still good.
    pub async fn renew_before_it_ends(&self) -> Result<(), ClientError> {
        let used = self.credentials();
        self.renew(used.as_ref()).await.map(|_| ())
    }

    async fn renew(&self, used: Option<&Credentials>) -> Result<Credentials, ClientError> {
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

    fn malformed(&self, what: &str, error: &serde_json::Error, text: &str) -> ClientError {
        if text.trim_start().starts_with('<') {
            let reason = "it sent a web page where JSON was expected".to_owned();
            return ClientError::NotABackend {
                address: self.address.base(),
                reason,
            };
        }
        ClientError::Malformed {
            what: what.to_owned(),
            reason: error.to_string(),
        }
    }

    fn broken(&self, what: &str, reason: BodyError) -> ClientError {
        match reason {
            BodyError::TooSlow => ClientError::TooSlow {
                what: capital(what),
                seconds: seconds(LIMIT),
            },
            BodyError::TooLarge => ClientError::Malformed {
                what: what.to_owned(),
                reason: "it does not end".to_owned(),
            },
            BodyError::Broken => ClientError::Unreachable {
                address: self.address.base(),
                reason: "the connection broke".to_owned(),
            },
        }
    }

    fn failure(&self, error: &reqwest::Error, what: &str) -> Failure {
        let address = self.address.base();
        if let Some(reason) = tls_reason(error) {
            return Failure::Before(ClientError::Tls { address, reason });
        }
        let sentence = if error.is_timeout() {
            ClientError::TooSlow {
                what: capital(what),
                seconds: seconds(LIMIT),
            }
        } else {
            ClientError::Unreachable {
                address,
                reason: innermost(error),
            }
        };
        if error.is_connect() || error.is_builder() {
            Failure::Before(sentence)
        } else {
            Failure::After(sentence)
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
enum BodyError {
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

fn capital(what: &str) -> String {
    let mut letters = what.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn seconds(limit: Duration) -> u32 {
    u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)
}

fn escaped(part: &str) -> String {
    url::form_urlencoded::byte_serialize(part.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// The reason at the bottom of a chain of errors: the one that names the trouble.
fn innermost(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let text = reason.to_string();
    // "Connection refused (os error 111)": the number helps nobody.
    text.split(" (os error")
        .next()
        .unwrap_or(&text)
        .trim_end_matches('.')
        .to_owned()
}

/// What TLS has against the server, where TLS is the trouble.
fn tls_reason(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(tls) = tls_error(source) {
            return Some(match tls {
                rustls::Error::InvalidCertificate(problem) => certificate_reason(problem),
                rustls::Error::InvalidMessage(_) => {
                    "it does not speak TLS; perhaps the address begins with http:".to_owned()
                }
                other => other.to_string(),
            });
        }
        cause = source.source();
    }
    None
}

/// TLS' error in another one. An I/O error does not name what it carries as its source, and it may carry another.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let carried = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match carried {
        Some(carried) => tls_error(carried),
        None => error.downcast_ref::<rustls::Error>(),
    }
}

fn certificate_reason(problem: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Problem;
    match problem {
        Problem::Expired | Problem::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        // Another authority of the same name is no better than an unknown one.
        Problem::UnknownIssuer | Problem::BadSignature => {
            "its certificate was issued by nobody this machine trusts".to_owned()
        }
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            "its certificate belongs to another name".to_owned()
        }
        Problem::Revoked => "its certificate was withdrawn".to_owned(),
        other => format!("its certificate is not accepted ({other})"),
    }
}
