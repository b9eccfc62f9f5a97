//! The reference platform as plain trees, and the on-boarding of a system under another name.

use crate::{
    Release,
    names::{ENVIRONMENTS, GITOPS_REPOSITORY, instance_file},
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// Files by their path, with `/` between the parts.
pub type Tree = BTreeMap<String, TreeFile>;

/// What is wrong with the fixtures.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// A file or folder cannot be read.
    #[error("cannot read the fixture {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A path is not UTF-8, or a link or device, which a tree must not hold.
    #[error("the fixture {} is neither a plain file nor a folder with a UTF-8 name", path.display())]
    NotPlain {
        /// Which.
        path: PathBuf,
    },
    /// A FluxInstance that another release cannot be written into.
    #[error(
        "Flux {version} cannot be written into {path} of {GITOPS_REPOSITORY}: it needs spec.distribution.version and a list spec.components, \
         in block style, a line for each"
    )]
    NotRewritable {
        /// The file.
        path: String,
        /// The release.
        version: String,
    },
    /// No system has this name.
    #[error("there is no system `{system}` in the fixtures; there are: {}", known.join(", "))]
    UnknownSystem {
        /// What was asked for.
        system: String,
        /// What is there.
        known: Vec<String>,
    },
}

/// The folder `fixtures/`.
#[derive(Clone, Debug)]
pub struct Fixtures {
    directory: PathBuf,
    release: Option<Release>,
}

/// The word that names the prefix of a system's repository.
const REPOSITORY_PREFIX: &str = "k8s-";

/// Repositories that belong to the platform's team, not to a system.
pub const PLATFORM_REPOSITORIES: [&str; 2] = ["k8s-gitops", "k8s-platform-charts"];

impl Fixtures {
    /// Names the folder; nothing is read yet.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            release: None,
        }
    }

    /// The same, with another release of Flux in every FluxInstance.
    #[must_use]
    pub fn with_release(self, release: Option<Release>) -> Self {
        Self { release, ..self }
    }

    /// The systems that can be on-boarded: every repository `k8s-<system>` that has a registration.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn systems(&self) -> Result<Vec<String>, FixtureError> {
        let mut systems: Vec<_> = names(&self.directory.join("repos"))?
            .into_iter()
            .filter(|name| !PLATFORM_REPOSITORIES.contains(&name.as_str()))
            .filter_map(|name| name.strip_prefix(REPOSITORY_PREFIX).map(str::to_owned))
            .collect();
        systems.sort();
        Ok(systems)
    }

    /// The tree of one of the platform's own repositories.
    ///
    /// # Errors
    /// The folder cannot be read, or holds something that is not a plain file; a FluxInstance cannot be given the chosen release.
    pub fn platform_repository(&self, name: &str) -> Result<Tree, FixtureError> {
        let mut tree = read_tree(&self.repository_folder(name))?;
        if let Some(release) = self.release.as_ref().filter(|_| name == GITOPS_REPOSITORY) {
            for environment in ENVIRONMENTS {
                let path = instance_file(environment);
                let Some(file) = tree.get_mut(&path) else {
                    continue;
                };
                let text = std::str::from_utf8(&file.content).ok();
                let written = text.and_then(|text| release.written_into(text));
                file.content = written
                    .ok_or_else(|| FixtureError::NotRewritable {
                        path,
                        version: release.version.clone(),
                    })?
                    .into_bytes();
            }
        }
        Ok(tree)
    }

    /// The repository of `system`, on-boarded as `name`.
    ///
    /// # Errors
    /// Unknown system; unreadable folder.
    pub fn system_repository(&self, system: &str, name: &str) -> Result<Tree, FixtureError> {
        self.known(system)?;
        let tree = read_tree(
            &self
                .directory
                .join("repos")
                .join(format!("{REPOSITORY_PREFIX}{system}")),
        )?;
        Ok(tree
            .into_iter()
            .map(|(path, mut file)| {
                if let Ok(text) = std::str::from_utf8(&file.content) {
                    file.content = replace_word(text, system, name).into_bytes();
                }
                (replace_word(&path, system, name), file)
            })
            .collect())
    }

    /// The registration file of `system` for `environment`, on-boarded as `name`.
    ///
    /// # Errors
    /// Unknown system; unreadable file.
    pub fn registration(&self, system: &str, name: &str, environment: &str) -> Result<String, FixtureError> {
        self.known(system)?;
        let path = self
            .directory
            .join("registrations")
            .join(environment)
            .join(format!("{system}.yaml"));
        let text =
            std::fs::read_to_string(&path).map_err(|source| FixtureError::Unreadable { path, source })?;
        Ok(replace_word(&text, system, name))
    }

    /// The folder with the advisories that the vulnerability database is made of.
    #[must_use]
    pub fn advisories(&self) -> PathBuf {
        self.directory.join("advisories")
    }

    /// The folder of one of the repositories.
    #[must_use]
    pub fn repository_folder(&self, name: &str) -> PathBuf {
        self.directory.join("repos").join(name)
    }

    /// The sample images: name, tag and folder of each.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn images(&self) -> Result<Vec<(String, String, PathBuf)>, FixtureError> {
        let root = self.directory.join("images");
        let mut images = Vec::new();
        for name in names(&root)? {
            for tag in names(&root.join(&name))? {
                let folder = root.join(&name).join(&tag);
                images.push((name.clone(), tag, folder));
            }
        }
        images.sort();
        Ok(images)
    }

    fn known(&self, system: &str) -> Result<(), FixtureError> {
        let known = self.systems()?;
        if known.iter().any(|name| name == system) {
            return Ok(());
        }
        Err(FixtureError::UnknownSystem {
            system: system.to_owned(),
            known,
        })
    }
}

/// `text` with every whole word `from` replaced by `to`. A word ends where a character is neither a lower-case
/// letter nor a digit, so `ledger` is found in `k8s-ledger` and `./ledger-chart` and not in `ledgers`.
#[must_use]
pub fn replace_word(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() || from == to {
        return text.to_owned();
    }
    let word = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let after = at + from.len();
        let bounded = !rest[..at]
            .chars()
            .next_back()
            .or(out.chars().next_back().filter(|_| at == 0))
            .is_some_and(word)
            && !rest[after..].chars().next().is_some_and(word);
        out.push_str(&rest[..at]);
        out.push_str(if bounded { to } else { from });
        rest = &rest[after..];
    }
    out + rest
}

fn names(directory: &Path) -> Result<Vec<String>, FixtureError> {
    let unreadable = |source| FixtureError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_dir() {
            names.push(
                entry
                    .file_name()
                    .into_string()
                    .map_err(|_| FixtureError::NotPlain { path: entry.path() })?,
            );
        }
    }
    names.sort();
    Ok(names)
}

fn read_tree(directory: &Path) -> Result<Tree, FixtureError> {
    let mut tree = Tree::new();
    collect(directory, "", &mut tree)?;
    Ok(tree)
}

fn collect(directory: &Path, prefix: &str, tree: &mut Tree) -> Result<(), FixtureError> {
    use std::os::unix::fs::PermissionsExt as _;
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| FixtureError::Unreadable { path, source }
    };
    for entry in std::fs::read_dir(directory).map_err(unreadable(directory))? {
        let entry = entry.map_err(unreadable(directory))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(unreadable(&path))?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| FixtureError::NotPlain { path: path.clone() })?;
        let inner = format!("{prefix}{name}");
        if kind.is_dir() {
            collect(&path, &format!("{inner}/"), tree)?;
        } else if kind.is_file() {
            let content = std::fs::read(&path).map_err(unreadable(&path))?;
            let mode = entry.metadata().map_err(unreadable(&path))?.permissions().mode();
            tree.insert(
                inner,
                TreeFile {
                    content,
                    executable: mode & 0o100 != 0,
                },
            );
        } else {
            return Err(FixtureError::NotPlain { path });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_words_are_replaced() {
        let text = "k8s-ledger: ./ledger-chart, ledgers, preledger, ledger.example.com ledgerledger ledger";
        assert_eq!(
            replace_word(text, "ledger", "drift"),
            "k8s-drift: ./drift-chart, ledgers, preledger, drift.example.com ledgerledger drift"
        );
    }

    #[test]
    fn an_unknown_system_names_the_known_ones() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("repos/k8s-ledger")).unwrap();
        std::fs::create_dir_all(directory.path().join("repos/k8s-gitops")).unwrap();
        let error = Fixtures::new(directory.path().into())
            .system_repository("leger", "x")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no system `leger` in the fixtures; there are: ledger"
        );
    }

    proptest! {
        #[test]
        fn replacing_a_word_and_back_is_the_identity(text in "([a-z]{0,3}[ -.]ledger[ -./]?){0,5}") {
            prop_assume!(!text.contains("drift"));
            prop_assert_eq!(replace_word(&replace_word(&text, "ledger", "drift"), "drift", "ledger"), text);
        }
    }
}
