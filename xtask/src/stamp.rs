//! Stamps: a small file that says from which inputs something was made, so that it is made again only when they
//! differ. Contents are compared, not times: a checkout or a clone changes all times and nothing else.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// One number for the names and contents of the files under `folder`, leaving out entries of the root that are
/// in `without`. Order on disk does not matter.
pub(crate) fn of_folder(folder: &Path, without: &[&str]) -> Result<String, Failure> {
    let mut files = Vec::new();
    collect(folder, without, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        file.strip_prefix(folder).unwrap_or(file).hash(&mut hasher);
        read(file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// One number for the contents of one file together with `also`, such as the version of the tool that reads it.
pub(crate) fn of_file(file: &Path, also: &str) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    read(file)?.hash(&mut hasher);
    also.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// Whether the stamp file carries this value. A stamp that cannot be read is no stamp.
pub(crate) fn is_current(stamp: &Path, value: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found.trim() == value)
}

pub(crate) fn write(stamp: &Path, value: &str) -> Result<(), Failure> {
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::File {
            doing: "Making the folder",
            path: folder.to_path_buf(),
            error,
        })?;
    }
    fs::write(stamp, value).map_err(|error| Failure::File {
        doing: "Writing",
        path: stamp.to_path_buf(),
        error,
    })
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::File {
        doing: "Reading",
        path: file.to_path_buf(),
        error,
    })
}

fn collect(folder: &Path, without: &[&str], files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| Failure::File {
        doing: "Listing",
        path: folder.to_path_buf(),
        error,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| without.contains(&name))
        {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&entry.path(), &[], files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test alone, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("src")).unwrap();
            fs::create_dir_all(path.join("dist")).unwrap();
            fs::write(path.join("src/room.ts"), "let price = 1;").unwrap();
            Self(path)
        }

        fn stamp(&self) -> String {
            of_folder(&self.0, &["dist"]).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_stamp_stays_when_nothing_changed() {
        let folder = Folder::new("same");
        assert_eq!(folder.stamp(), folder.stamp());
    }

    #[test]
    fn the_stamp_stays_when_a_file_is_only_written_again() {
        let folder = Folder::new("touched");
        let before = folder.stamp();
        fs::write(folder.0.join("src/room.ts"), "let price = 1;").unwrap();
        assert_eq!(before, folder.stamp());
    }

    #[test]
    fn the_stamp_changes_with_a_file_deep_in_the_folder() {
        let folder = Folder::new("edited");
        let before = folder.stamp();
        fs::write(folder.0.join("src/room.ts"), "let price = 2;").unwrap();
        assert_ne!(before, folder.stamp());
    }

    #[test]
    fn the_stamp_changes_when_a_file_is_renamed() {
        let folder = Folder::new("renamed");
        let before = folder.stamp();
        fs::rename(folder.0.join("src/room.ts"), folder.0.join("src/lobby.ts")).unwrap();
        assert_ne!(before, folder.stamp());
    }

    #[test]
    fn what_is_made_does_not_count_as_an_input() {
        let folder = Folder::new("made");
        let before = folder.stamp();
        fs::write(folder.0.join("dist/index.html"), "<p>").unwrap();
        assert_eq!(before, folder.stamp());
    }

    #[test]
    fn another_version_of_the_tool_makes_the_stamp_old() {
        let folder = Folder::new("tool");
        let file = folder.0.join("src/room.ts");
        assert_ne!(of_file(&file, "v20").unwrap(), of_file(&file, "v22").unwrap());
    }

    #[test]
    fn a_written_stamp_is_current_for_its_value_only() {
        let folder = Folder::new("written");
        let stamp = folder.0.join("deep/down/ui.stamp");
        assert!(!is_current(&stamp, "1"), "a missing stamp is not current");
        write(&stamp, "1").unwrap();
        assert!(is_current(&stamp, "1"));
        assert!(!is_current(&stamp, "2"));
    }
}
