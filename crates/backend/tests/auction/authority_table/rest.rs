//! Every call over HTTP.

use gavelscope_backend::rest_calls;
use reqwest::Method;
use serde_json::{Value, json};

use super::{COMMANDS, Cell, NOT_YOU, OK, OUTSIDE, Stage, Table, UNKNOWN, Who};
use crate::common::Answer;

/// What a call says, besides its path.
type Says = fn(&Table, Who) -> Value;

struct Row {
    method: &'static str,
    /// As the router has it.
    path: &'static str,
    /// Where the auction has to be, for those who may.
    stage: Stage,
    says: Says,
    cells: [Cell; 10],
}

fn nothing(_: &Table, _: Who) -> Value {
    Value::Null
}

/// A call that is for somebody who is signed in. Left to right: a participant who says they are the commissioner,
/// a participant, the commissioner, the commissioner of another league.
fn signed_in(method: &'static str, path: &'static str, stage: Stage, says: Says, cells: [Cell; 4]) -> Row {
    let mut all = [UNKNOWN; 10];
    all[6..].copy_from_slice(&cells);
    Row {
        method,
        path,
        stage,
        says,
        cells: all,
    }
}

/// A call that is for everybody.
fn open(method: &'static str, path: &'static str, says: Says) -> Row {
    Row {
        method,
        path,
        stage: Stage::Waiting,
        says,
        cells: [OK; 10],
    }
}

/// The whole table.
fn table() -> Vec<Row> {
    let mut rows = of_people();
    rows.extend(of_leagues());
    rows.extend(of_auctions());
    rows
}

fn members(path: &'static str) -> Row {
    signed_in("GET", path, Stage::Waiting, nothing, [OK, OK, OK, OUTSIDE])
}

fn command(path: &'static str, stage: Stage) -> Row {
    signed_in("POST", path, stage, nothing, [COMMANDS, COMMANDS, OK, COMMANDS])
}

fn of_people() -> Vec<Row> {
    use Stage::Waiting;
    let no_body = Cell::No(422, "invalid_body");
    let bad_link = Cell::No(401, "invalid_magic_link");
    vec![
        open("GET", "/health", nothing),
        open("GET", "/health/live", nothing),
        open("GET", "/health/ready", nothing),
        open("GET", "/api/health", nothing),
        open(
            "POST",
            "/api/auth/magic-link",
            |_, who| json!({"email": Table::address(who)}),
        ),
        // What is shown is in the body: of all tokens a link's alone opens this.
        Row {
            method: "POST",
            path: "/api/auth/verify-magic-link",
            stage: Waiting,
            says: |table, who| json!({"email": Table::address(who), "token": table.token(who)}),
            cells: [
                no_body, bad_link, bad_link, bad_link, bad_link, OK, bad_link, bad_link, bad_link, bad_link,
            ],
        },
        // And a refresh token alone this.
        Row {
            method: "POST",
            path: "/api/auth/refresh",
            stage: Waiting,
            says: |table, who| json!({"refreshToken": table.token(who)}),
            cells: [
                no_body, UNKNOWN, UNKNOWN, UNKNOWN, OK, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN,
            ],
        },
        signed_in("GET", "/api/auth/me", Waiting, nothing, [OK; 4]),
        // In development; otherwise see below.
        open(
            "POST",
            "/api/users",
            |_, who| json!({"name": "Somebody", "email": Table::address(who)}),
        ),
        // The path names who is named. A name is no secret among those who are signed in; an address is.
        signed_in("GET", "/api/users/{id}", Waiting, nothing, [OK; 4]),
        signed_in(
            "PATCH",
            "/api/users/{id}",
            Waiting,
            |_, _| json!({"name": "Renamed"}),
            [NOT_YOU, OK, OK, OK],
        ),
        signed_in(
            "GET",
            "/api/me/competitions?userId={named}",
            Waiting,
            nothing,
            [NOT_YOU, OK, OK, OK],
        ),
    ]
}

fn of_leagues() -> Vec<Row> {
    use Stage::{Paused, Waiting};
    vec![
        signed_in(
            "POST",
            "/api/leagues",
            Waiting,
            |table, who| {
                json!({
                    "name": "A third league", "commissionerId": table.named(who), "budget": 20_000_000,
                    "minManagers": 1, "maxManagers": 2, "clubSlots": 2, "timerSeconds": 600, "antiSnipeSeconds": 5,
                })
            },
            [NOT_YOU, OK, OK, OK],
        ),
        // Whoever has the invitation may join: that is what it is for.
        signed_in("POST", "/api/leagues/join", Waiting, join, [NOT_YOU, OK, OK, OK]),
        signed_in(
            "POST",
            "/api/leagues/{id}/join",
            Waiting,
            join,
            [NOT_YOU, OK, OK, OK],
        ),
        members("/api/leagues/{id}"),
        members("/api/leagues/{id}/participants"),
        members("/api/leagues/{id}/members"),
        members("/api/leagues/{id}/assets"),
        members("/api/leagues/{id}/state"),
        members("/api/leagues/{id}/auction"),
        command("/api/leagues/{id}/auction/start", Waiting),
        signed_in(
            "POST",
            "/api/leagues/{id}/auction/reset?commissioner_id={named}",
            Paused,
            nothing,
            [NOT_YOU, COMMANDS, OK, COMMANDS],
        ),
    ]
}

fn of_auctions() -> Vec<Row> {
    use Stage::{Begun, Between, Paused, Waiting};
    vec![
        members("/api/auction/{id}"),
        signed_in(
            "DELETE",
            "/api/auction/{id}",
            Begun,
            nothing,
            [COMMANDS, COMMANDS, OK, COMMANDS],
        ),
        members("/api/auction/{id}/clubs"),
        members("/api/auction/{id}/events"),
        command("/api/auction/{id}/begin", Waiting),
        signed_in(
            "POST",
            "/api/auction/{id}/bid",
            Begun,
            |table, who| json!({"userId": table.named(who), "amount": 2_000_000}),
            [NOT_YOU, OK, OK, OUTSIDE],
        ),
        command("/api/auction/{id}/pause", Begun),
        command("/api/auction/{id}/resume", Paused),
        command("/api/auction/{id}/complete-lot", Begun),
        command("/api/auction/{id}/start-lot/{club}", Between),
    ]
}

fn join(table: &Table, who: Who) -> Value {
    json!({"inviteToken": table.hall.demo.invite_token, "userId": table.named(who)})
}

impl Row {
    async fn ask(&self, table: &Table, who: Who) -> Answer {
        let hall = &table.hall;
        let id = match self.path {
            path if path.starts_with("/api/users") => table.named(who),
            path if path.starts_with("/api/leagues") => &hall.league,
            _ => &hall.auction,
        };
        let path = self
            .path
            .replace("{id}", id)
            .replace("{named}", table.named(who))
            .replace("{club}", "club-02");
        let body = Some((self.says)(table, who)).filter(|body| !body.is_null());
        let method: Method = self.method.parse().unwrap();
        let token = table.token(who);
        // The header by which older backends were told who asks.
        let header = [("X-User-ID", table.named(who))];
        hall.call_with(method, &path, token.as_deref(), body, &header)
            .await
    }

    fn cells(&self) -> impl Iterator<Item = (Who, Cell)> {
        Who::ALL.into_iter().zip(self.cells)
    }
}

#[test]
fn every_call_that_is_served_has_its_row() {
    let mut served: Vec<_> = rest_calls();
    let mut rows: Vec<_> = table()
        .iter()
        .map(|row| (row.method.to_owned(), row.path.split('?').next().unwrap()))
        .collect();
    served.sort();
    rows.sort();
    assert_eq!(rows, served, "a call without a row, or a row without a call");
}

/// In the very stage in which others may, and with nothing changed by it.
#[tokio::test]
async fn whoever_may_not_is_refused_and_nothing_has_changed() {
    let rows = table();
    for stage in [Stage::Waiting, Stage::Begun, Stage::Paused, Stage::Between] {
        let table = Table::at(stage).await;
        let before = table.print().await;
        for row in rows.iter().filter(|row| row.stage == stage) {
            for (who, cell) in row.cells() {
                if let Cell::No(status, code) = cell {
                    let answer = row.ask(&table, who).await;
                    assert_eq!(
                        answer.verdict(),
                        (status, code),
                        "{} {} by {who:?}: {}",
                        row.method,
                        row.path,
                        answer.body
                    );
                    let told = answer.body.to_string();
                    assert!(
                        !told.contains('@') && !told.contains(&table.hall.demo.invite_token),
                        "{told}"
                    );
                }
            }
        }
        assert_eq!(
            table.print().await,
            before,
            "what was refused has changed something"
        );
    }
}

/// Each in a house of its own, because what is allowed changes it.
#[tokio::test]
async fn whoever_may_is_served() {
    for row in table() {
        let changes = row.method != "GET";
        let mut shared = None;
        for (who, cell) in row.cells() {
            if cell != OK {
                continue;
            }
            if changes || shared.is_none() {
                shared = Some(Table::at(row.stage).await);
            }
            let answer = row.ask(shared.as_ref().unwrap(), who).await;
            assert_eq!(
                answer.status, 200,
                "{} {} by {who:?}: {}",
                row.method, row.path, answer.body
            );
            let told = answer.body.to_string();
            let of_oneself = ["/api/auth", "/api/users"]
                .iter()
                .any(|own| row.path.starts_with(own));
            let own =
                of_oneself && (who != Who::AsAnother || row.method != "GET" || row.path == "/api/auth/me");
            assert!(
                own || !told.contains('@'),
                "{} tells {who:?} an address: {told}",
                row.path
            );
        }
    }
}

/// Where links are mailed, nobody is told a token or whether an address is known.
#[tokio::test]
async fn outside_development_nobody_signs_in_as_another() {
    let table = Table::with(Stage::Waiting, false).await;
    for who in Who::ALL {
        let link = json!({"email": Table::address(who)});
        let path = "/api/auth/magic-link";
        let token = table.token(who);
        let answer = table
            .hall
            .call_with(Method::POST, path, token.as_deref(), Some(link), &[])
            .await;
        assert_eq!(answer.body.get("token"), None, "{who:?}");
        assert_ne!(answer.status, 200, "{who:?}: there is no way to send mail");
        let user = json!({"name": "Somebody", "email": Table::address(who)});
        let answer = table
            .hall
            .call_with(Method::POST, "/api/users", token.as_deref(), Some(user), &[])
            .await;
        match who {
            Who::Participant | Who::Commissioner | Who::OtherLeague => {
                assert_eq!(answer.status, 200, "{who:?}");
            }
            Who::AsAnother => assert_eq!(answer.verdict(), (403, "not_you")),
            _ => assert_eq!(answer.verdict(), (401, "not_signed_in"), "{who:?}"),
        }
    }
}
