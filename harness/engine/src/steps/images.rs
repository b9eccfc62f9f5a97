//! Steps of the images' way: build, mirror, sign, verify.

use super::ScenarioState;
use plumbline_flux::{ChartFolder, Patience, Platform, Published, VerbError, chain, names::MAIN_ENVIRONMENT};
use plumbline_images::{ImageName, SignOptions, SignatureFormat, VerifyError, VerifyOptions};
use plumbline_scenario::{
    TextCondition,
    steps::{self, Build, BuiltArtifact, ImageSelection, ListImages, Mirror, Sign, Verification, Verify},
};
use serde_json::json;

pub(super) fn chosen(selection: &ImageSelection, state: &ScenarioState) -> Result<Vec<ImageName>, VerbError> {
    let supply = state.platform.supply();
    let mut images = if selection.platform {
        supply.platform_images().to_vec()
    } else {
        Vec::new()
    };
    for name in &selection.names {
        let image = name
            .value
            .parse()
            .map_err(|error| VerbError::unmet(format!("{name}: {error}")))?;
        images.push(image);
    }
    Ok(images)
}

pub(super) async fn build(
    build: &Build,
    platform: &Platform,
    patience: Patience<'_>,
) -> Result<Published, VerbError> {
    let name = &build.name.value;
    match &build.artifact {
        BuiltArtifact::Image { files } => platform.build_image(name, files).await,
        BuiltArtifact::Chart {
            repository,
            branch,
            path,
        } => {
            let folder = ChartFolder {
                repository,
                branch,
                path,
            };
            platform.build_chart(name, folder, patience).await
        }
    }
}

pub(super) async fn list(list: &ListImages, state: &mut ScenarioState) -> Result<(), VerbError> {
    let images = state
        .platform
        .list_images(&list.flux.value, &list.environment.value)
        .await?;
    let mut output = images.json(true);
    let output = json!({"entries": output["containerImages"].take(), "block": images.block(false)});
    state.leave(Some(&list.output), output);
    Ok(())
}

pub(super) async fn mirror(mirror: &Mirror, state: &mut ScenarioState) -> Result<(), VerbError> {
    let images = chosen(&mirror.images, state)?;
    let mut copied = 0;
    for image in &images {
        state.waiting.saw(&format!("{image} to be mirrored"), "under way");
        copied += state.platform.supply().mirror(image).await?.blobs_copied;
    }
    state.leave(
        mirror.output.as_ref(),
        json!({"images": images.len(), "copied": copied}),
    );
    Ok(())
}

pub(super) async fn sign(sign: &Sign, state: &mut ScenarioState) -> Result<(), VerbError> {
    let supply = state.platform.supply();
    let key = sign.key.as_ref().map_or(MAIN_ENVIRONMENT, |key| key.as_str());
    let signer = supply.signer(key)?;
    let options = SignOptions {
        format: match sign.format {
            steps::SignatureFormat::Signature => SignatureFormat::Tag,
            steps::SignatureFormat::Bundle => SignatureFormat::Bundle,
        },
        recursive: sign.recursive,
    };
    for image in chosen(&sign.images, state)? {
        state.waiting.saw(&format!("{image} to be signed"), "under way");
        let signed = supply.sign(&image, &*signer, options).await;
        match &sign.denied {
            None => drop(signed?),
            Some(denied) => judge_refusal(&image, &denied.value, signed.map(drop))?,
        }
    }
    Ok(())
}

/// Whether a key has refused to sign in the right words.
fn judge_refusal(
    image: &ImageName,
    denied: &TextCondition,
    signed: Result<(), VerbError>,
) -> Result<(), VerbError> {
    let expected = format!("refused, with a message that {denied}");
    match signed {
        Ok(()) => Err(VerbError::mismatch(
            format!("{image} was signed, expected a refusal"),
            expected,
            "signed",
        )),
        Err(VerbError::Unmet(failure)) if denied.holds(&failure.message).map_err(VerbError::unmet)? => Ok(()),
        Err(VerbError::Unmet(failure)) => Err(VerbError::mismatch(
            format!("{image} was not signed, but for another reason than expected"),
            expected,
            failure.message,
        )),
        Err(fault) => Err(fault),
    }
}

pub(super) async fn verify(verify: &Verify, state: &mut ScenarioState) -> Result<(), VerbError> {
    let supply = state.platform.supply();
    let trusted = match &verify.key {
        Some(key) => supply.signer(key)?.public_key().await?.into(),
        None => {
            let environment = verify.environment.as_ref();
            let environment = environment.map_or(MAIN_ENVIRONMENT, |environment| environment.as_str());
            state.platform.trusted_keys(environment).await?
        }
    };
    let options = VerifyOptions {
        recursive: verify.recursive,
        contents: verify.contents,
    };
    for image in chosen(&verify.images, state)? {
        state.waiting.saw(&format!("{image} to be verified"), "under way");
        let verified = supply.verify(&image, &trusted, options).await;
        let found = match &verified {
            Ok(_) => Verification::Verified,
            Err(error) => class(error),
        };
        if found == verify.expect {
            continue;
        }
        if let Err(error @ VerifyError::CannotTell { .. }) = &verified {
            return Err(VerbError::environment(error));
        }
        let said = verified.err().map(|error| chain(&error));
        return Err(VerbError::mismatch(
            format!("{image} in the private registry is not as expected"),
            verify.expect.to_string(),
            said.unwrap_or_else(|| found.to_string()),
        ));
    }
    Ok(())
}

const fn class(error: &VerifyError) -> Verification {
    match error {
        VerifyError::NotFound { .. } => Verification::NotFound,
        VerifyError::Unsigned { .. } => Verification::Unsigned,
        VerifyError::WrongKey { .. } => Verification::WrongKey,
        VerifyError::DigestMismatch { .. } => Verification::Mismatch,
        VerifyError::Revoked { .. } => Verification::Revoked,
        VerifyError::Expired { .. } => Verification::Expired,
        VerifyError::Malformed { .. } => Verification::Malformed,
        VerifyError::CannotTell { .. } => Verification::CannotTell,
    }
}
