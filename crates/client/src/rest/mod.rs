//! The REST half of the contract over `reqwest`.

mod call;
mod trouble;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use gavelscope_contract::auction::{AuctionSnapshot, BidAnswer, BidRequest, ClubList, EventPage};
use gavelscope_contract::auth::{MagicLinkAnswer, MagicLinkRequest, NewUser, SignIn, User, VerifyRequest};
use gavelscope_contract::health::Health;
use gavelscope_contract::league::{
    Competition, JoinLeagueAnswer, JoinLeagueRequest, League, NewLeague, ParticipantList, StartAnswer,
};
use gavelscope_contract::{AuctionId, Email, LeagueId, PodId, Refusal, RefusalCode, Secret, UserId};
use reqwest::Method;

use self::call::{Call, Failure};
use self::trouble::innermost;
use crate::address::ServerAddress;
use crate::error::ClientError;
use crate::recorder::Recorder;
use crate::state::Millis;
use crate::time;

/// Every call is given up after this long.
pub const LIMIT: Duration = Duration::from_secs(5);

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

    /// Renews the sign-in while it is still good.
    pub async fn renew_before_it_ends(&self) -> Result<(), ClientError> {
        let used = self.credentials();
        self.renew(used.as_ref()).await.map(|_| ())
    }
}

fn escaped(part: &str) -> String {
    url::form_urlencoded::byte_serialize(part.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}
