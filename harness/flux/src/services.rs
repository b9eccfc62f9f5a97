//! The servers of one run, and who may talk to them: registries, Git, key vault, webhook sink, proxies.

use crate::{
    VerbError,
    names::{GIT_SERVER, PRIVATE_REGISTRY, PUBLIC_REGISTRIES, WEBHOOK_SINK},
};
use plumbline_images::{Endpoint, Endpoints, KeyVaultAccess, KeyVaultLogin};
use plumbline_keeper::Keeper;
use plumbline_servers::{
    CertificateAuthority, Credentials, GitServer, GitServerOptions, KeyVault, KeyVaultOptions, ProxyOptions,
    Registry, RegistryContent, RegistryOptions, ServiceDirectory, ServicePlace, ServiceProxy, WebhookOptions,
    WebhookSink,
};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Port 0: any free one.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The servers of a run. Dropping them stops them.
pub struct Services {
    /// Signs every certificate of the run.
    pub authority: CertificateAuthority,
    /// Stands for the public registries.
    pub upstream: Registry,
    /// The registry that the cluster pulls from.
    pub private: Registry,
    /// The Git server.
    pub git: GitServer,
    /// Receives notifications.
    pub sink: WebhookSink,
    /// The login of the private registry and of Git, made for this run.
    pub credentials: Credentials,
    /// Keeps the signing keys that never leave it.
    pub vault: KeyVault,
    /// How the platform's pipeline reaches the vault.
    pub vault_access: KeyVaultAccess,
    /// Registry names and where they are.
    pub endpoints: Endpoints,
    /// The way out for programs of `exec` steps: unlike the cluster's it also knows the public registries' names.
    pub tool_proxy: ServiceProxy,
}

impl Services {
    /// Starts every server below `directory`. Where `stand_before_others`, the registries have no content of their own, and
    /// whoever starts the others [says](Registry::stand_before) where they are.
    ///
    /// # Errors
    /// A directory or a socket that cannot be had.
    pub async fn start(
        keeper: &Keeper,
        git: PathBuf,
        directory: &Path,
        stand_before_others: bool,
    ) -> Result<Self, VerbError> {
        let authority = CertificateAuthority::new("plumbline run")?;
        let credentials = Credentials::generate("plumbline");
        let mut registry_names = vec!["127.0.0.1", "localhost", PRIVATE_REGISTRY];
        registry_names.extend(PUBLIC_REGISTRIES);
        let registry_tls = authority.server_config(&registry_names)?;
        let registry = |name: &str| RegistryOptions {
            name: name.to_owned(),
            content: match stand_before_others {
                true => RegistryContent::Another,
                false => RegistryContent::Directory(directory.join("registries").join(name)),
            },
            credentials: Some(credentials.clone()),
            tls: Some(registry_tls.clone()),
            address: ANY_PORT,
        };
        let upstream = Registry::start(registry("upstream")).await?;
        let private = Registry::start(registry("private")).await?;
        let git = GitServer::start(GitServerOptions {
            directory: directory.join("git"),
            keeper: keeper.clone(),
            git,
            tls: Some(authority.server_config(&["127.0.0.1", "localhost", GIT_SERVER])?),
            credentials: Some(credentials.clone()),
            address: ANY_PORT,
        })
        .await?;
        let sink = WebhookSink::start(WebhookOptions {
            tls: None,
            address: ANY_PORT,
        })
        .await?;
        let login = plumbline_images::Credentials {
            user: credentials.user.clone(),
            password: credentials.password.clone(),
        };
        let endpoint = |address| Endpoint {
            address,
            tls_ca_pem: Some(authority.pem().to_owned()),
            credentials: Some(login.clone()),
        };
        let endpoints = Endpoints::new()
            .with(PRIVATE_REGISTRY, &endpoint(private.address()))?
            .with_all(PUBLIC_REGISTRIES, &endpoint(upstream.address()))?;
        let (vault, vault_access) = start_vault(&authority).await?;
        let tool_proxy = ServiceProxy::start(ProxyOptions {
            names: outside_names(&private, &upstream, &git, &sink),
            services: Arc::new(NoServices),
            address: ANY_PORT,
        })
        .await?;
        Ok(Self {
            authority,
            upstream,
            private,
            git,
            sink,
            credentials,
            vault,
            vault_access,
            endpoints,
            tool_proxy,
        })
    }

    /// What the cluster may reach, besides itself: the private registry, Git and the sink.
    pub(crate) fn cluster_names(&self) -> HashMap<String, SocketAddr> {
        cluster_names(&self.private, &self.git, &self.sink)
    }

    /// The cluster's only way out: its own services, the private registry, Git and the sink; everything else is
    /// refused and logged.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn cluster_proxy(
        &self,
        services: Arc<dyn ServiceDirectory>,
    ) -> Result<ServiceProxy, VerbError> {
        Ok(ServiceProxy::start(ProxyOptions {
            names: self.cluster_names(),
            services,
            address: ANY_PORT,
        })
        .await?)
    }

    /// A way for one who stands outside the cluster to what the platform serves: everything that the cluster reaches,
    /// and the public registries. What goes this way is no egress of the cluster.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn outside_proxy(
        &self,
        services: Arc<dyn ServiceDirectory>,
    ) -> Result<ServiceProxy, VerbError> {
        Ok(ServiceProxy::start(ProxyOptions {
            names: outside_names(&self.private, &self.upstream, &self.git, &self.sink),
            services,
            address: ANY_PORT,
        })
        .await?)
    }
}

/// A vault without keys, and how one client gets in.
async fn start_vault(authority: &CertificateAuthority) -> Result<(KeyVault, KeyVaultAccess), VerbError> {
    let client = Credentials::generate("pipeline");
    let login = KeyVaultLogin {
        tenant: None,
        client: client.user.clone(),
        secret: client.password.clone(),
        authority: String::new(),
    };
    let vault = KeyVault::start(KeyVaultOptions {
        client,
        tls: Some(authority.server_config(&["127.0.0.1", "localhost"])?),
        address: ANY_PORT,
    })
    .await?;
    let access = KeyVaultAccess {
        url: Some(vault.url().to_owned()),
        tls_ca_pem: Some(authority.pem().to_owned()),
        login: KeyVaultLogin {
            authority: vault.url().to_owned(),
            ..login
        },
    };
    Ok((vault, access))
}

fn outside_names(
    private: &Registry,
    upstream: &Registry,
    git: &GitServer,
    sink: &WebhookSink,
) -> HashMap<String, SocketAddr> {
    let mut names = cluster_names(private, git, sink);
    names.extend(PUBLIC_REGISTRIES.map(|name| (name.to_owned(), upstream.address())));
    names
}

fn cluster_names(private: &Registry, git: &GitServer, sink: &WebhookSink) -> HashMap<String, SocketAddr> {
    HashMap::from([
        (PRIVATE_REGISTRY.to_owned(), private.address()),
        (GIT_SERVER.to_owned(), git.address()),
        (WEBHOOK_SINK.to_owned(), sink.address()),
    ])
}

struct NoServices;

impl ServiceDirectory for NoServices {
    fn resolve(&self, _namespace: &str, _service: &str, _port: u16) -> Option<ServicePlace> {
        None
    }
}
