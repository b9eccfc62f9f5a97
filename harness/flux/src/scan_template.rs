//! The template by which the platform's pipeline scans: of its language only what such a template needs.
//!
//! A scan of plumbline's runs the very commands that the platform's pipeline would. They are plain command lines of
//! trivy, in steps that may depend on the mode; whatever else a template may hold is refused rather than guessed at.

use plumbline_images::scan::ScanMode;
use serde_json::Value;

/// What a template stands for in place of `${{ parameters.… }}`.
const PARAMETERS: [&str; 3] = ["image", "registry", "mode"];

/// What a shell would not leave as it is.
const SHELL: &[char] = &[
    '|', '&', ';', '<', '>', '$', '`', '"', '\'', '\\', '*', '?', '(', ')', '#', '~',
];

/// The template `ci-cd-templates/scan-image.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanTemplate {
    /// Each script, and the mode that it belongs to; one without a mode belongs to every one.
    scripts: Vec<(Option<ScanMode>, String)>,
}

/// What is wrong with a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is not YAML.
    #[error("ci-cd-templates/scan-image.yaml is not YAML")]
    Unreadable(#[source] Box<serde_saphyr::Error>),
    /// It has something that is not understood.
    #[error("ci-cd-templates/scan-image.yaml: {what}")]
    Unknown {
        /// What, and what there should be.
        what: String,
    },
}

impl ScanTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// It is no template of steps that are scripts, or its steps depend on something else than the mode.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template: Value =
            serde_saphyr::from_str(text).map_err(|error| TemplateError::Unreadable(Box::new(error)))?;
        let mut scripts = Vec::new();
        collect(&template["steps"], None, &mut scripts)?;
        Ok(Self { scripts })
    }

    /// The arguments of each call of trivy with which `image` is scanned, in the order of the calls. The registry is the
    /// one that the vulnerability database comes from.
    ///
    /// # Errors
    /// The template has no script for the mode, or one that is not a plain call of trivy.
    pub fn passes(
        &self,
        mode: ScanMode,
        image: &str,
        registry: &str,
    ) -> Result<Vec<Vec<String>>, TemplateError> {
        let scripts = self
            .scripts
            .iter()
            .filter(|(of, _)| of.is_none_or(|of| of == mode));
        let passes = scripts
            .map(|(_, script)| call(script, [image, registry, mode.word()]))
            .collect::<Result<Vec<_>, _>>()?;
        if passes.is_empty() {
            return Err(unknown(format!("there is no script for the mode `{mode}`")));
        }
        Ok(passes)
    }
}

fn collect(
    steps: &Value,
    mode: Option<ScanMode>,
    scripts: &mut Vec<(Option<ScanMode>, String)>,
) -> Result<(), TemplateError> {
    let steps = steps
        .as_array()
        .ok_or_else(|| unknown("`steps` is not a list".to_owned()))?;
    for step in steps {
        let step = step
            .as_object()
            .ok_or_else(|| unknown(format!("a step is not a mapping: {step}")))?;
        if let Some(script) = step.get("script").and_then(Value::as_str) {
            scripts.push((mode, script.to_owned()));
            continue;
        }
        for (condition, inner) in step {
            let condition = condition_on_mode(condition)
                .filter(|_| mode.is_none())
                .ok_or_else(|| {
                    unknown(format!(
                        "`{condition}` is neither a script nor a condition on the mode, as in \
                         `${{{{ if eq(parameters.mode, 'audit') }}}}`"
                    ))
                })?;
            collect(inner, Some(condition), scripts)?;
        }
    }
    Ok(())
}

/// The mode of `${{ if eq(parameters.mode, 'audit') }}`.
fn condition_on_mode(text: &str) -> Option<ScanMode> {
    let inner = text.strip_prefix("${{")?.strip_suffix("}}")?.trim();
    let call = inner
        .strip_prefix("if")?
        .trim_start()
        .strip_prefix("eq(")?
        .strip_suffix(')')?;
    let (parameter, mode) = call.split_once(',')?;
    if parameter.trim() != "parameters.mode" {
        return None;
    }
    let mode = mode.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    mode.parse().ok()
}

/// The arguments of a script that is one call of trivy.
fn call(script: &str, values: [&str; 3]) -> Result<Vec<String>, TemplateError> {
    let filled = fill(script, values)?;
    let mut words = filled.split_whitespace().map(str::to_owned);
    if filled.contains(SHELL) || words.next().as_deref() != Some("trivy") {
        return Err(unknown(format!(
            "`{}` is not a plain call of trivy",
            script.trim()
        )));
    }
    Ok(words.collect())
}

/// `text` with its parameters filled in, and its lines joined where they say that they go on.
fn fill(text: &str, values: [&str; 3]) -> Result<String, TemplateError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        filled.push_str(before);
        let (inside, after) = after
            .split_once("}}")
            .ok_or_else(|| unknown(format!("`${{{{` has no end in `{}`", text.trim())))?;
        let known = PARAMETERS.iter().zip(values);
        let name = inside.trim().strip_prefix("parameters.");
        let (_, value) = known
            .into_iter()
            .find(|(parameter, _)| name == Some(parameter))
            .ok_or_else(|| {
                let known = PARAMETERS.join("`, `");
                unknown(format!(
                    "there is no parameter `{}`; there are `{known}`",
                    inside.trim()
                ))
            })?;
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled.replace("\\\n", " "))
}

fn unknown(what: String) -> TemplateError {
    TemplateError::Unknown { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_images::scan::passes;

    fn platform() -> ScanTemplate {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/repos/k8s-gitops/ci-cd-templates/scan-image.yaml"
        );
        ScanTemplate::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_platform_scans_as_plumbline_itself_does() {
        for mode in [ScanMode::Audit, ScanMode::Enforce] {
            let written = platform().passes(mode, "ghcr.io/a/b:1", "r.test").unwrap();
            let ours = passes(mode, "ghcr.io/a/b:1", "r.test/trivy/trivy-db:2");
            assert_eq!(written, ours, "{mode}");
        }
    }

    fn refusal(steps: &str) -> String {
        let passes = ScanTemplate::parse(&format!("steps:\n{steps}"))
            .and_then(|template| template.passes(ScanMode::Audit, "i", "r"));
        passes.unwrap_err().to_string()
    }

    #[test]
    fn a_script_without_a_condition_belongs_to_both_modes() {
        let template =
            ScanTemplate::parse("steps: [{script: \"trivy image \\\\\\n  ${{parameters.image}}\"}]").unwrap();
        for mode in [ScanMode::Audit, ScanMode::Enforce] {
            assert_eq!(template.passes(mode, "i", "r").unwrap(), [["image", "i"]]);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_skipped() {
        for (steps, words) in [
            ("  - script: trivy image | tee log", "not a plain call of trivy"),
            ("  - script: grype image", "not a plain call of trivy"),
            (
                "  - script: trivy ${{ parameters.vault }}",
                "no parameter `parameters.vault`",
            ),
            ("  - script: trivy ${{ parameters.image", "has no end"),
            ("  - task: Trivy@1", "neither a script nor a condition"),
            (
                "  - ${{ if eq(parameters.branch, 'audit') }}: []",
                "neither a script",
            ),
            (
                "  - ${{ if eq(parameters.mode, 'enforce') }}: []",
                "no script for the mode `audit`",
            ),
            ("  - word", "not a mapping"),
            ("  script: trivy", "not a list"),
        ] {
            let refusal = refusal(steps);
            assert!(refusal.contains(words), "{steps}: {refusal}");
        }
        assert!(ScanTemplate::parse("steps: [").is_err());
    }

    #[test]
    fn a_parameter_cannot_bring_a_shell_along() {
        let scanned = platform().passes(ScanMode::Audit, "ghcr.io/a/b:1;reboot", "r.test");
        assert!(scanned.is_err());
    }
}
