//! The one handle on a cluster: a client, the kinds that the cluster has, and the name under which we write.

use super::{
    KindReference, KindSelector, KubernetesError, Object, ObjectReference, Repeat, Resource,
    answer::{exchange, within},
    discovery::{ASKING_FOR_KINDS, Kinds},
    retry::persist,
};
use base64::Engine as _;
use kube::{
    Client, Config,
    core::{Request, params::ListParams},
};
use plumbline_model::Secret;
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};

/// How long a request is tried when nobody says otherwise; watches are not plain requests.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one answer may take where a request is tried once only.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How to reach an API server, and who we are to it.
#[derive(Clone)]
pub struct Access {
    /// `https://127.0.0.1:6443`.
    pub server: String,
    /// The only authority that is trusted to name the server, PEM.
    pub authority_pem: String,
    /// Our client certificate, PEM.
    pub certificate_pem: String,
    /// Its key, PEM.
    pub key_pem: Secret<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Access")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// A client that trusts this authority alone, and asks nothing of the environment (no proxy, no kubeconfig). It
    /// tries again by itself what the API server answers with 429, 503 or 504, for a long time and in silence.
    ///
    /// # Errors
    /// When the URL or the PEM texts cannot be used.
    pub fn client(&self) -> Result<Client, KubernetesError> {
        self.client_with(true)
    }

    /// A client that tells every failure at once, for those who try again themselves.
    pub(crate) fn impatient_client(&self) -> Result<Client, KubernetesError> {
        self.client_with(false)
    }

    fn client_with(&self, retries: bool) -> Result<Client, KubernetesError> {
        let wrong = |message: String| KubernetesError::Access { message };
        // kube builds its TLS configuration from the process-wide provider and panics when there are two to choose
        // from; the second caller's error only says that there is one already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let url = self
            .server
            .parse()
            .map_err(|error| wrong(format!("{}: {error}", self.server)))?;
        let mut config = Config::new(url);
        config.root_cert = Some(certificates(&self.authority_pem).map_err(wrong)?);
        config.default_retry = retries;
        let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
        config.auth_info.client_certificate_data = Some(encode(&self.certificate_pem));
        config.auth_info.client_key_data = Some(encode(self.key_pem.reveal()).into());
        Client::try_from(config).map_err(|error| wrong(error.to_string()))
    }
}

/// The certificates of authorities, DER.
pub(crate) fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|der| der.map(|der| der.to_vec()))
        .collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("the authority has no certificate".into()),
        Err(error) => Err(format!("the authority is not PEM: {error}")),
    }
}

/// A cluster. Cheap to clone; all clones share the connection and the knowledge of kinds.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    kinds: Arc<Kinds>,
    manager: Arc<str>,
    patience: Duration,
    rehearses: bool,
}

impl fmt::Debug for Kubernetes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Kubernetes(as {})", self.manager)
    }
}

impl Kubernetes {
    /// Uses `access`; `manager` is the name under which fields are owned, for example `plumbline`.
    ///
    /// # Errors
    /// When the access data cannot be used.
    pub fn connect(access: &Access, manager: &str) -> Result<Self, KubernetesError> {
        Ok(Self::new(access.impatient_client()?, manager))
    }

    /// Uses a client that is there already; one that does not try again by itself, or no error is told in time.
    #[must_use]
    pub fn new(client: Client, manager: &str) -> Self {
        Self {
            client,
            kinds: Arc::default(),
            manager: manager.into(),
            patience: PATIENCE,
            rehearses: false,
        }
    }

    /// The same cluster for somebody who waits this long for the success of a request: so long one that may pass is
    /// tried again. With no patience at all each request is made once.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self {
            patience,
            ..self.clone()
        }
    }

    /// The same cluster for somebody who only wants to know whether a change would be accepted: it goes through
    /// validation, admission and quota as any other, and is then not made.
    #[must_use]
    pub fn rehearsal(&self) -> Self {
        Self {
            rehearses: true,
            ..self.clone()
        }
    }

    /// Whether changes are only rehearsed.
    pub(super) const fn rehearses(&self) -> bool {
        self.rehearses
    }

    /// The same cluster under another field manager.
    #[must_use]
    pub fn managed_by(&self, manager: &str) -> Self {
        Self {
            manager: manager.into(),
            ..self.clone()
        }
    }

    /// The client, for those who need typed access and try again themselves.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The name under which fields are owned.
    #[must_use]
    pub fn manager(&self) -> &str {
        &self.manager
    }

    /// The resource of a kind; an unknown kind is looked for once more in the cluster before it is an error.
    ///
    /// # Errors
    /// [`KubernetesError::UnknownKind`], [`KubernetesError::AmbiguousKind`], or a failed request.
    pub async fn resource(&self, kind: &KindReference) -> Result<Resource, KubernetesError> {
        self.persist(Repeat::Freely, |left| {
            within(
                answer_limit(left),
                ASKING_FOR_KINDS,
                self.kinds.resolve(&self.client, kind),
            )
        })
        .await
    }

    /// Every kind of the cluster at its preferred version, asked anew.
    ///
    /// # Errors
    /// A failed request.
    pub async fn resources(&self) -> Result<Vec<Resource>, KubernetesError> {
        self.persist(Repeat::Freely, |left| {
            within(answer_limit(left), ASKING_FOR_KINDS, self.kinds.all(&self.client))
        })
        .await
    }

    /// Forgets which kinds there are: after CustomResourceDefinitions were removed or changed their versions.
    pub async fn forget_kinds(&self) {
        self.kinds.forget().await;
    }

    /// The object, in its latest state.
    ///
    /// # Errors
    /// [`KubernetesError::is_not_found`] when it is not there; or another failed request.
    pub async fn get(&self, reference: &ObjectReference) -> Result<Object, KubernetesError> {
        let resource = self.resource(&reference.kind).await?;
        resource.check_scope(reference)?;
        let path = resource.collection(reference.namespace.as_deref());
        let request = Request::new(path).get(&reference.name, &Default::default());
        let action = format!("get {reference}");
        self.object(&resource, &action, request, Repeat::Freely).await
    }

    /// The object, or nothing when it is not there.
    ///
    /// # Errors
    /// A failed request.
    pub async fn find(&self, reference: &ObjectReference) -> Result<Option<Object>, KubernetesError> {
        match self.get(reference).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects that the selector chooses, in their latest state.
    ///
    /// # Errors
    /// A failed request.
    pub async fn list(&self, selector: &KindSelector) -> Result<Vec<Object>, KubernetesError> {
        let resource = self.resource(&selector.kind).await?;
        let parameters = ListParams {
            label_selector: selector.label_query(),
            ..Default::default()
        };
        Ok(self
            .list_at(&resource, selector.namespace.as_deref(), parameters)
            .await?
            .0)
    }

    /// A consistent list, with the resource version that it shows.
    pub(crate) async fn list_at(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        parameters: ListParams,
    ) -> Result<(Vec<Object>, u64), KubernetesError> {
        let action = format!("list {}", resource.kind());
        let request = Request::new(resource.collection(namespace)).list(&parameters);
        let mut list = self.send(&action, request, Repeat::Freely).await?;
        let version = list
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .and_then(|version| version.parse().ok())
            .unwrap_or(0);
        let items = match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok((
            items.into_iter().map(|item| stamped(resource, item)).collect(),
            version,
        ))
    }

    /// Sends a request and gives the object of its answer.
    pub(crate) async fn object(
        &self,
        resource: &Resource,
        action: &str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        repeat: Repeat,
    ) -> Result<Object, KubernetesError> {
        Ok(stamped(resource, self.send(action, request, repeat).await?))
    }

    /// Sends a request that must be answered soon, again and again while it may pass and there is patience.
    pub(crate) async fn send(
        &self,
        action: &str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        repeat: Repeat,
    ) -> Result<Value, KubernetesError> {
        let failed = |error| KubernetesError::from_client(action, error);
        let mut request = request.map_err(|error| failed(kube::Error::BuildRequest(error)))?;
        if self.rehearses {
            rehearse(&mut request);
        }
        let answer = self.ask(action, request, repeat).await?;
        serde_json::from_str(&answer).map_err(|error| failed(kube::Error::SerdeError(error)))
    }

    /// The text that the API server answers to a plain GET, for example of `/readyz`.
    pub(crate) async fn text(&self, path: &str) -> Result<String, KubernetesError> {
        let action = format!("get {path}");
        let request = http::Request::get(path)
            .body(Vec::new())
            .map_err(|error| KubernetesError::from_client(&action, kube::Error::HttpError(error)))?;
        self.ask(&action, request, Repeat::Freely).await
    }

    async fn ask(
        &self,
        action: &str,
        request: http::Request<Vec<u8>>,
        repeat: Repeat,
    ) -> Result<String, KubernetesError> {
        self.persist(repeat, |left| self.once(action, request.clone(), left))
            .await
    }

    /// Tries as long as there is patience; each try is told how much is left.
    pub(super) async fn persist<T, F>(
        &self,
        repeat: Repeat,
        attempt: impl FnMut(Duration) -> F,
    ) -> Result<T, KubernetesError>
    where
        F: Future<Output = Result<T, KubernetesError>>,
    {
        persist(self.patience, repeat, attempt).await
    }

    /// Sends a request once.
    pub(super) async fn once(
        &self,
        action: &str,
        request: http::Request<Vec<u8>>,
        left: Duration,
    ) -> Result<String, KubernetesError> {
        exchange(&self.client, action, request, answer_limit(left)).await
    }
}

/// How long one answer may take of somebody who has this much patience left.
const fn answer_limit(left: Duration) -> Duration {
    if left.is_zero() { ANSWER_WITHIN } else { left }
}

/// Asks for a dry run. A deletion says so in its body, which is all that the API server then looks at.
fn rehearse(request: &mut http::Request<Vec<u8>>) {
    if matches!(*request.method(), http::Method::GET | http::Method::DELETE) {
        return;
    }
    let text = request.uri().to_string();
    let separator = if text.contains('?') { '&' } else { '?' };
    // What was a URI with a query stays one.
    if let Ok(uri) = format!("{text}{separator}dryRun=All").parse() {
        *request.uri_mut() = uri;
    }
}

/// Items of a list come without `apiVersion` and `kind`; every object that leaves this module has them.
pub(crate) fn stamped(resource: &Resource, mut value: Value) -> Object {
    if let Some(fields) = value.as_object_mut()
        && fields.get("kind").and_then(Value::as_str).is_none()
    {
        fields.insert("apiVersion".into(), resource.api.api_version.clone().into());
        fields.insert("kind".into(), resource.api.kind.clone().into());
    }
    Object::from(value)
}
