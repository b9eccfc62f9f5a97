//! What a scenario makes on the platform. It is noted before it is made, so that nothing is missed when a step is cut off.

use plumbline_cluster::{ObjectReference, kubernetes::KindReference};
use serde_json::Value;
use std::collections::BTreeSet;

/// An object that was not there before the scenario applied it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MadeObject {
    pub(crate) reference: ObjectReference,
    /// Its identity, once the API server has told it.
    pub(crate) uid: Option<String>,
}

/// A system that the scenario has brought on board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnBoard {
    /// The system of the reference platform.
    pub(crate) system: String,
    /// The name under which it is on board.
    pub(crate) name: String,
    pub(crate) environment: String,
    /// The further cluster that it is on; `None` for the main one.
    pub(crate) cluster: Option<String>,
}

/// What there is to undo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// In the order in which they were made.
    pub(crate) objects: Vec<MadeObject>,
    pub(crate) systems: Vec<OnBoard>,
    /// The namespace that was made for the scenario.
    pub(crate) namespace: Option<String>,
    /// Whether it has broken a server.
    pub(crate) faults: bool,
    /// The repositories of the private registry that it has broken.
    pub(crate) repositories: BTreeSet<String>,
}

impl Footprint {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes an object that is about to be made.
    pub(crate) fn object(&mut self, reference: ObjectReference) {
        self.objects.push(MadeObject { reference, uid: None });
    }

    /// Notes the identity of an object that was noted.
    pub(crate) fn identify(&mut self, reference: &ObjectReference, uid: &str) {
        let mut objects = self.objects.iter_mut().rev();
        if let Some(object) = objects.find(|object| object.reference == *reference) {
            object.uid = Some(uid.to_owned());
        }
    }

    /// Notes a system that is about to come on board.
    pub(crate) fn board(&mut self, system: OnBoard) {
        self.systems.push(system);
    }

    /// Forgets a system that is off board again.
    pub(crate) fn leave_board(&mut self, name: &str, environment: &str) {
        self.systems
            .retain(|system| system.name != name || system.environment != environment);
    }
}

/// The object that a manifest is of, if it says so.
pub(crate) fn object_of(manifest: &Value) -> Option<ObjectReference> {
    let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str);
    let kind = KindReference::from_manifest(text("/apiVersion")?, text("/kind")?);
    Some(ObjectReference {
        kind,
        namespace: text("/metadata/namespace").map(str::to_owned),
        name: text("/metadata/name")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_identified_and_a_system_that_left_is_forgotten() {
        let manifest =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "a", "name": "b"}});
        let reference = object_of(&manifest).unwrap();
        assert_eq!(reference.to_string(), "v1/ConfigMap a/b");
        let mut footprint = Footprint::default();
        footprint.object(reference.clone());
        footprint.identify(&reference, "1");
        assert_eq!(footprint.objects[0].uid.as_deref(), Some("1"));
        for environment in ["dev", "prod"] {
            footprint.board(OnBoard {
                system: "ledger".into(),
                name: "ledger".into(),
                environment: environment.into(),
                cluster: None,
            });
        }
        footprint.leave_board("ledger", "dev");
        assert_eq!(footprint.systems.len(), 1);
        assert_eq!(footprint.systems[0].environment, "prod");
    }

    #[test]
    fn a_manifest_without_a_name_is_of_no_object() {
        assert_eq!(object_of(&json!({"apiVersion": "v1", "kind": "ConfigMap"})), None);
    }
}
