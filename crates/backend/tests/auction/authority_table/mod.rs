//! Who may call what, and hear what, cell by cell: every call and every room against everybody who might try.

mod hearing;
mod rest;
mod sockets;

use gavelscope_backend::Settings;
use gavelscope_contract::Secret;
use jsonwebtoken::{EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Hall, settings, spec};

/// What the tokens of these tests are signed with.
const SECRET: &str = "known to this test alone";

/// Everybody who might try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Shows nothing.
    NoToken,
    /// Shows what is no token.
    Garbage,
    /// Shows a participant's token, signed by somebody else.
    Forged,
    /// Shows a participant's token of last week.
    Expired,
    /// Shows a participant's refresh token as if it were an access token.
    Refresh,
    /// Shows the token of a sign-in link as if it were an access token.
    MagicLink,
    /// A participant who says they are the commissioner, in the body, the query and a header.
    AsAnother,
    /// A manager of the league.
    Participant,
    /// The one who runs the league.
    Commissioner,
    /// The commissioner of another league.
    OtherLeague,
}

use Who::{
    AsAnother, Commissioner, Expired, Forged, Garbage, MagicLink, NoToken, OtherLeague, Participant, Refresh,
};

impl Who {
    pub const ALL: [Self; 10] = [
        NoToken,
        Garbage,
        Forged,
        Expired,
        Refresh,
        MagicLink,
        AsAnother,
        Participant,
        Commissioner,
        OtherLeague,
    ];
}

/// What is expected in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// It is done.
    Ok,
    /// It is refused with this status and code, and nothing has changed.
    No(u16, &'static str),
}

pub const OK: Cell = Cell::Ok;
/// Nobody is signed in.
pub const UNKNOWN: Cell = Cell::No(401, "not_signed_in");
/// The request names somebody else.
pub const NOT_YOU: Cell = Cell::No(403, "not_you");
/// For the commissioner alone.
pub const COMMANDS: Cell = Cell::No(403, "commissioner_only");
/// For the league's managers alone.
pub const OUTSIDE: Cell = Cell::No(403, "not_a_participant");

/// How far the auction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Waiting,
    Begun,
    Paused,
    /// One lot is closed, and the next is not yet on the block.
    Between,
}

/// A league in its stage: commissioner 0, participants 1 and 2, and the commissioner of another league.
pub struct Table {
    pub hall: Hall,
    pub outsider: usize,
}

/// A link's token opens once, so no two may be the same.
static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

fn signed(subject: &str, purpose: &str, age: i64, secret: &str) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let made = i64::try_from(now.as_secs()).unwrap() - age;
    let number = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let jti = format!("of-a-test-{number}");
    let claims = json!({"sub": subject, "use": purpose, "iat": made, "exp": made + 86_400, "jti": jti});
    jsonwebtoken::encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}

impl Table {
    pub async fn at(stage: Stage) -> Self {
        Self::with(stage, true).await
    }

    pub async fn with(stage: Stage, dev_sign_in: bool) -> Self {
        let mut settings = Settings {
            dev_sign_in: true,
            token_secret: Some(Secret::new(SECRET)),
            ..settings()
        };
        if stage == Stage::Between {
            // Long enough to be found in it.
            settings.countdown_step = std::time::Duration::from_mins(2);
        }
        settings.dev_sign_in = dev_sign_in;
        let mut hall = Hall::open(settings, spec(3)).await;
        let link = signed("outsider@practice.example", "magic_link", 0, SECRET);
        let verify = json!({"email": "outsider@practice.example", "token": link});
        let answer = hall
            .call(Method::POST, "/api/auth/verify-magic-link", None, Some(verify))
            .await
            .ok();
        hall.callers.people.push(serde_json::from_value(answer).unwrap());
        let outsider = hall.people.len() - 1;
        let new = json!({
            "name": "Another league", "commissionerId": hall.id(outsider), "budget": 20_000_000, "minManagers": 1,
            "maxManagers": 2, "clubSlots": 2, "timerSeconds": 600, "antiSnipeSeconds": 5,
        });
        hall.call(Method::POST, "/api/leagues", Some(outsider), Some(new))
            .await
            .ok();
        let table = Self { hall, outsider };
        table.advance(stage).await;
        table
    }

    async fn advance(&self, stage: Stage) {
        if stage == Stage::Waiting {
            return;
        }
        self.hall.command(0, "begin").await.ok();
        match stage {
            Stage::Paused => {
                self.hall.command(0, "pause").await.ok();
            }
            Stage::Between => {
                let callers = self.hall.callers.clone();
                // It answers when the next lot is on the block, which here is later than anybody waits for.
                tokio::spawn(async move { callers.command(0, "complete-lot").await });
                let path = format!("/api/auction/{}/clubs", self.hall.auction);
                for _ in 0..500 {
                    if self.hall.get(0, &path).await.ok()["summary"]["unsoldClubs"] == 1 {
                        return;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                panic!("the lot was not closed");
            }
            Stage::Waiting | Stage::Begun => {}
        }
    }

    /// What somebody shows.
    pub fn token(&self, who: Who) -> Option<String> {
        let hall = &self.hall;
        let participant = hall.id(1);
        Some(match who {
            NoToken => return None,
            Garbage => "a.b.c".to_owned(),
            Forged => signed(participant, "access", 0, "a guess"),
            Expired => signed(participant, "access", 7 * 86_400, SECRET),
            Refresh => hall.people[1].refresh_token.expose().to_owned(),
            MagicLink => signed(Self::address(Participant), "magic_link", 0, SECRET),
            AsAnother | Participant => hall.people[1].access_token.expose().to_owned(),
            Commissioner => hall.people[0].access_token.expose().to_owned(),
            OtherLeague => hall.people[self.outsider].access_token.expose().to_owned(),
        })
    }

    /// Who somebody says they are.
    pub fn named(&self, who: Who) -> &str {
        self.hall.id(match who {
            AsAnother | Commissioner => 0,
            OtherLeague => self.outsider,
            _ => 1,
        })
    }

    /// The address of who somebody says they are.
    pub fn address(who: Who) -> &'static str {
        match who {
            AsAnother | Commissioner => "manager1@practice.example",
            OtherLeague => "outsider@practice.example",
            _ => "manager2@practice.example",
        }
    }

    /// All that a call could have changed, as those read it who may.
    pub async fn print(&self) -> Value {
        let hall = &self.hall;
        let mut parts = Vec::new();
        for path in ["", "/participants", "/members", "/state", "/auction"] {
            parts.push(
                hall.get(0, &format!("/api/leagues/{}{path}", hall.league))
                    .await
                    .ok(),
            );
        }
        parts.push(
            hall.get(0, &format!("/api/auction/{}/clubs", hall.auction))
                .await
                .ok(),
        );
        parts.push(json!(hall.all_events().await));
        for who in [0, 1, 2, self.outsider] {
            parts.push(hall.get(who, "/api/auth/me").await.ok());
            parts.push(hall.get(who, "/api/me/competitions").await.ok());
        }
        json!(parts)
    }
}
