//! How many pods take turns: a polling session is opened, and closed again over fresh connections without cookies. The
//! pods that do not hold it refuse; the one that does closes it, so that nothing is left behind.

use std::time::Duration;

use gavelscope_contract::auction::POD_ID_HEADER;
use gavelscope_wire::engine::{Open, Packet, Refusal};
use gavelscope_wire::{Limits, connection::TlsOptions};
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response, StatusCode};

use super::Target;
use super::pace::{Pace, Stopped, Turn};
use crate::evidence::TurnsEvidence;
use crate::turns::Search;

/// Sessions that are searched for.
const SEARCHES: usize = 6;
/// So many searches of one length show that the balancer goes round, and more would show nothing else.
const ENOUGH: usize = 4;
/// A search is given up after so many requests.
const REQUESTS: u32 = 12;
/// What is refused and found is told apart at once; this is for a server that hangs.
const LIMIT: Duration = Duration::from_secs(5);
/// Engine.IO's packet that closes a session.
const CLOSE: &str = "1";

/// A client that makes a connection of its own for every request, or keeps one.
pub(super) fn http(target: &Target, keeps: bool) -> Option<Client> {
    let TlsOptions { extra_roots, .. } = &target.tls;
    let mut builder = Client::builder()
        .http1_only()
        .pool_max_idle_per_host(usize::from(keeps))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(LIMIT)
        .user_agent(concat!("Gavelscope/", env!("CARGO_PKG_VERSION")));
    for root in extra_roots {
        builder = builder.add_root_certificate(reqwest::Certificate::from_der(root).ok()?);
    }
    builder.build().ok()
}

/// A session that was opened.
struct Opened {
    sid: String,
    cookies: String,
}

struct Searching<'a> {
    target: &'a Target,
    pace: &'a mut Pace,
    evidence: &'a mut TurnsEvidence,
    /// Somebody on the way sets cookies.
    cookies: bool,
}

/// What a request for a session came to.
enum Came {
    Found,
    Elsewhere,
    Unclear(String),
}

pub(super) async fn search(
    target: &Target,
    pace: &mut Pace,
    evidence: &mut TurnsEvidence,
) -> Result<(), Stopped> {
    let (Some(fresh), Some(kept)) = (http(target, false), http(target, true)) else {
        evidence.trouble = Some("no HTTPS client could be made on this machine".to_owned());
        return Ok(());
    };
    let mut searching = Searching {
        target,
        pace,
        evidence,
        cookies: false,
    };
    for _ in 0..SEARCHES {
        let Some(opened) = searching.open(&fresh, Turn::FreshRequest).await? else {
            return Ok(());
        };
        let mut search = Search {
            requests: 0,
            found: false,
        };
        while !search.found && search.requests < REQUESTS {
            match searching
                .close(&fresh, Turn::FreshRequest, &opened, false)
                .await?
            {
                Came::Found => search.found = true,
                Came::Elsewhere => {}
                Came::Unclear(trouble) => {
                    searching.evidence.trouble = Some(trouble);
                    break;
                }
            }
            search.requests += 1;
        }
        searching.evidence.searches.push(search);
        if searching.evidence.trouble.is_some() {
            return Ok(());
        }
        let strict = |known: &Search| known.found && known.requests > 1 && known.requests == search.requests;
        if searching.evidence.searches.len() == ENOUGH && searching.evidence.searches.iter().all(strict) {
            break;
        }
    }
    // Where every request found its session there is nothing that could keep a client on its pod.
    if searching
        .evidence
        .searches
        .iter()
        .all(|search| search.found && search.requests == 1)
    {
        return Ok(());
    }
    searching.evidence.with_cookies = if searching.cookies {
        searching.finds_at_once(&fresh, Turn::FreshRequest, true).await?
    } else {
        Some(false)
    };
    let kept_alive = searching.finds_at_once(&kept, Turn::Request, false).await?;
    searching.evidence.kept_alive = kept_alive;
    Ok(())
}

impl Searching<'_> {
    fn url(&self, sid: Option<&str>) -> String {
        let mut url = format!("{}?EIO=4&transport=polling", self.target.address.socket());
        if let Some(sid) = sid {
            url.push_str("&sid=");
            url.push_str(sid);
        }
        url
    }

    /// Two sessions in a row, and whether the first request for each of them found it. What was not found is closed.
    async fn finds_at_once(
        &mut self,
        http: &Client,
        turn: Turn,
        cookies: bool,
    ) -> Result<Option<bool>, Stopped> {
        let mut at_once = true;
        let mut sessions = 0;
        // The second only tells what was found by chance.
        while at_once && sessions < 2 {
            sessions += 1;
            let Some(opened) = self.open(http, turn).await? else {
                return Ok(None);
            };
            for request in 0..REQUESTS {
                match self.close(http, turn, &opened, cookies).await? {
                    Came::Found => break,
                    Came::Elsewhere if request == 0 => at_once = false,
                    Came::Elsewhere => {}
                    Came::Unclear(_) => return Ok(None),
                }
            }
        }
        Ok(Some(at_once))
    }

    async fn open(&mut self, http: &Client, turn: Turn) -> Result<Option<Opened>, Stopped> {
        self.pace.turn(turn).await?;
        let answer = match self.pace.within(http.get(self.url(None)).send()).await? {
            Ok(answer) => answer,
            Err(error) => {
                self.evidence.trouble = Some(format!("long polling did not answer: {}", error.without_url()));
                return Ok(None);
            }
        };
        self.saw(&answer);
        let status = answer.status();
        let cookies = answer
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
            .collect::<Vec<_>>()
            .join("; ");
        self.cookies |= !cookies.is_empty();
        let body = answer.text().await.unwrap_or_default();
        let open = match Packet::decode_text(&body, &Limits::default()) {
            Ok(Packet::Open(json)) => Open::parse(json).ok(),
            _ => None,
        };
        if open.is_none() {
            let why = Refusal::from_body(&body).map_or_else(String::new, |refusal| format!(" ({refusal:?})"));
            self.evidence.trouble = Some(format!("long polling was refused with {status}{why}"));
        }
        Ok(open.map(|open| Opened {
            sid: open.sid,
            cookies,
        }))
    }

    async fn close(
        &mut self,
        http: &Client,
        turn: Turn,
        opened: &Opened,
        cookies: bool,
    ) -> Result<Came, Stopped> {
        self.pace.turn(turn).await?;
        let mut request = http.post(self.url(Some(&opened.sid))).body(CLOSE);
        if cookies && !opened.cookies.is_empty() {
            request = request.header(COOKIE, &opened.cookies);
        }
        let answer = match self.pace.within(request.send()).await? {
            Ok(answer) => answer,
            Err(error) => {
                let trouble = format!("a polling request did not come back: {}", error.without_url());
                return Ok(Came::Unclear(trouble));
            }
        };
        self.saw(&answer);
        let status = answer.status();
        let body = answer.text().await.unwrap_or_default();
        Ok(match status {
            StatusCode::OK => Came::Found,
            StatusCode::BAD_REQUEST if Refusal::from_body(&body) == Some(Refusal::UnknownSession) => {
                Came::Elsewhere
            }
            status => Came::Unclear(format!("a polling request was answered with {status}")),
        })
    }

    fn saw(&mut self, answer: &Response) {
        let pod = answer
            .headers()
            .get(POD_ID_HEADER)
            .and_then(|value| value.to_str().ok());
        let nameless = self.evidence.nameless.get_or_insert(0);
        match pod {
            None => *nameless += 1,
            Some(pod) if !self.evidence.pods.iter().any(|known| known == pod) => {
                self.evidence.pods.push(pod.to_owned());
            }
            Some(_) => {}
        }
    }
}
