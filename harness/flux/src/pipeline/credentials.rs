//! Whether a pipeline keeps its credentials to itself, and leaves none behind.

use plumbline_model::Masker;
use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

/// No file of credentials is larger; what is, is data or a program.
const LARGEST: u64 = 1 << 20;

/// What was found in the folders of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Files with a secret in them.
    pub(super) files: BTreeSet<String>,
    /// Those that others than their owner may read or write.
    pub(super) exposed: BTreeSet<String>,
}

/// Looks for secrets in every file of the folders below `root`; links are not followed.
pub(super) fn find(root: &Path, folders: &[&Path], secrets: &Masker) -> Found {
    let mut found = Found::default();
    for folder in folders {
        look(root, folder, secrets, &mut found);
    }
    found
}

fn look(root: &Path, folder: &Path, secrets: &Masker, found: &mut Found) {
    // What is gone or cannot be read between two steps has no secret that anybody could find.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else {
            continue;
        };
        if kind.is_dir() {
            look(root, &path, secrets, found);
        }
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if !kind.is_file() || metadata.len() > LARGEST {
            continue;
        }
        let Ok(content) = fs::read(&path) else {
            continue;
        };
        let text = String::from_utf8_lossy(&content);
        if secrets.mask(&text) == text {
            continue;
        }
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        if metadata.permissions().mode() & 0o077 != 0 {
            found.exposed.insert(name.clone());
        }
        found.files.insert(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::Secret;

    #[test]
    fn a_secret_is_found_wherever_it_lies_and_whoever_may_read_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("home/.docker");
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str, mode: u32| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        write("config.json", "{\"auth\": \"dXNlcjpvcGVuLXNlc2FtZQ==\"}", 0o600);
        write("copy", "open-sesame", 0o644);
        write("other", "nothing", 0o644);
        let mut secrets = Masker::default();
        secrets.add(&Secret::new("open-sesame".into())).unwrap();
        let home = root.path().join("home");
        let found = find(root.path(), &[&home, &root.path().join("gone")], &secrets);
        let names = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&found.files), "home/.docker/config.json home/.docker/copy");
        assert_eq!(names(&found.exposed), "home/.docker/copy");
    }
}
