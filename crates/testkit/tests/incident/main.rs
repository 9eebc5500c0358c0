//! The incident, on this machine: several pods behind HAProxy, each with sessions on it, and a bid that one of them
//! takes. Who hears of it depends on what is between the pods; what is shown is true all the same.
//!
//! The table in `docs/operations.md` says what these tests say, and names them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod apart;
mod balancer;
mod broken;
mod hall;
mod together;
mod two_fleets;

/// The sources of the tests that the document's table stands on.
const SOURCES: [(&str, &str); 4] = [
    ("apart", include_str!("apart.rs")),
    ("together", include_str!("together.rs")),
    ("broken", include_str!("broken.rs")),
    ("two_fleets", include_str!("two_fleets.rs")),
];

#[test]
fn the_document_names_every_test_of_the_table_and_no_other() {
    let document = include_str!("../../../../docs/operations.md");
    let mut tests = Vec::new();
    for (module, source) in SOURCES {
        for after in source.split("#[tokio::test").skip(1) {
            let name = after
                .split("async fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next());
            tests.push(format!("{module}::{}", name.unwrap()));
        }
    }
    for test in &tests {
        assert!(
            document.contains(&format!("`{test}`")),
            "{test} is not in the document"
        );
    }
    let named = document.split('`').filter(|name| {
        let module = name.split_once("::").map(|(module, _)| module);
        SOURCES.iter().any(|(known, _)| module == Some(known))
    });
    for name in named {
        assert!(tests.iter().any(|test| test == name), "there is no test {name}");
    }
}
