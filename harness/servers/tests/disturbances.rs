//! One repository of a registry is disturbed, and only its clients notice.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

#[path = "support/both.rs"]
mod both;
#[path = "support/stand.rs"]
mod stand;

use both::on_both_stands;
use plumbline_servers::{
    Availability, Registry,
    registry::{Alteration, RepositoryPart},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use sha2::Digest as _;
use stand::Stand;
use std::{path::Path, time::Duration};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const GOOD: &[u8] = b"the good layer";
const BAD: &[u8] = b"another one";

struct World {
    registry: Registry,
    client: Client,
    good: String,
    bad: String,
    _directory: tempfile::TempDir,
    _behind: Option<Registry>,
}

on_both_stands!(
    a_repository_that_is_down_breaks_the_connection_and_others_answer,
    what_is_attached_can_be_out_of_reach_while_the_image_is_served,
    a_slow_repository_lets_go_what_it_holds_when_it_is_mended,
    altered_content_is_served_under_the_digest_of_what_it_replaces,
    a_layer_is_altered_alone_and_what_is_not_there_cannot_be,
);

fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(content)))
}

/// Writes an image of one layer as an OCI image layout.
fn write_layout(layout: &Path, layer: &[u8]) {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let store = |media_type: &str, content: &[u8]| {
        let digest = sha256(content);
        std::fs::write(blobs.join(&digest[7..]), content).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    };
    let (config, layer) = (store("config", b"{}"), store("layer", layer));
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let child = store(MANIFEST, manifest.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
    let top = store(INDEX, index.to_string().as_bytes());
    let written = json!({"schemaVersion": 2, "manifests": [top]});
    std::fs::write(layout.join("index.json"), written.to_string()).unwrap();
}

/// A registry with the repositories `shop` and `bank`, the same two images in both.
async fn world(stand: Stand) -> World {
    let directory = tempfile::tempdir().unwrap();
    let (registry, behind) = stand.registry(&directory.path().join("registry"), None).await;
    let mut digests = Vec::new();
    for (tag, layer) in [("good", GOOD), ("bad", BAD)] {
        let layout = directory.path().join(tag);
        write_layout(&layout, layer);
        registry.seed("bank", tag, &layout).await.unwrap();
        digests.push(registry.seed("shop", tag, &layout).await.unwrap());
    }
    let [good, bad] = <[String; 2]>::try_from(digests).unwrap();
    World {
        registry,
        client: Client::builder().no_proxy().build().unwrap(),
        good,
        bad,
        _directory: directory,
        _behind: behind,
    }
}

impl World {
    async fn ask(&self, path: &str) -> reqwest::Result<Response> {
        let url = format!("http://{}/v2/{path}", self.registry.address());
        self.client.get(url).send().await
    }

    async fn body(&self, path: &str) -> Vec<u8> {
        self.ask(path).await.unwrap().bytes().await.unwrap().to_vec()
    }
}

async fn a_repository_that_is_down_breaks_the_connection_and_others_answer(stand: Stand) {
    let world = world(stand).await;
    let down = Availability::Down;
    world
        .registry
        .set_repository_availability("shop", RepositoryPart::Whole, down);
    assert!(world.ask("shop/manifests/good").await.is_err());
    assert_eq!(world.ask("bank/manifests/good").await.unwrap().status(), 200);
    world.registry.mend("shop");
    assert_eq!(world.ask("shop/manifests/good").await.unwrap().status(), 200);
}

async fn what_is_attached_can_be_out_of_reach_while_the_image_is_served(stand: Stand) {
    let world = world(stand).await;
    let attachments = RepositoryPart::Attachments;
    world
        .registry
        .set_repository_availability("shop", attachments, Availability::Down);
    let signature = format!("shop/manifests/{}.sig", world.good.replace(':', "-"));
    assert!(world.ask(&signature).await.is_err());
    assert!(
        world
            .ask(&format!("shop/referrers/{}", world.good))
            .await
            .is_err()
    );
    assert_eq!(
        world.body("shop/manifests/good").await,
        world.body("bank/manifests/good").await
    );
    world
        .registry
        .set_repository_availability("shop", attachments, Availability::Up);
    assert_eq!(world.ask(&signature).await.unwrap().status(), 404);
}

async fn a_slow_repository_lets_go_what_it_holds_when_it_is_mended(stand: Stand) {
    let world = world(stand).await;
    let for_ever = Availability::Slow(Duration::MAX);
    world
        .registry
        .set_repository_availability("shop", RepositoryPart::Whole, for_ever);
    let mut held = std::pin::pin!(world.ask("shop/manifests/good"));
    let others = world.ask("bank/manifests/good");
    tokio::select! {
        biased;
        _ = &mut held => panic!("a slow repository answered at once"),
        answer = others => assert_eq!(answer.unwrap().status(), 200),
    }
    world.registry.mend("shop");
    assert_eq!(held.await.unwrap().status(), 200);
}

async fn altered_content_is_served_under_the_digest_of_what_it_replaces(stand: Stand) {
    let world = world(stand).await;
    let World {
        registry, good, bad, ..
    } = &world;
    let path = format!("shop/manifests/{good}");
    let original = world.body(&path).await;
    registry.alter("shop", good, Alteration::OneByte).await.unwrap();
    let answer = world.ask(&path).await.unwrap();
    assert_eq!(answer.headers()["docker-content-digest"], good.as_str());
    let changed = answer.bytes().await.unwrap();
    assert_ne!(changed, original);
    assert!(serde_json::from_slice::<Value>(&changed).is_ok());
    assert_eq!(world.body(&format!("bank/manifests/{good}")).await, original);

    registry
        .alter("shop", good, Alteration::ContentOf(bad.clone()))
        .await
        .unwrap();
    assert_eq!(
        world.body("shop/manifests/good").await,
        world.body("shop/manifests/bad").await
    );
    registry.mend("shop");
    assert_eq!(world.body(&path).await, original);
}

async fn a_layer_is_altered_alone_and_what_is_not_there_cannot_be(stand: Stand) {
    let world = world(stand).await;
    let World {
        registry, good, bad, ..
    } = &world;
    let (layer, other) = (
        registry.first_layer("shop", good).await.unwrap(),
        registry.first_layer("shop", bad).await.unwrap(),
    );
    assert_eq!((&layer, &other), (&sha256(GOOD), &sha256(BAD)));
    let before = world.body("shop/manifests/good").await;
    registry
        .alter("shop", &layer, Alteration::ContentOf(other))
        .await
        .unwrap();
    assert_eq!(world.body(&format!("shop/blobs/{layer}")).await, BAD);
    assert_eq!(world.body(&format!("bank/blobs/{layer}")).await, GOOD);
    assert_eq!(world.body("shop/manifests/good").await, before);

    let missing = sha256(b"nowhere");
    assert!(
        registry
            .alter("shop", &missing, Alteration::OneByte)
            .await
            .is_err()
    );
    assert!(
        registry
            .alter("shop", good, Alteration::ContentOf(missing.clone()))
            .await
            .is_err()
    );
    assert!(registry.first_layer("shop", &missing).await.is_err());
    assert!(registry.first_layer("shop", &layer).await.is_err());
}
