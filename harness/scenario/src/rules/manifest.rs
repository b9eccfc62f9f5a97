//! Rules for what a step applies: each manifest says which object it is.

use super::Findings;
use crate::{
    Diagnostic, ScenarioStep,
    steps::{Apply, Manifests, missing_field},
};

pub(super) fn check(apply: &Apply, step: &ScenarioStep, findings: &mut Findings<'_>) {
    let help = "a manifest has `apiVersion`, `kind` and `metadata.name`";
    match &apply.manifests {
        Manifests::Here(manifest) => {
            if let Some(field) = missing_field(&manifest.value) {
                findings.note(manifest.span, format!("the manifest has no `{field}`"), help);
            }
        }
        Manifests::File { path, objects } => {
            let Some(file) = &step.objects else { return };
            if objects.is_empty() {
                findings.note(path.span, format!("there is no object in `{path}`"), help);
            }
            for (node, object) in file.objects.iter().zip(objects) {
                if let Some(field) = missing_field(object) {
                    let diagnostic =
                        Diagnostic::new(&file.source, node.span, format!("the manifest has no `{field}`"))
                            .with_related(findings.source, path.span, "it is applied here")
                            .with_help(help);
                    findings.diagnostics.push(diagnostic);
                }
            }
        }
    }
}
