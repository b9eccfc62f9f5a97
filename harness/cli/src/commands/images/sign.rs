//! `plumbline images sign`.

use super::{
    access::{exit_code, named},
    arguments::{Format, Sign},
    keys::signer,
    outcome::Outcome,
};
use crate::commands::{CommandError, run::runtime};
use futures::{StreamExt as _, stream};
use plumbline_images::{
    ImageError, ImageName, SignOptions, SignatureFormat,
    sign::{self as signing, Signed},
};
use plumbline_model::ExitCode;
use serde_json::{Value, json};

/// Signs, and says image by image which digest that was.
pub(super) fn sign(sign: &Sign) -> Result<ExitCode, CommandError> {
    let images = sign
        .images
        .iter()
        .map(|text| named(text))
        .collect::<Result<Vec<_>, _>>()?;
    let endpoints = sign.registries.endpoints()?;
    let signer = signer(&sign.key, &sign.vault, &sign.registries)?;
    let options = SignOptions {
        format: match sign.format {
            Format::Signature => SignatureFormat::Tag,
            Format::Bundle => SignatureFormat::Bundle,
        },
        recursive: sign.recursive,
    };
    let all = images
        .iter()
        .map(|image| signing::sign(image, &*signer, options, &endpoints));
    let signed = stream::iter(all).buffered(sign.registries.jobs.into());
    let signed: Vec<_> = runtime()?.block_on(signed.collect());
    let outcome = Outcome {
        json: as_json,
        line: as_line,
        complaint: |error| plumbline_flux::chain(error),
        exit_code,
    };
    Ok(outcome.tell(&images, &signed, sign.json))
}

fn as_line(image: &ImageName, signed: &Signed) -> String {
    let name = image.with_digest(signed.digest.clone());
    let what = if signed.already {
        "was signed before"
    } else {
        "signed"
    };
    match signed.children.len() {
        0 => format!("{name}  {what}\n"),
        children => format!("{name}  {what}; children: {children}\n"),
    }
}

fn as_json(image: &ImageName, result: &Result<Signed, ImageError>) -> Value {
    match result {
        Ok(signed) => json!({
            "image": image.with_digest(signed.digest.clone()).to_string(),
            "digest": signed.digest.to_string(),
            "already": signed.already,
            "signatures": signed.signatures,
            "children": signed.children.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Err(error) => json!({"image": image.to_string(), "error": plumbline_flux::chain(error)}),
    }
}
