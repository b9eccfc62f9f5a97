//! A client of the registry, and the ways in which it sends blobs.

use crate::content::{INDEX, Stored};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::Value;
use std::sync::Mutex;

pub const REPOSITORY: &str = "specification/one";
const OTHER: &str = "specification/other";

/// A way of sending a blob.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    AtOnce,
    PostThenPut,
    Chunks,
    Stream,
    LastChunkWithPut,
    MountFrom,
    AfterOneThatWasGivenUp,
}

pub const WAYS: [Way; 7] = [
    Way::AtOnce,
    Way::PostThenPut,
    Way::Chunks,
    Way::Stream,
    Way::LastChunkWithPut,
    Way::MountFrom,
    Way::AfterOneThatWasGivenUp,
];

pub struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A client that does as it is asked: it sends credentials, or fetches a token, when the registry says so.
pub struct Client {
    base: String,
    http: reqwest::Client,
    /// The last token; it is for some repository, and asked for again where it does not do.
    token: Mutex<Option<String>>,
}

impl Client {
    pub fn new(base: String) -> Self {
        Self {
            base,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            token: Mutex::default(),
        }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Bytes) -> Answer {
        let token = self.token.lock().unwrap().clone();
        let answer = self.attempt(&method, path, headers, body, token).await;
        if answer.status != 401 {
            return answer;
        }
        let challenge = answer.header("www-authenticate");
        let login = format!("Basic {}", STANDARD.encode("user:correct"));
        let proof = match challenge.strip_prefix("Bearer ") {
            None => login,
            Some(challenge) => {
                let field = |name: &str| {
                    challenge
                        .split(&format!("{name}=\""))
                        .nth(1)
                        .unwrap()
                        .split('"')
                        .next()
                        .unwrap()
                };
                let service = format!(
                    "{}?service={}&scope={}",
                    field("realm"),
                    field("service"),
                    field("scope")
                );
                let token = self
                    .http
                    .get(service)
                    .header("authorization", login)
                    .send()
                    .await
                    .unwrap();
                let token: Value = token.json().await.unwrap();
                format!("Bearer {}", token["token"].as_str().unwrap())
            }
        };
        *self.token.lock().unwrap() = Some(proof.clone());
        self.attempt(&method, path, headers, body, Some(proof)).await
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Bytes,
        proof: Option<String>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .body(body.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(proof) = proof {
            request = request.header(header::AUTHORIZATION, proof);
        }
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.bytes().await.unwrap(),
        }
    }

    pub async fn ask(&self, method: Method, path: &str) -> Answer {
        self.send(method, path, &[], &Bytes::new()).await
    }

    async fn begin(&self) -> String {
        let answer = self
            .ask(Method::POST, &format!("/v2/{REPOSITORY}/blobs/uploads/"))
            .await;
        answer.expect(202).header("location").to_owned()
    }

    async fn chunk(&self, location: &str, range: Option<(usize, usize)>, content: &Bytes) -> String {
        let range = range.map(|(first, last)| format!("{first}-{last}"));
        let headers = range
            .iter()
            .map(|range| ("content-range", range.as_str()))
            .collect::<Vec<_>>();
        let answer = self
            .send(Method::PATCH, location, &headers, content)
            .await
            .expect(202);
        answer.header("location").to_owned()
    }

    /// Sends a blob; nobody can read it before it is complete.
    pub async fn push(&self, way: Way, content: &Bytes, digest: &str) {
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
        let (half, none) = (content.len() / 2, Bytes::new());
        let (first, second) = (content.slice(..half), content.slice(half..));
        let finish = |location: &str| format!("{location}?digest={digest}");
        let done = match way {
            Way::AtOnce => {
                self.send(Method::POST, &format!("{uploads}?digest={digest}"), &[], content)
                    .await
            }
            Way::PostThenPut => {
                let location = self.begin().await;
                self.ask(Method::HEAD, &path).await.expect(404);
                self.send(Method::PUT, &finish(&location), &[], content).await
            }
            // An empty chunk has no range.
            Way::Chunks if half > 0 => {
                let location = self.begin().await;
                let location = self.chunk(&location, Some((0, half - 1)), &first).await;
                self.ask(Method::GET, &path).await.expect(404);
                self.send(Method::PATCH, &location, &[("content-range", "0-0")], &first)
                    .await
                    .expect(416);
                let seen = self.ask(Method::GET, &location).await.expect(204);
                assert_eq!(seen.header("range"), format!("0-{}", half - 1));
                let location = self
                    .chunk(&location, Some((half, content.len() - 1)), &second)
                    .await;
                self.send(Method::PUT, &finish(&location), &[], &none).await
            }
            Way::Stream | Way::Chunks => {
                let location = self.begin().await;
                let location = self.chunk(&location, None, content).await;
                self.ask(Method::HEAD, &path).await.expect(404);
                self.send(Method::PUT, &finish(&location), &[], &none).await
            }
            Way::LastChunkWithPut => {
                let location = self.begin().await;
                let location = self.chunk(&location, None, &first).await;
                self.send(Method::PUT, &finish(&location), &[], &second).await
            }
            Way::MountFrom => {
                let elsewhere = format!("/v2/{OTHER}/blobs/uploads/?digest={digest}");
                self.send(Method::POST, &elsewhere, &[], content)
                    .await
                    .expect(201);
                let mount = format!("{uploads}?mount={digest}&from={OTHER}");
                self.ask(Method::POST, &mount).await
            }
            Way::AfterOneThatWasGivenUp => {
                let location = self.begin().await;
                let location = self.chunk(&location, None, &first).await;
                self.ask(Method::DELETE, &location).await.expect(204);
                self.ask(Method::GET, &location).await.expect(404);
                let location = self.begin().await;
                self.send(Method::PUT, &finish(&location), &[], content).await
            }
        };
        let done = done.expect(201);
        assert!(
            done.header("location").ends_with(&path),
            "{way:?}: {}",
            done.header("location")
        );
    }

    pub async fn assert_blob(&self, content: &Bytes, digest: &str) {
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let head = self.ask(Method::HEAD, &path).await.expect(200);
        assert_eq!(head.header("content-length"), content.len().to_string());
        assert_eq!(head.header("docker-content-digest"), digest);
        assert_eq!(self.ask(Method::GET, &path).await.expect(200).body, content);
        if content.len() > 2 {
            let part = self
                .send(Method::GET, &path, &[("range", "bytes=1-2")], &Bytes::new())
                .await;
            assert_eq!(part.expect(206).body, content.slice(1..=2));
        }
    }

    pub async fn put(&self, stored: &Stored, reference: &str) {
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        let headers = [("content-type", stored.media_type)];
        let answer = self
            .send(Method::PUT, &path, &headers, &stored.bytes)
            .await
            .expect(201);
        assert!(
            answer
                .header("location")
                .starts_with(&format!("/v2/{REPOSITORY}/manifests/"))
        );
        let subject = stored.value["subject"]["digest"].as_str().unwrap_or_default();
        assert_eq!(answer.header("oci-subject"), subject);
    }

    pub async fn assert_manifest(&self, stored: &Stored, reference: &str) {
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        for method in [Method::HEAD, Method::GET] {
            let answer = self
                .send(
                    method.clone(),
                    &path,
                    &[("accept", stored.media_type)],
                    &Bytes::new(),
                )
                .await
                .expect(200);
            assert_eq!(answer.header("content-type"), stored.media_type);
            assert_eq!(answer.header("content-length"), stored.bytes.len().to_string());
            if method == Method::GET {
                assert_eq!(answer.body, stored.bytes);
            }
        }
    }

    /// The referrers of a manifest, all of them or those of one type.
    pub async fn referrers(&self, digest: &str, artifact_type: Option<&str>) -> Vec<Value> {
        let filter = artifact_type
            .map(|text| format!("?artifactType={text}"))
            .unwrap_or_default();
        let path = format!("/v2/{REPOSITORY}/referrers/{digest}{filter}");
        let answer = self.ask(Method::GET, &path).await.expect(200);
        assert_eq!(answer.header("content-type"), INDEX);
        let filtered = if artifact_type.is_some() {
            "artifactType"
        } else {
            ""
        };
        assert_eq!(answer.header("oci-filters-applied"), filtered);
        answer.json()["manifests"].as_array().unwrap().clone()
    }

    pub async fn tags(&self) -> Vec<Value> {
        let answer = self
            .ask(Method::GET, &format!("/v2/{REPOSITORY}/tags/list"))
            .await
            .expect(200);
        answer.json()["tags"].as_array().unwrap().clone()
    }
}
