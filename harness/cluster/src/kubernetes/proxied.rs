//! The same API server, seen through a proxy that counts and breaks requests.

use super::{Access, KubernetesError};
use plumbline_servers::{ApiProxy, ApiProxyOptions, CertificateAuthority, ClientIdentity, ServerError};
use std::net::SocketAddr;

impl Access {
    /// Starts a proxy in front of the API server, and gives the access to the cluster that leads through it. The cluster
    /// and its other clients know nothing of it. `authority` is the one that has certified the API server.
    ///
    /// # Errors
    /// When the API server's URL is not `https://` and an address of this machine, or the proxy cannot be started.
    pub async fn proxied(
        &self,
        authority: &CertificateAuthority,
    ) -> Result<(ApiProxy, Self), KubernetesError> {
        let wrong = |message: String| KubernetesError::Access { message };
        let refused = |error: ServerError| wrong(error.to_string());
        let address = self.server.strip_prefix("https://").unwrap_or_default();
        let api_server: SocketAddr = address.parse().map_err(|error| {
            wrong(format!(
                "a proxy needs https:// and an IP address with a port, not {}: {error}",
                self.server
            ))
        })?;
        let proxy = ApiProxy::start(ApiProxyOptions {
            api_server,
            authority_pem: self.authority_pem.clone(),
            identity: ClientIdentity {
                certificate_pem: self.certificate_pem.clone(),
                key_pem: self.key_pem.clone(),
            },
            tls: authority
                .server_config_for_known_clients(&["127.0.0.1"])
                .map_err(refused)?,
            address: ([127, 0, 0, 1], 0).into(),
        })
        .await
        .map_err(refused)?;
        let access = Self {
            server: format!("https://{}", proxy.address()),
            ..self.clone()
        };
        Ok((proxy, access))
    }
}
