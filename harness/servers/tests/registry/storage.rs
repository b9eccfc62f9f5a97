//! Content that lasts, and content that was there before.

use crate::{
    stand::Stand,
    world::{INDEX, MANIFEST, header, sha256, world},
};
use serde_json::{Value, json};
use std::path::Path;

#[tokio::test]
async fn a_restart_on_the_same_directory_serves_the_same_content() {
    let world = world(Stand::Own).await;
    let digest = world.image("deep/er/name", "v1", b"config").await;
    let index = json!({ "mediaType": INDEX, "manifests": [{ "digest": digest, "size": 1 }], "subject": { "digest": digest } });
    assert_eq!(
        world.manifest("deep/er/name", "index", &index).await.status(),
        201
    );
    let world = world.restarted().await;
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
