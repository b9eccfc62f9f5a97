//! The namespaces that a run makes on a cluster that others live on: how they are known, and what may be written because of them.

use super::ExistingError;
use crate::kubernetes::{KindReference, KindSelector, Kubernetes, KubernetesError, Object};
use http::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What the name of each of them begins with.
pub const PREFIX: &str = "plumbline-";
/// The label that says who made them, and our value of it.
const MADE_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "plumbline");
/// The label with the run that made them.
pub const RUN: &str = "plumbline.test/run";
/// The annotations with the machine of that run, and its directory there: a run whose directory is gone is over.
const MACHINE: &str = "plumbline.test/machine";
const DIRECTORY: &str = "plumbline.test/directory";
/// The annotation with the scenario.
const SCENARIO: &str = "plumbline.test/scenario";

/// The collection of all namespaces.
const COLLECTION: &str = "/api/v1/namespaces";
/// The only part of an object that is written by itself.
const SUBRESOURCES: [&str; 1] = ["scale"];

/// The namespaces of one run. Cheap to clone; all clones know the same ones.
#[derive(Clone, Debug)]
pub struct OwnNamespaces {
    run: Arc<str>,
    directory: Arc<str>,
    known: Arc<Mutex<BTreeMap<String, State>>>,
}

/// How far it is with a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is about to be asked for: it may not be ours yet.
    Announced,
    /// The API server has said that it is ours.
    Made,
}

/// What a run is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This run.
    Run(String),
    /// Any run of this machine that is over, whether or not it ended in order.
    Gone,
}

impl OwnNamespaces {
    /// None yet, of a run with this directory.
    #[must_use]
    pub fn of(run: &str, directory: &Path) -> Self {
        Self {
            run: run.into(),
            directory: directory.display().to_string().into(),
            known: Arc::default(),
        }
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Makes one. One of this name that somebody else has made stays as it is, and nothing may be written in it.
    ///
    /// # Errors
    /// It is there already, or the API server does not make it.
    pub async fn make(
        &self,
        kubernetes: &Kubernetes,
        name: &str,
        scenario: &str,
    ) -> Result<Object, ExistingError> {
        let manifest = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {(MADE_BY.0): MADE_BY.1, (RUN): &*self.run},
                "annotations": {(MACHINE): machine(), (DIRECTORY): &*self.directory, (SCENARIO): scenario},
            },
        });
        self.announce(name);
        match kubernetes.create(&manifest).await {
            Ok(object) => {
                self.known().insert(name.to_owned(), State::Made);
                Ok(object)
            }
            Err(error) => {
                // An answer that was lost says nothing about whether it was made.
                let reference = KindReference::new("", "v1", "Namespace").cluster_wide(name);
                match kubernetes.find(&reference).await {
                    Ok(Some(found)) if self.is_of_this_run(&found) => {
                        self.known().insert(name.to_owned(), State::Made);
                        Ok(found)
                    }
                    Ok(Some(_)) => {
                        self.forget(name);
                        Err(ExistingError::ForeignNamespace(name.to_owned()))
                    }
                    Ok(None) => {
                        self.forget(name);
                        Err(ExistingError::NoNamespace {
                            name: name.to_owned(),
                            source: Box::new(error),
                        })
                    }
                    // It may be there: it stays known, so that its end is asked for.
                    Err(_) => Err(ExistingError::NoNamespace {
                        name: name.to_owned(),
                        source: Box::new(error),
                    }),
                }
            }
        }
    }

    /// Notes that a namespace is about to be asked for.
    pub(super) fn announce(&self, name: &str) {
        self.known().insert(name.to_owned(), State::Announced);
    }

    /// The namespaces of an owner that are there. They may be deleted from now on.
    ///
    /// # Errors
    /// A failed request.
    pub async fn find(&self, kubernetes: &Kubernetes, owner: &Owner) -> Result<Vec<Object>, KubernetesError> {
        let mut selector = KindSelector::all(KindReference::new("", "v1", "Namespace"));
        selector.labels.insert(MADE_BY.0.to_owned(), MADE_BY.1.to_owned());
        if let Owner::Run(run) = owner {
            selector.labels.insert(RUN.to_owned(), run.clone());
        }
        let found = kubernetes.list(&selector).await?.into_iter();
        let found: Vec<Object> = found.filter(|object| is_of(object, owner)).collect();
        let mut known = self.known();
        known.extend(found.iter().map(|object| (object.name().to_owned(), State::Made)));
        drop(known);
        Ok(found)
    }

    /// Forgets one that is gone.
    pub fn forget(&self, name: &str) {
        self.known().remove(name);
    }

    /// The names of those that are there, or may be.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.known().keys().cloned().collect()
    }

    fn is_of_this_run(&self, namespace: &Object) -> bool {
        is_of(namespace, &Owner::Run(self.run.to_string()))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request that is more than a look is about these namespaces: their making, what is inside them, their end.
    pub(super) fn permit(&self, method: &Method, path: &str, body: impl FnOnce() -> Option<Value>) -> bool {
        if path == COLLECTION {
            let named = || body()?.pointer("/metadata/name")?.as_str().map(str::to_owned);
            return *method == Method::POST
                && named().is_some_and(|name| self.state(&name) == Some(State::Announced));
        }
        let Some((namespace, inside)) = in_namespace(path) else {
            return false;
        };
        if self.state(namespace) != Some(State::Made) {
            return false;
        }
        match inside[..] {
            [] => *method == Method::DELETE && path.starts_with(COLLECTION),
            [_] | [_, _] => true,
            [_, _, subresource] => SUBRESOURCES.contains(&subresource),
            _ => false,
        }
    }

    fn state(&self, name: &str) -> Option<State> {
        self.known().get(name).copied()
    }
}

/// The namespace of a path, and what follows: `<resource>[/<name>[/<subresource>]]`. Nothing for a path that a server could read in
/// another way.
fn in_namespace(path: &str) -> Option<(&str, Vec<&str>)> {
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let is_plain =
        |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains(['%', '\\', '?', '#', ';']);
    if !parts.iter().all(is_plain) {
        return None;
    }
    match parts[..] {
        ["api", "v1", "namespaces", namespace, ref inside @ ..]
        | ["apis", _, _, "namespaces", namespace, ref inside @ ..] => Some((namespace, inside.to_vec())),
        _ => None,
    }
}

/// Whether a namespace bears all marks of ours, and those of the owner.
fn is_of(namespace: &Object, owner: &Owner) -> bool {
    let of = |field: &str, key: &str| {
        let values = namespace.at(field).and_then(Value::as_object);
        values.and_then(|values| values.get(key)).and_then(Value::as_str)
    };
    let label = |key: &str| of("/metadata/labels", key);
    let annotation = |key: &str| of("/metadata/annotations", key);
    let is_ours = namespace.name().starts_with(PREFIX) && label(MADE_BY.0) == Some(MADE_BY.1);
    is_ours
        && match (owner, label(RUN)) {
            (_, None) => false,
            (Owner::Run(run), Some(of)) => of == run,
            (Owner::Gone, Some(_)) => {
                annotation(MACHINE) == Some(&machine())
                    && annotation(DIRECTORY).is_some_and(|directory| !Path::new(directory).exists())
            }
        }
}

/// The name of this machine, or of the container that we are in.
fn machine() -> String {
    crate::kind::machine()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_one() -> OwnNamespaces {
        let own = OwnNamespaces::of("4711", Path::new("/run/4711"));
        own.known().insert("plumbline-a".into(), State::Made);
        own.announce("plumbline-b");
        own
    }

    fn permits(method: &Method, path: &str) -> bool {
        with_one().permit(method, path, || None)
    }

    #[test]
    fn what_is_inside_may_be_written() {
        for path in [
            "/api/v1/namespaces/plumbline-a/configmaps",
            "/api/v1/namespaces/plumbline-a/configmaps/settings",
            "/apis/apps/v1/namespaces/plumbline-a/deployments/app/scale",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/plumbline-a/roles/system:x",
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(permits(&method, path), "{method} {path}");
            }
        }
        assert!(permits(&Method::DELETE, "/api/v1/namespaces/plumbline-a"));
    }

    #[test]
    fn nothing_else_may() {
        for path in [
            "/api/v1/namespaces/default/configmaps/settings",
            "/api/v1/namespaces/plumbline-b/configmaps/settings",
            "/api/v1/namespaces/plumbline-a/../default/configmaps/settings",
            "/api/v1/namespaces/plumbline-a/configmaps/../../default",
            "/api/v1/namespaces/plumbline-a/configmaps/%2e%2e",
            "/api/v1/namespaces//plumbline-a/configmaps",
            "/api/v1/namespaces/plumbline-a/pods/x/exec",
            "/api/v1/namespaces/plumbline-a/pods/x/ephemeralcontainers",
            "/api/v1/namespaces/plumbline-a/serviceaccounts/x/token",
            "/api/v1/namespaces/plumbline-a/services/x/proxy/a/b",
            "/api/v1/namespaces/plumbline-b",
            "/api/v1/namespaces/default",
            "/api/v1/nodes/plumbline-a",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/plumbline-a",
            "/api/v1/configmaps",
            "/apis/apps/v1/namespaces/plumbline-a",
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(!permits(&method, path), "{method} {path}");
            }
        }
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            assert!(!permits(&method, "/api/v1/namespaces/plumbline-a"), "{method}");
        }
    }

    #[test]
    fn only_a_namespace_that_was_announced_is_made() {
        let makes = |method: Method, name: &str| {
            let body = json!({"metadata": {"name": name}});
            with_one().permit(&method, COLLECTION, || Some(body))
        };
        assert!(makes(Method::POST, "plumbline-b"));
        assert!(!makes(Method::POST, "default"));
        assert!(!makes(Method::POST, "plumbline-a"), "it is there already");
        assert!(!makes(Method::DELETE, "plumbline-b"), "all of them");
        assert!(!permits(&Method::POST, COLLECTION), "nobody can tell which");
    }

    #[test]
    fn a_namespace_is_ours_by_all_of_its_marks() {
        let directory = tempfile::tempdir().unwrap();
        let namespace = |name: &str, run: &str, directory: &Path| {
            Object::from(json!({
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "labels": {"app.kubernetes.io/managed-by": "plumbline", "plumbline.test/run": run},
                    "annotations": {
                        "plumbline.test/machine": machine(), "plumbline.test/directory": directory.display().to_string(),
                    },
                },
            }))
        };
        let ours = namespace("plumbline-a", "4711", directory.path());
        assert!(is_of(&ours, &Owner::Run("4711".into())));
        assert!(!is_of(&ours, &Owner::Run("4712".into())));
        assert!(!is_of(&ours, &Owner::Gone), "its run is under way");
        let over = namespace("plumbline-a", "4711", &directory.path().join("gone"));
        assert!(is_of(&over, &Owner::Gone));
        let other = namespace("shop", "4711", &directory.path().join("gone"));
        assert!(!is_of(&other, &Owner::Run("4711".into())) && !is_of(&other, &Owner::Gone));
        let mut elsewhere = over.value().clone();
        elsewhere["metadata"]["annotations"]["plumbline.test/machine"] = "another".into();
        assert!(!is_of(&Object::from(elsewhere), &Owner::Gone));
    }
}
