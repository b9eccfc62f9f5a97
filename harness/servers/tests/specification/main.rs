//! The kinds of content and the ways of sending it that the distribution specification knows, each through the whole life of an image: sent,
//! seen by others only when it is complete, read, listed, removed. For every way of asking who is there, on a registry with content of its own
//! and on the front of one.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

#[path = "../support/both.rs"]
mod both;
mod client;
mod content;
#[path = "../support/stand.rs"]
mod stand;

use both::on_both_stands;
use client::{Client, REPOSITORY, WAYS, Way};
use content::{Content, NOTE, kinds};
use http::Method;
use plumbline_model::Secret;
use plumbline_servers::{Credentials, registry::Challenge};
use stand::Stand;

on_both_stands!(
    everything_is_stored_for_everybody,
    everything_is_stored_for_who_has_the_password,
    everything_is_stored_for_who_has_a_token,
);

async fn assert_life(client: &Client, content: &Content, first_way: usize) {
    for (number, blob) in content.blobs.iter().enumerate() {
        let digest = content.digest(blob);
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        for number in [number, number + 1] {
            client.ask(Method::GET, &path).await.expect(404);
            client
                .push(WAYS[(first_way + number) % WAYS.len()], blob, &digest)
                .await;
            client.assert_blob(blob, &digest).await;
            client.ask(Method::DELETE, &path).await.expect(202);
        }
        client.push(Way::AtOnce, blob, &digest).await;
    }
    for stored in &content.manifests {
        let path = format!("/v2/{REPOSITORY}/manifests/{}", stored.digest);
        client.ask(Method::GET, &path).await.expect(404);
        client.put(stored, &stored.digest).await;
        client.assert_manifest(stored, &stored.digest).await;
        if let Some(tag) = stored.tag {
            // Under a tag alone, a manifest is known by its SHA-256.
            match content.sha512 {
                true => client.put(stored, &format!("{}?tag={tag}", stored.digest)).await,
                false => client.put(stored, tag).await,
            }
            client.assert_manifest(stored, tag).await;
        }
    }
    let tags = content.manifests.iter().filter_map(|stored| stored.tag);
    let mut tags = tags.collect::<Vec<_>>();
    tags.sort_unstable();
    assert_eq!(client.tags().await, tags);
    for stored in &content.manifests {
        let Some(subject) = stored.value["subject"]["digest"].as_str() else {
            continue;
        };
        let listed = client.referrers(subject, None).await;
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["artifactType"], stored.value["artifactType"]);
        assert_eq!(client.referrers(subject, Some(NOTE)).await, listed);
        assert!(
            client
                .referrers(subject, Some("application/other"))
                .await
                .is_empty()
        );
    }
    // Newest first, as nothing may be gone that something else still names.
    for stored in content.manifests.iter().rev() {
        for reference in stored.tag.into_iter().chain([stored.digest.as_str()]) {
            let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
            client.ask(Method::DELETE, &path).await.expect(202);
            client.ask(Method::GET, &path).await.expect(404);
        }
        if let Some(subject) = stored.value["subject"]["digest"].as_str() {
            assert!(client.referrers(subject, None).await.is_empty());
        }
    }
    for blob in &content.blobs {
        let path = format!("/v2/{REPOSITORY}/blobs/{}", content.digest(blob));
        client.ask(Method::DELETE, &path).await.expect(202);
        client.ask(Method::DELETE, &path).await.expect(404);
    }
}

#[expect(clippy::print_stdout, reason = "a failure says what it was about")]
async fn assert_specification(stand: Stand, challenge: Option<Challenge>) {
    let directory = tempfile::tempdir().unwrap();
    let credentials = challenge.map(|_| Credentials {
        user: "user".to_owned(),
        password: Secret::new("correct".to_owned()),
    });
    let (registry, _behind) = stand.registry(directory.path(), credentials).await;
    if let Some(challenge) = challenge {
        registry.set_challenge(challenge);
    }
    let client = Client::new(format!("http://{}", registry.address()));
    for (number, (name, content)) in kinds().into_iter().enumerate() {
        println!("{name}, sha512: {}", content.sha512);
        assert_life(&client, &content, number).await;
    }
}

async fn everything_is_stored_for_everybody(stand: Stand) {
    assert_specification(stand, None).await;
}

async fn everything_is_stored_for_who_has_the_password(stand: Stand) {
    assert_specification(stand, Some(Challenge::Basic)).await;
}

async fn everything_is_stored_for_who_has_a_token(stand: Stand) {
    assert_specification(stand, Some(Challenge::Bearer)).await;
}
