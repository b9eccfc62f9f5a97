//! What is known of every object of a Kubernetes API.

use super::Type;
use crate::ObjectKind;

impl Type {
    /// An object of this kind. What every object has is known; `spec`, `status` and the like are not, but for `conditions`.
    #[must_use]
    pub fn object(kind: Option<&ObjectKind>) -> Self {
        let strings = || Self::map(Self::String);
        let mut fields = vec![
            ("apiVersion", Self::String),
            ("kind", Self::String),
            ("metadata", metadata()),
            (
                "status",
                Self::open_record([("conditions", Self::list(condition()))]),
            ),
        ];
        if kind.is_some_and(is_text_store) {
            fields.extend([
                ("data", strings()),
                ("binaryData", strings()),
                ("stringData", strings()),
                ("immutable", Self::Bool),
            ]);
        }
        Self::open_record(fields).always(&["apiVersion", "kind", "metadata"])
    }
}

/// ConfigMap and Secret of the core group.
fn is_text_store(kind: &ObjectKind) -> bool {
    let in_core = kind
        .group_version
        .as_ref()
        .is_none_or(|(group, _)| group.is_empty());
    in_core && matches!(kind.kind.as_str(), "ConfigMap" | "Secret")
}

fn metadata() -> Type {
    let owner = Type::record([
        ("apiVersion", Type::String),
        ("kind", Type::String),
        ("name", Type::String),
        ("uid", Type::String),
        ("controller", Type::Bool),
        ("blockOwnerDeletion", Type::Bool),
    ]);
    Type::record([
        ("name", Type::String),
        ("generateName", Type::String),
        ("namespace", Type::String),
        ("uid", Type::String),
        ("resourceVersion", Type::String),
        ("generation", Type::Int),
        ("creationTimestamp", Type::String),
        ("deletionTimestamp", Type::String),
        ("deletionGracePeriodSeconds", Type::Int),
        ("labels", Type::map(Type::String)),
        ("annotations", Type::map(Type::String)),
        ("finalizers", Type::list(Type::String)),
        ("ownerReferences", Type::list(owner)),
        ("managedFields", Type::list(Type::Dynamic)),
        ("selfLink", Type::String),
    ])
    .always(&["name", "uid", "resourceVersion", "creationTimestamp"])
}

fn condition() -> Type {
    Type::open_record([
        ("type", Type::String),
        ("status", Type::String),
        ("reason", Type::String),
        ("message", Type::String),
        ("lastTransitionTime", Type::String),
        ("observedGeneration", Type::Int),
    ])
    .always(&["type", "status"])
}
