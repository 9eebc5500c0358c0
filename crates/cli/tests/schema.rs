//! What `gavelctl doctor --json` prints is what its schema says: `docs/doctor.schema.json`, which is made from the types.
//! `GAVELSCOPE_WRITE_SCHEMA=1` writes it anew; where a field changes its meaning, `SCHEMA` in
//! `crates/diagnosis/src/saved.rs` grows with it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use gavelscope_diagnosis::{SCHEMA, Saved};
use serde_json::{Value, json};

fn made() -> Value {
    // As it is printed: every field is there, null where there is nothing to say.
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Saved>()
        .to_value();
    schema["title"] = json!("What gavelctl doctor --json prints, --save writes and --evidence reads");
    schema["properties"]["schema"]["const"] = json!(SCHEMA);
    schema
}

static KEPT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/doctor.schema.json")).unwrap());

#[test]
fn the_schema_is_what_the_types_say() {
    let made = made();
    if std::env::var_os("GAVELSCOPE_WRITE_SCHEMA").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.schema.json");
        std::fs::write(
            file,
            format!("{}\n", serde_json::to_string_pretty(&made).unwrap()),
        )
        .unwrap();
        return;
    }
    assert!(
        made == *KEPT,
        "what is printed has changed: GAVELSCOPE_WRITE_SCHEMA=1 cargo test --package gavelscope-cli --test schema writes \
         the schema anew; where a field changed its meaning, let SCHEMA grow"
    );
}

/// What a value has against a schema, as far as the words go that this schema is written in; `met` learns the
/// properties that were there.
fn against(schema: &Value, value: &Value, place: &str, met: &mut BTreeSet<String>) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return against(&KEPT["$defs"][name], value, place, met);
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[several].as_array() {
            let tried: Vec<Vec<String>> = choices
                .iter()
                .map(|choice| against(choice, value, place, met))
                .collect();
            let fitting = tried.iter().any(Vec::is_empty);
            return if fitting { Vec::new() } else { tried.concat() };
        }
    }
    let mut wrong = Vec::new();
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let takes = |one: &Value| one == kind || (one == "number" && kind == "integer");
    let fits = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(takes),
        Value::Null => true,
        one => takes(one),
    };
    if !fits {
        wrong.push(format!("{place} is {kind}, not {}", schema["type"]));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        wrong.push(format!("{place} is not {}", schema["const"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        wrong.push(format!("{place} is none of {words:?}"));
    }
    if let Some(fields) = value.as_object() {
        for (name, field) in fields {
            let inner = format!("{place}.{name}");
            match schema["properties"].get(name) {
                Some(schema) => wrong.extend(against(schema, field, &inner, met)),
                None => wrong.push(format!("{inner} is not in the schema")),
            }
            met.insert(inner);
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                wrong.push(format!("{place} has no {name}"));
            }
        }
    }
    for item in value.as_array().into_iter().flatten() {
        wrong.extend(against(&schema["items"], item, &format!("{place}[]"), met));
    }
    wrong
}

/// Every file that a probe of a real fleet left, a session's state, and an operator's look at Redis.
fn printed() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../diagnosis/tests");
    let files = std::fs::read_dir(folder.join("golden"))
        .unwrap()
        .map(|file| file.unwrap().path());
    let json = files.filter(|file| file.extension().is_some_and(|end| end == "json"));
    let mut whole: Vec<Value> = json
        .map(|file| {
            let saved = Saved::read(&std::fs::read_to_string(file).unwrap()).unwrap();
            serde_json::to_value(saved).unwrap()
        })
        .collect();
    assert!(whole.len() > 10);
    let state = std::fs::read_to_string(folder.join("online.json")).unwrap();
    let evidence = gavelscope_diagnosis::Evidence::collect(&serde_json::from_str(&state).unwrap());
    let mut evidence = serde_json::to_value(evidence).unwrap();
    evidence["redis"] = json!({
        "at": 1, "address": "redis://cache:6379/0", "encrypted": true, "resolveMs": 1, "tcpMs": 1, "tlsMs": 2,
        "signedIn": false, "trouble": {"kind": "signIn", "detail": "WRONGPASS"}, "roundTripUs": 210,
        "version": "7.0.15", "role": "master", "echoed": true,
        "channels": [{"name": "socket.io", "form": "socketIo", "subscribers": 3}],
        "otherChannels": 0, "patterns": 0, "refused": ["INFO"]
    });
    let saved = Saved::read(&evidence.to_string()).unwrap();
    whole.push(serde_json::to_value(saved).unwrap());
    whole
}

#[test]
fn what_is_printed_keeps_to_the_schema() {
    let mut met = BTreeSet::new();
    for whole in printed() {
        let wrong = against(&KEPT, &whole, "", &mut met);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    for place in [
        ".report.findings[].evidence[].claimed",
        ".evidence.session.measurements.echo.median",
        ".evidence.probe.turns.searches[].requests",
        ".evidence.probe.room.matrix.rows[][].heard",
        ".evidence.redis.channels[].subscribers",
    ] {
        assert!(met.contains(place), "nothing was seen of {place}");
    }
}

#[test]
fn what_does_not_keep_to_it_is_seen() {
    let wrong = |change: fn(&mut Value)| {
        let mut whole = printed().pop().unwrap();
        change(&mut whole);
        against(&KEPT, &whole, "", &mut BTreeSet::new())
    };
    assert!(wrong(|_| {}).is_empty());
    assert!(!wrong(|whole| whole["report"]["light"] = json!("blue")).is_empty());
    assert!(!wrong(|whole| whole["evidence"]["new"] = json!(1)).is_empty());
    assert!(!wrong(|whole| whole["schema"] = json!(2)).is_empty());
    assert!(!wrong(|whole| whole["evidence"]["server"] = json!(null)).is_empty());
    assert!(!wrong(|whole| whole["evidence"]["redis"]["refused"] = json!([1])).is_empty());
    assert!(!wrong(|whole| drop(whole["report"].as_object_mut().unwrap().remove("verdict"))).is_empty());
}
