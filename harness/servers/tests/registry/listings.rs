//! What a registry says that it has.

use crate::{
    both::on_both_stands,
    stand::Stand,
    world::{MANIFEST, header, sha256, world},
};
use serde_json::{Value, json};

on_both_stands!(
    tags_are_listed_in_pages,
    referrers_are_listed_until_the_api_is_switched_off,
);

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
