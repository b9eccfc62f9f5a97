//! What this user may see of a cluster and do on it, asked of the cluster itself.

use crate::kubernetes::{KindReference, Kubernetes, KubernetesError, Repeat, Resource};
use serde_json::{Value, json};
use std::fmt;

/// A way of looking at objects of a kind, or of changing them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// All of them, and what becomes of them: `list` and `watch`.
    Follow,
    /// All of them: `list`.
    List,
    /// Applying them: `create` and `patch`.
    Apply,
    /// Changing them: `patch`.
    Patch,
    /// Changing how many replicas they have: `patch` of the subresource `scale`.
    Scale,
    /// Looking at one and removing it: `get` and `delete`.
    Delete,
    /// Making and removing them, and seeing what becomes of them: for namespaces of the run's own.
    Own,
}

impl Access {
    /// The verbs of RBAC that it takes.
    #[must_use]
    pub const fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::Follow => &["list", "watch"],
            Self::List => &["list"],
            Self::Apply => &["create", "patch"],
            Self::Patch | Self::Scale => &["patch"],
            Self::Delete => &["get", "delete"],
            Self::Own => &["create", "delete", "get", "list", "watch"],
        }
    }

    /// The part of the object that it is about; nothing for the whole.
    const fn subresource(self) -> Option<&'static str> {
        match self {
            Self::Scale => Some("scale"),
            _ => None,
        }
    }
}

/// What is asked for: to look at objects of a kind or to change them, in one namespace or in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The kind, as the cluster has it.
    pub kind: KindReference,
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// How.
    pub access: Access,
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.access.verbs().join(", "), self.kind)?;
        match &self.namespace {
            Some(namespace) => write!(formatter, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// The first verb of a right that this user lacks, if there is one.
///
/// # Errors
/// A failed request.
pub async fn ask(
    kubernetes: &Kubernetes,
    resource: &Resource,
    right: &Right,
) -> Result<Option<&'static str>, KubernetesError> {
    for verb in right.access.verbs() {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb,
                "group": resource.api.group,
                "version": resource.api.version,
                "resource": resource.api.plural,
                "subresource": right.access.subresource(),
                "namespace": right.namespace,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = question(kubernetes, path, &review).await?;
        if answer.pointer("/status/allowed").and_then(Value::as_bool) != Some(true) {
            return Ok(Some(verb));
        }
    }
    Ok(None)
}

/// Who we are to the cluster; nothing where it does not tell, as clusters before 1.28 do not.
///
/// # Errors
/// A failed request.
pub async fn whoami(kubernetes: &Kubernetes) -> Result<Option<String>, KubernetesError> {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    match question(kubernetes, path, &review).await {
        Ok(answer) => {
            let name = answer
                .pointer("/status/userInfo/username")
                .and_then(Value::as_str);
            Ok(name.map(str::to_owned))
        }
        Err(error) if matches!(error.code(), Some(403 | 404)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn question(kubernetes: &Kubernetes, path: &str, review: &Value) -> Result<Value, KubernetesError> {
    let request = http::Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes())
        .map_err(kube::core::request::Error::BuildRequest);
    kubernetes
        .send(&format!("post {path}"), request, Repeat::Freely)
        .await
}
