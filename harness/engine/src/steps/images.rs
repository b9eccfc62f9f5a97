//! Steps of the images' way: build, mirror, sign, verify.

use super::ScenarioState;
use plumbline_flux::{ChartFolder, Patience, Platform, Published, VerbError};
use plumbline_images::{ImageName, VerifyError};
use plumbline_scenario::steps::{Build, BuiltArtifact, ImageSelection, Mirror, Sign, Verification, Verify};
use serde_json::json;

fn chosen(selection: &ImageSelection, state: &ScenarioState) -> Result<Vec<ImageName>, VerbError> {
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
    for image in chosen(&sign.images, state)? {
        state.platform.supply().sign(&image).await?;
    }
    Ok(())
}

pub(super) async fn verify(verify: &Verify, state: &mut ScenarioState) -> Result<(), VerbError> {
    for image in chosen(&verify.images, state)? {
        let verified = state.platform.supply().verify(&image).await;
        let found = match &verified {
            Ok(_) => Verification::Verified,
            Err(VerifyError::Unsigned { .. }) => Verification::Unsigned,
            Err(VerifyError::WrongKey { .. }) => Verification::WrongKey,
            Err(error @ VerifyError::CannotTell { .. }) => return Err(VerbError::environment(error)),
            Err(error) => {
                return Err(VerbError::mismatch(
                    format!("the signature of {image} does not hold"),
                    words(verify.expect),
                    error.to_string(),
                ));
            }
        };
        if found != verify.expect {
            let message = format!("{image} in the private registry is not as expected");
            return Err(VerbError::mismatch(message, words(verify.expect), words(found)));
        }
    }
    Ok(())
}

const fn words(verification: Verification) -> &'static str {
    match verification {
        Verification::Verified => "signed by the platform's key for this digest",
        Verification::Unsigned => "unsigned",
        Verification::WrongKey => "signed by another key only",
    }
}
