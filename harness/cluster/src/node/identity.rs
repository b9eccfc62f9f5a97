//! A pod's identity towards the API server: ServiceAccount tokens bound to the pod, and a kubeconfig that names them.

use super::{
    backoff::Backoff,
    fields::PodFacts,
    requests,
    volumes::{TokenFile, write_file},
};
use k8s_openapi::{
    api::{
        authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec},
        core::v1::ServiceAccount,
    },
    jiff::Timestamp,
};
use kube::{Api, Client, api::PostParams};
use plumbline_model::Secret;
use serde_json::json;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long the start of a pod may wait for a token before it counts as failed and is tried again.
const PATIENCE: Duration = Duration::from_secs(10);
/// The share of its life after which a token is renewed.
const RENEWAL: f64 = 0.8;
const SHORTEST_RENEWAL: Duration = Duration::from_secs(5);

/// How the API server is reached.
#[derive(Clone, Debug)]
pub struct ApiServer {
    /// `https://127.0.0.1:<port>`.
    pub url: String,
    /// The certificate authority that signed its certificate.
    pub certificate_authority_pem: String,
    /// Its port, the only one besides the proxy's that a pod's process may connect to.
    pub port: u16,
}

/// A token file in its place.
#[derive(Clone, Debug)]
pub(crate) struct PlacedToken {
    pub(crate) file: TokenFile,
    pub(crate) path: PathBuf,
}

/// Asks for the token and writes it; the answer is when to renew it.
pub(crate) async fn issue(
    client: &Client,
    facts: &PodFacts,
    token: &PlacedToken,
) -> Result<Duration, String> {
    let metadata = &facts.pod.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or("default");
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: token.file.audience.iter().cloned().collect(),
            expiration_seconds: Some(token.file.seconds),
            bound_object_ref: Some(BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: metadata.name.clone(),
                uid: metadata.uid.clone(),
            }),
        },
        ..TokenRequest::default()
    };
    let account = facts.service_account();
    let post = PostParams::default();
    let asked = requests::persist(PATIENCE, || {
        accounts.create_token_request(account, &post, &request)
    });
    let answer = asked
        .await
        .map_err(|error| format!("failed to fetch token: {error}"))?;
    let status = answer
        .status
        .ok_or_else(|| "failed to fetch token: the answer holds none".to_owned())?;
    let secret = Secret::new(status.token);
    let path = token.path.clone();
    write(move || write_file(&path, secret.reveal().as_bytes(), true))
        .await
        .map_err(|error| format!("failed to write token {}: {error}", token.path.display()))?;
    Ok(renewal(Timestamp::now(), status.expiration_timestamp.0))
}

async fn write(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn renewal(now: Timestamp, expires: Timestamp) -> Duration {
    let life = Duration::try_from(expires.duration_since(now)).unwrap_or_default();
    life.mul_f64(RENEWAL).max(SHORTEST_RENEWAL)
}

/// Renews the token for ever, first after `first`.
pub(crate) async fn keep_fresh(client: Client, facts: PodFacts, token: PlacedToken, first: Duration) {
    let mut wait = first;
    let mut backoff = Backoff::pulls();
    loop {
        tokio::time::sleep(wait).await;
        wait = match issue(&client, &facts, &token).await {
            Ok(next) => {
                backoff = Backoff::pulls();
                next
            }
            Err(error) => {
                tracing::warn!(
                    pod = facts.pod.metadata.name,
                    error,
                    "a ServiceAccount token was not renewed; trying again"
                );
                backoff.delay()
            }
        };
    }
}

/// The kubeconfig of a pod whose token is in `token`; a pod without a token is anonymous, as it would be in a cluster.
pub(crate) fn kubeconfig(server: &ApiServer, namespace: &str, token: Option<&Path>) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let user = token.map_or_else(|| json!({}), |path| json!({"tokenFile": path}));
    let authority = STANDARD.encode(&server.certificate_authority_pem);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "plumbline", "cluster": {"server": server.url, "certificate-authority-data": authority}}],
        "users": [{"name": "pod", "user": user}],
        "contexts": [{"name": "pod", "context": {"cluster": "plumbline", "user": "pod", "namespace": namespace}}],
        "current-context": "pod",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_after_four_fifths_of_its_life() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(renewal(at(0), at(1000)), Duration::from_secs(800));
        assert_eq!(renewal(at(1000), at(0)), SHORTEST_RENEWAL);
    }

    #[test]
    fn a_kubeconfig_names_the_token_file_and_holds_no_token() {
        let server = ApiServer {
            url: "https://127.0.0.1:6443".into(),
            certificate_authority_pem: "PEM".into(),
            port: 6443,
        };
        let with: serde_json::Value =
            serde_json::from_str(&kubeconfig(&server, "flux-system", Some(Path::new("/p/token")))).unwrap();
        assert_eq!(with["users"][0]["user"], json!({"tokenFile": "/p/token"}));
        assert_eq!(with["contexts"][0]["context"]["namespace"], "flux-system");
        assert_eq!(
            with["clusters"][0]["cluster"]["certificate-authority-data"],
            "UEVN"
        );
        assert!(kubeconfig(&server, "x", None).contains(r#""user":{}"#));
    }
}
