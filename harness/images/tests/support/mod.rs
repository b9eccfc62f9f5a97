//! Two real registries over TLS with credentials, as a run has them.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod content;

use plumbline_images::{
    Credentials, Endpoint, Endpoints, ImageFile, ImageName, PackedImage, ProgramImage, pack,
};
use plumbline_model::{Progress, Secret};
use plumbline_servers::{CertificateAuthority, Registry, RegistryOptions};
use std::{collections::BTreeMap, net::SocketAddr, path::Path};
use tempfile::TempDir;

pub const PRIVATE: &str = "registry.plumbline.test";
pub const UPSTREAM: &str = "ghcr.io";

pub struct Site {
    pub directory: TempDir,
    pub authority: CertificateAuthority,
    pub upstream: Registry,
    pub private: Registry,
    pub endpoints: Endpoints,
}

impl Site {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = CertificateAuthority::new("plumbline test").unwrap();
        let upstream = registry(&directory.path().join("upstream"), &authority).await;
        let private = registry(&directory.path().join("private"), &authority).await;
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
    pub async fn request(
        &self,
        method: reqwest::Method,
        repository: &str,
        tag: &str,
        body: String,
    ) -> String {
        let authority = reqwest::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([authority])
            .build()
            .unwrap();
        let url = format!(
            "https://{}/v2/{repository}/manifests/{tag}",
            self.private.address()
        );
        let request = client
            .request(method, url)
            .basic_auth("plumbline", Some("correct"))
            .header("content-type", "application/vnd.oci.image.manifest.v1+json")
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

    pub async fn mirror(&self, name: &ImageName) -> plumbline_images::Mirrored {
        plumbline_images::mirror(name, PRIVATE, &self.endpoints, &Progress::silent())
            .await
            .unwrap()
    }
}

pub async fn registry(directory: &Path, authority: &CertificateAuthority) -> Registry {
    let credentials = plumbline_servers::Credentials {
        user: "plumbline".to_owned(),
        password: Secret::new("correct".to_owned()),
    };
    Registry::start(RegistryOptions {
        name: "test".to_owned(),
        directory: directory.to_owned(),
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
