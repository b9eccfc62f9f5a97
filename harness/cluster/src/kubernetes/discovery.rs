//! Which kinds the cluster has, asked once and again whenever a kind is missing: a CustomResourceDefinition that was
//! installed a moment ago is found.

use super::{KindReference, KubernetesError, ObjectReference};
use kube::{
    Client,
    core::{ApiResource, DynamicObject, Resource as _},
    discovery::{ApiCapabilities, Discovery, Scope},
};
use std::sync::Arc;
use tokio::sync::Mutex;

/// What the look at the cluster is called in errors.
pub(super) const ASKING_FOR_KINDS: &str = "list the kinds of the cluster";

/// One kind of the cluster and how to reach its objects.
#[derive(Clone, Debug)]
pub struct Resource {
    pub(crate) api: ApiResource,
    /// Whether the objects live in namespaces.
    pub is_namespaced: bool,
    /// Whether the kind can be watched.
    pub is_watchable: bool,
    is_preferred: bool,
}

impl Resource {
    /// The kind, with its group and version.
    #[must_use]
    pub fn kind(&self) -> KindReference {
        KindReference::new(&self.api.group, &self.api.version, &self.api.kind)
    }

    /// The URL path of the collection, of one namespace or of all.
    pub(crate) fn collection(&self, namespace: Option<&str>) -> String {
        DynamicObject::url_path(&self.api, namespace.filter(|_| self.is_namespaced))
    }

    /// Refuses a namespace that the kind cannot have, and the lack of one that it needs.
    pub(crate) fn check_scope(&self, reference: &ObjectReference) -> Result<(), KubernetesError> {
        let kind = &self.api.kind;
        let name = &reference.name;
        match (&reference.namespace, self.is_namespaced) {
            (None, true) => Err(KubernetesError::Scope(format!(
                "{kind} {name}: objects of kind {kind} live in a namespace; write `{kind} <namespace>/{name}`"
            ))),
            (Some(namespace), false) => Err(KubernetesError::Scope(format!(
                "{kind} {namespace}/{name}: objects of kind {kind} have no namespace; write `{kind} {name}`"
            ))),
            _ => Ok(()),
        }
    }
}

/// The kinds of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    known: Mutex<Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    resources: Arc<Vec<Resource>>,
    /// Grows with each look at the cluster, so that many who miss a kind at once cause one look.
    looks: u64,
}

impl Kinds {
    /// The resource of a kind; looks at the cluster anew when the kind is not known.
    pub(crate) async fn resolve(
        &self,
        client: &Client,
        kind: &KindReference,
    ) -> Result<Resource, KubernetesError> {
        let before = self.known.lock().await.clone();
        if let Ok(resource) = find(&before.resources, kind) {
            return Ok(resource);
        }
        let mut known = self.known.lock().await;
        if known.looks == before.looks {
            known.resources = Arc::new(look(client).await?);
            known.looks += 1;
        }
        find(&known.resources, kind)
    }

    /// Forgets everything, so that the next question is put to the cluster.
    pub(crate) async fn forget(&self) {
        *self.known.lock().await = Known::default();
    }

    /// Every kind, at the version that the cluster prefers.
    pub(crate) async fn all(&self, client: &Client) -> Result<Vec<Resource>, KubernetesError> {
        let mut known = self.known.lock().await;
        known.resources = Arc::new(look(client).await?);
        known.looks += 1;
        Ok(known
            .resources
            .iter()
            .filter(|resource| resource.is_preferred)
            .cloned()
            .collect())
    }
}

async fn look(client: &Client) -> Result<Vec<Resource>, KubernetesError> {
    let discovery = Discovery::new(client.clone())
        .run_aggregated()
        .await
        .map_err(|error| KubernetesError::from_client(ASKING_FOR_KINDS, error))?;
    let mut resources = Vec::new();
    for group in discovery.groups() {
        for version in group.versions() {
            let is_preferred = version == group.preferred_version_or_latest();
            resources.extend(
                group
                    .versioned_resources(version)
                    .into_iter()
                    .map(|(api, capabilities)| resource(api, &capabilities, is_preferred)),
            );
        }
    }
    Ok(resources)
}

fn resource(api: ApiResource, capabilities: &ApiCapabilities, is_preferred: bool) -> Resource {
    Resource {
        api,
        is_namespaced: capabilities.scope == Scope::Namespaced,
        is_watchable: capabilities
            .operations
            .iter()
            .any(|operation| operation == "watch"),
        is_preferred,
    }
}

fn find(resources: &[Resource], kind: &KindReference) -> Result<Resource, KubernetesError> {
    let candidates: Vec<&Resource> = resources
        .iter()
        .filter(|resource| resource.api.kind == kind.kind)
        .filter(|resource| {
            kind.group
                .as_ref()
                .is_none_or(|group| *group == resource.api.group)
        })
        .filter(|resource| match &kind.version {
            Some(version) => *version == resource.api.version,
            None => true,
        })
        .collect();
    let preferred: Vec<&Resource> = match &kind.version {
        Some(_) => candidates.clone(),
        None => candidates
            .iter()
            .copied()
            .filter(|resource| resource.is_preferred)
            .collect(),
    };
    // A kind may be missing from the preferred version of its group.
    match (preferred.as_slice(), candidates.as_slice()) {
        ([resource], _) | ([], [resource, ..]) => Ok((*resource).clone()),
        ([], []) => Err(KubernetesError::UnknownKind {
            kind: kind.clone(),
            similar: similar(resources, kind),
        }),
        (several, _) => Err(KubernetesError::AmbiguousKind {
            kind: kind.clone(),
            candidates: several.iter().map(|resource| resource.kind()).collect(),
        }),
    }
}

/// The same kind in another group or version, or one that differs in case or in one plural `s`.
fn similar(resources: &[Resource], kind: &KindReference) -> Vec<KindReference> {
    let plain = |text: &str| text.to_ascii_lowercase().trim_end_matches('s').to_owned();
    let mut similar: Vec<KindReference> = resources
        .iter()
        .filter(|resource| plain(&resource.api.kind) == plain(&kind.kind))
        .map(Resource::kind)
        .collect();
    similar.truncate(5);
    similar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(group: &str, version: &str, kind: &str, is_preferred: bool) -> Resource {
        let api = ApiResource {
            group: group.into(),
            version: version.into(),
            api_version: if group.is_empty() {
                version.into()
            } else {
                format!("{group}/{version}")
            },
            kind: kind.into(),
            plural: format!("{}s", kind.to_lowercase()),
        };
        Resource {
            api,
            is_namespaced: kind != "Namespace",
            is_watchable: true,
            is_preferred,
        }
    }

    fn cluster() -> Vec<Resource> {
        vec![
            known("", "v1", "ConfigMap", true),
            known("", "v1", "Namespace", true),
            known("a.test", "v1", "Widget", true),
            known("a.test", "v1beta1", "Widget", false),
            known("a.test", "v1beta1", "Relic", false),
            known("b.test", "v1", "Thing", true),
            known("c.test", "v1", "Thing", true),
        ]
    }

    fn found(text: &str) -> Result<String, String> {
        find(&cluster(), &text.parse().unwrap())
            .map(|resource| resource.kind().to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_preferred_version_is_taken_unless_one_is_named() {
        assert_eq!(found("Widget").unwrap(), "a.test/v1/Widget");
        assert_eq!(found("a.test/v1beta1/Widget").unwrap(), "a.test/v1beta1/Widget");
        assert_eq!(found("Relic").unwrap(), "a.test/v1beta1/Relic");
    }

    #[test]
    fn ambiguous_and_unknown_kinds_name_the_choices() {
        assert!(
            found("Thing")
                .unwrap_err()
                .contains("b.test/v1/Thing, c.test/v1/Thing")
        );
        let error = found("a.test/v2/Widget").unwrap_err();
        assert!(
            error.contains("does not know the kind a.test/v2/Widget"),
            "{error}"
        );
        assert!(error.contains("a.test/v1/Widget"), "{error}");
    }

    #[test]
    fn a_namespace_too_few_or_too_many_is_explained() {
        let check = |text: &str| {
            let reference: ObjectReference = text.parse().unwrap();
            find(&cluster(), &reference.kind)
                .unwrap()
                .check_scope(&reference)
                .map_err(|error| error.to_string())
        };
        assert!(
            check("ConfigMap settings")
                .unwrap_err()
                .contains("ConfigMap <namespace>/settings")
        );
        assert!(
            check("Namespace a/b")
                .unwrap_err()
                .contains("write `Namespace b`")
        );
        check("ConfigMap a/b").unwrap();
        check("Namespace a").unwrap();
    }
}
