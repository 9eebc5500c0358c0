//! `docs/diagnosis.md` says what the table says: `GAVELSCOPE_GOLDEN=1` writes the table into it.

use gavelscope_diagnosis::{Light, Outcome, exit_code};

use crate::rows::{Expected, KINDS, ROWS, Row};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/diagnosis.md");
const BEGINS: &str = "<!-- the table -->\n";
const ENDS: &str = "<!-- the end of the table -->\n";

/// The document's table is this one, and it names every row's tests.
pub fn check() -> Result<(), String> {
    let document = std::fs::read_to_string(DOCUMENT).map_err(|error| error.to_string())?;
    let parts = document.split_once(BEGINS).and_then(|(before, rest)| {
        let (table, after) = rest.split_once(ENDS)?;
        Some((before, table, after))
    });
    let (before, found, after) = parts.ok_or("the document has no place for the table")?;
    let wanted = table();
    if std::env::var_os("GAVELSCOPE_GOLDEN").is_some_and(|value| !value.is_empty()) {
        let whole = format!("{before}{BEGINS}{wanted}{ENDS}{after}");
        return std::fs::write(DOCUMENT, whole).map_err(|error| error.to_string());
    }
    if found == wanted {
        Ok(())
    } else {
        Err(format!(
            "docs/diagnosis.md does not say what the rows say (GAVELSCOPE_GOLDEN=1 writes it); it should be\n{wanted}"
        ))
    }
}

fn table() -> String {
    let mut text = "\n| row | the fleet, and what is wrong with it | pods of | light | exit code | verdict | other findings | test |\n\
         |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in ROWS {
        for kind in KINDS {
            text += &line(row, kind.word(), row.expected(kind));
        }
    }
    text + "\n"
}

fn line(row: &Row, kind: &str, expected: &Expected) -> String {
    let (light, code) = (light(expected.light), expected.code);
    let also: Vec<_> = expected
        .also
        .iter()
        .map(|(code, outcome)| format!("{code} {}", word(*outcome)))
        .collect();
    let mut verdict = format!("{code} “{}”", expected.words);
    if !expected.because.is_empty() {
        verdict = format!("{verdict}: {}", expected.because);
    }
    format!(
        "| {} | {} | {kind} | {light} | {} | {verdict} | {} | `{kind}::{}` |\n",
        row.number,
        row.what,
        exit_code(expected.light),
        also.join(", "),
        row.name
    )
}

fn light(light: Light) -> &'static str {
    match light {
        Light::Green => "green",
        Light::Amber => "amber",
        Light::Red => "red",
        Light::Grey => "grey",
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fail => "fail",
        Outcome::Warn => "warn",
        Outcome::Crashed => "crashed",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Skipped => "skipped",
        Outcome::Pass => "pass",
    }
}
