//! Whose signatures count in an environment: `clusters/<environment>/trusted-keys.yaml` of `k8s-gitops` says it, by names of keys.

use crate::{
    Fixtures, KeyRing, Platform, VerbError,
    names::{GITOPS_REPOSITORY, branch_of},
};
use jiff::Timestamp;
use plumbline_images::{TrustedKey, TrustedKeys};
use plumbline_model::FaultClass;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    #[serde(default)]
    from: Option<Timestamp>,
    #[serde(default)]
    until: Option<Timestamp>,
    #[serde(default)]
    revoked: bool,
}

impl Platform {
    /// The keys that the environment trusts now, as its branch of `k8s-gitops` has them.
    ///
    /// # Errors
    /// There is no such file, or it is not what it should be.
    pub async fn trusted_keys(&self, environment: &str) -> Result<TrustedKeys, VerbError> {
        let path = path_of(environment);
        let repository = self.forge().repository(GITOPS_REPOSITORY)?;
        let branch = branch_of(GITOPS_REPOSITORY, environment);
        let text = repository.read(branch, &path).await?;
        parse(&text, self.supply().keys())
            .map_err(|why| VerbError::unmet(format!("{path} on {branch} of {GITOPS_REPOSITORY}: {why}")))
    }
}

/// The keys that an environment trusts from the beginning.
pub(crate) fn from_fixtures(
    fixtures: &Fixtures,
    environment: &str,
    ring: &KeyRing,
) -> Result<TrustedKeys, VerbError> {
    let path = path_of(environment);
    let refused = |why: String| {
        let message = format!("fixtures/repos/{GITOPS_REPOSITORY}/{path}: {why}");
        VerbError::fault(FaultClass::Environment, message)
    };
    let tree = fixtures.platform_repository(GITOPS_REPOSITORY)?;
    let file = tree
        .get(&path)
        .ok_or_else(|| refused("the file is missing".into()))?;
    parse(&file.content, ring).map_err(refused)
}

fn path_of(environment: &str) -> String {
    format!("clusters/{environment}/trusted-keys.yaml")
}

fn parse(text: &[u8], ring: &KeyRing) -> Result<TrustedKeys, String> {
    let document: Document = serde_saphyr::from_slice(text).map_err(|error| error.to_string())?;
    let keys = document.keys.into_iter().map(|entry| TrustedKey {
        key: ring.key(&entry.key).public_key(),
        name: entry.key,
        from: entry.from,
        until: entry.until,
        is_revoked: entry.revoked,
    });
    Ok(keys.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_with_the_time_in_which_they_count() {
        let ring = KeyRing::default();
        let text = b"keys:\n  - key: old\n    until: 2026-12-31T00:00:00Z\n  - {key: lost, revoked: true}\n  - key: new\n";
        let trusted = parse(text, &ring).unwrap();
        assert_eq!(trusted.names().collect::<Vec<_>>(), ["old", "lost", "new"]);
        for wrong in [
            "keys: old",
            "keys:\n  - {key: old, untl: x}",
            "keys:\n  - {key: old, until: soon}",
            "",
        ] {
            assert!(parse(wrong.as_bytes(), &ring).is_err(), "{wrong}");
        }
    }
}
