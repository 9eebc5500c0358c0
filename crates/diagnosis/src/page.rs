//! A report as one page that needs nothing else: no script, no picture, nothing that is loaded from anywhere.

use std::fmt::{self, Display, Write};

use gavelscope_client::state::Millis;
use gavelscope_contract::Timestamp;

use crate::evidence::{ProbeEvidence, RoomProbe, SessionEvidence};
use crate::report::{Confidence, Finding, Light, Outcome};
use crate::saved::Saved;
use crate::{Hearing, pod_count};

/// Text of others, as text: whatever is in it, it is no part of the page's own.
struct Text<T>(T);

impl<T: Display> Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                letter => self.0.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// The page of a report.
pub fn page(saved: &Saved) -> String {
    let mut html = String::with_capacity(32_768);
    // Writing to a string cannot fail.
    let _ = whole(&mut html, saved);
    html
}

fn time(at: Millis) -> String {
    let at = Timestamp::from_millis(at.0);
    let text = at.as_str().replace('T', " ");
    format!("{} UTC", text.split('.').next().unwrap_or_default())
}

const fn light(light: Light) -> (&'static str, &'static str) {
    match light {
        Light::Green => ("green", "Good"),
        Light::Amber => ("amber", "Worth a look"),
        Light::Red => ("red", "Broken"),
        Light::Grey => ("grey", "Not known"),
    }
}

const fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Fail => ("fail", "Broken"),
        Outcome::Warn => ("warn", "Worth a look"),
        Outcome::Crashed => ("crashed", "The check broke"),
        Outcome::Inconclusive => ("inconclusive", "Not known"),
        Outcome::Skipped => ("skipped", "Not looked at"),
        Outcome::Pass => ("pass", "Good"),
    }
}

fn whole(html: &mut String, saved: &Saved) -> fmt::Result {
    let Saved { report, evidence, .. } = saved;
    let (class, word) = light(report.light);
    write!(
        html,
        "<!doctype html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{word}: {server}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n\
         <h1>{server}</h1>\n<p class=\"about\">Evidence of {at}, by {by}</p>\n\
         <p class=\"verdict {class}\"><b>{word}</b>{verdict}</p>\n",
        server = Text(&evidence.server),
        css = include_str!("page.css"),
        at = time(evidence.taken_at),
        by = Text(&evidence.by),
        verdict = Text(&report.verdict),
    )?;
    if let Some(probe) = &evidence.probe {
        write_delivery(html, probe)?;
    }
    html.push_str("<h2>Findings</h2>\n");
    for finding in &report.findings {
        write_finding(html, finding)?;
    }
    if let Some(probe) = &evidence.probe {
        write_probe(html, probe)?;
    }
    if let Some(session) = &evidence.session {
        write_session(html, session)?;
    }
    html.push_str(
        "<p class=\"note\" style=\"margin-top: 32px\">No names of people, no amounts, no addresses of e-mail and no tokens are \
         in this report. What the server said of itself is marked as claimed.</p>\n</main>\n</body>\n</html>\n",
    );
    Ok(())
}

fn write_finding(html: &mut String, finding: &Finding) -> fmt::Result {
    let (class, word) = outcome(finding.outcome);
    let open = if matches!(finding.outcome, Outcome::Fail | Outcome::Warn) {
        " open"
    } else {
        ""
    };
    write!(
        html,
        "<details{open}><summary><code>{code}</code><span class=\"word {class}\">{word}.</span> {sentence}</summary>\n<dl>",
        code = Text(&finding.code),
        sentence = Text(&finding.sentence),
    )?;
    let to_do = if finding.outcome == Outcome::Inconclusive {
        "To find out"
    } else {
        "What to do"
    };
    for (label, line) in [
        (to_do, &finding.fix),
        ("What it means", &finding.meaning),
        ("Cause, as far as it is proved", &finding.cause),
    ] {
        if let Some(line) = line {
            write!(html, "<dt>{label}</dt><dd>{}</dd>", Text(line))?;
        }
    }
    let sure = match finding.confidence {
        Confidence::Certain => "Certain",
        Confidence::Likely => "Likely",
        Confidence::Weak => "Not very",
    };
    writeln!(
        html,
        "<dt>How sure</dt><dd>{sure}: {}</dd></dl>",
        Text(&finding.rests_on)
    )?;
    if !finding.evidence.is_empty() {
        html.push_str("<table><tbody>");
        for fact in &finding.evidence {
            let claimed = if fact.claimed {
                "<span class=\"claimed\">claimed</span>"
            } else {
                ""
            };
            row(html, &format!("{}{claimed}", Text(&fact.label)), &fact.value)?;
        }
        html.push_str("</tbody></table>\n");
    }
    html.push_str("</details>\n");
    Ok(())
}

/// A label, which is ours or escaped, and a value, which is neither.
fn row(html: &mut String, label: &str, value: impl Display) -> fmt::Result {
    write!(
        html,
        "<tr><th scope=\"row\">{label}</th><td>{}</td></tr>",
        Text(value)
    )
}

fn write_delivery(html: &mut String, probe: &ProbeEvidence) -> fmt::Result {
    html.push_str("<h2>Who hears whom</h2>\n");
    match &probe.room {
        Some(room) if !room.matrix.rows.is_empty() => write_matrix(html, room),
        room => {
            let why = room
                .as_ref()
                .and_then(|room| room.trouble.as_deref())
                .or(probe.cut_short.as_deref())
                .unwrap_or("the diagnosis did not get that far");
            writeln!(html, "<p>Not measured: {}.</p>", Text(why))
        }
    }
}

fn write_probe(html: &mut String, probe: &ProbeEvidence) -> fmt::Result {
    html.push_str("<h2>The diagnosis</h2>\n<table><tbody>");
    row(html, "Began", time(probe.began_at))?;
    row(html, "Took", format!("{} ms", probe.took_ms))?;
    let cost = &probe.cost;
    let words = format!(
        "{} connections, {} requests, {} messages",
        cost.connections, cost.requests, cost.messages
    );
    row(html, "Cost the server", words)?;
    if let Some(count) = probe.turns.as_ref().and_then(|turns| pod_count(&turns.searches)) {
        let most = count
            .most
            .map_or("any number".to_owned(), |most| most.to_string());
        let words = format!("{}, between {} and {most}", count.likely, count.least);
        row(html, "Pods that take turns", words)?;
    }
    if let Some(path) = &probe.path {
        for (label, ms) in [
            ("Name", path.resolve_ms),
            ("TCP", path.tcp_ms),
            ("TLS", path.tls_ms),
            ("Upgrade to a websocket", path.upgrade_ms),
            ("The way in all", path.total_ms),
        ] {
            if let Some(ms) = ms {
                row(html, label, format!("{ms} ms"))?;
            }
        }
        if let Some(trouble) = &path.websocket_trouble {
            row(html, "No websocket", trouble)?;
        }
    }
    html.push_str("</tbody></table>\n");
    if probe.health.is_empty() {
        return Ok(());
    }
    html.push_str(
        "<h2>What the pods say of themselves<span class=\"claimed\">claimed</span></h2>\n<table><thead><tr><th>Pod</th><th>State</th>\
         <th>Joined by</th><th>Several pods</th></tr></thead><tbody>",
    );
    for health in &probe.health {
        let ready = match health.multi_pod_ready {
            Some(true) => "ready",
            Some(false) => "one only",
            None => "not said",
        };
        write!(
            html,
            "<tr><td>{}</td><td>{} ({})</td><td>{}</td><td>{ready}</td></tr>",
            Text(health.pod.as_deref().unwrap_or("not said")),
            Text(&health.status),
            health.code,
            Text(health.mode.as_deref().unwrap_or("not said")),
        )?;
    }
    html.push_str("</tbody></table>\n");
    Ok(())
}

/// The sockets of a group beside each other, and within it those of a pod.
fn write_matrix(html: &mut String, room: &RoomProbe) -> fmt::Result {
    let partition = room.matrix.partition();
    let late = Hearing::of(room).late;
    let pod = |socket: u32| {
        room.sockets
            .get(socket as usize)
            .and_then(|socket| socket.pod.as_deref())
    };
    let mut order: Vec<(usize, u32)> = Vec::new();
    for (group, sockets) in partition.groups.iter().enumerate() {
        let mut sockets = sockets.clone();
        sockets.sort_by_key(|socket| (pod(*socket), *socket));
        order.extend(sockets.into_iter().map(|socket| (group, socket)));
    }
    html.push_str("<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th></th>");
    for place in 1..=order.len() {
        write!(html, "<th scope=\"col\">{place}</th>")?;
    }
    html.push_str("</tr></thead><tbody>\n");
    for (place, (group, from)) in order.iter().enumerate() {
        write!(
            html,
            "<tr><th scope=\"row\">{} · group {} · {}</th>",
            place + 1,
            group + 1,
            Text(pod(*from).unwrap_or("pod not said"))
        )?;
        for (other, to) in &order {
            let heard = room.matrix.rows.get(*from as usize);
            let Some(heard) = heard
                .and_then(|row| row.get(*to as usize))
                .filter(|heard| heard.said > 0)
            else {
                html.push_str("<td title=\"not asked\">·</td>");
                continue;
            };
            let is_late = late.iter().any(|(socket, _)| *socket == *to as usize);
            let class = match (heard.nothing(), heard.some(), group == other) {
                (true, ..) => String::new(),
                _ if is_late => "late".to_owned(),
                (_, true, _) => "some".to_owned(),
                (_, _, true) => format!("g{}", group % 6),
                (_, _, false) => "across".to_owned(),
            };
            let after = heard.median_ms.map(|ms| ms.to_string()).unwrap_or_default();
            write!(
                html,
                "<td class=\"{class}\" title=\"heard {} of {}\">{after}</td>",
                heard.heard, heard.said
            )?;
        }
        html.push_str("</tr>\n");
    }
    html.push_str(
        "</tbody></table></div>\n<p class=\"note\">A row speaks, a column hears, after so many ms. Sockets of one colour hear each \
         other; empty: nothing was heard; outlined: in one direction alone; hatched: now and then; amber: late.</p>\n",
    );
    Ok(())
}

fn write_session(html: &mut String, session: &SessionEvidence) -> fmt::Result {
    let measured = &session.measurements;
    let ms = |value: Option<u32>| value.map_or("–".to_owned(), |ms| format!("{ms} ms"));
    html.push_str("<h2>What the session saw</h2>\n<table><tbody>");
    row(html, "Reconnects", session.connection.reconnects)?;
    row(html, "Handshake", ms(session.connection.handshake_ms))?;
    row(html, "Events", measured.events)?;
    for (label, spread) in [("Bid → answer", &measured.answer), ("Bid → echo", &measured.echo)] {
        let words = format!(
            "half within {}, 95 % within {}, from {} bids",
            ms(spread.median),
            ms(spread.p95),
            spread.count
        );
        row(html, label, words)?;
    }
    row(html, "Bids that never came back", measured.echoes_missing)?;
    row(html, "Bids missed", measured.gaps)?;
    row(html, "Events known already", measured.repeats)?;
    row(html, "Malformed events", measured.malformed)?;
    row(html, "Messages that a full queue here dropped", measured.dropped)?;
    row(html, "Clock error", ms(session.clock.error_ms))?;
    html.push_str("</tbody></table>\n");
    if !measured.pods.is_empty() {
        html.push_str(
            "<h2>Pods</h2>\n<table><thead><tr><th>Pod</th><th>On the socket</th><th>Over REST</th></tr></thead><tbody>",
        );
        for pod in &measured.pods {
            write!(
                html,
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                Text(&pod.pod.0),
                pod.socket,
                pod.rest
            )?;
        }
        html.push_str("</tbody></table>\n");
    }
    html.push_str("<h2>The connection</h2>\n<table><thead><tr><th>When</th><th>How</th><th>Why</th></tr></thead><tbody>");
    for step in session.connection.transitions.iter().rev() {
        write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            time(step.at),
            Text(format!("{:?}", step.phase).to_lowercase()),
            Text(&step.reason)
        )?;
    }
    html.push_str("</tbody></table>\n");
    Ok(())
}
