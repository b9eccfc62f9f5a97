//! Names of kinds and objects as people write them: `apps/v1/Deployment ns/name`, `Kustomization flux-system/apps`.

use super::kinds;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The longest text that is parsed as a reference; names in Kubernetes are far shorter.
const LONGEST: usize = 1024;

/// A kind, with its group and version where they are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindReference {
    /// The API group; `Some("")` is the core group, `None` means any group that has the kind.
    pub group: Option<String>,
    /// The version; `None` means the one the cluster prefers.
    pub version: Option<String>,
    /// The kind, for example `Deployment`.
    pub kind: String,
}

impl KindReference {
    /// A kind with its full group and version.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self {
            group: Some(group.into()),
            version: Some(version.into()),
            kind: kind.into(),
        }
    }

    /// A kind from the `apiVersion` and `kind` of a manifest.
    #[must_use]
    pub fn from_manifest(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::new(group, version, kind)
    }

    /// An object of this kind in a namespace.
    #[must_use]
    pub fn namespaced(&self, namespace: &str, name: &str) -> ObjectReference {
        ObjectReference {
            kind: self.clone(),
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }

    /// An object of this kind, which has no namespaces.
    #[must_use]
    pub fn cluster_wide(&self, name: &str) -> ObjectReference {
        ObjectReference {
            kind: self.clone(),
            namespace: None,
            name: name.into(),
        }
    }
}

impl fmt::Display for KindReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = self.group.as_deref().filter(|group| !group.is_empty()) {
            write!(formatter, "{group}/")?;
        }
        if let Some(version) = &self.version {
            write!(formatter, "{version}/")?;
        }
        formatter.write_str(&self.kind)
    }
}

impl FromStr for KindReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |what| ReferenceError {
            text: shortened(text),
            what,
        };
        let segments: Vec<&str> = text.split('/').collect();
        let (group, version, kind) = match segments[..] {
            [kind] => (None, None, kind),
            [version, kind] if is_version(version) => (Some(""), Some(version), kind),
            [group, kind] => (Some(group), None, kind),
            [group, version, kind] => (Some(group), Some(version), kind),
            _ => return Err(wrong("a kind is written [group/][version/]Kind")),
        };
        if !kind.starts_with(|first: char| first.is_ascii_uppercase())
            || !kind.chars().all(|character| character.is_ascii_alphanumeric())
        {
            return Err(wrong(
                "a kind begins with a capital letter and has letters and digits only",
            ));
        }
        if group.is_some_and(|group| !group.is_empty() && !is_dns_name(group)) {
            return Err(wrong("the API group is not a DNS name"));
        }
        if version.is_some_and(|version| !is_version(version)) {
            return Err(wrong("the version does not look like v1 or v1beta2"));
        }
        if text.starts_with('/') {
            return Err(wrong("the API group is empty"));
        }
        let known = if group.is_none() {
            kinds::well_known(kind)
        } else {
            None
        };
        Ok(match known {
            Some((group, version)) => Self::new(group, version, kind),
            None => Self {
                group: group.map(Into::into),
                version: version.map(Into::into),
                kind: kind.into(),
            },
        })
    }
}

/// One object: its kind, its namespace where the kind has them, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectReference {
    /// The kind.
    pub kind: KindReference,
    /// The namespace; `None` for kinds that have none.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectReference {
    /// The reference in the words of a person: the kind without group and version.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{} {}", self.kind.kind, self.path())
    }

    /// `namespace/name`, or the bare name of a cluster-wide object.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.path())
    }
}

impl FromStr for ObjectReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |what| ReferenceError {
            text: shortened(text),
            what,
        };
        if text.len() > LONGEST {
            return Err(wrong("it is too long"));
        }
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [kind, path] = words[..] else {
            return Err(wrong(
                "an object is written Kind namespace/name, or Kind name without a namespace",
            ));
        };
        let (namespace, name) = match path.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path),
        };
        if namespace.is_some_and(|namespace| !is_dns_label(namespace)) {
            return Err(wrong("the namespace is not a DNS label"));
        }
        if name.is_empty() || name.len() > 253 || !name.chars().all(is_name_character) {
            return Err(wrong("the name has characters that no object name can have"));
        }
        Ok(Self {
            kind: kind.parse()?,
            namespace: namespace.map(Into::into),
            name: name.into(),
        })
    }
}

impl Serialize for ObjectReference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A text that names no kind or object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` does not name a Kubernetes object: {what}")]
pub struct ReferenceError {
    text: String,
    what: &'static str,
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// `v1`, `v2beta1`: what tells a version from a group in `v1/ConfigMap`.
fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else {
        return false;
    };
    let digits = rest.trim_start_matches(|character: char| character.is_ascii_digit());
    if digits.len() == rest.len() {
        return false;
    }
    let Some(level) = digits
        .strip_prefix("alpha")
        .or_else(|| digits.strip_prefix("beta"))
    else {
        return digits.is_empty();
    };
    !level.is_empty() && level.chars().all(|character| character.is_ascii_digit())
}

fn is_dns_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .chars()
            .all(|character| matches!(character, 'a'..='z' | '0'..='9' | '-'))
}

fn is_dns_name(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

/// RBAC objects may have `:` and capitals in their names; only what would break a path is refused.
fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | ':' | '_' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_way_of_writing_an_object_is_understood() {
        let cases = [
            ("v1/ConfigMap c/settings", "v1/ConfigMap c/settings"),
            ("ConfigMap c/settings", "v1/ConfigMap c/settings"),
            ("apps/v1/Deployment ledger/web", "apps/v1/Deployment ledger/web"),
            ("Deployment ledger/web", "apps/v1/Deployment ledger/web"),
            (
                "Kustomization flux-system/drift",
                "kustomize.toolkit.fluxcd.io/v1/Kustomization flux-system/drift",
            ),
            (
                "helm.toolkit.fluxcd.io/v2/HelmRelease flux-system/a",
                "helm.toolkit.fluxcd.io/v2/HelmRelease flux-system/a",
            ),
            ("apps/Deployment a/b", "apps/Deployment a/b"),
            ("v1/Namespace ledger", "v1/Namespace ledger"),
            ("Widget a/b", "Widget a/b"),
            (
                "ClusterRole system:node",
                "rbac.authorization.k8s.io/v1/ClusterRole system:node",
            ),
        ];
        for (written, printed) in cases {
            assert_eq!(written.parse::<ObjectReference>().unwrap().to_string(), printed);
        }
        assert_eq!(
            "Deployment a/b".parse::<ObjectReference>().unwrap().short(),
            "Deployment a/b"
        );
    }

    #[test]
    fn what_names_no_object_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "Kind namespace/name"),
            ("Deployment", "Kind namespace/name"),
            ("Deployment a b", "Kind namespace/name"),
            ("deployment a/b", "capital letter"),
            ("/v1/ConfigMap a/b", "group is empty"),
            ("a/b/c/D a/b", "[group/][version/]Kind"),
            ("ConfigMap A/b", "namespace"),
            ("ConfigMap a/b/c", "name has characters"),
            ("ConfigMap a/", "name has characters"),
            ("apps/1/Deployment a/b", "version"),
        ] {
            let error = text.parse::<ObjectReference>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back_the_same(
            group in proptest::option::of("[a-z]{1,8}(\\.[a-z]{1,8}){0,2}"),
            version in "v[1-9]((alpha|beta)[1-9])?",
            kind in "Q[A-Za-z]{0,12}",
            namespace in proptest::option::of("[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?"),
            name in "[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?",
        ) {
            let reference = ObjectReference {
                kind: KindReference::new(group.as_deref().unwrap_or_default(), &version, &kind),
                namespace,
                name,
            };
            prop_assert_eq!(reference.to_string().parse::<ObjectReference>().unwrap(), reference);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<ObjectReference>();
        }
    }
}
