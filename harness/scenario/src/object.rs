//! How scenario files name objects of the cluster: `[group/version/]Kind [namespace/]name`.

use crate::parsed;
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// A kind, with its group and version where the author wrote them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKind {
    /// Group and version; `None` leaves both to discovery. The core group is the empty string.
    pub group_version: Option<(String, String)>,
    /// For example `Kustomization`.
    pub kind: String,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectReference {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace; `None` for kinds that have none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Objects by kind, namespace and labels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectSelector {
    /// Their kind: `Deployment` or `apps/v1/Deployment`.
    pub kind: ObjectKind,
    /// Only in this namespace; everywhere if absent.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only with all of these labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// One object by name, or objects by kind, namespace and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectSet {
    /// One object.
    One(ObjectReference),
    /// All that match.
    Selected(ObjectSelector),
}

/// A text that does not name an object or a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// Not two words.
    #[error(
        "`{0}` does not name an object: write `Kind name`, `Kind namespace/name` or `group/version/Kind namespace/name`"
    )]
    Shape(String),
    /// Not a kind.
    #[error("`{0}` is not a kind: write `Kind`, `v1/Kind` or `group/version/Kind`")]
    Kind(String),
    /// Not a name.
    #[error("`{0}` cannot be the name of an object or a namespace")]
    Name(String),
}

impl FromStr for ObjectKind {
    type Err = ObjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ObjectError::Kind(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let (group_version, kind) = match parts[..] {
            [kind] => (None, kind),
            [version, kind] => (Some((String::new(), version)), kind),
            [group, version, kind] if is_name(group) => (Some((group.to_owned(), version)), kind),
            _ => return Err(refused()),
        };
        let version_is_one = group_version
            .as_ref()
            .is_none_or(|(_, version)| is_version(version));
        let kind_is_one = kind.starts_with(|first: char| first.is_ascii_uppercase())
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !version_is_one || !kind_is_one {
            return Err(refused());
        }
        let group_version = group_version.map(|(group, version)| (group, version.to_owned()));
        Ok(Self {
            group_version,
            kind: kind.to_owned(),
        })
    }
}

impl FromStr for ObjectReference {
    type Err = ObjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [kind, path] = words[..] else {
            return Err(ObjectError::Shape(text.to_owned()));
        };
        let kind = kind.parse()?;
        let (namespace, name) = match path.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path),
        };
        for part in namespace.iter().chain([&name]) {
            if !is_name(part) {
                return Err(ObjectError::Name((*part).to_owned()));
            }
        }
        Ok(Self {
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

/// Versions are `v1`, `v2beta1`.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// What can stand in a path of the API: RBAC names have colons, a `${…}` is filled in before the object is asked for.
fn is_name(text: &str) -> bool {
    const LONGEST: usize = 253;
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else {
            return false;
        };
        if inside.contains('{') {
            return false;
        }
        plain.push_str(before);
        plain.push('x');
        rest = behind;
    }
    plain.push_str(rest);
    !plain.is_empty()
        && plain.len() <= LONGEST
        && plain.starts_with(|first: char| first.is_ascii_alphanumeric())
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group_version {
            Some((group, version)) if group.is_empty() => write!(formatter, "{version}/{}", self.kind),
            Some((group, version)) => write!(formatter, "{group}/{version}/{}", self.kind),
            None => formatter.write_str(&self.kind),
        }
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} {namespace}/{}", self.kind, self.name),
            None => write!(formatter, "{} {}", self.kind, self.name),
        }
    }
}

impl fmt::Display for ObjectSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "every {}", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(formatter, " in {namespace}")?;
        }
        for (index, (key, value)) in self.labels.iter().enumerate() {
            write!(
                formatter,
                "{}{key}={value}",
                if index == 0 { " with " } else { "," }
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for ObjectSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(reference) => reference.fmt(formatter),
            Self::Selected(selector) => selector.fmt(formatter),
        }
    }
}

impl<'de> Deserialize<'de> for ObjectKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed::deserialize(
            deserializer,
            "a kind such as `Deployment` or `apps/v1/Deployment`",
        )
    }
}

impl<'de> Deserialize<'de> for ObjectReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed::deserialize(
            deserializer,
            "an object such as `Kustomization flux-system/ledger`",
        )
    }
}

impl<'de> Deserialize<'de> for ObjectSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SetVisitor;

        impl<'de> Visitor<'de> for SetVisitor {
            type Value = ObjectSet;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object such as `Deployment ns/name`, or {kind, namespace, labels}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ObjectSet, E> {
                text.parse().map(ObjectSet::One).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<ObjectSet, A::Error> {
                ObjectSelector::deserialize(MapAccessDeserializer::new(fields)).map(ObjectSet::Selected)
            }
        }

        deserializer.deserialize_any(SetVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_reads_back() {
        for text in [
            "Kustomization flux-system/drift",
            "v1/Namespace ledger",
            "apps/v1/Deployment ledger/ledger",
            "rbac.authorization.k8s.io/v1/ClusterRole system:node",
            "ConfigMap a/${outputs.change.name}",
        ] {
            assert_eq!(text.parse::<ObjectReference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        use ObjectError::{Kind, Name, Shape};
        for (text, error) in [
            ("Deployment", Shape("Deployment".into())),
            ("Deployment a b", Shape("Deployment a b".into())),
            ("deployment a/b", Kind("deployment".into())),
            ("apps/Deployment a/b", Kind("apps/Deployment".into())),
            ("Deployment a/b/c", Name("b/c".into())),
            ("Deployment ../x", Name("..".into())),
            ("Deployment a/", Name(String::new())),
            ("Deployment a/${x", Name("${x".into())),
        ] {
            assert_eq!(text.parse::<ObjectReference>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_reads_back(text in "[A-Za-z0-9/ .${}:-]{0,40}") {
            if let Ok(reference) = text.parse::<ObjectReference>() {
                prop_assert_eq!(reference.to_string().parse(), Ok(reference));
            }
        }
    }
}
