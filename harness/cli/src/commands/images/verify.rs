//! `plumbline images verify`.

use super::{access::named, arguments::Verify, keys::trusted, outcome::Outcome};
use crate::commands::{CommandError, run::runtime};
use futures::{StreamExt as _, stream};
use plumbline_images::{ImageName, Verified, VerifyError, VerifyOptions, sign as signing};
use plumbline_model::ExitCode;
use serde_json::{Value, json};

/// Verifies, and says image by image by which keys it is signed, or why it is not.
pub(super) fn verify(verify: &Verify) -> Result<ExitCode, CommandError> {
    let images = verify
        .images
        .iter()
        .map(|text| named(text))
        .collect::<Result<Vec<_>, _>>()?;
    let endpoints = verify.registries.endpoints()?;
    let options = VerifyOptions {
        recursive: verify.recursive,
        contents: verify.contents,
    };
    let verified: Result<Vec<_>, CommandError> = runtime()?.block_on(async {
        let mut trusted = trusted(&verify.key, &verify.vault, &verify.registries).await?;
        if verify.any_repository {
            trusted = trusted.for_any_repository();
        }
        let all = images
            .iter()
            .map(|image| signing::verify(image, &trusted, options, &endpoints));
        let verified = stream::iter(all).buffered(verify.registries.jobs.into());
        Ok(verified.collect().await)
    });
    let verified = verified?;
    let outcome = Outcome {
        json: as_json,
        line: as_line,
        complaint: |error| plumbline_flux::chain(error),
        exit_code,
    };
    Ok(outcome.tell(&images, &verified, verify.json))
}

/// Nobody knows, or somebody must not run this.
const fn exit_code(error: &VerifyError) -> ExitCode {
    match error {
        VerifyError::CannotTell { .. } => ExitCode::Environment,
        _ => ExitCode::Failed,
    }
}

fn as_line(image: &ImageName, verified: &Verified) -> String {
    let name = image.with_digest(verified.digest.clone());
    format!("{name}  verified by {}\n", verified.keys.join(", "))
}

fn as_json(image: &ImageName, result: &Result<Verified, VerifyError>) -> Value {
    match result {
        Ok(verified) => json!({
            "image": image.with_digest(verified.digest.clone()).to_string(),
            "verdict": "verified",
            "digest": verified.digest.to_string(),
            "keys": verified.keys,
        }),
        Err(error) => json!({
            "image": image.to_string(),
            "verdict": error.verdict(),
            "error": plumbline_flux::chain(error),
        }),
    }
}
