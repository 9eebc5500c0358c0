//! Who may do what: the token says who asks, and nothing else does.

use gavelscope_backend::Settings;
use reqwest::Method;
use serde_json::json;

use crate::common::{Hall, settings, spec};

#[tokio::test]
async fn only_the_commissioner_commands() {
    let hall = Hall::open(settings(), spec(2)).await;
    let commands = ["begin", "pause", "resume", "complete-lot", "start-lot/club-01"];
    for what in commands {
        assert_eq!(
            hall.command(1, what).await.verdict(),
            (403, "commissioner_only"),
            "{what}"
        );
        let path = format!("/api/auction/{}/{what}", hall.auction);
        let anonymous = hall.call(Method::POST, &path, None, None).await;
        assert_eq!(anonymous.verdict(), (401, "not_signed_in"), "{what}");
        let path = format!("/api/auction/none/{what}");
        assert_eq!(
            hall.post(0, &path).await.verdict(),
            (404, "auction_not_found"),
            "{what}"
        );
    }
    let auction = format!("/api/auction/{}", hall.auction);
    let delete = hall.call(Method::DELETE, &auction, Some(1), None).await;
    assert_eq!(delete.verdict(), (403, "commissioner_only"));
    for what in ["start", "reset"] {
        let path = format!("/api/leagues/{}/auction/{what}", hall.league);
        assert_eq!(
            hall.post(1, &path).await.verdict(),
            (403, "commissioner_only"),
            "{what}"
        );
    }
    let named = format!(
        "/api/leagues/{}/auction/reset?commissioner_id={}",
        hall.league,
        hall.id(0)
    );
    assert_eq!(hall.post(1, &named).await.verdict(), (403, "not_you"));
}

#[tokio::test]
async fn a_user_id_in_a_header_is_no_authority() {
    let hall = Hall::open(settings(), spec(2)).await;
    let path = format!("/api/auction/{}/begin", hall.auction);
    let commissioner = [("X-User-ID", hall.id(0))];
    let answer = hall
        .call_with(Method::POST, &path, None, None, &commissioner)
        .await;
    assert_eq!(answer.verdict(), (401, "not_signed_in"));
    let token = hall.people[1].access_token.expose();
    let answer = hall
        .call_with(Method::POST, &path, Some(token), None, &commissioner)
        .await;
    assert_eq!(answer.verdict(), (403, "commissioner_only"));
}

#[tokio::test]
async fn a_league_is_open_to_its_members_alone() {
    let mut hall = Hall::open(settings(), spec(2)).await;
    let outsider = hall.outsider().await;
    let (league, auction) = (hall.league.clone(), hall.auction.clone());
    for path in [
        format!("/api/leagues/{league}"),
        format!("/api/leagues/{league}/participants"),
        format!("/api/leagues/{league}/members"),
        format!("/api/leagues/{league}/assets"),
        format!("/api/leagues/{league}/state"),
        format!("/api/leagues/{league}/auction"),
        format!("/api/auction/{auction}"),
        format!("/api/auction/{auction}/clubs"),
        format!("/api/auction/{auction}/events"),
    ] {
        let anonymous = hall.call(Method::GET, &path, None, None).await;
        assert_eq!(anonymous.verdict(), (401, "not_signed_in"), "{path}");
        assert_eq!(
            hall.get(outsider, &path).await.verdict(),
            (403, "not_a_participant"),
            "{path}"
        );
        let member = hall.get(1, &path).await.ok();
        assert!(!member.to_string().contains('@'), "{path} tells no addresses");
    }
}

#[tokio::test]
async fn signing_in_takes_a_link_that_works_once() {
    let hall = Hall::open(settings(), spec(2)).await;
    let post = |path: &'static str, body| hall.call(Method::POST, path, None, Some(body));
    let link = post("/api/auth/magic-link", json!({"email": " Zoe@Example.com "}))
        .await
        .ok();
    assert_eq!(link["email"], "zoe@example.com");
    let verify = json!({"email": "zoe@example.com", "token": link["token"]});
    let as_another = json!({"email": "manager1@practice.example", "token": link["token"]});
    let stolen = post("/api/auth/verify-magic-link", as_another).await;
    assert_eq!(stolen.verdict(), (401, "invalid_magic_link"));
    let signed_in = post("/api/auth/verify-magic-link", verify.clone()).await.ok();
    assert_eq!(
        (&signed_in["user"]["name"], &signed_in["tokenType"]),
        (&json!("zoe"), &json!("bearer"))
    );
    let again = post("/api/auth/verify-magic-link", verify).await;
    assert_eq!(again.verdict(), (401, "invalid_magic_link"));
    let refreshed = post(
        "/api/auth/refresh",
        json!({"refreshToken": signed_in["refreshToken"]}),
    )
    .await
    .ok();
    assert_eq!(refreshed["user"]["id"], signed_in["user"]["id"]);
    let wrong = post(
        "/api/auth/refresh",
        json!({"refreshToken": signed_in["accessToken"]}),
    )
    .await;
    assert_eq!(wrong.verdict(), (401, "not_signed_in"));
    let token = refreshed["accessToken"].as_str();
    let me = hall
        .call_with(Method::GET, "/api/auth/me", token, None, &[])
        .await
        .ok();
    assert_eq!(me["email"], "zoe@example.com");
    for email in ["nope", "@", "a@", "a b@c.d", ""] {
        let refused = post("/api/auth/magic-link", json!({"email": email})).await;
        assert_eq!(refused.verdict(), (400, "invalid_body"), "{email}");
    }
}

#[tokio::test]
async fn without_development_sign_in_no_token_is_handed_out_and_no_user_is_told_of() {
    let closed = Settings {
        dev_sign_in: false,
        ..settings()
    };
    let hall = Hall::open(closed, spec(2)).await;
    let known = json!({"email": "manager1@practice.example"});
    let answer = hall
        .call(Method::POST, "/api/auth/magic-link", None, Some(known))
        .await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.body["detail"]
            .as_str()
            .unwrap()
            .contains("no mail transport")
    );
    assert_eq!(answer.body.get("token"), None);
    let user = json!({"name": "X", "email": "manager1@practice.example"});
    let answer = hall
        .call(Method::POST, "/api/users", None, Some(user.clone()))
        .await;
    assert_eq!(answer.verdict(), (401, "not_signed_in"));
    assert_eq!(
        hall.call(Method::POST, "/api/users", Some(1), Some(user))
            .await
            .verdict(),
        (403, "not_you")
    );
}

#[tokio::test]
async fn a_league_is_made_joined_and_begun_over_rest() {
    let hall = Hall::open(settings(), spec(3)).await;
    let new = json!({
        "name": "Second league", "commissionerId": hall.id(1), "budget": 20_000_000, "minManagers": 2,
        "maxManagers": 2, "clubSlots": 2, "timerSeconds": 30, "antiSnipeSeconds": 5,
    });
    let create = |who, body| hall.call(Method::POST, "/api/leagues", Some(who), Some(body));
    assert_eq!(create(0, new.clone()).await.verdict(), (403, "not_you"));
    let mut poor = new.clone();
    poor["budget"] = json!(1_999_999);
    assert_eq!(create(1, poor).await.verdict(), (422, "invalid_body"));
    let mut few = new.clone();
    few["assetsSelected"] = json!(["club-01"]);
    assert_eq!(create(1, few).await.status, 400);
    let league = create(1, new).await.ok();
    let invite = league["inviteToken"].as_str().unwrap();
    let join = |who: usize, invite: &str| {
        let body = json!({"inviteToken": invite, "userId": hall.id(who)});
        hall.call(Method::POST, "/api/leagues/join", Some(who), Some(body))
    };
    assert_eq!(join(1, "wrong").await.verdict(), (404, "invalid_invite"));
    join(1, &format!(" {} ", invite.to_uppercase())).await.ok();
    assert_eq!(join(1, invite).await.ok()["message"], "Already joined");
    let start = format!("/api/leagues/{}/auction/start", league["id"].as_str().unwrap());
    let auction = hall.post(1, &start).await.ok();
    assert_eq!(
        hall.post(1, &start).await.ok()["auctionId"],
        auction["auctionId"],
        "there is one auction"
    );
    let begin = format!("/api/auction/{}/begin", auction["auctionId"].as_str().unwrap());
    assert_eq!(
        hall.post(1, &begin).await.verdict(),
        (400, "wrong_state"),
        "one manager is too few"
    );
    join(2, invite).await.ok();
    assert_eq!(join(0, invite).await.verdict(), (400, "league_full"));
    assert!(hall.post(1, &begin).await.ok()["firstAsset"].is_string());
    let mine = hall.get(1, "/api/me/competitions").await.ok();
    let statuses: Vec<_> = mine
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["auction_live", "pre_auction"]);
}
