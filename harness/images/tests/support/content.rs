//! Images made by hand, of any shape that a registry takes.
#![allow(dead_code, reason = "each test uses its own part")]

use bytes::Bytes;
use plumbline_images::Digest;
use plumbline_servers::{CertificateAuthority, Registry};
use reqwest::{Client, Method, StatusCode, Url};
use serde_json::{Value, json};

pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// One repository of a registry, as somebody with the password sees it.
pub struct Repository<'a> {
    registry: &'a Registry,
    name: &'a str,
    client: Client,
}

impl<'a> Repository<'a> {
    pub fn new(registry: &'a Registry, authority: &CertificateAuthority, name: &'a str) -> Self {
        let authority = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([authority]);
        Self {
            registry,
            name,
            client: client.build().unwrap(),
        }
    }

    async fn send(&self, method: Method, path: &str, media_type: &str, body: Bytes) -> (StatusCode, Bytes) {
        let (status, body, _) = self.exchange(method, path, media_type, body).await;
        (status, body)
    }

    /// The answer and, where it names one, the place to go on at.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Bytes,
    ) -> (StatusCode, Bytes, Option<String>) {
        let url = format!("https://{}/v2/{}/{path}", self.registry.address(), self.name);
        let request = self
            .client
            .request(method, url.parse::<Url>().unwrap())
            .basic_auth("plumbline", Some("correct"))
            .header("accept", "*/*")
            .header("content-type", media_type)
            .body(body);
        let answer = request.send().await.unwrap();
        let location = answer.headers().get("location");
        let location = location.map(|place| place.to_str().unwrap().to_owned());
        (answer.status(), answer.bytes().await.unwrap(), location)
    }

    /// Stores a blob; its descriptor.
    pub async fn blob(&self, media_type: &str, content: impl Into<Bytes>) -> Value {
        let content = content.into();
        let described = describe(media_type, &content);
        let path = format!("blobs/uploads/?digest={}", described["digest"].as_str().unwrap());
        const BYTES: &str = "application/octet-stream";
        let (status, answer, location) = self.exchange(Method::POST, &path, BYTES, content.clone()).await;
        let status = match (status, location) {
            // The registry does not take content at once.
            (StatusCode::ACCEPTED, Some(location)) => {
                let uploads = location.split_once("/blobs/").unwrap().1;
                let separator = if uploads.contains('?') { '&' } else { '?' };
                let digest = described["digest"].as_str().unwrap();
                let path = format!("blobs/{uploads}{separator}digest={digest}");
                self.send(Method::PUT, &path, BYTES, content).await.0
            }
            (status, _) => status,
        };
        assert_eq!(status, StatusCode::CREATED, "{answer:?}");
        described
    }

    /// Stores a manifest as it is, under its digest or a tag; its descriptor.
    pub async fn manifest(&self, tag: Option<&str>, media_type: &str, manifest: &str) -> Value {
        let content = Bytes::from(manifest.to_owned());
        let described = describe(media_type, &content);
        let reference = tag.unwrap_or(described["digest"].as_str().unwrap());
        let (status, answer) = self
            .send(
                Method::PUT,
                &format!("manifests/{reference}"),
                media_type,
                content,
            )
            .await;
        assert_eq!(status, StatusCode::CREATED, "{answer:?}");
        described
    }

    /// Stores an image of these layers; its descriptor.
    pub async fn image(&self, tag: Option<&str>, layers: &[&Value]) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", "{}").await;
        let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers});
        self.manifest(tag, IMAGE, &manifest.to_string()).await
    }

    /// Stores an index of these children; its descriptor. Its bytes are such that nobody would write them again.
    pub async fn index(&self, tag: Option<&str>, children: &[&Value]) -> Value {
        let children = json!(children);
        let manifest = format!(
            "{{ \"manifests\" :\n\t{children},\"mediaType\":\"{INDEX}\",\"unknown\": [1.50e1],\"schemaVersion\":2 }}\n"
        );
        self.manifest(tag, INDEX, &manifest).await
    }

    /// Stores something that refers to a manifest; its descriptor.
    pub async fn referrer(&self, subject: &Value, content: &str) -> Value {
        let empty = self.blob("application/vnd.oci.empty.v1+json", "{}").await;
        let layer = self.blob("text/plain", content.to_owned()).await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "artifactType": "application/vnd.example.note",
            "config": empty,
            "layers": [layer],
            "subject": subject,
            "annotations": {"note": content},
        });
        self.manifest(None, IMAGE, &manifest.to_string()).await
    }

    /// Removes a manifest.
    pub async fn remove(&self, reference: &str) {
        let path = format!("manifests/{reference}");
        let (status, answer) = self.send(Method::DELETE, &path, "text/plain", Bytes::new()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer:?}");
    }

    /// The bytes of a manifest, where there is one.
    pub async fn read(&self, reference: &str) -> Option<Bytes> {
        let path = format!("manifests/{reference}");
        let (status, body) = self.send(Method::GET, &path, "text/plain", Bytes::new()).await;
        (status == StatusCode::OK).then_some(body)
    }

    /// The digests that the registry lists as referrers.
    pub async fn referrers(&self, subject: &Value) -> Vec<String> {
        let path = format!("referrers/{}", subject["digest"].as_str().unwrap());
        let (status, body) = self.send(Method::GET, &path, "text/plain", Bytes::new()).await;
        assert_eq!(status, StatusCode::OK);
        let list: Value = serde_json::from_slice(&body).unwrap();
        let entries = list["manifests"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["digest"].as_str().unwrap().to_owned())
            .collect()
    }

    pub async fn has_blob(&self, blob: &Value) -> bool {
        let path = format!("blobs/{}", blob["digest"].as_str().unwrap());
        let (status, _) = self.send(Method::HEAD, &path, "text/plain", Bytes::new()).await;
        status == StatusCode::OK
    }
}

pub fn describe(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(content).to_string(), "size": content.len()})
}

/// The digest of a descriptor.
pub fn digest(described: &Value) -> &str {
    described["digest"].as_str().unwrap()
}

/// The tag that a digest makes.
pub fn tag(described: &Value, suffix: &str) -> String {
    format!("{}{suffix}", digest(described).replace(':', "-"))
}

/// The requests of a registry whose method and path have these in them.
pub fn requests(registry: &Registry, method: &str, part: &str) -> usize {
    registry
        .requests()
        .iter()
        .filter(|request| request.method.contains(method) && request.uri.contains(part))
        .count()
}
