//! Where the programs are that pods are made of.

use std::path::{Path, PathBuf};

use super::{PodError, system};

/// Beside the test that runs: cargo puts both into one folder.
pub(super) fn gaveld() -> Result<PathBuf, PodError> {
    if let Some(named) = std::env::var_os("GAVELSCOPE_GAVELD") {
        return Ok(named.into());
    }
    let test = std::env::current_exe().map_err(system("finding out where this test is"))?;
    let beside = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(format!("gaveld{}", std::env::consts::EXE_SUFFIX)));
    let mut last = PathBuf::new();
    for program in beside {
        if program.is_file() {
            return Ok(program);
        }
        last = program;
    }
    Err(PodError::NoGaveld(last))
}

/// The Python with the pods' packages: the one that `cargo xtask` names, or else the one that it made.
pub fn python() -> Result<PathBuf, PodError> {
    let python = std::env::var_os("GAVELSCOPE_PYTHON").map_or_else(made_python, PathBuf::from);
    if python.is_file() {
        Ok(python)
    } else {
        Err(PodError::NoPython(python))
    }
}

fn made_python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("xtask/python/bin/python")
}
