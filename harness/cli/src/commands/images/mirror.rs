//! `plumbline images mirror`.

use super::{
    access::{check_registry, exit_code, named, words},
    arguments::Mirror,
    outcome::Outcome,
};
use crate::{
    arguments::Places,
    commands::{CommandError, run::runtime},
    display::Display,
};
use plumbline_images::{ImageError, ImageName, Mirrored, mirror_all};
use plumbline_model::ExitCode;
use serde_json::{Value, json};
use std::{io::Read as _, path::Path};

/// Mirrors, and says image by image what was done.
pub(super) fn mirror(places: &Places, mirror: &Mirror) -> Result<ExitCode, CommandError> {
    check_registry("--to", &mirror.to)?;
    let images = images(mirror)?;
    let endpoints = mirror.registries.endpoints()?;
    let display = Display::new(places.progress);
    let mirrored = runtime()?.block_on(mirror_all(
        &images,
        &mirror.to,
        &endpoints,
        mirror.registries.jobs.into(),
        &display.progress(),
    ));
    display.finish();
    let outcome = Outcome {
        json: as_json,
        line: as_line,
        complaint: words,
        exit_code,
    };
    Ok(outcome.tell(&images, &mirrored, mirror.json))
}

/// All images that are named, each once, in the order of their names on the command line and in the file.
fn images(mirror: &Mirror) -> Result<Vec<ImageName>, CommandError> {
    let mut images: Vec<ImageName> = Vec::new();
    let listed = mirror
        .from_file
        .as_deref()
        .map(read_list)
        .transpose()?
        .unwrap_or_default();
    let lines = listed.lines().map(listed_name).filter(|line| !line.is_empty());
    for text in mirror.images.iter().map(String::as_str).chain(lines) {
        let image = named(text)?;
        if !images.contains(&image) {
            images.push(image);
        }
    }
    if images.is_empty() {
        return Err(CommandError::Usage(
            "no image is named: the file lists none".to_owned(),
        ));
    }
    Ok(images)
}

/// The name in a line, which may be an item of a list in YAML, as `plumbline images list` and pipelines write them.
fn listed_name(line: &str) -> &str {
    let line = line.split_once(" #").map_or(line, |(line, _)| line).trim();
    let line = line.strip_prefix("- ").unwrap_or(line).trim();
    if line.starts_with('#') {
        ""
    } else {
        line.trim_matches(['"', '\''])
    }
}

fn read_list(path: &Path) -> Result<String, CommandError> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| CommandError::Usage(format!("cannot read {}: {error}", path.display())))
}

fn pinned(mirrored: &Mirrored) -> String {
    mirrored.target.with_digest(mirrored.digest.clone()).to_string()
}

fn as_line(_: &ImageName, mirrored: &Mirrored) -> String {
    format!(
        "{}  manifests: {}; blobs: {} sent ({} bytes), {} mounted, {} present\n",
        pinned(mirrored),
        mirrored.manifests,
        mirrored.blobs_copied,
        mirrored.bytes,
        mirrored.blobs_mounted,
        mirrored.blobs_present,
    )
}

fn as_json(image: &ImageName, result: &Result<Mirrored, ImageError>) -> Value {
    match result {
        Ok(mirrored) => json!({
            "source": image.to_string(),
            "target": pinned(mirrored),
            "digest": mirrored.digest.to_string(),
            "manifests": mirrored.manifests,
            "blobs": {"sent": mirrored.blobs_copied, "mounted": mirrored.blobs_mounted, "present": mirrored.blobs_present},
            "bytes": mirrored.bytes,
        }),
        Err(error) => json!({"source": image.to_string(), "error": words(error)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_plain_or_yaml() {
        for (line, name) in [
            ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
            ("  - ghcr.io/a/b:1  # controller", "ghcr.io/a/b:1"),
            ("- 'ghcr.io/a/b:1'", "ghcr.io/a/b:1"),
            ("- \"ghcr.io/a/b:1\"", "ghcr.io/a/b:1"),
            ("# nothing", ""),
            ("  # nothing", ""),
            ("", ""),
        ] {
            assert_eq!(listed_name(line), name, "{line}");
        }
    }
}
