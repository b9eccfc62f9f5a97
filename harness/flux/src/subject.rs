//! What is under test, read from the cluster: nothing of it is taken from what plumbline asked for.

use crate::{
    Platform, VerbError,
    forge::followed_by_source,
    instance::REVISION,
    names::{FLUX_NAMESPACE, GITOPS_REPOSITORY},
};
use plumbline_cluster::{ClusterFacts, KindSelector, Kubernetes, Object, kubernetes::KindReference};
use plumbline_images::Digest;
use plumbline_model::{FleetIdentity, FluxIdentity, KubernetesIdentity, ProgramIdentity, Subject};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The group of the operator's own kinds.
const OPERATOR_GROUP: &str = "fluxcd.controlplane.io";
/// What the groups of Flux end with.
const FLUX_GROUPS: &str = ".toolkit.fluxcd.io";
/// The Deployment of the operator.
const OPERATOR: &str = "flux-operator";
/// By what a patch of a controller gives it an identity.
const IDENTITY_ANNOTATIONS: [&str; 3] = [
    "azure.workload.identity/",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
];

impl Platform {
    /// Reads what is under test. A cluster without Flux has a Kubernetes version and nothing else.
    ///
    /// # Errors
    /// A failed request.
    pub async fn subject(&self) -> Result<Subject, VerbError> {
        let kubernetes = self.kubernetes();
        let instance = instance(kubernetes).await?;
        let subject = subject_with(kubernetes, instance.as_ref()).await?;
        Ok(Subject {
            fleet: instance.as_ref().and_then(|instance| self.fleet(instance)),
            ..subject
        })
    }

    /// The repository that the instance syncs from, at what was pushed to it last.
    fn fleet(&self, instance: &Object) -> Option<FleetIdentity> {
        let url = instance.text_at("/spec/sync/url")?;
        let reference = json!({"name": instance.text_at("/spec/sync/ref")?});
        let followed = followed_by_source(url, &reference)
            .filter(|followed| followed.repository == GITOPS_REPOSITORY)?;
        let revision = self.forge().head(&followed)?.to_string();
        Some(FleetIdentity {
            branch: followed.short().to_owned(),
            repository: followed.repository,
            revision,
        })
    }
}

/// What is under test on a cluster whose repositories are not ours to ask.
///
/// # Errors
/// A failed request.
pub async fn subject_of(kubernetes: &Kubernetes) -> Result<Subject, VerbError> {
    let instance = instance(kubernetes).await?;
    subject_with(kubernetes, instance.as_ref()).await
}

async fn subject_with(kubernetes: &Kubernetes, instance: Option<&Object>) -> Result<Subject, VerbError> {
    let core = |group: &str, kind: &str| KindSelector::all(KindReference::new(group, "v1", kind));
    let facts = ClusterFacts::of(kubernetes).await?;
    let definitions = kubernetes
        .list(&core("apiextensions.k8s.io", "CustomResourceDefinition"))
        .await?;
    let deployments = kubernetes
        .list(&core("apps", "Deployment").within(FLUX_NAMESPACE))
        .await?;
    let pods = kubernetes.list(&core("", "Pod").within(FLUX_NAMESPACE)).await?;
    let program = |name: &str| {
        let deployment = deployments.iter().find(|deployment| deployment.name() == name)?;
        Some(program(deployment, &pods))
    };
    Ok(Subject {
        kubernetes: KubernetesIdentity {
            version: facts.kubernetes,
            platform: facts.platform,
        },
        operator: program(OPERATOR),
        components: instance
            .iter()
            .flat_map(|instance| components(instance, &program))
            .collect(),
        definitions: served(&definitions),
        fleet: None,
        flux: instance.map(flux),
    })
}

/// The one FluxInstance that a cluster can have.
async fn instance(kubernetes: &Kubernetes) -> Result<Option<Object>, VerbError> {
    let kind = KindReference {
        group: Some(OPERATOR_GROUP.to_owned()),
        version: None,
        kind: "FluxInstance".to_owned(),
    };
    match kubernetes.list(&KindSelector::all(kind)).await {
        Ok(instances) => Ok(instances.into_iter().next()),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn flux(instance: &Object) -> FluxIdentity {
    let revision = instance.text_at(REVISION).unwrap_or_default();
    let (version, digest) = revision.split_once('@').unwrap_or((revision, ""));
    FluxIdentity {
        instance: format!("{}/{}", instance.namespace().unwrap_or_default(), instance.name()),
        version: version.to_owned(),
        digest: digest.to_owned(),
        artifact: instance
            .text_at("/status/lastArtifactRevision")
            .map(str::to_owned),
        spec_digest: canonical_digest(instance.at("/spec").unwrap_or(&Value::Null)),
        settings: settings(instance),
    }
}

fn canonical_digest(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    Digest::of(sorted.to_string().as_bytes()).to_string()
}

/// The settings that decide what the instance can do, by their paths in its spec.
fn settings(instance: &Object) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for part in ["cluster", "distribution", "sharding", "sync"] {
        let fields = instance.at(&format!("/spec/{part}")).and_then(Value::as_object);
        for (field, value) in fields.into_iter().flatten() {
            // Which secret it is has no part in what it can do.
            let is_secret = field.to_lowercase().contains("secret");
            if let Some(text) = plain(value).filter(|_| !is_secret) {
                settings.insert(format!("{part}.{field}"), text);
            }
        }
    }
    let patches = instance.at("/spec/kustomize/patches").and_then(Value::as_array);
    if let Some(patches) = patches {
        let names_identity = patches
            .iter()
            .filter_map(|patch| patch["patch"].as_str())
            .any(|patch| {
                IDENTITY_ANNOTATIONS
                    .iter()
                    .any(|annotation| patch.contains(annotation))
            });
        settings.insert("kustomize.patches".to_owned(), patches.len().to_string());
        settings.insert(
            "kustomize.patches.identity".to_owned(),
            names_identity.to_string(),
        );
    }
    settings
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(plain).collect();
            Some(items?.join(" "))
        }
        _ => None,
    }
}

/// What the instance reports as its components, each with how its Deployment starts it.
fn components(instance: &Object, program: &impl Fn(&str) -> Option<ProgramIdentity>) -> Vec<ProgramIdentity> {
    let reported = instance.at("/status/components").and_then(Value::as_array);
    let mut components: Vec<_> = reported
        .into_iter()
        .flatten()
        .map(|component| {
            let text = |field: &str| component[field].as_str().unwrap_or_default().to_owned();
            let name = text("name");
            let arguments = program(&name).map(|program| program.arguments);
            ProgramIdentity {
                image: text("repository"),
                version: text("tag"),
                digest: text("digest"),
                arguments: arguments.unwrap_or_default(),
                name,
            }
        })
        .collect();
    components.sort_by(|left, right| left.name.cmp(&right.name));
    components
}

/// What a Deployment runs; the digest of an image that it names only by its tag is what its pods tell.
fn program(deployment: &Object, pods: &[Object]) -> ProgramIdentity {
    const CONTAINER: &str = "/spec/template/spec/containers/0";
    let named = deployment
        .text_at(&format!("{CONTAINER}/image"))
        .unwrap_or_default();
    let (image, version, mut digest) = parts(named);
    if digest.is_empty() {
        let running = pods
            .iter()
            .filter(|pod| pod.text_at("/spec/containers/0/image") == Some(named))
            .filter_map(|pod| pod.text_at("/status/containerStatuses/0/imageID"));
        digest = running.map(|id| parts(id).2).max().unwrap_or_default();
    }
    let arguments = deployment
        .at(&format!("{CONTAINER}/args"))
        .and_then(Value::as_array);
    ProgramIdentity {
        name: deployment.name().to_owned(),
        image,
        version,
        digest,
        arguments: arguments
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}

/// Repository, tag and digest of an image's name.
fn parts(image: &str) -> (String, String, String) {
    let (named, digest) = image.split_once('@').unwrap_or((image, ""));
    let slash = named.rfind('/').unwrap_or(0);
    let (repository, tag) = match named[slash..].rfind(':') {
        Some(colon) => (&named[..slash + colon], &named[slash + colon + 1..]),
        None => (named, ""),
    };
    (repository.to_owned(), tag.to_owned(), digest.to_owned())
}

/// The definitions of Flux and its operator, with the versions that they serve.
fn served(definitions: &[Object]) -> BTreeMap<String, Vec<String>> {
    definitions
        .iter()
        .filter(|definition| {
            let group = definition.text_at("/spec/group").unwrap_or_default();
            group.ends_with(FLUX_GROUPS) || group == OPERATOR_GROUP
        })
        .map(|definition| {
            let versions = definition.at("/spec/versions").and_then(Value::as_array);
            let mut served: Vec<_> = versions
                .into_iter()
                .flatten()
                .filter(|version| version["served"] == true)
                .filter_map(|version| version["name"].as_str())
                .map(str::to_owned)
                .collect();
            served.sort();
            (definition.name().to_owned(), served)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_comes_apart() {
        let apart = |image| {
            let (repository, tag, digest) = parts(image);
            format!("{repository} {tag} {digest}")
        };
        assert_eq!(
            apart("r.test:5000/a/b:v1@sha256:aa"),
            "r.test:5000/a/b v1 sha256:aa"
        );
        assert_eq!(apart("r.test:5000/a/b"), "r.test:5000/a/b  ");
        assert_eq!(apart("b@sha256:aa"), "b  sha256:aa");
        assert_eq!(apart(""), "  ");
    }

    #[test]
    fn the_digest_of_a_spec_does_not_depend_on_the_order_of_its_fields() {
        let digest = |text: &str| canonical_digest(&serde_json::from_str(text).unwrap());
        assert_eq!(
            digest(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#),
            digest(r#"{"b":{"d":3,"c":2},"a":1}"#)
        );
        assert_ne!(digest(r#"{"a": 1}"#), digest(r#"{"a": 2}"#));
    }

    #[test]
    fn a_deployment_that_names_a_tag_runs_what_its_pods_tell() {
        let deployment: Object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "flux-operator"},
            "spec": {"template": {"spec": {"containers": [{"image": "r.test/op:v1", "args": ["--a"]}]}}},
        })
        .into();
        let pod = |image: &str, id: &str| -> Object {
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                "spec": {"containers": [{"image": image}]},
                "status": {"containerStatuses": [{"imageID": id}]},
            })
            .into()
        };
        let pods = [
            pod("r.test/other:v1", "r.test/other@sha256:ff"),
            pod("r.test/op:v1", "r.test/op@sha256:aa"),
        ];
        let expected = ProgramIdentity {
            name: "flux-operator".into(),
            image: "r.test/op".into(),
            version: "v1".into(),
            digest: "sha256:aa".into(),
            arguments: vec!["--a".into()],
        };
        assert_eq!(program(&deployment, &pods), expected);
        assert_eq!(program(&deployment, &[]).digest, "");
    }

    #[test]
    fn only_settings_that_decide_something_are_told() {
        let instance: Object = json!({
            "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance",
            "metadata": {"name": "flux", "namespace": "flux-system"},
            "spec": {
                "cluster": {"multitenant": false, "networkPolicy": true},
                "sync": {"kind": "GitRepository", "pullSecret": "git-credentials"},
                "sharding": {"shards": ["a", "b"]},
                "kustomize": {"patches": [{"patch": "azure.workload.identity/client-id: 1"}]},
                "storage": {"size": "1Gi"},
            },
            "status": {"lastAppliedRevision": "v2.9.2@sha256:aa"},
        })
        .into();
        let flux = flux(&instance);
        let settings: Vec<_> = flux
            .settings
            .iter()
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        assert_eq!(
            settings,
            [
                "cluster.multitenant=false",
                "cluster.networkPolicy=true",
                "kustomize.patches=1",
                "kustomize.patches.identity=true",
                "sharding.shards=a b",
                "sync.kind=GitRepository",
            ]
        );
        assert_eq!(
            (flux.version.as_str(), flux.digest.as_str()),
            ("v2.9.2", "sha256:aa")
        );
        assert_eq!(flux.instance, "flux-system/flux");
    }
}
