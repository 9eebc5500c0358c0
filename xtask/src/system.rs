//! System packages: which are missing, why they are needed, and how they get onto the machine.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::project::Project;
use crate::steps::{Output, Step, Steps};

/// Set by those who provide the packages in a way that we cannot see.
const BELIEVE: &str = "GAVELSCOPE_SKIP_SYSTEM_PACKAGES";

/// What a chore is going to do, which decides the packages it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Compile Rust that talks to the network.
    Compile,
    /// Compile and open the window.
    Window,
    /// Open the window where there is no display, and drive it.
    Headless,
    /// Start pods in Python, to test against.
    Pods,
    /// Start the servers that a fleet of pods needs.
    Fleet,
}

/// All purposes: what `setup` and `test` prepare for.
pub(crate) const EVERYTHING: &[Purpose] = &[
    Purpose::Compile,
    Purpose::Window,
    Purpose::Headless,
    Purpose::Pods,
    Purpose::Fleet,
];

struct Package {
    name: &'static str,
    purpose: Purpose,
    reason: &'static str,
}

impl Package {
    /// What it would start by itself once it is installed. We start our own, on free ports and in temporary folders.
    fn service(&self) -> Option<&'static str> {
        (self.purpose == Purpose::Fleet).then_some(self.name)
    }
}

/// Names as Debian 12 and Ubuntu 22.04 have them, and later ones too.
const PACKAGES: &[Package] = &[
    Package {
        name: "build-essential",
        purpose: Purpose::Compile,
        reason: "a C compiler and linker: SQLite and the cryptography are C, and Rust links with it",
    },
    Package {
        name: "pkg-config",
        purpose: Purpose::Compile,
        reason: "finds the installed C libraries during the build",
    },
    Package {
        name: "libssl-dev",
        purpose: Purpose::Compile,
        reason: "OpenSSL, which the Socket.IO client reaches through native-tls",
    },
    Package {
        name: "libwebkit2gtk-4.1-dev",
        purpose: Purpose::Window,
        reason: "WebKitGTK and GTK 3: the window's web view",
    },
    Package {
        name: "fonts-dejavu-core",
        purpose: Purpose::Headless,
        reason: "a font for signs that the bundled one lacks; a bare machine has none at all",
    },
    Package {
        name: "xvfb",
        purpose: Purpose::Headless,
        reason: "a display in memory, to open the real window where there is no screen",
    },
    Package {
        name: "xauth",
        purpose: Purpose::Headless,
        reason: "xvfb-run needs it to guard its display",
    },
    Package {
        name: "webkit2gtk-driver",
        purpose: Purpose::Headless,
        reason: "WebDriver for WebKitGTK: presses the buttons in the real window",
    },
    Package {
        name: "python3",
        purpose: Purpose::Pods,
        reason: "runs the python-socketio pods that the tests start",
    },
    Package {
        name: "python3-venv",
        purpose: Purpose::Pods,
        reason: "keeps the pods' packages apart from the system's",
    },
    Package {
        name: "redis-server",
        purpose: Purpose::Fleet,
        reason: "Redis, through which the pods of a fleet hear each other",
    },
    Package {
        name: "postgresql",
        purpose: Purpose::Fleet,
        reason: "PostgreSQL, the database that the pods of a fleet share",
    },
    Package {
        name: "haproxy",
        purpose: Purpose::Fleet,
        reason: "HAProxy, the load balancer in front of a fleet",
    },
];

/// Installs without letting anything start: Debian asks `policy-rc.d` before a package starts its service, and what
/// was enabled for the next start of the machine is disabled again. The first word is the services, the rest packages.
const INSTALL: &str = r#"
set -e
services=$1
shift
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
apt-get install --yes --no-install-recommends "$@"
for service in $services; do
    if command -v systemctl > /dev/null; then
        systemctl disable "$service" || true
    fi
done
"#;

/// Makes sure that the packages for these purposes are there, installing what is missing.
pub(crate) fn ensure(project: &Project, steps: &mut Steps, purposes: &[Purpose]) -> Result<(), Failure> {
    const NAME: &str = "system packages";
    let wanted = wanted(purposes);
    if std::env::var_os(BELIEVE).is_some_and(|value| !value.is_empty()) {
        steps.skip(NAME, "not looked at, as told by the environment");
        return Ok(());
    }
    let Some(installed) = installed(&wanted) else {
        return Err(Failure::Missing {
            explanation: not_debian(&wanted),
        });
    };
    let missing = missing(&wanted, &installed);
    if missing.is_empty() {
        steps.skip(NAME, "all are installed");
        return Ok(());
    }
    println!("Missing system packages, to be installed with apt:");
    for package in &missing {
        println!("  {:22} {}", package.name, package.reason);
    }
    let by_hand = format!("install them yourself and start again: {}", apt_line(&missing));
    let privilege = privilege(&by_hand)?;
    let run = |program: &str, words: &[&str]| {
        let mut command = match privilege {
            Privilege::Root => project.command(program),
            Privilege::Sudo => {
                let mut command = project.command("sudo");
                command.args(["env", "DEBIAN_FRONTEND=noninteractive", program]);
                command
            }
        };
        command
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        command
    };
    steps.run(Step {
        name: "package lists",
        command: run("apt-get", &["update"]),
        output: Output::Logged,
        advice: &by_hand,
    })?;
    let services: Vec<_> = missing.iter().filter_map(|package| package.service()).collect();
    let services = services.join(" ");
    let mut words = vec!["-c", INSTALL, "install", &services];
    words.extend(missing.iter().map(|package| package.name));
    steps.run(Step {
        name: NAME,
        command: run("sh", &words),
        output: Output::Logged,
        advice: &by_hand,
    })
}

enum Privilege {
    Root,
    Sudo,
}

/// Root needs nothing; others are asked for their password here, before progress is painted over the question.
fn privilege(by_hand: &str) -> Result<Privilege, Failure> {
    let id = Command::new("id").arg("-u").output();
    if id.is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
        return Ok(Privilege::Root);
    }
    if Command::new("sudo")
        .arg("-v")
        .status()
        .is_ok_and(|status| status.success())
    {
        return Ok(Privilege::Sudo);
    }
    Err(Failure::Missing {
        explanation: format!("Installing needs root, and sudo gave no permission. As root, {by_hand}"),
    })
}

fn wanted(purposes: &[Purpose]) -> Vec<&'static Package> {
    PACKAGES
        .iter()
        .filter(|package| purposes.contains(&package.purpose))
        .collect()
}

/// What dpkg knows to be installed of the wanted packages; nothing at all if this is no Debian.
fn installed(wanted: &[&Package]) -> Option<BTreeSet<String>> {
    let answered = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !answered("apt-get") {
        return None;
    }
    // Exits with 1 if it does not know one of them, and still tells about the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${Status}\\n"])
        .args(wanted.iter().map(|package| package.name))
        .output()
        .ok()?;
    Some(read_dpkg(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads lines such as `xvfb install ok installed`. A package that was removed but left its configuration says
/// `deinstall ok config-files`, and one half unpacked `install ok half-configured`: neither is there.
fn read_dpkg(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, status)| status.trim().ends_with("ok installed"))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn missing<'a>(wanted: &[&'a Package], installed: &BTreeSet<String>) -> Vec<&'a Package> {
    wanted
        .iter()
        .copied()
        .filter(|package| !installed.contains(package.name))
        .collect()
}

fn apt_line(packages: &[&Package]) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    format!("apt-get install --no-install-recommends {}", names.join(" "))
}

fn not_debian(wanted: &[&Package]) -> String {
    let list: Vec<String> = wanted
        .iter()
        .map(|package| format!("  {:22} {}", package.name, package.reason))
        .collect();
    format!(
        "This is neither Debian nor Ubuntu, so the system packages cannot be installed from here.\n\
         What is needed, by its Debian name:\n{}\n\
         What to do: install what your system calls these, then set {BELIEVE}=1 and start again.",
        list.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(packages: &[&'a Package]) -> Vec<&'a str> {
        packages.iter().map(|package| package.name).collect()
    }

    #[test]
    fn installed_packages_are_read_from_dpkg() {
        let installed = read_dpkg("xvfb install ok installed\nlibssl-dev hold ok installed\n");
        assert!(installed.contains("xvfb"));
        assert!(
            installed.contains("libssl-dev"),
            "a held package is installed too"
        );
    }

    #[test]
    fn removed_and_half_installed_packages_are_missing() {
        let installed = read_dpkg(
            "xvfb deinstall ok config-files\nxauth install ok half-configured\nlibssl-dev unknown ok not-installed\n",
        );
        assert!(installed.is_empty(), "{installed:?}");
    }

    #[test]
    fn only_what_dpkg_does_not_have_is_missing() {
        let wanted = wanted(&[Purpose::Headless]);
        let installed = read_dpkg("xvfb install ok installed\nxauth install ok installed\n");
        assert_eq!(
            names(&missing(&wanted, &installed)),
            ["fonts-dejavu-core", "webkit2gtk-driver"]
        );
    }

    #[test]
    fn a_machine_with_nothing_misses_everything() {
        assert_eq!(missing(&wanted(EVERYTHING), &read_dpkg("")).len(), PACKAGES.len());
    }

    #[test]
    fn opening_the_window_on_a_display_needs_nothing_headless() {
        let names = names(&wanted(&[Purpose::Compile, Purpose::Window]));
        assert!(names.contains(&"libwebkit2gtk-4.1-dev"));
        assert!(!names.contains(&"xvfb") && !names.contains(&"webkit2gtk-driver"));
    }

    #[test]
    fn another_system_gets_every_name_with_its_reason_and_the_way_on() {
        let text = not_debian(&wanted(EVERYTHING));
        for package in PACKAGES {
            assert!(
                text.contains(package.name) && text.contains(package.reason),
                "{} in {text}",
                package.name
            );
        }
        assert!(text.contains(BELIEVE));
    }

    #[test]
    fn what_a_fleet_needs_is_installed_and_its_own_services_are_not_left_on() {
        let wanted = wanted(&[Purpose::Fleet]);
        let services: Vec<_> = wanted.iter().filter_map(|package| package.service()).collect();
        assert_eq!(services, ["redis-server", "postgresql", "haproxy"]);
        let elsewhere = wanted_elsewhere();
        assert!(elsewhere.iter().all(|package| package.service().is_none()));
    }

    fn wanted_elsewhere() -> Vec<&'static Package> {
        PACKAGES
            .iter()
            .filter(|package| package.purpose != Purpose::Fleet)
            .collect()
    }

    #[test]
    fn the_line_to_type_leaves_out_recommendations() {
        let line = apt_line(&wanted(&[Purpose::Window]));
        assert_eq!(
            line,
            "apt-get install --no-install-recommends libwebkit2gtk-4.1-dev"
        );
    }
}
