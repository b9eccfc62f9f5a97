//! `plumbline images sign`.

use super::{
    access::exit_code,
    arguments::{Format, Sign},
    keys::signer,
};
use crate::{
    commands::{CommandError, run::runtime},
    outputs,
};
use futures::{StreamExt as _, stream};
use plumbline_images::{
    ImageError, ImageName, SignOptions, SignatureFormat,
    sign::{self as signing, Signed},
};
use plumbline_model::ExitCode;
use serde_json::{Value, json};

/// Signs, and says image by image which digest that was.
pub(super) fn sign(sign: &Sign) -> Result<ExitCode, CommandError> {
    let images = named(&sign.images)?;
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
    if sign.json {
        let all = images
            .iter()
            .zip(&signed)
            .map(|(image, result)| as_json(image, result));
        outputs::print(&format!("{:#}\n", all.collect::<Value>()));
    }
    let mut code = ExitCode::Passed;
    for (image, result) in images.iter().zip(&signed) {
        match result {
            Ok(signed) if !sign.json => outputs::print(&as_line(image, signed)),
            Ok(_) => {}
            Err(error) => {
                outputs::complain(&plumbline_flux::chain(error));
                code = code.and(exit_code(error));
            }
        }
    }
    Ok(code)
}

/// The images that were named.
pub(super) fn named(images: &[String]) -> Result<Vec<ImageName>, CommandError> {
    let parse = |text: &String| {
        text.parse()
            .map_err(|error| CommandError::Image(ImageError::Name(error)))
    };
    images.iter().map(parse).collect()
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
