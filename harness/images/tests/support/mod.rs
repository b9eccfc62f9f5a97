//! Two real registries over TLS with credentials, as a run has them.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod content;

use plumbline_images::{
    Credentials, Digest, Endpoint, Endpoints, ImageFile, ImageName, KeyPair, PackedImage, ProgramImage,
    Verified, VerifyError, VerifyOptions, pack, sign,
};
use plumbline_model::{Progress, Secret};
use plumbline_servers::{CertificateAuthority, Registry, RegistryContent, RegistryOptions};
use reqwest::Method;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub const PRIVATE: &str = "registry.plumbline.test";
pub const UPSTREAM: &str = "ghcr.io";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub struct Site {
    pub directory: TempDir,
    pub authority: CertificateAuthority,
    pub upstream: Registry,
    pub private: Registry,
    pub endpoints: Endpoints,
}

impl Site {
    pub async fn start() -> Self {
        Self::with_content(|directory| RegistryContent::Directory(directory.to_owned())).await
    }

    /// Registries whose content is what `content` makes of a folder for it.
    pub async fn with_content(content: fn(&Path) -> RegistryContent) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = CertificateAuthority::new("plumbline test").unwrap();
        let start = async |name: &str| registry_of(content(&directory.path().join(name)), &authority).await;
        let (upstream, private) = (start("upstream").await, start("private").await);
        let endpoints = Endpoints::new()
            .with_all(
                [UPSTREAM, "docker.io"],
                &endpoint(upstream.address(), &authority, "correct"),
            )
            .unwrap()
            .with(PRIVATE, &endpoint(private.address(), &authority, "correct"))
            .unwrap();
        Self {
            directory,
            authority,
            upstream,
            private,
            endpoints,
        }
    }

    /// The same registries for somebody who has a wrong password.
    pub fn stranger(&self) -> Endpoints {
        Endpoints::new()
            .with(
                PRIVATE,
                &endpoint(self.private.address(), &self.authority, "wrong"),
            )
            .unwrap()
    }

    /// The same registries, and another.
    pub fn with_registry(&self, name: &str, registry: &Registry) -> Endpoints {
        self.endpoints
            .clone()
            .with(name, &endpoint(registry.address(), &self.authority, "correct"))
            .unwrap()
    }

    /// Packs an image whose program has `content`, and seeds the upstream registry with it.
    pub async fn publish(&self, name: &str, content: &str) -> PackedImage {
        let packed = self.pack(name, content).await;
        let tag = packed.name.tag().unwrap();
        let digest = self
            .upstream
            .seed(packed.name.repository(), tag, &packed.layout)
            .await
            .unwrap();
        assert_eq!(digest, packed.digest.to_string());
        packed
    }

    pub async fn pack(&self, name: &str, content: &str) -> PackedImage {
        let image = ProgramImage {
            name: name.parse().unwrap(),
            files: vec![
                ImageFile::directory("tmp", 0o1777),
                ImageFile {
                    mode: 0o755,
                    ..ImageFile::written("usr/local/bin/program", content)
                },
            ],
            above: None,
            entrypoint: vec!["/usr/local/bin/program".to_owned()],
            user: "65534:65534".to_owned(),
            environment: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            labels: BTreeMap::new(),
        };
        pack::pack(&image, &self.directory.path().join("cache"), &Progress::silent())
            .await
            .unwrap()
    }

    /// Gets or puts a manifest of the private registry by hand.
    pub async fn request(&self, method: Method, repository: &str, reference: &str, body: String) -> String {
        self.send(method, &format!("{repository}/manifests/{reference}"), body)
            .await
    }

    /// Sends a request to the private registry by hand; a body is of the media type that it says.
    pub async fn send(&self, method: Method, path: &str, body: String) -> String {
        let authority = reqwest::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([authority])
            .build()
            .unwrap();
        let url = format!("https://{}/v2/{path}", self.private.address());
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let media_type = value["mediaType"].as_str().unwrap_or(MANIFEST);
        let request = client
            .request(method, url)
            .basic_auth("plumbline", Some("correct"))
            .header("content-type", media_type)
            .body(body);
        request
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// An image in the private registry, by digest.
    pub async fn image(&self, name: &str) -> ImageName {
        let packed = self.publish(name, name).await;
        let mirrored = self.mirror(&packed.name).await;
        mirrored.target.with_digest(mirrored.digest)
    }

    /// Verifies an image by one key.
    pub async fn verify(&self, image: &ImageName, key: &KeyPair) -> Result<Verified, VerifyError> {
        let trusted = key.public_key().into();
        sign::verify(image, &trusted, VerifyOptions::default(), &self.endpoints).await
    }

    /// The private registry for somebody with connections of their own.
    pub fn own_endpoints(&self) -> Endpoints {
        Endpoints::new()
            .with(
                PRIVATE,
                &endpoint(self.private.address(), &self.authority, "correct"),
            )
            .unwrap()
    }

    /// The files of the blobs that the manifests below `digest` of the private registry name, largest first.
    pub async fn blob_files(&self, repository: &str, digest: &Digest) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![digest.to_string()];
        while let Some(digest) = left.pop() {
            let text = self
                .request(Method::GET, repository, &digest, String::new())
                .await;
            let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
            let named = |field: &str| {
                let entries = manifest[field].as_array().cloned().unwrap_or_default();
                entries
                    .into_iter()
                    .map(|entry| entry["digest"].as_str().unwrap().to_owned())
            };
            left.extend(named("manifests"));
            for digest in named("layers") {
                let hexadecimal = digest.strip_prefix("sha256:").unwrap();
                found.push(
                    self.directory
                        .path()
                        .join("private/blobs/sha256")
                        .join(hexadecimal),
                );
            }
        }
        found.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().len()));
        found
    }

    pub async fn mirror(&self, name: &ImageName) -> plumbline_images::Mirrored {
        plumbline_images::mirror(name, PRIVATE, &self.endpoints, &Progress::silent())
            .await
            .unwrap()
    }
}

pub async fn registry(directory: &Path, authority: &CertificateAuthority) -> Registry {
    registry_of(RegistryContent::Directory(directory.to_owned()), authority).await
}

async fn registry_of(content: RegistryContent, authority: &CertificateAuthority) -> Registry {
    let credentials = plumbline_servers::Credentials {
        user: "plumbline".to_owned(),
        password: Secret::new("correct".to_owned()),
    };
    Registry::start(RegistryOptions {
        name: "test".to_owned(),
        content,
        credentials: Some(credentials),
        tls: Some(authority.server_config(&["127.0.0.1", "localhost"]).unwrap()),
        address: ([127, 0, 0, 1], 0).into(),
    })
    .await
    .unwrap()
}

fn endpoint(address: SocketAddr, authority: &CertificateAuthority, password: &str) -> Endpoint {
    Endpoint {
        address,
        tls_ca_pem: Some(authority.pem().to_owned()),
        credentials: Some(Credentials {
            user: "plumbline".to_owned(),
            password: Secret::new(password.to_owned()),
        }),
    }
}
