//! A Kubernetes object of any kind, as the JSON that the API server gave, with the accessors that everybody needs.

use super::{KindReference, ObjectReference};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What the annotation of client-side apply is called; it repeats the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object as the API server showed it. Cheap to clone; never changed after it was received.
///
/// `Debug` prints the reference and the resource version only: a Secret must not get into a log by accident.
#[derive(Clone, PartialEq)]
pub struct Object(Arc<Value>);

/// One entry of `status.conditions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// For example `Ready`.
    pub kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// A word in CamelCase.
    pub reason: &'a str,
    /// A sentence.
    pub message: &'a str,
    /// The generation that the condition is about, where it says so.
    pub observed_generation: Option<i64>,
}

impl Condition<'_> {
    /// Whether the status is `True`.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.status == "True"
    }
}

impl fmt::Display for Condition<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.kind, self.status)?;
        match (self.reason, self.message.trim()) {
            ("", "") => Ok(()),
            (reason, "") => write!(formatter, " {reason}"),
            ("", message) => write!(formatter, ": {message}"),
            (reason, message) => write!(formatter, " {reason}: {message}"),
        }
    }
}

impl Object {
    /// The whole object.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The object without the two parts that nobody waits for and that are often larger than all the rest.
    pub(crate) fn pruned(self) -> Self {
        let mut value = Arc::unwrap_or_clone(self.0);
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut);
            if let Some(annotations) = annotations {
                annotations.remove(LAST_APPLIED);
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
        }
        Self(Arc::new(value))
    }

    /// The value at a JSON pointer, for example `/spec/replicas`.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// The string at a JSON pointer.
    #[must_use]
    pub fn text_at(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    /// The whole number at a JSON pointer.
    #[must_use]
    pub fn number_at(&self, pointer: &str) -> Option<i64> {
        self.at(pointer)?.as_i64()
    }

    /// The kind, with group and version.
    #[must_use]
    pub fn kind(&self) -> KindReference {
        KindReference::from_manifest(
            self.text_at("/apiVersion").unwrap_or_default(),
            self.text_at("/kind").unwrap_or_default(),
        )
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text_at("/metadata/name").unwrap_or_default()
    }

    /// The namespace, where the kind has them.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.text_at("/metadata/namespace")
            .filter(|namespace| !namespace.is_empty())
    }

    /// Kind, namespace and name.
    #[must_use]
    pub fn reference(&self) -> ObjectReference {
        ObjectReference {
            kind: self.kind(),
            namespace: self.namespace().map(Into::into),
            name: self.name().into(),
        }
    }

    /// The identity that a re-created object of the same name does not share.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.text_at("/metadata/uid").unwrap_or_default()
    }

    /// The version of this state; larger is later for objects of the same kind, 0 when there is none.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.text_at("/metadata/resourceVersion")
            .and_then(|version| version.parse().ok())
            .unwrap_or(0)
    }

    /// Counts the changes of the spec.
    #[must_use]
    pub fn generation(&self) -> Option<i64> {
        self.number_at("/metadata/generation")
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.at("/metadata/labels")?.get(key)?.as_str()
    }

    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.at("/metadata/annotations")?.get(key)?.as_str()
    }

    /// Whether the object is being deleted.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.text_at("/metadata/deletionTimestamp").is_some()
    }

    /// All of `status.conditions`.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        fn text<'a>(condition: &'a Value, field: &str) -> &'a str {
            condition.get(field).and_then(Value::as_str).unwrap_or_default()
        }
        self.at("/status/conditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(move |condition| Condition {
                kind: text(condition, "type"),
                status: text(condition, "status"),
                reason: text(condition, "reason"),
                message: text(condition, "message"),
                observed_generation: condition.get("observedGeneration").and_then(Value::as_i64),
            })
    }

    /// The condition of a type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<Condition<'_>> {
        self.conditions().find(|condition| condition.kind == kind)
    }

    /// The state in one line: the conditions, or the phase, or how far it is.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        if self.is_terminating() {
            words.push("being deleted".into());
        }
        if let Some(phase) = self.text_at("/status/phase") {
            words.push(phase.into());
        }
        // Ready says most where it is there; otherwise all that is said.
        match self.condition("Ready") {
            Some(ready) => words.push(ready.to_string()),
            None => words.extend(self.conditions().map(|condition| condition.to_string())),
        }
        if words.is_empty() {
            "present".into()
        } else {
            words.join(", ")
        }
    }
}

impl From<Value> for Object {
    fn from(value: Value) -> Self {
        Self(Arc::new(value))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.reference(), self.version())
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn debug_never_shows_what_is_inside() {
        let secret = Object::from(json!({
            "apiVersion": "v1", "kind": "Secret", "data": {"password": "aHVudGVyMg=="},
            "metadata": {"name": "login", "namespace": "a", "resourceVersion": "7"},
        }));
        assert_eq!(format!("{secret:?}"), "v1/Secret a/login@7");
    }

    #[test]
    fn the_summary_prefers_ready_and_names_a_deletion() {
        let object = Object::from(json!({
            "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"},
            "status": {"conditions": [
                {"type": "Healthy", "status": "True"},
                {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no such file"},
            ]},
        }));
        assert_eq!(
            object.summary(),
            "being deleted, Ready=False BuildFailed: no such file"
        );
        assert_eq!(Object::from(json!({})).summary(), "present");
    }

    #[test]
    fn fields_of_the_wrong_type_are_as_good_as_absent() {
        let object = Object::from(json!({"metadata": 3, "status": {"conditions": {"type": 1}}}));
        assert_eq!(object.name(), "");
        assert_eq!(object.version(), 0);
        assert_eq!(object.conditions().count(), 0);
    }
}
