//! What is in `deploy/` and what the documentation says of settings is true of this very `gaveld`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The variables that `gaveld --help` names.
fn known() -> BTreeSet<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_gaveld"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let after = help.split("[env: ").skip(1);
    let names: BTreeSet<_> = after
        .map(|rest| rest.split(['=', ']']).next().unwrap().to_owned())
        .collect();
    assert!(names.len() > 20, "{help}");
    names
}

/// The names in a text that look like one of gaveld's variables.
fn named(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|word| {
            word.starts_with("GAVELD_") || ["DATABASE_URL", "REDIS_URL", "REDIS_CA_FILE"].contains(word)
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_variable_in_deploy_is_one_that_gaveld_knows() {
    let known = known();
    let mut seen = 0;
    for file in files_in(&root().join("deploy")) {
        for name in named(&text(&file)) {
            assert!(
                known.contains(&name),
                "{} names {name}, which gaveld --help does not",
                file.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} names were found");
}

#[test]
fn the_documentation_names_every_variable_and_no_other() {
    let operations = text(&root().join("docs/operations.md"));
    let said = named(&operations);
    assert_eq!(said, known(), "docs/operations.md and gaveld --help differ");
}

/// Every document of a file.
fn documents(file: &Path) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn every_manifest_is_yaml_of_a_known_kind_and_they_fit_together() {
    let folder = root().join("deploy/kubernetes");
    let mut kinds = BTreeSet::new();
    let mut deployment = Value::Null;
    let files = files_in(&folder);
    for file in &files {
        for document in documents(file) {
            let kind = document["kind"]
                .as_str()
                .unwrap_or_else(|| panic!("{} has no kind", file.display()));
            assert!(document["apiVersion"].is_string(), "{}", file.display());
            kinds.insert(kind.to_owned());
            match kind {
                "Kustomization" => {
                    let listed: BTreeSet<_> = document["resources"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|name| name.as_str().unwrap().to_owned())
                        .collect();
                    let here: BTreeSet<_> = files
                        .iter()
                        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
                        .filter(|name| name != "kustomization.yaml")
                        .collect();
                    assert_eq!(listed, here);
                }
                "Deployment" => deployment = document,
                _ => {}
            }
        }
    }
    for kind in [
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
    ] {
        assert!(kinds.contains(kind), "there is no {kind}");
    }
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let probed = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap().to_owned();
    assert_eq!(probed("readinessProbe"), "/health/ready");
    assert_eq!(
        probed("livenessProbe"),
        "/health/live",
        "a pod is not killed because its database is away"
    );
    let served = gavelscope_backend::rest_calls();
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        let path = probed(probe);
        assert!(
            served.iter().any(|(_, served)| *served == path),
            "{path} is not served"
        );
    }
}

#[test]
fn the_fleet_of_compose_is_three_pods_of_one_kind() {
    let file = root().join("deploy/docker/compose.yaml");
    let compose = documents(&file).remove(0);
    let services = compose["services"].as_object().unwrap();
    let pods: Vec<_> = services
        .iter()
        .filter(|(name, _)| name.starts_with("gaveld-"))
        .collect();
    assert_eq!(pods.len(), 3);
    for (name, pod) in pods {
        assert_eq!(pod["environment"]["GAVELD_POD_ID"], **name);
        for shared in ["DATABASE_URL", "REDIS_URL", "GAVELD_TOKEN_SECRET"] {
            assert!(pod["environment"][shared].is_string(), "{name} has no {shared}");
        }
        assert!(
            pod["ports"].is_null(),
            "{name} is reached through the balancer alone"
        );
    }
    for needed in ["haproxy", "redis", "postgres"] {
        assert!(services.contains_key(needed), "there is no {needed}");
    }
}

/// Where systemd is installed: the unit is one that it takes.
#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = text(&root().join("deploy/systemd/gaveld.service"));
    let here = unit.replace("/usr/local/bin/gaveld", env!("CARGO_BIN_EXE_gaveld"));
    assert_ne!(unit, here);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gaveld.service");
    // It looks for what the unit names on this machine.
    let here = here.replace("Documentation=file:///usr/share/doc/gaveld/operations.md", "");
    std::fs::write(&file, here).unwrap();
    let Ok(verified) = Command::new("systemd-analyze")
        .arg("verify")
        .arg("--man=no")
        .arg(&file)
        .output()
    else {
        eprintln!("systemd-analyze is not installed here: the unit was not verified");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    // Other units of the machine may be wrong, too.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("gaveld")).collect();
    assert_eq!(ours, Vec::<&str>::new());
}
