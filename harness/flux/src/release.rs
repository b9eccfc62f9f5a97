//! Another release of Flux than the fixtures name: what Git then holds.

use crate::instance::version_of;
use serde_json::Value;

/// A release of Flux, and what of it there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its version: `2.9.0`.
    pub version: String,
    /// Its components. Those that a FluxInstance names besides are left out.
    pub components: Vec<String>,
}

impl Release {
    /// The manifest of a FluxInstance with this release in it, everything else as it was written, comments too. `None` if it is not
    /// written as such manifests are: a mapping in block style, `spec.components` a list of a line each.
    pub(crate) fn written_into(&self, manifest: &str) -> Option<String> {
        let mut lines = Vec::new();
        let mut block = "";
        for line in manifest.lines() {
            let content = line.trim();
            let item = content.strip_prefix("- ");
            if block == "distribution:" && content.starts_with("version:") {
                let indentation = &line[..line.len() - line.trim_start().len()];
                lines.push(format!("{indentation}version: \"{}\"", self.version));
                continue;
            }
            if block == "components:"
                && item.is_some_and(|name| !self.components.iter().any(|own| own == name))
            {
                continue;
            }
            // The fields of `spec` begin blocks; what is indented deeper is in one.
            if line.starts_with("  ") && !line[2..].starts_with([' ', '#', '-']) {
                block = content;
            }
            lines.push(line.to_owned());
        }
        let written = lines.join("\n") + "\n";
        self.is_in(&written).then_some(written)
    }

    fn is_in(&self, manifest: &str) -> bool {
        serde_saphyr::from_str::<Value>(manifest).is_ok_and(|manifest| {
            version_of(&manifest) == self.version
                && components_of(&manifest)
                    .iter()
                    .all(|name| self.components.contains(name))
        })
    }
}

/// The components that a FluxInstance names.
pub(crate) fn components_of(manifest: &Value) -> Vec<String> {
    let components = manifest.pointer("/spec/components").and_then(Value::as_array);
    let names = components.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
# What Flux is.
kind: FluxInstance
spec:
  distribution:
    version: \"2.9.2\" # pinned
    registry: r
  components:
    - source-controller
    # For webhooks.
    - notification-controller
  kustomize:
    version: other
";

    fn release() -> Release {
        Release {
            version: "2.9.0".into(),
            components: vec!["source-controller".into(), "helm-controller".into()],
        }
    }

    #[test]
    fn only_the_version_and_the_missing_components_change() {
        assert_eq!(
            release().written_into(MANIFEST).unwrap(),
            MANIFEST
                .replace("\"2.9.2\" # pinned", "\"2.9.0\"")
                .replace("    - notification-controller\n", "")
        );
    }

    #[test]
    fn what_is_written_in_another_way_is_not_guessed_at() {
        let flow = "spec: {distribution: {version: \"2.9.2\"}, components: [source-controller]}\n";
        assert_eq!(release().written_into(flow), None);
        let quoted = MANIFEST.replace("- notification-controller", "- \"notification-controller\"");
        assert!(release().written_into(&quoted).is_some());
        let flow_list = MANIFEST.replace("  kustomize:\n    version: other\n", "  cluster: {}\n");
        assert!(release().written_into(&flow_list).is_some());
        assert_eq!(release().written_into(""), None);
    }

    #[test]
    fn the_manifests_of_the_fixtures_can_be_written() {
        for environment in crate::names::ENVIRONMENTS {
            let path = format!(
                "{}/../../fixtures/repos/k8s-gitops/clusters/{environment}/flux-instance.yaml",
                env!("CARGO_MANIFEST_DIR")
            );
            let text = std::fs::read_to_string(path).unwrap();
            let written = release().written_into(&text).unwrap();
            let manifest = serde_saphyr::from_str(&written).unwrap();
            assert_eq!(components_of(&manifest), release().components);
        }
    }
}
