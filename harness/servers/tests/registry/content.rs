//! What is pushed, pulled and deleted.

use crate::{
    both::on_both_stands,
    stand::Stand,
    world::{MANIFEST, header, sha256, status, world},
};
use http::StatusCode;
use serde_json::json;
use sha2::Digest as _;

on_both_stands!(
    an_image_is_pushed_pulled_and_deleted,
    chunks_are_taken_in_order_only,
    content_that_is_not_what_its_digest_says_is_refused,
    blobs_are_mounted_and_read_by_range,
);

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
