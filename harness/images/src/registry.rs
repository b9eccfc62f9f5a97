//! One registry as a client sees it: the calls that are needed, with retries and sorted errors.
//!
//! Only oci-client's raw calls are used: its typed ones re-serialise manifests. It wants `host:port` in references,
//! so names are translated to addresses here and nowhere else.

use crate::{
    access::{Access, Identity},
    endpoint::Endpoint,
    error::ImageError,
    manifest::{ACCEPTED, Descriptor, Manifest},
    name::{Digest, ImageName},
    patience::Patience,
};
use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, stream::BoxStream};
use oci_client::{
    Client, Reference,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::{DigestError, OciDistributionError},
    manifest::{ImageIndexEntry, OciDescriptor, OciImageIndex},
    secrets::RegistryAuth,
};
use std::{fmt, io, time::Duration};
use tokio::time::timeout;

/// The largest blob that is read into memory: configurations and signatures.
const SMALL: u64 = 4 << 20;

/// How a registry is reached.
pub(crate) struct Place {
    /// `host` or `host:port`.
    host: String,
    plain_http: bool,
    /// In PEM form.
    authorities: Option<String>,
    /// Whether it is one of a run: only its own certificate authority is trusted, and no proxy is on the way.
    is_of_run: bool,
    identity: Identity,
}

impl Place {
    pub fn of_endpoint(endpoint: &Endpoint) -> Self {
        Self {
            host: endpoint.address.to_string(),
            plain_http: endpoint.tls_ca_pem.is_none(),
            authorities: endpoint.tls_ca_pem.clone(),
            is_of_run: true,
            identity: endpoint
                .credentials
                .clone()
                .map_or(Identity::Anonymous, Identity::Password),
        }
    }

    pub fn of_name(name: &str, access: &Access) -> Result<Self, ImageError> {
        // Docker Hub is not where its name says.
        let host = if name == "docker.io" {
            "registry-1.docker.io"
        } else {
            name
        };
        Ok(Self {
            host: host.to_owned(),
            plain_http: access.plain_http.contains(name),
            authorities: access.authorities.clone(),
            is_of_run: false,
            identity: access.logins.identity(name)?,
        })
    }
}

/// The registry behind one name.
#[derive(Clone)]
pub(crate) struct Registry {
    name: String,
    host: String,
    client: Client,
    authentication: RegistryAuth,
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.name, self.host)
    }
}

impl Registry {
    pub fn new(name: &str, place: Place) -> Result<Self, ImageError> {
        let host = place.host;
        let certificates = place
            .authorities
            .iter()
            .map(|pem| Certificate {
                encoding: CertificateEncoding::Pem,
                data: pem.clone().into_bytes(),
            })
            .collect::<Vec<_>>();
        let protocol = if place.plain_http {
            ClientProtocol::HttpsExcept(vec![host.clone()])
        } else {
            ClientProtocol::Https
        };
        let (only, besides) = if place.is_of_run {
            (certificates, Vec::new())
        } else {
            (Vec::new(), certificates)
        };
        let unused_proxy = Some(format!("http://{host}")).filter(|_| place.is_of_run);
        let config = ClientConfig {
            protocol,
            tls_certs_only: only,
            extra_root_certificates: besides,
            use_monolithic_push: true,
            connect_timeout: Some(Duration::from_secs(5)),
            read_timeout: Some(Duration::from_secs(30)),
            user_agent: concat!("plumbline/", env!("CARGO_PKG_VERSION")),
            https_proxy: unused_proxy.clone(),
            http_proxy: unused_proxy.clone(),
            no_proxy: unused_proxy.map(|_| {
                host.rsplit_once(':')
                    .map_or(host.clone(), |(ip, _)| ip.to_owned())
            }),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| ImageError::Client {
            registry: name.to_owned(),
            source: Box::new(error),
        })?;
        let authentication = match &place.identity {
            Identity::Password(credentials) => {
                RegistryAuth::Basic(credentials.user.clone(), credentials.password.reveal().clone())
            }
            Identity::Anonymous | Identity::Token(_) => RegistryAuth::Anonymous,
        };
        Ok(Self {
            name: name.to_owned(),
            host,
            client,
            authentication,
        })
    }

    fn reference(&self, repository: &str, reference: &str) -> Reference {
        let (host, repository, reference) = (self.host.clone(), repository.to_owned(), reference.to_owned());
        if reference.contains(':') {
            Reference::with_digest(host, repository, reference)
        } else {
            Reference::with_tag(host, repository, reference)
        }
    }

    /// Blob and referrer calls take no credentials: they must have been stored before.
    async fn client(&self) -> &Client {
        self.client
            .store_auth_if_needed(&self.host, &self.authentication)
            .await;
        &self.client
    }

    fn show(&self, repository: &str, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{separator}{reference}", self.name)
    }

    /// The manifest that `image` names; its bytes are those that the digest of the name promises.
    pub async fn manifest(&self, image: &ImageName, patience: Patience) -> Result<Manifest, ImageError> {
        self.manifest_at(image.repository(), &image.reference(), patience)
            .await
    }

    /// The manifest under a tag or digest of `repository`.
    pub async fn manifest_at(
        &self,
        repository: &str,
        reference: &str,
        patience: Patience,
    ) -> Result<Manifest, ImageError> {
        let shown = self.show(repository, reference);
        let wanted = self.reference(repository, reference);
        patience
            .retry(|| {
                async {
                    let (bytes, _) = self
                        .client
                        .pull_manifest_raw(&wanted, &self.authentication, ACCEPTED)
                        .await
                        .map_err(|error| ImageError::from_client(&shown, error))?;
                    let manifest = Manifest::parse(&shown, bytes)?;
                    match wanted.digest().map(str::parse::<Digest>).transpose()? {
                        Some(digest) if digest != manifest.digest => {
                            Err(ImageError::digest(&shown, &digest, &manifest.digest))
                        }
                        _ => Ok(manifest),
                    }
                }
                .boxed()
            })
            .await
    }

    /// The manifest under a tag or digest, or nothing where the registry says that there is none.
    pub async fn find_manifest(
        &self,
        repository: &str,
        reference: &str,
        patience: Patience,
    ) -> Result<Option<Manifest>, ImageError> {
        match self.manifest_at(repository, reference, patience).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(ImageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores a manifest under a tag or digest.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
        patience: Patience,
    ) -> Result<(), ImageError> {
        let shown = self.show(repository, reference);
        let target = self.reference(repository, reference);
        let media_type = manifest
            .media_type
            .parse::<http::HeaderValue>()
            .map_err(|error| ImageError::malformed(format!("the media type of {shown}"), error))?;
        patience
            .retry(|| {
                async {
                    self.client()
                        .await
                        .push_manifest_raw(&target, manifest.bytes.clone(), media_type.clone())
                        .await
                        .map_err(|error| ImageError::from_client(&shown, error))
                }
                .boxed()
            })
            .await?;
        Ok(())
    }

    /// Whether the repository has a blob.
    pub async fn has_blob(
        &self,
        repository: &str,
        digest: &Digest,
        patience: Patience,
    ) -> Result<bool, ImageError> {
        let digest = digest.to_string();
        let shown = self.show(repository, &digest);
        let reference = self.reference(repository, &digest);
        patience
            .retry(|| {
                async {
                    self.client()
                        .await
                        .blob_exists(&reference, &digest)
                        .await
                        .map_err(|error| ImageError::from_client(&shown, error))
                }
                .boxed()
            })
            .await
    }

    /// The content of a small blob.
    pub async fn small_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        patience: Patience,
    ) -> Result<Bytes, ImageError> {
        let shown = self.show(repository, &blob.digest);
        let too_large = || ImageError::TooLarge {
            image: shown.clone(),
            limit: format!("{} MiB", SMALL >> 20),
        };
        if blob.size > SMALL {
            return Err(too_large());
        }
        patience
            .retry(|| {
                async {
                    let mut stream = self.blob(repository, blob).await?;
                    let mut content = Vec::new();
                    while let Some(chunk) = stream.next().await {
                        content.extend_from_slice(
                            &chunk.map_err(|error| ImageError::from_client(&shown, error))?,
                        );
                        if content.len() as u64 > SMALL {
                            return Err(too_large());
                        }
                    }
                    Ok(content.into())
                }
                .boxed()
            })
            .await
    }

    /// Streams a blob; the stream ends in an error if the content is not that of its digest.
    pub async fn blob(
        &self,
        repository: &str,
        blob: &Descriptor,
    ) -> Result<BoxStream<'static, Result<Bytes, OciDistributionError>>, ImageError> {
        let size = i64::try_from(blob.size)
            .map_err(|error| ImageError::malformed(format!("the size of {}", blob.digest), error))?;
        let descriptor = OciDescriptor {
            digest: blob.digest.clone(),
            size,
            ..OciDescriptor::default()
        };
        let stream = self
            .client()
            .await
            .pull_blob_stream(&self.reference(repository, &blob.digest), &descriptor)
            .await
            .map_err(|error| ImageError::from_client(&self.show(repository, &blob.digest), error))?;
        Ok(stream.map_err(keep_digest_error).boxed())
    }

    /// Stores a blob from a stream of exactly `blob.size` bytes. The registry checks the digest.
    pub async fn push_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        content: impl Stream<Item = Result<Bytes, OciDistributionError>> + Send + 'static,
        patience: Patience,
    ) -> Result<(), ImageError> {
        let shown = self.show(repository, &blob.digest);
        let reference = self.reference(repository, &blob.digest);
        let deadline = patience.for_transfer();
        let client = self.client().await;
        let push = client.push_blob_stream(&reference, content, &blob.digest, Some(blob.size));
        match timeout(deadline, push).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(ImageError::from_client(&shown, error)),
            Err(_) => Err(ImageError::TimedOut {
                what: format!("sending {shown}"),
                seconds: deadline.as_secs(),
            }),
        }
    }

    /// Stores a small blob.
    pub async fn push_small_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        content: &Bytes,
        patience: Patience,
    ) -> Result<(), ImageError> {
        patience
            .retry(|| {
                async {
                    let stream = futures::stream::iter([Ok(content.clone())]);
                    self.push_blob(repository, blob, stream, patience).await
                }
                .boxed()
            })
            .await
    }

    /// What refers to `digest`: by the referrers API, or by the fallback tag where the registry has none.
    pub async fn referrers(
        &self,
        repository: &str,
        digest: &Digest,
        patience: Patience,
    ) -> Result<Vec<ImageIndexEntry>, ImageError> {
        Ok(self
            .referrers_index(repository, digest, patience)
            .await?
            .manifests)
    }

    async fn referrers_index(
        &self,
        repository: &str,
        digest: &Digest,
        patience: Patience,
    ) -> Result<OciImageIndex, ImageError> {
        let shown = self.show(repository, &digest.to_string());
        let reference = self.reference(repository, &digest.to_string());
        patience
            .retry(|| {
                async {
                    self.client()
                        .await
                        .pull_referrers(&reference, None)
                        .await
                        .map_err(|error| ImageError::from_client(&shown, error))
                }
                .boxed()
            })
            .await
    }

    /// Lists `wanted` under the fallback tag if the registry does not list them by itself.
    ///
    /// This is a client's duty towards registries without the referrers API, and oci-client only reads that tag.
    pub async fn ensure_referrers(
        &self,
        repository: &str,
        digest: &Digest,
        wanted: &[ImageIndexEntry],
        patience: Patience,
    ) -> Result<(), ImageError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut index = self.referrers_index(repository, digest, patience).await?;
        let listed = |index: &OciImageIndex, wanted: &ImageIndexEntry| {
            index.manifests.iter().any(|entry| entry.digest == wanted.digest)
        };
        let missing = wanted
            .iter()
            .filter(|wanted| !listed(&index, wanted))
            .cloned()
            .collect::<Vec<_>>();
        if missing.is_empty() {
            return Ok(());
        }
        index.manifests.extend(missing);
        index.media_type = Some(crate::manifest::INDEX.to_owned());
        let bytes = serde_json::to_vec(&index)
            .map_err(|error| ImageError::malformed(format!("the list of referrers of {digest}"), error))?;
        let manifest = Manifest::parse("a list of referrers", bytes.into())?;
        self.push_manifest(repository, &digest.tag(""), &manifest, patience)
            .await
    }
}

/// Unwraps a wrong digest, which arrives inside an input error and would be lost in the error of an upload.
fn keep_digest_error(error: io::Error) -> OciDistributionError {
    match error.downcast::<DigestError>() {
        Ok(digest) => digest.into(),
        Err(error) => error.into(),
    }
}
