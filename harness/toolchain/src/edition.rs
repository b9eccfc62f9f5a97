//! Several versions of what belongs together: which a lock has, and a lock in which another of them is the one that counts.

use crate::lock::{Lock, plain_name};
use std::collections::BTreeMap;

/// A version that the lock does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("clusters/toolchain.toml has no set `{what}-{version}`; of {what} it has: {}", known.join(", "))]
pub struct UnknownVersion {
    /// Of what.
    pub what: String,
    /// Which.
    pub version: String,
    /// Those that it has.
    pub known: Vec<String>,
}

impl Lock {
    /// The programs that make up a version of something, by their names: those of the set `<what>-<version>`.
    ///
    /// # Errors
    /// There is no such set.
    pub fn programs_of(&self, what: &str, version: &str) -> Result<&[String], UnknownVersion> {
        let members = self.sets.get(&format!("{what}-{version}"));
        members.map(Vec::as_slice).ok_or_else(|| {
            let prefix = format!("{what}-");
            let known = self.sets.keys().filter_map(|set| set.strip_prefix(&prefix));
            UnknownVersion {
                what: what.to_owned(),
                version: version.to_owned(),
                known: known.map(str::to_owned).collect(),
            }
        })
    }

    /// The lock in which the programs of that version are what their names without a version mean: `kubelet@1.36.3` is then
    /// `kubelet`, and what was `kubelet` is called by its version. How each is made does not change.
    ///
    /// # Errors
    /// There is no such version.
    pub fn with(mut self, what: &str, version: &str) -> Result<Self, UnknownVersion> {
        let mut names = BTreeMap::new();
        for member in self.programs_of(what, version)? {
            let plain = plain_name(member);
            if plain == member {
                continue;
            }
            if let Some(program) = self.program(plain) {
                names.insert(plain.to_owned(), format!("{plain}@{}", program.version));
            }
            names.insert(member.clone(), plain.to_owned());
        }
        let rename = |name: &mut String| {
            if let Some(other) = names.get(name) {
                name.clone_from(other);
            }
        };
        self.programs
            .iter_mut()
            .for_each(|program| rename(&mut program.name));
        self.sets.values_mut().flatten().for_each(rename);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[go]
release = "1.27.4"
minimum = "1.21.0"
[sets]
"cluster-1" = ["server", "agent"]
"cluster-2" = ["server@2", "agent@2", "extra@2"]
"tools" = ["agent@2"]
[[program]]
name = "server"
version = "1"
path = { ask = [], pattern = "{version}" }
[[program]]
name = "agent"
version = "1"
path = { ask = [], pattern = "{version}" }
[[program]]
name = "server@2"
version = "2"
path = { ask = ["--version"], pattern = "{version}" }
[[program]]
name = "agent@2"
version = "2"
path = { ask = [], pattern = "{version}" }
[[program]]
name = "extra@2"
version = "2"
path = { ask = [], pattern = "{version}" }
"#;

    fn lock() -> Lock {
        Lock::parse(TEXT, "lock").unwrap()
    }

    #[test]
    fn the_chosen_version_takes_the_plain_names_and_the_other_is_called_by_its_version() {
        let chosen = lock().with("cluster", "2").unwrap();
        let versions = |name: &str| chosen.program(name).map(|program| program.version.as_str());
        assert_eq!(versions("server"), Some("2"));
        assert_eq!(versions("server@1"), Some("1"));
        assert_eq!(versions("server@2"), None);
        assert_eq!(versions("extra"), Some("2"));
        assert_eq!(chosen.sets["cluster-1"], ["server@1", "agent@1"]);
        assert_eq!(chosen.sets["cluster-2"], ["server", "agent", "extra"]);
        assert_eq!(chosen.sets["tools"], ["agent"]);
        let server = chosen.program("server").unwrap();
        assert_eq!(server.folder, "server@2");
        assert_eq!(server.path.as_ref().unwrap().ask, ["--version"]);
    }

    #[test]
    fn what_counts_already_changes_nothing() {
        assert_eq!(lock().with("cluster", "1").unwrap(), lock());
    }

    #[test]
    fn a_version_that_is_not_there_is_told_with_those_that_are() {
        assert_eq!(
            lock().with("cluster", "3").unwrap_err().to_string(),
            "clusters/toolchain.toml has no set `cluster-3`; of cluster it has: 1, 2"
        );
    }
}
