//! The template by which the platform's pipeline scans, as the calls of trivy that it comes to.
//!
//! A scan of plumbline's runs the very commands that the platform's pipeline would, without a shell: they have to be plain
//! calls, and whatever a shell would make something else of is refused rather than guessed at.

use crate::{VerbError, pipeline::scripts};
use plumbline_images::scan::ScanMode;
use serde_json::json;
use std::path::Path;

/// Where it is in `k8s-gitops`.
const TEMPLATE: &str = "ci-cd-templates/scan-image.yaml";

/// What a shell would not leave as it is.
const SHELL: &[char] = &[
    '|', '&', ';', '<', '>', '$', '`', '"', '\'', '\\', '*', '?', '(', ')', '#', '~',
];

/// The arguments of each call of trivy with which `image` is scanned, in the order of the calls. `root` is `k8s-gitops`,
/// `registry` the one that the vulnerability database comes from.
pub(crate) fn passes(
    root: &Path,
    mode: ScanMode,
    image: &str,
    registry: &str,
) -> Result<Vec<Vec<String>>, VerbError> {
    let parameters = json!({"image": image, "registry": registry, "mode": mode.word()});
    let scripts = scripts(root, TEMPLATE, &parameters)?;
    if scripts.is_empty() {
        return Err(VerbError::unmet(format!(
            "{TEMPLATE} has no script for the mode `{mode}`"
        )));
    }
    let calls = scripts.iter().map(|script| {
        call(script).ok_or_else(|| {
            VerbError::unmet(format!(
                "{TEMPLATE}: `{}` is not a plain call of trivy",
                script.trim()
            ))
        })
    });
    calls.collect()
}

/// The arguments of a script that is one call of trivy; its lines are joined where they say that they go on.
fn call(script: &str) -> Option<Vec<String>> {
    let line = script.trim().replace("\\\n", " ");
    let mut words = line.split_whitespace().map(str::to_owned);
    let is_plain = !line.contains(SHELL) && !line.contains('\n') && words.next().as_deref() == Some("trivy");
    is_plain.then(|| words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::Outcome;
    use std::fs;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/repos/k8s-gitops");

    #[test]
    fn the_platform_scans_as_plumbline_itself_does() {
        for mode in [ScanMode::Audit, ScanMode::Enforce] {
            let written = passes(Path::new(FIXTURES), mode, "ghcr.io/a/b:1", "r.test").unwrap();
            let ours = plumbline_images::scan::passes(mode, "ghcr.io/a/b:1", "r.test/trivy/trivy-db:2");
            assert_eq!(written, ours, "{mode}");
        }
    }

    #[test]
    fn a_parameter_cannot_bring_a_shell_along() {
        let scan = |image| passes(Path::new(FIXTURES), ScanMode::Audit, image, "r.test");
        assert!(scan("ghcr.io/a/b:1").is_ok());
        assert!(scan("ghcr.io/a/b:1;reboot").is_err());
        assert!(scan("ghcr.io/a/b:1\nreboot").is_err());
    }

    /// What comes of an audit by a template with these steps.
    fn audit(steps: &str) -> Result<Vec<Vec<String>>, String> {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(TEMPLATE);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let parameters = "parameters: [{name: image}, {name: registry}, {name: mode}]";
        fs::write(path, format!("{parameters}\nsteps:\n{steps}\n")).unwrap();
        passes(root.path(), ScanMode::Audit, "i", "r").map_err(|error| format!("{:?}", Outcome::from(error)))
    }

    #[test]
    fn a_call_may_go_over_several_lines() {
        let passes = audit("  - script: |\n      trivy image \\\n        ${{ parameters.image }}").unwrap();
        assert_eq!(passes, [["image", "i"]]);
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_skipped() {
        for (steps, words) in [
            ("  - script: trivy image | tee log", "not a plain call of trivy"),
            ("  - script: grype image", "not a plain call of trivy"),
            (
                "  - script: |\n      trivy image\n      true",
                "not a plain call of trivy",
            ),
            (
                "  - {script: trivy image, condition: always()}",
                "a condition or variables",
            ),
            (
                "  - {script: trivy image, env: {A: b}}",
                "a condition or variables",
            ),
            ("  - checkout: self", "a checkout"),
            ("  - task: Trivy@1", "not understood"),
            ("  - script: trivy ${{ parameters.vault }}", "vault"),
            (
                "  - ${{ if eq(parameters.mode, 'enforce') }}: []",
                "no script for the mode `audit`",
            ),
        ] {
            let refusal = audit(steps).unwrap_err();
            assert!(refusal.contains(words), "{steps}: {refusal}");
        }
    }
}
