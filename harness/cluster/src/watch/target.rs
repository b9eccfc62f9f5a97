//! What a wait is about, and the state of it that a condition is shown.

use crate::kubernetes::{KindReference, KindSelector, Object, ObjectReference};
use std::{collections::BTreeMap, fmt};

/// One object, or all that a selector chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One object by its name.
    Object(ObjectReference),
    /// All objects of a kind, in a namespace or with labels.
    Set(KindSelector),
}

impl Target {
    /// The kind of all objects it is about.
    #[must_use]
    pub const fn kind(&self) -> &KindReference {
        match self {
            Self::Object(reference) => &reference.kind,
            Self::Set(selector) => &selector.kind,
        }
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Object(reference) => reference.namespace.as_deref(),
            Self::Set(selector) => selector.namespace.as_deref(),
        }
    }

    /// Whether an object of the kind is meant.
    pub(crate) fn chooses(&self, object: &Object) -> bool {
        match self {
            Self::Object(reference) => {
                object.name() == reference.name && object.namespace() == reference.namespace.as_deref()
            }
            Self::Set(selector) => selector.chooses(object),
        }
    }
}

impl From<ObjectReference> for Target {
    fn from(reference: ObjectReference) -> Self {
        Self::Object(reference)
    }
}

impl From<&ObjectReference> for Target {
    fn from(reference: &ObjectReference) -> Self {
        Self::Object(reference.clone())
    }
}

impl From<KindSelector> for Target {
    fn from(selector: KindSelector) -> Self {
        Self::Set(selector)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(reference) => formatter.write_str(&reference.short()),
            Self::Set(selector) => selector.fmt(formatter),
        }
    }
}

/// Namespace and name; an empty namespace for kinds that have none.
pub(crate) type Key = (String, String);

pub(crate) fn key_of(object: &Object) -> Key {
    (
        object.namespace().unwrap_or_default().to_owned(),
        object.name().to_owned(),
    )
}

/// The state of a [`Target`] at one moment, never older than the beginning of the wait.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub(crate) objects: BTreeMap<Key, Object>,
}

impl View {
    /// The object, of a wait for one; the first by namespace and name otherwise.
    #[must_use]
    pub fn object(&self) -> Option<&Object> {
        self.objects.values().next()
    }

    /// All objects, sorted by namespace and name.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = &Object> {
        self.objects.values()
    }

    /// The state in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.objects.len() {
            0 => "absent".into(),
            1 => self.object().map(Object::summary).unwrap_or_default(),
            count => format!("{count} objects"),
        }
    }
}

impl FromIterator<Object> for View {
    fn from_iter<T: IntoIterator<Item = Object>>(objects: T) -> Self {
        Self {
            objects: objects
                .into_iter()
                .map(|object| (key_of(&object), object))
                .collect(),
        }
    }
}
