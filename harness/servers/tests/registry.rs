//! The registry as its clients see it: raw HTTP requests against a running one.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

#[path = "support/both.rs"]
mod both;
#[path = "support/stand.rs"]
mod stand;

use base64::Engine as _;
use both::on_both_stands;
use http::{Method, StatusCode};
use plumbline_model::Secret;
use plumbline_servers::{
    CertificateAuthority, Credentials, Registry, RegistryContent, RegistryOptions,
    registry::{Alteration, Challenge, Fault},
};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::Digest as _;
use stand::Stand;
use std::path::Path;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

struct World {
    registry: Registry,
    client: Client,
    base: String,
    directory: tempfile::TempDir,
    _behind: Option<Registry>,
}

on_both_stands!(
    an_image_is_pushed_pulled_and_deleted,
    chunks_are_taken_in_order_only,
    content_that_is_not_what_its_digest_says_is_refused,
    blobs_are_mounted_and_read_by_range,
    tags_are_listed_in_pages,
    referrers_are_listed_until_the_api_is_switched_off,
    faults_tampering_and_the_request_log_serve_tests,
);

fn options(directory: &Path) -> RegistryOptions {
    stand::options(RegistryContent::Directory(directory.to_owned()))
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

async fn world(stand: Stand) -> World {
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

fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(content)))
}

fn header(response: &Response, name: &str) -> String {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

impl World {
    fn url(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        }
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = sha256(content);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        assert_eq!(
            status(self.client.post(self.url(&path)).body(content.to_vec())).await,
            201
        );
        digest
    }

    async fn manifest(&self, repository: &str, reference: &str, manifest: &Value) -> Response {
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

    async fn image(&self, repository: &str, tag: &str, content: &[u8]) -> String {
        let digest = self.blob(repository, content).await;
        let descriptor = json!({ "mediaType": "x", "digest": digest, "size": content.len() });
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": [] });
        let response = self.manifest(repository, tag, &manifest).await;
        assert_eq!(response.status(), 201);
        header(&response, "docker-content-digest")
    }
}

async fn an_image_is_pushed_pulled_and_deleted(stand: Stand) {
    let world = world(stand).await;
    let digest = world.image("a/b", "v1", b"config").await;
    for reference in ["v1", &digest] {
        let response = world.get(&format!("/v2/a/b/manifests/{reference}")).await;
        assert_eq!(header(&response, "content-type"), MANIFEST);
        assert_eq!(header(&response, "docker-content-digest"), digest);
        assert_eq!(sha256(&response.bytes().await.unwrap()), digest);
    }
    let head = world
        .client
        .head(world.url("/v2/a/b/manifests/v1"))
        .send()
        .await
        .unwrap();
    assert!(header(&head, "content-length").parse::<u64>().unwrap() > 0);
    let blob = format!("/v2/a/b/blobs/{}", sha256(b"config"));
    assert_eq!(world.get(&blob).await.bytes().await.unwrap(), "config");
    assert_eq!(world.get(&blob.replace("a/b", "other")).await.status(), 404);
    assert_eq!(
        status(
            world
                .client
                .delete(world.url(&format!("/v2/a/b/manifests/{digest}")))
        )
        .await,
        202
    );
    assert_eq!(world.get("/v2/a/b/manifests/v1").await.status(), 404);
    assert_eq!(status(world.client.delete(world.url(&blob))).await, 202);
    assert_eq!(world.get(&blob).await.status(), 404);
    assert!(
        !world
            .directory
            .path()
            .join("blobs/sha256")
            .join(&sha256(b"config")[7..])
            .exists()
    );
}

async fn chunks_are_taken_in_order_only(stand: Stand) {
    let world = world(stand).await;
    let started = world
        .client
        .post(world.url("/v2/a/blobs/uploads/"))
        .send()
        .await
        .unwrap();
    assert_eq!(started.status(), 202);
    let upload = world.url(&header(&started, "location"));
    let chunk = |range: &str, content: &'static str| {
        world
            .client
            .patch(&upload)
            .header("content-range", range)
            .body(content)
    };
    assert_eq!(status(chunk("0-2", "abc")).await, 202);
    let out_of_order = chunk("7-9", "xyz").send().await.unwrap();
    assert_eq!(out_of_order.status(), 416);
    assert_eq!(header(&out_of_order, "range"), "0-2");
    assert_eq!(
        header(&world.client.get(&upload).send().await.unwrap(), "range"),
        "0-2"
    );
    assert_eq!(status(chunk("3-5", "def")).await, 202);
    let finished = world
        .client
        .put(format!("{upload}?digest={}", sha256(b"abcdefghi")))
        .body("ghi");
    assert_eq!(status(finished).await, 201);
    assert_eq!(status(world.client.get(&upload)).await, 404);
    let stored = world.get(&format!("/v2/a/blobs/{}", sha256(b"abcdefghi"))).await;
    assert_eq!(stored.bytes().await.unwrap(), "abcdefghi");
}

async fn content_that_is_not_what_its_digest_says_is_refused(stand: Stand) {
    let world = world(stand).await;
    let path = world.url(&format!("/v2/a/blobs/uploads/?digest={}", sha256(b"other")));
    assert_eq!(status(world.client.post(path).body("content")).await, 400);
    assert_eq!(
        world
            .get(&format!("/v2/a/blobs/{}", sha256(b"other")))
            .await
            .status(),
        404
    );
    let sha512 = format!("sha512:{}", hex::encode(sha2::Sha512::digest(b"long")));
    let path = world.url(&format!("/v2/a/blobs/uploads/?digest={sha512}"));
    assert_eq!(status(world.client.post(path).body("long")).await, 201);
    assert_eq!(
        world
            .get(&format!("/v2/a/blobs/{sha512}"))
            .await
            .bytes()
            .await
            .unwrap(),
        "long"
    );
    let missing = json!({ "mediaType": MANIFEST, "layers": [{ "digest": sha256(b"absent") }] });
    assert_eq!(world.manifest("a", "v1", &missing).await.status(), 404);
    assert_eq!(
        world
            .manifest("a", &sha256(b"absent"), &json!({ "mediaType": MANIFEST }))
            .await
            .status(),
        400
    );
    assert!(
        std::fs::read_dir(world.directory.path().join("uploads"))
            .unwrap()
            .next()
            .is_none()
    );
}

async fn blobs_are_mounted_and_read_by_range(stand: Stand) {
    let world = world(stand).await;
    let digest = world.blob("a", b"0123456789").await;
    let mount = |from: &str| {
        world
            .client
            .post(world.url(&format!("/v2/b/blobs/uploads/?mount={digest}{from}")))
    };
    assert_eq!(status(mount("&from=nowhere")).await, 202);
    assert_eq!(status(mount("&from=a")).await, 201);
    let range = |range: &'static str| {
        world
            .client
            .get(world.url(&format!("/v2/b/blobs/{digest}")))
            .header("range", range)
    };
    let part = range("bytes=2-4").send().await.unwrap();
    assert_eq!(
        (part.status(), header(&part, "content-range")),
        (StatusCode::PARTIAL_CONTENT, "bytes 2-4/10".into())
    );
    assert_eq!(part.bytes().await.unwrap(), "234");
    assert_eq!(
        range("bytes=-3").send().await.unwrap().bytes().await.unwrap(),
        "789"
    );
    let beyond = range("bytes=10-").send().await.unwrap();
    assert_eq!(
        (beyond.status().as_u16(), header(&beyond, "content-range")),
        (416, "bytes */10".into())
    );
}

async fn tags_are_listed_in_pages(stand: Stand) {
    let world = world(stand).await;
    for tag in ["c", "B", "a", "d"] {
        world.image("r", tag, b"x").await;
    }
    let page = world.get("/v2/r/tags/list?n=2").await;
    let next = header(&page, "link");
    assert_eq!(
        page.json::<Value>().await.unwrap(),
        json!({ "name": "r", "tags": ["a", "B"] })
    );
    let next = next
        .strip_prefix('<')
        .and_then(|next| next.split_once('>'))
        .unwrap()
        .0
        .to_owned();
    let page = world.get(&next).await;
    assert_eq!(header(&page, "link"), "");
    assert_eq!(page.json::<Value>().await.unwrap()["tags"], json!(["c", "d"]));
    assert_eq!(world.get("/v2/none/tags/list").await.status(), 404);
    assert_eq!(
        world.get("/v2/_catalog").await.json::<Value>().await.unwrap()["repositories"],
        json!(["r"])
    );
}

async fn referrers_are_listed_until_the_api_is_switched_off(stand: Stand) {
    let world = world(stand).await;
    let subject = world.image("r", "v1", b"x").await;
    let referrer = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/signature",
        "config": { "mediaType": "e", "digest": sha256(b"x"), "size": 1 }, "layers": [],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 1 }, "annotations": { "by": "us" },
    });
    let pushed = world.manifest("r", "signature", &referrer).await;
    assert_eq!(header(&pushed, "oci-subject"), subject);
    let path = format!("/v2/r/referrers/{subject}");
    let list = world.get(&path).await.json::<Value>().await.unwrap();
    assert_eq!(list["manifests"][0]["artifactType"], "application/signature");
    assert_eq!(list["manifests"][0]["annotations"], json!({ "by": "us" }));
    let filtered = world.get(&format!("{path}?artifactType=other%2Ftype")).await;
    assert_eq!(header(&filtered, "oci-filters-applied"), "artifactType");
    assert_eq!(filtered.json::<Value>().await.unwrap()["manifests"], json!([]));
    world.registry.set_referrers(false);
    assert_eq!(world.get(&path).await.status(), 404);
    assert_eq!(
        header(&world.manifest("r", "signature", &referrer).await, "oci-subject"),
        ""
    );
}

#[tokio::test]
async fn a_restart_on_the_same_directory_serves_the_same_content() {
    let world = world(Stand::Own).await;
    let digest = world.image("deep/er/name", "v1", b"config").await;
    let index = json!({ "mediaType": INDEX, "manifests": [{ "digest": digest, "size": 1 }], "subject": { "digest": digest } });
    assert_eq!(
        world.manifest("deep/er/name", "index", &index).await.status(),
        201
    );
    let World {
        registry,
        client,
        directory,
        ..
    } = world;
    drop(registry);
    let registry = Registry::start(options(directory.path())).await.unwrap();
    let base = format!("http://{}", registry.address());
    let world = World {
        registry,
        client,
        base,
        directory,
        _behind: None,
    };
    let response = world.get("/v2/deep/er/name/manifests/v1").await;
    assert_eq!(header(&response, "docker-content-digest"), digest);
    assert_eq!(sha256(&response.bytes().await.unwrap()), digest);
    let stored = world
        .get(&format!("/v2/deep/er/name/blobs/{}", sha256(b"config")))
        .await;
    assert_eq!(stored.bytes().await.unwrap(), "config");
    let tags = world
        .get("/v2/deep/er/name/tags/list")
        .await
        .json::<Value>()
        .await
        .unwrap();
    assert_eq!(tags["tags"], json!(["index", "v1"]));
    let list = world
        .get(&format!("/v2/deep/er/name/referrers/{digest}"))
        .await
        .json::<Value>()
        .await
        .unwrap();
    assert_eq!(list["manifests"][0]["mediaType"], INDEX);
}

#[tokio::test]
async fn credentials_are_asked_for_and_tokens_given() {
    let directory = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::new("test").unwrap();
    let credentials = Credentials {
        user: "flux".into(),
        password: Secret::new("pass".into()),
    };
    let tls = Some(authority.server_config(&["127.0.0.1"]).unwrap());
    let options = RegistryOptions {
        credentials: Some(credentials),
        tls,
        ..options(directory.path())
    };
    let registry = Registry::start(options).await.unwrap();
    let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let client = Client::builder()
        .tls_certs_only([certificate])
        .no_proxy()
        .build()
        .unwrap();
    let base = format!("https://{}", registry.address());
    let challenge = client.get(format!("{base}/v2/")).send().await.unwrap();
    assert_eq!(
        (
            challenge.status().as_u16(),
            header(&challenge, "www-authenticate")
        ),
        (401, "Basic realm=\"registry\"".into())
    );
    assert_eq!(
        status(
            client
                .get(format!("{base}/v2/"))
                .basic_auth("flux", Some("wrong"))
        )
        .await,
        401
    );
    assert_eq!(
        status(client.get(format!("{base}/v2/")).basic_auth("flux", Some("pass"))).await,
        200
    );

    registry.set_challenge(Challenge::Bearer);
    let challenge = client.get(format!("{base}/v2/a/tags/list")).send().await.unwrap();
    let expected = format!("Bearer realm=\"{base}/token\",service=\"registry\",scope=\"repository:a:pull\"");
    assert_eq!(header(&challenge, "www-authenticate"), expected);
    let token = format!("{base}/token");
    assert_eq!(
        status(client.get(&token).basic_auth("flux", Some("wrong"))).await,
        401
    );
    let given = client
        .get(&token)
        .basic_auth("flux", Some("pass"))
        .send()
        .await
        .unwrap();
    let given: Value = given.json().await.unwrap();
    let with = |token: &str| client.get(format!("{base}/v2/")).bearer_auth(token);
    assert_eq!(status(with(given["token"].as_str().unwrap())).await, 200);
    assert_eq!(status(with("made-up")).await, 401);
}

async fn faults_tampering_and_the_request_log_serve_tests(stand: Stand) {
    let world = world(stand).await;
    let digest = world.image("r", "v1", b"x").await;
    world.registry.set_fault(|method, uri| match uri {
        "/v2/" => Some(Fault::Disconnect),
        _ if *method == Method::GET => Some(Fault::Status(StatusCode::SERVICE_UNAVAILABLE)),
        _ => None,
    });
    assert_eq!(world.get("/v2/r/manifests/v1").await.status(), 503);
    let last = world.registry.requests().pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.uri.as_str(), last.status),
        ("GET", "/v2/r/manifests/v1", 503)
    );
    let cut_off = world.client.get(world.url("/v2/")).send().await;
    assert!(match cut_off {
        Ok(response) => response.bytes().await.is_err(),
        Err(_) => true,
    });
    world.registry.clear_fault();
    let other = || Alteration::Bytes(b"{}"[..].into());
    world.registry.alter("r", &digest, other()).await.unwrap();
    assert_eq!(world.get("/v2/r/manifests/v1").await.bytes().await.unwrap(), "{}");
    assert!(world.registry.alter("r", "sha256:0", other()).await.is_err());
    world.registry.set_read_only(true);
    assert_eq!(
        status(world.client.post(world.url("/v2/r/blobs/uploads/"))).await,
        405
    );
    assert_eq!(world.get("/v2/r/tags/list").await.status(), 200);
}

fn write_layout(layout: &Path, contents: &[&[u8]]) -> Value {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let store = |media_type: &str, content: &[u8]| {
        let digest = sha256(content);
        std::fs::write(blobs.join(&digest[7..]), content).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": content.len() })
    };
    let layers: Vec<Value> = contents.iter().map(|content| store("layer", content)).collect();
    let config = store("config", b"{}");
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    let child = store(MANIFEST, manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [child] });
    let top = store(INDEX, index.to_string().as_bytes());
    let written = json!({ "schemaVersion": 2, "manifests": [top] });
    std::fs::write(layout.join("index.json"), written.to_string()).unwrap();
    top
}

#[tokio::test]
async fn an_image_layout_is_seeded_by_links() {
    use std::os::unix::fs::MetadataExt as _;
    let world = world(Stand::Own).await;
    let layout = tempfile::tempdir_in(world.directory.path()).unwrap();
    let top = write_layout(layout.path(), &[b"one", b"two"]);
    let digest = world
        .registry
        .seed("seeded/image", "v1", layout.path())
        .await
        .unwrap();
    assert_eq!(digest, top["digest"].as_str().unwrap());
    assert_eq!(
        world
            .registry
            .seed("seeded/image", "v2", layout.path())
            .await
            .unwrap(),
        digest
    );
    let index = world
        .get("/v2/seeded/image/manifests/v2")
        .await
        .json::<Value>()
        .await
        .unwrap();
    let child = index["manifests"][0]["digest"].as_str().unwrap();
    let child = world
        .get(&format!("/v2/seeded/image/manifests/{child}"))
        .await
        .json::<Value>()
        .await
        .unwrap();
    let layer = child["layers"][1]["digest"].as_str().unwrap();
    assert_eq!(
        world
            .get(&format!("/v2/seeded/image/blobs/{layer}"))
            .await
            .bytes()
            .await
            .unwrap(),
        "two"
    );
    let file = layout.path().join("blobs/sha256").join(&layer[7..]);
    assert_eq!(std::fs::metadata(&file).unwrap().nlink(), 2);

    std::fs::write(&file, "of another size").unwrap();
    let error = world
        .registry
        .seed("other", "v1", layout.path())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("has 15 bytes"), "{error}");
    assert!(world.registry.seed("Bad", "v1", layout.path()).await.is_err());
    assert!(
        world
            .registry
            .seed("r", "v1", Path::new("/nowhere"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn basic_credentials_of_the_wrong_form_are_no_credentials() {
    let directory = tempfile::tempdir().unwrap();
    let credentials = Some(Credentials::generate("flux"));
    let registry = Registry::start(RegistryOptions {
        credentials,
        ..options(directory.path())
    })
    .await
    .unwrap();
    let empty = base64::engine::general_purpose::STANDARD.encode(":");
    for value in ["Basic", "Bearer x", &format!("Basic {empty}")] {
        let request = client()
            .get(format!("http://{}/v2/", registry.address()))
            .header("authorization", value);
        assert_eq!(status(request).await, 401, "{value}");
    }
}
