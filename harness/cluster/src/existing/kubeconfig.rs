//! Kubeconfig files, merged as kubectl merges them, and the context that was named.

use super::{Credential, CredentialPlugin, ExistingError, OwnNamespaces, guard::Guard};
use crate::kubernetes::{Kubernetes, KubernetesError, authorities};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use kube::{
    Config,
    client::ClientBuilder,
    config::{AuthInfo, Cluster, Kubeconfig},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The name under which fields are owned.
const MANAGER: &str = "plumbline";

/// What kubeconfig files say together: of what several name alike, the first counts.
#[derive(Debug)]
pub struct Kubeconfigs {
    files: Vec<PathBuf>,
    merged: Kubeconfig,
}

/// A context that was named on purpose: where its cluster is and who we are there.
pub struct Context {
    name: String,
    server: String,
    config: Config,
    plugin: Option<CredentialPlugin>,
}

impl Kubeconfigs {
    /// Reads files, of which some may be missing. Their paths are whole, for what they name is beside them.
    ///
    /// # Errors
    /// None is there, or one cannot be read.
    pub fn read(files: &[PathBuf]) -> Result<Self, ExistingError> {
        let mut read = Vec::new();
        let mut merged = Kubeconfig::default();
        for path in files {
            match fs::metadata(path) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => {
                    let path = path.clone();
                    return Err(ExistingError::Unreadable { path, source });
                }
            }
            let foreign = || ExistingError::NotAKubeconfig(path.clone());
            let next = Kubeconfig::read_from(path).map_err(|_| foreign())?;
            merged = merged.merge(next).map_err(|_| foreign())?;
            read.push(path.clone());
        }
        match read.is_empty() {
            true => Err(ExistingError::NoKubeconfig(files.to_vec())),
            false => Ok(Self { files: read, merged }),
        }
    }

    /// The names of all contexts.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        self.merged.contexts.iter().map(|context| context.name.as_str())
    }

    /// The context of this name. Which one is current is not asked.
    ///
    /// # Errors
    /// There is none, or it leads nowhere.
    pub fn context(&self, name: &str) -> Result<Context, ExistingError> {
        let unusable = |problem: String| ExistingError::Unusable {
            context: name.to_owned(),
            problem,
        };
        let contexts = &self.merged.contexts;
        let Some(named) = contexts.iter().find(|context| context.name == name) else {
            return Err(ExistingError::UnknownContext {
                name: name.to_owned(),
                files: self.files.clone(),
                contexts: contexts.iter().map(|context| context.name.clone()).collect(),
            });
        };
        let context = named
            .context
            .as_ref()
            .ok_or_else(|| unusable("it is empty".to_owned()))?;
        let clusters = &self.merged.clusters;
        let cluster = clusters
            .iter()
            .find(|cluster| cluster.name == context.cluster)
            .and_then(|cluster| cluster.cluster.as_ref())
            .ok_or_else(|| unusable(format!("there is no cluster `{}`", context.cluster)))?;
        let user = context.user.as_deref().unwrap_or_default();
        let users = &self.merged.auth_infos;
        let user = users
            .iter()
            .find(|other| other.name == user)
            .and_then(|other| other.auth_info.clone())
            .unwrap_or_default();
        Context::new(name, cluster, user).map_err(unusable)
    }
}

impl Context {
    fn new(name: &str, cluster: &Cluster, mut user: AuthInfo) -> Result<Self, String> {
        let server = cluster
            .server
            .clone()
            .filter(|server| !server.is_empty())
            .ok_or("its cluster has no `server`")?;
        if cluster
            .proxy_url
            .as_deref()
            .is_some_and(|proxy| !proxy.is_empty())
        {
            return Err("its cluster is behind a `proxy-url`, which plumbline cannot use".to_owned());
        }
        if user.auth_provider.is_some() {
            return Err(
                "its user has an `auth-provider`, which kubectl knows no more either; use `exec`".to_owned(),
            );
        }
        let url = server
            .parse()
            .map_err(|error| format!("its server `{server}` is no URL: {error}"))?;
        let plugin = user
            .exec
            .take()
            .map(|plugin| CredentialPlugin::new(&plugin, cluster))
            .transpose()?;
        let mut config = Config::new(url);
        config.root_cert = authority(cluster)?;
        config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
        config.tls_server_name.clone_from(&cluster.tls_server_name);
        config.auth_info = user;
        // Whoever asks tries again itself.
        config.default_retry = false;
        Ok(Self {
            name: name.to_owned(),
            server,
            config,
            plugin,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of its API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The program that gives its credential, if it has one.
    #[must_use]
    pub const fn plugin(&self) -> Option<&CredentialPlugin> {
        self.plugin.as_ref()
    }

    /// A handle through which nothing can be written outside of `own`, for `agent`, a name that the audit log of the cluster shows. What
    /// a plugin gave is the `credential`.
    ///
    /// # Errors
    /// What the kubeconfig says of certificates and keys cannot be used.
    pub fn connect(
        mut self,
        credential: Option<Credential>,
        agent: &str,
        own: Option<OwnNamespaces>,
    ) -> Result<Kubernetes, KubernetesError> {
        // See `Access::client`.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        if let Some(Credential {
            token,
            certificate_pem,
            key_pem,
        }) = credential
        {
            let user = &mut self.config.auth_info;
            if let Some(token) = token {
                user.token = Some(token.reveal().clone().into());
            }
            if let (Some(certificate), Some(key)) = (certificate_pem, key_pem) {
                user.client_certificate_data = Some(STANDARD.encode(certificate));
                user.client_key_data = Some(STANDARD.encode(key.reveal()).into());
            }
        }
        if let Ok(agent) = HeaderValue::from_str(agent) {
            self.config.headers.push((header::USER_AGENT, agent));
        }
        let unusable = |error: kube::Error| KubernetesError::Access {
            message: format!("context `{}`: {error}", self.name),
        };
        let builder = ClientBuilder::try_from(self.config).map_err(unusable)?;
        Ok(Kubernetes::new(
            builder.with_layer(&Guard { own }).build(),
            MANAGER,
        ))
    }
}

/// The only authorities that may name the server; without any in the kubeconfig those of the machine.
fn authority(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, String> {
    let text = match (
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
    ) {
        (Some(data), _) if !data.is_empty() => {
            let bytes = STANDARD
                .decode(data.trim())
                .map_err(|_| "its `certificate-authority-data` is not base64")?;
            String::from_utf8(bytes).map_err(|_| "its `certificate-authority-data` is not PEM")?
        }
        (_, Some(file)) if !file.is_empty() => fs::read_to_string(Path::new(file))
            .map_err(|error| format!("its `certificate-authority` {file} cannot be read: {error}"))?,
        _ => return Ok(None),
    };
    authorities(&text).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "\
apiVersion: v1
kind: Config
current-context: dead
clusters:
  - {name: dead, cluster: {server: 'https://127.0.0.1:1'}}
  - {name: alive, cluster: {server: 'https://127.0.0.1:2'}}
  - {name: behind, cluster: {server: 'https://127.0.0.1:3', proxy-url: 'http://proxy:3128'}}
users:
  - {name: somebody, user: {token: hunter2hunter2}}
  - {name: plugged, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: kubelogin, args: [get-token]}}}
contexts:
  - {name: dead, context: {cluster: dead, user: somebody}}
  - {name: alive, context: {cluster: alive, user: plugged}}
  - {name: behind, context: {cluster: behind, user: somebody}}
  - {name: nowhere, context: {cluster: none, user: somebody}}
";

    fn written(texts: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let files = texts.iter().enumerate().map(|(number, text)| {
            let path = folder.path().join(format!("{number}.yaml"));
            fs::write(&path, text).unwrap();
            path
        });
        let files = files.collect();
        (folder, files)
    }

    fn refusal(files: &[PathBuf], name: &str) -> String {
        let read = Kubeconfigs::read(files).unwrap();
        read.context(name).err().unwrap().to_string()
    }

    #[test]
    fn a_context_is_the_named_one_and_not_the_current_one() {
        let (_folder, files) = written(&[TWO]);
        let context = Kubeconfigs::read(&files).unwrap().context("alive").unwrap();
        assert_eq!(
            (context.name(), context.server()),
            ("alive", "https://127.0.0.1:2")
        );
        assert_eq!(context.plugin().unwrap().program(), "kubelogin");
        assert!(
            context.config.auth_info.exec.is_none(),
            "only the keeper starts programs"
        );
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let (_folder, files) = written(&[TWO]);
        let told = refusal(&files, "live");
        assert!(
            told.ends_with("has no context `live`; there are: dead, alive, behind, nowhere"),
            "{told}"
        );
        assert_eq!(
            refusal(&files, "nowhere"),
            "the context `nowhere` cannot be used: there is no cluster `none`"
        );
        assert!(refusal(&files, "behind").contains("`proxy-url`"));
    }

    #[test]
    fn of_several_files_the_first_that_names_it_counts_and_missing_ones_do_not_matter() {
        let other = TWO.replace("https://127.0.0.1:2", "https://127.0.0.1:9");
        let (folder, mut files) = written(&[TWO, &other]);
        files.insert(0, folder.path().join("missing"));
        let context = Kubeconfigs::read(&files).unwrap().context("alive").unwrap();
        assert_eq!(context.server(), "https://127.0.0.1:2");
        let none = Kubeconfigs::read(&files[..1]).unwrap_err().to_string();
        assert!(none.starts_with("there is no kubeconfig: looked for /"), "{none}");
    }

    #[test]
    fn a_file_that_is_none_is_not_quoted() {
        let (_folder, files) = written(&["users: [{name: x, user: {token: hunter2hunter2}"]);
        let told = Kubeconfigs::read(&files).unwrap_err();
        let chain = format!(
            "{told} {:?}",
            std::error::Error::source(&told).map(ToString::to_string)
        );
        assert!(
            chain.contains("is not a kubeconfig") && !chain.contains("hunter2"),
            "{chain}"
        );
    }
}
