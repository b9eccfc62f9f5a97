//! Making signatures in a real registry, in both forms.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use futures::{FutureExt as _, future::BoxFuture};
use plumbline_images::{
    Endpoints, ImageError, ImageName, KeyPair, PublicKey, SignOptions, SignatureFormat, Signer, VerifyError,
    VerifyOptions, mirror,
    sign::{MessageDigest, sign, verify},
};
use plumbline_model::Progress;
use plumbline_servers::Availability;
use reqwest::Method;
use std::time::Duration;
use support::{PRIVATE, Site};

const BUNDLE: SignOptions = SignOptions {
    format: SignatureFormat::Bundle,
    recursive: false,
};
const TAG: SignOptions = SignOptions {
    format: SignatureFormat::Tag,
    recursive: false,
};

#[tokio::test]
async fn a_signature_holds_and_is_made_once() {
    for options in [TAG, BUNDLE] {
        let site = Site::start().await;
        let image = site.image("ghcr.io/a/b:1").await;
        let key = KeyPair::generate();
        let signed = sign(&image, &key, options, &site.endpoints).await.unwrap();
        assert_eq!((signed.signatures, signed.already), (1, false), "{options:?}");
        let again = sign(&image, &key, options, &site.endpoints).await.unwrap();
        assert_eq!((again.signatures, again.already), (1, true), "{options:?}");
        let verified = site.verify(&image, &key).await.unwrap();
        assert_eq!((Some(&verified.digest), verified.signatures), (image.digest(), 1));
    }
}

#[tokio::test]
async fn a_bundle_reaches_a_registry_that_keeps_no_list_of_what_refers_to_an_image() {
    let site = Site::start().await;
    site.private.set_referrers(false);
    let image = site.image("ghcr.io/a/b:1").await;
    let keys = [KeyPair::generate(), KeyPair::generate()];
    for (index, key) in keys.iter().enumerate() {
        let signed = sign(&image, key, BUNDLE, &site.endpoints).await.unwrap();
        assert_eq!(signed.signatures, index + 1);
    }
    for key in &keys {
        site.verify(&image, key).await.unwrap();
    }
}

#[tokio::test]
async fn nobodys_signature_is_taken_away() {
    let site = Site::start().await;
    let image = site.image("ghcr.io/a/b:1").await;
    let keys = [(); 4].map(|()| KeyPair::generate());
    for (key, options) in keys.iter().zip([TAG, BUNDLE, TAG, BUNDLE]) {
        sign(&image, key, options, &site.endpoints).await.unwrap();
    }
    for key in &keys {
        site.verify(&image, key).await.unwrap();
    }
}

/// Every signer has connections, and so delays, of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn signers_at_the_same_time_all_remain() {
    for (options, referrers) in [(TAG, true), (BUNDLE, true), (BUNDLE, false)] {
        let site = Site::start().await;
        site.private.set_referrers(referrers);
        let image = site.image("ghcr.io/a/b:1").await;
        site.private
            .set_availability(Availability::Slow(Duration::from_millis(5)));
        let keys = [(); 5].map(|()| KeyPair::generate());
        let signers = keys.clone().map(|key| {
            let (image, endpoints) = (image.clone(), site.own_endpoints());
            tokio::spawn(async move { sign(&image, &key, options, &endpoints).await })
        });
        for signer in signers {
            signer.await.unwrap().unwrap();
        }
        for key in &keys {
            let verified = site.verify(&image, key).await;
            assert!(verified.is_ok(), "{options:?}, {referrers}: {verified:?}");
        }
    }
}

/// Another one signs while this one is still at it, as may be where the key is far away.
#[derive(Debug)]
struct Slow {
    key: KeyPair,
    other: KeyPair,
    image: ImageName,
    endpoints: Endpoints,
}

impl Signer for Slow {
    fn public_key(&self) -> BoxFuture<'_, Result<PublicKey, ImageError>> {
        Signer::public_key(&self.key)
    }

    fn sign(&self, digest: MessageDigest) -> BoxFuture<'_, Result<Vec<u8>, ImageError>> {
        async move {
            sign(&self.image, &self.other, TAG, &self.endpoints).await?;
            Signer::sign(&self.key, digest).await
        }
        .boxed()
    }
}

#[tokio::test]
async fn who_takes_long_to_sign_overwrites_nobody() {
    let site = Site::start().await;
    let image = site.image("ghcr.io/a/b:1").await;
    let slow = Slow {
        key: KeyPair::generate(),
        other: KeyPair::generate(),
        image: image.clone(),
        endpoints: site.own_endpoints(),
    };
    let signed = sign(&image, &slow, TAG, &site.endpoints).await.unwrap();
    assert_eq!((signed.signatures, signed.already), (2, false));
    // Nobody had to be added again: each manifest holds what the one before it held.
    let writes = site.private.requests().into_iter();
    let writes = writes.filter(|request| request.method == "PUT" && request.uri.ends_with(".sig"));
    assert_eq!(writes.count(), 2);
}

#[tokio::test]
async fn the_children_of_an_index_are_signed_where_that_is_asked_for_and_before_it() {
    let recursive = VerifyOptions {
        recursive: true,
        ..VerifyOptions::default()
    };
    for options in [TAG, BUNDLE] {
        let site = Site::start().await;
        let image = site.image("ghcr.io/a/b:1").await;
        let key = KeyPair::generate();
        let trusted = key.public_key().into();
        sign(&image, &key, options, &site.endpoints).await.unwrap();
        let error = verify(&image, &trusted, recursive, &site.endpoints)
            .await
            .unwrap_err();
        let VerifyError::Unsigned { image: named } = &error else {
            panic!("{error:?}");
        };
        assert_ne!(*named, image.to_string(), "the child is named");

        let all = SignOptions {
            recursive: true,
            ..options
        };
        let signed = sign(&image, &key, all, &site.endpoints).await.unwrap();
        assert!(!signed.children.is_empty() && signed.already);
        verify(&image, &trusted, recursive, &site.endpoints)
            .await
            .unwrap();

        // An index is not signed before its children are: whoever is interrupted leaves nothing that looks complete.
        let other = KeyPair::generate();
        let child = signed.children[0].to_string();
        site.request(Method::DELETE, "a/b", &child, String::new()).await;
        sign(&image, &other, all, &site.endpoints).await.unwrap_err();
        let error = site.verify(&image, &other).await.unwrap_err();
        assert!(matches!(error, VerifyError::WrongKey { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn referrers_and_signatures_reach_a_registry_of_the_old_specification() {
    for options in [TAG, BUNDLE] {
        let site = Site::start().await;
        let packed = site.publish("ghcr.io/a/b:1", "program").await;
        let key = KeyPair::generate();
        sign(&packed.name, &key, options, &site.endpoints).await.unwrap();
        site.private.set_referrers(false);
        let mirrored = mirror(&packed.name, PRIVATE, &site.endpoints, &Progress::silent())
            .await
            .unwrap();
        site.verify(&mirrored.target, &key).await.unwrap();
    }
}
