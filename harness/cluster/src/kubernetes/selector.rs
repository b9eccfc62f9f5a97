//! A choice of many objects: a kind, and optionally a namespace and labels.

use super::{KindReference, Object};
use std::{collections::BTreeMap, fmt};

/// All objects of a kind, in one namespace or all, with all of the labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindSelector {
    /// The kind.
    pub kind: KindReference,
    /// Only in this namespace.
    pub namespace: Option<String>,
    /// Only with these labels, each with exactly this value.
    pub labels: BTreeMap<String, String>,
}

impl KindSelector {
    /// All objects of a kind.
    #[must_use]
    pub const fn all(kind: KindReference) -> Self {
        Self {
            kind,
            namespace: None,
            labels: BTreeMap::new(),
        }
    }

    /// Only in this namespace.
    #[must_use]
    pub fn within(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Only with this label.
    #[must_use]
    pub fn labelled(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Whether an object of the kind is chosen.
    #[must_use]
    pub fn chooses(&self, object: &Object) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| object.namespace() == Some(namespace))
            && self
                .labels
                .iter()
                .all(|(key, value)| object.label(key) == Some(value))
    }

    /// The labels as the API server wants them.
    pub(crate) fn label_query(&self) -> Option<String> {
        let terms: Vec<_> = self
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        (!terms.is_empty()).then(|| terms.join(","))
    }
}

impl fmt::Display for KindSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} objects", self.kind.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(formatter, " in {namespace}")?;
        }
        if let Some(labels) = self.label_query() {
            write!(formatter, " with {labels}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn namespace_and_every_label_must_fit() {
        let object = Object::from(json!({"metadata": {"namespace": "a", "labels": {"x": "1", "y": "2"}}}));
        let kind = KindReference::new("", "v1", "Pod");
        let all = KindSelector::all(kind);
        assert!(all.chooses(&object));
        assert!(
            all.clone()
                .within("a")
                .labelled("x", "1")
                .labelled("y", "2")
                .chooses(&object)
        );
        assert!(!all.clone().within("b").chooses(&object));
        assert!(!all.clone().labelled("x", "1").labelled("z", "3").chooses(&object));
        assert_eq!(
            all.within("a").labelled("x", "1").to_string(),
            "Pod objects in a with x=1"
        );
    }
}
