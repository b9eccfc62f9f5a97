//! What crane makes of an image, beside what is made of it here.

use crate::{
    bench::Bench,
    support::{
        self,
        content::{self, Repository},
    },
};
use plumbline_images::{ImageName, KeyPair, SignOptions, mirror};
use plumbline_model::Progress;
use serde_json::Value;

pub async fn crane_sees_the_same_digests(bench: Bench) {
    let packed = bench.site.publish("ghcr.io/a/b:1", "program").await;
    let target = bench.site.mirror(&packed.name).await.target;
    let address = bench.address(&target);
    let digest = bench.run("crane", &["digest", &address]).await.unwrap();
    assert_eq!(digest.trim(), packed.digest.to_string());
    bench
        .run("crane", &["validate", "--remote", &address])
        .await
        .unwrap();
    let platform = bench
        .run("crane", &["digest", "--platform", "linux/amd64", &address])
        .await
        .unwrap();
    assert_ne!(platform.trim(), packed.digest.to_string());
}

/// An image in the upstream registry, with a note that refers to it and a signature beside it.
async fn publish_with_attachments(bench: &Bench) -> (ImageName, Value) {
    let packed = bench.site.publish("ghcr.io/a/b:1", "program").await;
    let source = Repository::new(&bench.site.upstream, &bench.site.authority, "a/b");
    let index = source.read("1").await.unwrap();
    let subject = content::describe(content::INDEX, &index);
    let note = source.referrer(&subject, "a note").await;
    bench
        .sign(&packed.name, &KeyPair::generate(), SignOptions::default())
        .await;
    (packed.name, note)
}

pub async fn our_mirror_is_the_copy_of_crane(bench: Bench) {
    let (name, note) = publish_with_attachments(&bench).await;
    let mirrored = bench.site.mirror(&name).await;
    let (source, address) = (bench.site.upstream.address(), bench.site.private.address());
    let copied = format!("{address}/copied/b:1");
    let original = format!("{source}/a/b:1");
    bench.run("crane", &["copy", &original, &copied]).await.unwrap();

    let ours = Repository::new(&bench.site.private, &bench.site.authority, "a/b");
    let theirs = Repository::new(&bench.site.private, &bench.site.authority, "copied/b");
    let index = ours.read("1").await.unwrap();
    assert_eq!(Some(&index), theirs.read("1").await.as_ref());
    let index: Value = serde_json::from_slice(&index).unwrap();
    let children = index["manifests"].as_array().unwrap();
    assert!(!children.is_empty());
    for child in children {
        let child = content::digest(child);
        assert!(ours.read(child).await.is_some());
        assert_eq!(ours.read(child).await, theirs.read(child).await);
    }
    for image in [&format!("{address}/a/b:1"), &copied] {
        bench
            .run("crane", &["validate", "--remote", image])
            .await
            .unwrap();
        let digest = bench.run("crane", &["digest", image]).await.unwrap();
        assert_eq!(digest.trim(), mirrored.digest.to_string());
    }
    // Only ours has what is attached.
    let tags = bench
        .run("crane", &["ls", &format!("{address}/a/b")])
        .await
        .unwrap();
    assert!(tags.contains(".sig"), "{tags}");
    assert_eq!(
        bench
            .run("crane", &["ls", &format!("{address}/copied/b")])
            .await
            .unwrap()
            .trim(),
        "1"
    );
    let note = format!("{address}/a/b@{}", content::digest(&note));
    assert!(
        bench
            .run("crane", &["manifest", &note])
            .await
            .unwrap()
            .contains("a note")
    );
}

pub async fn a_registry_without_the_referrers_api_is_no_dead_end(bench: Bench) {
    let (name, note) = publish_with_attachments(&bench).await;
    bench.site.private.set_referrers(false);
    let target = bench.site.mirror(&name).await.target;
    let address = bench.site.private.address();
    let digest = bench
        .run("crane", &["digest", &format!("{address}/a/b:1")])
        .await
        .unwrap();
    let list = format!("{address}/a/b:{}", digest.trim().replace(':', "-"));
    let list = bench.run("crane", &["manifest", &list]).await.unwrap();
    assert!(list.contains(content::digest(&note)), "{list}");

    // And back, to one that lists referrers by itself.
    let directory = bench.site.directory.path().join("other");
    let other = support::registry(&directory, &bench.site.authority).await;
    let endpoints = bench.site.with_registry("other.example", &other);
    let mirrored = mirror(&target, "other.example", &endpoints, &Progress::silent())
        .await
        .unwrap();
    assert_eq!(mirrored.digest.to_string(), digest.trim());
    let other = Repository::new(&other, &bench.site.authority, "a/b");
    let subject = content::describe(content::INDEX, &other.read("1").await.unwrap());
    assert_eq!(other.referrers(&subject).await, [content::digest(&note)]);
}
