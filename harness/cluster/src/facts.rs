//! What a cluster says about itself, for the report.

use crate::kubernetes::{Kubernetes, KubernetesError, Repeat};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The versions of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFacts {
    /// Of the API server, for example `v1.34.4`.
    pub kubernetes: String,
    /// What the API server was built for, for example `linux/amd64`.
    pub platform: String,
}

impl ClusterFacts {
    /// Asks the API server.
    ///
    /// # Errors
    /// A failed request.
    pub async fn of(kubernetes: &Kubernetes) -> Result<Self, KubernetesError> {
        let request = http::Request::get("/version")
            .body(Vec::new())
            .map_err(kube::core::request::Error::BuildRequest);
        let version = kubernetes.send("get /version", request, Repeat::Freely).await?;
        let text = |field: &str| {
            version
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or("unknown")
                .to_owned()
        };
        Ok(Self {
            kubernetes: text("gitVersion"),
            platform: text("platform"),
        })
    }
}
