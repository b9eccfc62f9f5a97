//! A registry that stands before another one: what it adds, and what happens when the other one is not as it should be.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

#[path = "support/stand.rs"]
mod stand;

use bytes::Bytes;
use futures::StreamExt as _;
use http::StatusCode;
use plumbline_servers::{
    Credentials, Listener, OtherRegistry, Registry, RegistryContent, RegistryOptions, Server,
};
use reqwest::{Client, Response};
use stand::{Stand, options};
use std::time::Duration;

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

fn other(registry: &Registry) -> OtherRegistry {
    OtherRegistry {
        address: registry.address(),
        authority_pem: None,
        credentials: None,
    }
}

async fn front() -> Registry {
    Registry::start(options(RegistryContent::Another)).await.unwrap()
}

async fn get(registry: &Registry, path: &str) -> Response {
    let url = format!("http://{}{path}", registry.address());
    client().get(url).send().await.unwrap()
}

#[tokio::test]
async fn requests_wait_until_the_other_registry_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let behind = Registry::start(options(RegistryContent::Directory(directory.path().to_owned())));
    let (behind, front) = (behind.await.unwrap(), front().await);
    let mut early = std::pin::pin!(get(&front, "/v2/_catalog"));
    tokio::select! {
        biased;
        _ = &mut early => panic!("nobody can have answered"),
        () = tokio::time::sleep(Duration::from_millis(200)) => {}
    }
    front.stand_before(&other(&behind)).unwrap();
    assert_eq!(early.await.status(), 200);
    assert_eq!(behind.requests().len(), 1);
}

#[tokio::test]
async fn another_registry_that_is_away_or_refuses_the_front_is_a_bad_gateway() {
    let directory = tempfile::tempdir().unwrap();
    let (front, behind) = Stand::Front.registry(directory.path(), None).await;
    drop(behind);
    let answer = get(&front, "/v2/_catalog").await;
    assert_eq!(answer.status(), 502);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("the registry that has the content")
    );

    let locked = Registry::start(RegistryOptions {
        credentials: Some(Credentials::generate("somebody")),
        ..options(RegistryContent::Directory(directory.path().to_owned()))
    });
    let locked = locked.await.unwrap();
    let error = other(&locked).ask().await.unwrap_err().to_string();
    assert!(error.contains("refuses the login"), "{error}");
    front.stand_before(&other(&locked)).unwrap();
    let answer = get(&front, "/v2/_catalog").await;
    assert_eq!(answer.status(), 502);
    assert!(answer.headers().get("www-authenticate").is_none());
}

#[tokio::test]
async fn the_login_of_a_client_is_not_passed_on() {
    let directory = tempfile::tempdir().unwrap();
    let login = Credentials::generate("client");
    let (front, behind) = Stand::Front.registry(directory.path(), Some(login.clone())).await;
    assert_eq!(get(&front, "/v2/").await.status(), 401);
    // Only the question whether it is there has come through.
    assert_eq!(behind.as_ref().unwrap().requests().len(), 1);
    let url = format!("http://{}/v2/", front.address());
    let asked = client()
        .get(url)
        .basic_auth(&login.user, Some(login.password.reveal()));
    // The other registry knows another login, and would refuse this one.
    assert_eq!(asked.send().await.unwrap().status(), 200);
    assert_eq!(behind.unwrap().requests().len(), 2);
}

#[tokio::test]
async fn content_streams_through_and_places_stay_with_the_front() {
    let listener = Listener::bind_loopback(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address();
    // Sends a first piece, and the second one only when it is told to: whoever holds the first has not waited for all.
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let gone = std::sync::Arc::new(tokio::sync::Mutex::new(Some(gone)));
    let _server = Server::start(listener, move |request, _| {
        let gone = gone.clone();
        async move {
            if request.method() == http::Method::POST {
                return http::Response::builder()
                    .status(StatusCode::ACCEPTED)
                    .header(
                        "location",
                        format!("https://{address}/v2/a/blobs/uploads/1?_state=x"),
                    )
                    .body(axum::body::Body::empty())
                    .unwrap();
            }
            let gone = gone.lock().await.take().unwrap();
            let first =
                futures::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"first")) });
            let second = futures::stream::once(async {
                let _ = gone.await;
                Ok(Bytes::from_static(b"second"))
            });
            http::Response::new(axum::body::Body::from_stream(first.chain(second)))
        }
    });
    let front = front().await;
    let other = OtherRegistry {
        address,
        authority_pem: None,
        credentials: None,
    };
    front.stand_before(&other).unwrap();
    let url = format!("http://{}/v2/a/blobs/uploads/", front.address());
    let begun = client().post(url).send().await.unwrap();
    assert_eq!(begun.headers()["location"], "/v2/a/blobs/uploads/1?_state=x");

    let digest = format!("sha256:{}", "0".repeat(64));
    let answer = get(&front, &format!("/v2/a/blobs/{digest}")).await;
    let mut pieces = answer.bytes_stream();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "first");
    go.send(()).unwrap();
    assert_eq!(pieces.next().await.unwrap().unwrap(), "second");
}

#[tokio::test]
async fn a_layout_is_sent_once_and_what_cannot_be_sent_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("layout");
    let digest = write_layout(&layout);
    let (front, behind) = Stand::Front
        .registry(&directory.path().join("registry"), None)
        .await;
    let behind = behind.unwrap();
    let puts = || {
        behind
            .requests()
            .iter()
            .filter(|request| request.method == "PUT")
            .count()
    };
    assert_eq!(front.seed("a/b", "v1", &layout).await.unwrap(), digest);
    assert_eq!(puts(), 3, "config, layer, manifest");
    assert_eq!(front.seed("a/b", "v2", &layout).await.unwrap(), digest);
    assert_eq!(puts(), 4, "only a tag was missing");
    assert_eq!(front.first_layer("a/b", &digest).await.unwrap(), sha256(b"layer"));
    let served = get(&front, "/v2/a/b/manifests/v2").await;
    assert_eq!(served.headers()["docker-content-digest"], digest.as_str());

    behind.set_read_only(true);
    let error = front.seed("c", "v1", &layout).await.unwrap_err().to_string();
    assert!(error.contains("405") && error.contains("repository c"), "{error}");
}

fn sha256(content: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(content)))
}

/// Writes an image of one layer as an OCI image layout, and returns its digest.
fn write_layout(layout: &std::path::Path) -> String {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let store = |media_type: &str, content: &[u8]| {
        let digest = sha256(content);
        std::fs::write(blobs.join(&digest[7..]), content).unwrap();
        serde_json::json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    };
    let (config, layer) = (store("config", b"{}"), store("layer", b"layer"));
    let manifest =
        serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let described = store(MANIFEST, manifest.to_string().as_bytes());
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [described]});
    std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
    described["digest"].as_str().unwrap().to_owned()
}
