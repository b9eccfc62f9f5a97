//! A registry under test, and requests to it.

use crate::stand::{self, Stand};
use plumbline_servers::{Registry, RegistryContent, RegistryOptions};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::Digest as _;
use std::path::Path;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub struct World {
    pub registry: Registry,
    pub client: Client,
    pub base: String,
    pub directory: tempfile::TempDir,
    _behind: Option<Registry>,
}

pub fn options(directory: &Path) -> RegistryOptions {
    stand::options(RegistryContent::Directory(directory.to_owned()))
}

pub fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

pub async fn world(stand: Stand) -> World {
    let directory = tempfile::tempdir().unwrap();
    let (registry, behind) = stand.registry(directory.path(), None).await;
    let base = format!("http://{}", registry.address());
    World {
        registry,
        client: client(),
        base,
        directory,
        _behind: behind,
    }
}

pub fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(content)))
}

pub fn header(response: &Response, name: &str) -> String {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

pub async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

impl World {
    /// The same after a restart of the registry.
    pub async fn restarted(self) -> Self {
        drop(self.registry);
        let registry = Registry::start(options(self.directory.path())).await.unwrap();
        let base = format!("http://{}", registry.address());
        Self {
            registry,
            client: self.client,
            base,
            directory: self.directory,
            _behind: None,
        }
    }

    pub fn url(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = sha256(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        assert_eq!(
            status(self.client.post(self.url(&path)).body(content.to_vec())).await,
            201
        );
        digest
    }

    pub async fn manifest(&self, repository: &str, reference: &str, manifest: &Value) -> Response {
        let media_type = manifest["mediaType"].as_str().unwrap_or(MANIFEST).to_owned();
        let request = self
            .client
            .put(self.url(&format!("/v2/{repository}/manifests/{reference}")));
        request
            .header("content-type", media_type)
            .body(manifest.to_string())
            .send()
            .await
            .unwrap()
    }

    pub async fn image(&self, repository: &str, tag: &str, content: &[u8]) -> String {
        let digest = self.blob(repository, content).await;
        let descriptor = json!({ "mediaType": "x", "digest": digest, "size": content.len() });
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": [] });
        let response = self.manifest(repository, tag, &manifest).await;
        assert_eq!(response.status(), 201);
        header(&response, "docker-content-digest")
    }
}
