//! Signatures of cosign 2 and 3, and ours.

use crate::{bench::Bench, support::PRIVATE};
use plumbline_images::{
    ImageName, KeyPair, SignOptions, SignatureFormat, TrustedKeys, VerifyError, VerifyOptions, sign::verify,
};
use plumbline_model::Secret;
use std::fs;

pub const COSIGN: &str = "cosign";
pub const COSIGN_3: &str = "cosign@3.1.3";

const TAG: SignOptions = SignOptions {
    format: SignatureFormat::Tag,
    recursive: false,
};
const BUNDLE: SignOptions = SignOptions {
    format: SignatureFormat::Bundle,
    recursive: false,
};

/// How each release signs without a transparency log: under the tag, and in a bundle. For the newer one, bundles are the rule.
const SIGNING: [(&str, SignatureFormat, &[&str]); 3] = [
    (COSIGN, SignatureFormat::Tag, &["--tlog-upload=false"]),
    (
        COSIGN,
        SignatureFormat::Bundle,
        &["--tlog-upload=false", "--new-bundle-format"],
    ),
    (
        COSIGN_3,
        SignatureFormat::Bundle,
        &["--use-signing-config=false", "--tlog-upload=false"],
    ),
];

/// Which release can check which form: the older one wants a service in the internet for bundles.
const CHECKING: [(&str, SignOptions); 3] = [(COSIGN, TAG), (COSIGN_3, TAG), (COSIGN_3, BUNDLE)];

pub async fn cosign_verifies_our_signatures(bench: Bench) {
    for (number, (program, options)) in CHECKING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let unsigned = bench.cosign_verify(program, &image, &key).await.unwrap_err();
        assert!(unsigned.contains("no "), "{program}: {unsigned}");
        bench.sign(&image, &key, options).await;
        let verified = bench.cosign_verify(program, &image, &key).await.unwrap();
        let digest = image.digest().unwrap().to_string();
        assert!(verified.contains(&digest), "{verified}");
        bench.cosign_verify(program, &image, &other).await.unwrap_err();
        // Two signatures side by side are still something that cosign reads.
        bench.sign(&image, &other, options).await;
        for key in [&key, &other] {
            bench.cosign_verify(program, &image, key).await.unwrap();
        }
    }
}

pub async fn cosign_finds_our_bundles_under_the_fallback_tag(bench: Bench) {
    bench.site.private.set_referrers(false);
    let image = bench.image("ghcr.io/a/b:1").await;
    let (key, other) = (KeyPair::generate(), KeyPair::generate());
    bench.sign(&image, &key, BUNDLE).await;
    bench.cosign_verify(COSIGN_3, &image, &key).await.unwrap();
    bench.cosign_verify(COSIGN_3, &image, &other).await.unwrap_err();
}

pub async fn we_verify_what_cosign_signs(bench: Bench) {
    for (number, (program, format, flags)) in SIGNING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let key = bench.cosign_key(program).await;
        bench.cosign_sign(program, &image, flags).await;
        let verified = bench.site.verify(&image, &key).await.unwrap();
        assert_eq!((Some(&verified.digest), verified.signatures), (image.digest(), 1));
        let wrong = bench.site.verify(&image, &KeyPair::generate()).await;
        assert!(
            matches!(wrong, Err(VerifyError::WrongKey { .. })),
            "{program}: {wrong:?}"
        );

        // And what we sign beside it, with another key, takes nothing away.
        let (other, options) = (
            KeyPair::generate(),
            SignOptions {
                format,
                recursive: false,
            },
        );
        assert_eq!(bench.sign(&image, &other, options).await.signatures, 2);
        let checker = match format {
            SignatureFormat::Tag => program,
            SignatureFormat::Bundle => COSIGN_3,
        };
        for key in [&key, &other] {
            bench.cosign_verify(checker, &image, key).await.unwrap();
            bench.site.verify(&image, key).await.unwrap();
        }
    }
}

pub async fn an_index_is_signed_with_its_children_as_cosign_does(bench: Bench) {
    let recursive = VerifyOptions {
        recursive: true,
        ..VerifyOptions::default()
    };
    for (number, (program, _, flags)) in SIGNING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let key = bench.cosign_key(program).await;
        bench
            .cosign_sign(program, &image, &[flags, &["--recursive"]].concat())
            .await;
        verify(&image, &key.public_key().into(), recursive, &bench.site.endpoints)
            .await
            .unwrap_or_else(|error| panic!("{program} {flags:?}: {error}"));
    }
    for (number, (program, options)) in CHECKING.into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/c:{number}")).await;
        let (key, all) = (
            KeyPair::generate(),
            SignOptions {
                recursive: true,
                ..options
            },
        );
        for child in bench.sign(&image, &key, all).await.children {
            let child = image.with_digest(child);
            bench.cosign_verify(program, &child, &key).await.unwrap();
        }
    }
}

/// What somebody says of an image is no signature of it, although the same key says it.
pub async fn an_attestation_is_no_signature(bench: Bench) {
    let image = bench.image("ghcr.io/a/b:1").await;
    let key = bench.cosign_key(COSIGN_3).await;
    let address = bench.address(&image);
    fs::write(bench.site.directory.path().join("predicate.json"), "{}").unwrap();
    let flags = [
        "attest",
        "--key=cosign.key",
        "--use-signing-config=false",
        "--tlog-upload=false",
        "-y",
    ];
    let what = ["--predicate=predicate.json", "--type=vuln", &address];
    bench.run(COSIGN_3, &[&flags[..], &what].concat()).await.unwrap();
    let error = bench.site.verify(&image, &key).await.unwrap_err();
    assert!(matches!(error, VerifyError::Unsigned { .. }), "{error:?}");
}

/// cosign does not look at the repository that a signature is about; here it is the rule, and can be switched off.
pub async fn cosign_lets_a_signature_of_another_repository_count(bench: Bench) {
    let image = bench.image("ghcr.io/a/b:1").await;
    let key = KeyPair::generate();
    bench.sign(&image, &key, TAG).await;
    let copy: ImageName = image
        .to_string()
        .replace("/a/b:", "/elsewhere/b:")
        .parse()
        .unwrap();
    let copies = [
        (bench.address(&image), bench.address(&copy)),
        (bench.signatures(&image), bench.signatures(&copy)),
    ];
    for (from, to) in copies {
        let to = to.split('@').next().unwrap();
        bench.run("crane", &["copy", &from, to]).await.unwrap();
    }
    for program in [COSIGN, COSIGN_3] {
        bench.cosign_verify(program, &copy, &key).await.unwrap();
    }
    let error = bench.site.verify(&copy, &key).await.unwrap_err();
    assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
    let anywhere = TrustedKeys::from(key.public_key()).for_any_repository();
    verify(&copy, &anywhere, VerifyOptions::default(), &bench.site.endpoints)
        .await
        .unwrap();
}

/// What is refused here for another reason than a key is refused by cosign as well.
pub async fn cosign_refuses_what_we_refuse(bench: Bench) {
    let key = KeyPair::generate();
    for (number, (program, options)) in CHECKING.into_iter().enumerate() {
        let signed = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let other = bench.image(&format!("ghcr.io/a/b:{number}-other")).await;
        bench.sign(&signed, &key, options).await;
        // A tag that is moved to what nobody has signed.
        let tagged: ImageName = format!("{PRIVATE}/a/b:{number}").parse().unwrap();
        bench.cosign_verify(program, &tagged, &key).await.unwrap();
        let (from, to) = (bench.address(&other), bench.address(&tagged));
        bench.run("crane", &["copy", &from, &to]).await.unwrap();
        bench.cosign_verify(program, &tagged, &key).await.unwrap_err();
        let error = bench.site.verify(&tagged, &key).await.unwrap_err();
        assert!(matches!(error, VerifyError::Unsigned { .. }), "{error:?}");
        // A signature that is put beside another image.
        if options == TAG {
            let (from, to) = (bench.signatures(&signed), bench.signatures(&other));
            bench.run("crane", &["copy", &from, &to]).await.unwrap();
            bench.cosign_verify(program, &other, &key).await.unwrap_err();
            let error = bench.site.verify(&other, &key).await.unwrap_err();
            assert!(matches!(error, VerifyError::DigestMismatch { .. }), "{error:?}");
        }
    }
}

pub async fn keys_are_read_by_both(bench: Bench) {
    for (number, program) in [COSIGN, COSIGN_3].into_iter().enumerate() {
        let image = bench.image(&format!("ghcr.io/a/b:{number}")).await;
        let key = bench.cosign_key(program).await;
        bench.sign(&image, &key, TAG).await;
        bench.cosign_verify(program, &image, &key).await.unwrap();
        // One that was made and encrypted here.
        let ours = KeyPair::generate();
        let password = Secret::new("correct horse".to_owned());
        let sealed = ours.to_cosign(&password).unwrap();
        fs::write(bench.site.directory.path().join("cosign.key"), sealed.reveal()).unwrap();
        let (_, _, flags) = SIGNING.into_iter().find(|(name, ..)| *name == program).unwrap();
        bench.cosign_sign(program, &image, flags).await;
        bench.site.verify(&image, &ours).await.unwrap();
    }
}
