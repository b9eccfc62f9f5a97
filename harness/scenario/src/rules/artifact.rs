//! Rules for what is built and what is upgraded: names of images, paths in them, versions.

use super::{Findings, git};
use crate::{
    Located, Scenario, ScenarioStep, Span,
    document::Node,
    name::{WORD, is_word},
    steps::{Build, BuiltArtifact, Upgrade, Verify},
    template,
};

/// What a key in a key vault begins with.
const KEY_VAULT: &str = "azurekms://";

pub(super) fn check_build(build: &Build, step: &ScenarioStep, findings: &mut Findings<'_>) {
    if !is_tagged_name(&template::plain(&build.name)) {
        findings.note(
            build.name.span,
            format!("`{}` is not the name of an image with a tag", build.name),
            "write `ghcr.io/example/app:1.0` for upstream, or `${registry}/example/app:1.0` for the private registry",
        );
    }
    match &build.artifact {
        BuiltArtifact::Image { files } => {
            if files.is_empty() {
                findings.note(
                    step.span,
                    "an image of nothing",
                    "give it `files`: contents by absolute path",
                );
            }
            for path in files.keys() {
                let inside = path.strip_prefix('/');
                if !inside.is_some_and(git::is_inside) {
                    let span = file_span(&step.node, path).unwrap_or(step.span);
                    let message = format!("`{path}` is not an absolute path in the image");
                    findings.note(
                        span,
                        message,
                        "write it as `/etc/app/settings.yaml`, without `..`",
                    );
                }
            }
        }
        BuiltArtifact::Chart { path, .. } => {
            if !git::is_inside(path) {
                let message = format!("`{path}` is not a path inside the repository");
                findings.note(
                    path.span,
                    message,
                    "write the chart's folder relative to the repository, without `..`",
                );
            }
        }
    }
}

/// A key that is named by a word, or one in a key vault.
pub(super) fn check_key(key: Option<&Located<String>>, findings: &mut Findings<'_>) {
    let Some(key) = key else { return };
    let is_key = match key.strip_prefix(KEY_VAULT) {
        Some(path) => {
            let parts = path.split('/').collect::<Vec<_>>();
            matches!(parts.len(), 2 | 3) && parts.iter().all(|part| !part.is_empty())
        }
        None => is_word(key),
    };
    if !is_key && !template::has_placeholder(key) {
        findings.note(
            key.span,
            format!("`{key}` is not the name of a key"),
            format!("a key is named by {WORD}; one in a key vault is `{KEY_VAULT}vault/key`, with its version or without"),
        );
    }
}

/// One key, or those that an environment trusts.
pub(super) fn check_verify(verify: &Verify, findings: &mut Findings<'_>) {
    check_key(verify.key.as_ref(), findings);
    if let (Some(_), Some(environment)) = (&verify.key, &verify.environment) {
        findings.note(
            environment.span,
            "`environment` has no say beside `key`",
            "leave one of them out: `key` counts alone, `environment` counts all keys that it trusts",
        );
    }
}

/// Upgrading Flux concerns everyone who is on that cluster.
pub(super) fn check_upgrade(
    upgrade: &Upgrade,
    step: &ScenarioStep,
    scenario: &Scenario,
    findings: &mut Findings<'_>,
) {
    check_version(&upgrade.to, findings);
    if step.cluster.is_none() && !scenario.is_alone() {
        findings.note(
            step.span,
            "an upgrade of Flux would disturb other scenarios",
            "give the scenario `exclusive: true`, or a cluster of its own",
        );
    }
}

pub(super) fn check_version(version: &Located<String>, findings: &mut Findings<'_>) {
    if !is_version(version) && !template::has_placeholder(version) {
        findings.note(
            version.span,
            format!("`{version}` is not a version of Flux"),
            "write all three numbers, without `v`: `2.9.2`",
        );
    }
}

fn file_span(step: &Node, path: &str) -> Option<Span> {
    let fields = &step.entry("build")?.value;
    Some(fields.entry("files")?.value.entry(path)?.key_span)
}

/// `registry/path/name:tag`, as the distribution specification has it.
fn is_tagged_name(text: &str) -> bool {
    let Some((name, tag)) = text.rsplit_once(':') else {
        return false;
    };
    let Some((registry, path)) = name.split_once('/') else {
        return false;
    };
    let is_tag = (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let is_registry = !registry.is_empty()
        && registry
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
    };
    is_tag && is_registry && path.split('/').all(is_part)
}

/// Three numbers, and perhaps what comes before a release.
fn is_version(text: &str) -> bool {
    let (numbers, before) = match text.split_once('-') {
        Some((numbers, before)) => (numbers, Some(before)),
        None => (text, None),
    };
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && before.is_none_or(|before| {
            !before.is_empty()
                && before
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_have_a_registry_and_a_tag() {
        for name in [
            "ghcr.io/example/app:1",
            "x/example/app:v1.2_3",
            "localhost:5000/a:latest",
        ] {
            assert!(is_tagged_name(name), "{name}");
        }
        for name in [
            "app:1",
            "ghcr.io/example/app",
            "ghcr.io/Example/app:1",
            "ghcr.io/example/app:",
            "ghcr.io/example/app:-1",
            "ghcr.io//app:1",
            "ghcr.io/example/app:1@sha256:abc",
            "",
        ] {
            assert!(!is_tagged_name(name), "{name}");
        }
    }

    #[test]
    fn versions_have_three_numbers() {
        for version in ["2.9.2", "2.10.0", "3.0.0-rc.1"] {
            assert!(is_version(version), "{version}");
        }
        for version in ["", "v2.9.2", "2.9", "2.x", "2.9.02", "2.9.2-", "2..2"] {
            assert!(!is_version(version), "{version}");
        }
    }
}
