//! Installing a chart of `k8s-gitops` by the real Helm, as the pipeline does.

use crate::{
    FixtureError, Patience, Platform, VerbError,
    names::{FLUX_NAMESPACE, GITOPS_REPOSITORY, OPERATOR_CHART, branch_of},
    programs::last_lines,
};
use plumbline_cluster::kubernetes::KindReference;
use plumbline_model::FaultClass;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the operator's module keeps its CustomResourceDefinitions, below its assets.
const DEFINITIONS: &str = "config/crd/bases";

impl Platform {
    /// `helm upgrade --install` of a chart with the values of an environment; gives the revision of the release.
    ///
    /// # Errors
    /// There is no such chart or values file, or Helm fails: then with what it printed.
    pub async fn install(
        &self,
        chart: &str,
        environment: &str,
        patience: Patience<'_>,
    ) -> Result<u64, VerbError> {
        let branch = branch_of(GITOPS_REPOSITORY, environment);
        let checkout = self.check_out(GITOPS_REPOSITORY, branch, "").await?;
        if chart == OPERATOR_CHART {
            self.add_definitions(&checkout.join(chart))?;
        }
        let values = format!("clusters/{environment}/{chart}-values.yaml");
        patience.saw(&format!("helm to install {chart}"), "started");
        let timeout = patience
            .deadline
            .saturating_duration_since(tokio::time::Instant::now());
        let arguments = [
            "upgrade",
            "--install",
            chart,
            &format!("./{chart}"),
            "--namespace",
            FLUX_NAMESPACE,
            "--create-namespace",
            "--values",
            &values,
            "--wait",
            "--timeout",
            &format!("{}s", timeout.as_secs().max(1)),
            "--output",
            "json",
        ];
        let finished = self
            .execute_in("helm", &arguments.map(str::to_owned), &checkout)
            .await?;
        // The checkout has done its part; it goes with the run's directory at the latest.
        let _ = fs::remove_dir_all(&checkout);
        if !finished.status.success() {
            return Err(VerbError::mismatch(
                format!("helm could not install {chart}"),
                "exit code 0",
                format!("{}: {}", finished.status, last_lines(&finished.stderr.text())),
            ));
        }
        let release: Value = serde_json::from_str(&finished.stdout.text())
            .map_err(|error| VerbError::unmet(format!("helm's output is not JSON: {error}")))?;
        Ok(release["version"].as_u64().unwrap_or_default())
    }

    /// What a branch has below `prefix`, as a folder of its own.
    pub(crate) async fn check_out(
        &self,
        repository: &str,
        branch: &str,
        prefix: &str,
    ) -> Result<PathBuf, VerbError> {
        let repository = self.forge().repository(repository)?;
        let files = repository.files(branch, prefix).await?;
        if files.is_empty() {
            let message = format!("{} has no file below `{prefix}` on {branch}", repository.name());
            return Err(VerbError::unmet(message));
        }
        let folder = self.scratch().map_err(|error| VerbError::environment(&error))?;
        for path in files {
            let content = repository.read(branch, &path).await?;
            let file = folder.join(&path);
            write_below(&file, &content)
                .map_err(|source| VerbError::environment(&FixtureError::Unreadable { path: file, source }))?;
        }
        Ok(folder)
    }

    /// The operator's definitions come from its own module at run time; they are not part of the repository. They go
    /// among the templates, as in the official chart: Helm waits for a `crds` folder by looking every two seconds.
    fn add_definitions(&self, chart: &Path) -> Result<(), VerbError> {
        let Some(assets) = self.programs().assets(OPERATOR_CHART) else {
            return Ok(());
        };
        let definitions = assets.join(DEFINITIONS);
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| VerbError::environment(&FixtureError::Unreadable { path, source })
        };
        for entry in fs::read_dir(&definitions).map_err(unreadable(&definitions))? {
            let source = entry.map_err(unreadable(&definitions))?.path();
            let Some(name) = source
                .file_name()
                .filter(|_| source.extension().is_some_and(|is| is == "yaml"))
            else {
                continue;
            };
            let text = fs::read_to_string(&source).map_err(unreadable(&source))?;
            let template = definition_template(&text).map_err(|why| {
                VerbError::fault(FaultClass::Environment, format!("{}: {why}", source.display()))
            })?;
            write_below(
                &chart.join("templates/definitions").join(name),
                template.as_bytes(),
            )
            .map_err(unreadable(&source))?;
        }
        Ok(())
    }

    /// Makes the namespace of the Flux layer with the logins that it names: the platform team's part before any
    /// pipeline runs.
    pub(crate) async fn bootstrap(&self) -> Result<(), VerbError> {
        use crate::names::{GIT_SECRET, PRIVATE_REGISTRY, REGISTRY_SECRET};
        let credentials = &self.services().credentials;
        let kubernetes = self.kubernetes();
        let kind = KindReference::new("", "v1", "Namespace");
        tracing::debug!(
            namespace = FLUX_NAMESPACE,
            "bootstrapping {}",
            kind.cluster_wide(FLUX_NAMESPACE)
        );
        kubernetes
            .apply(&json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FLUX_NAMESPACE},
            }))
            .await?;
        let secret = |name: &str, kind: &str, data: Value| {
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": kind,
                "metadata": {"name": name, "namespace": FLUX_NAMESPACE}, "stringData": data,
            })
        };
        let git = json!({
            "username": credentials.user,
            "password": credentials.password.reveal(),
            "ca.crt": self.services().authority.pem(),
        });
        kubernetes.apply(&secret(GIT_SECRET, "Opaque", git)).await?;
        let login = json!({"auths": {PRIVATE_REGISTRY: {
            "username": credentials.user, "password": credentials.password.reveal(),
        }}});
        let docker = json!({".dockerconfigjson": login.to_string()});
        kubernetes
            .apply(&secret(REGISTRY_SECRET, "kubernetes.io/dockerconfigjson", docker))
            .await?;
        let trusted = json!({"dev.pub": self.supply().public_key()});
        kubernetes
            .apply(&secret("trusted-keys", "Opaque", trusted))
            .await?;
        Ok(())
    }
}

/// A definition as a template of a chart. It outlives the release: without it, its objects would go as well.
fn definition_template(text: &str) -> Result<String, String> {
    let mut definition: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let metadata = definition
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .ok_or("it has no metadata")?;
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    let annotations = annotations
        .as_object_mut()
        .ok_or("its annotations are not a mapping")?;
    annotations.insert("helm.sh/resource-policy".to_owned(), json!("keep"));
    // JSON is YAML, and two braces that open one after the other, which a template would obey, are never JSON.
    Ok(definition.to_string())
}

fn write_below(file: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_becomes_a_template_that_outlives_the_release() {
        let text = "metadata:\n  name: a\nspec:\n  pattern: '^[{]{2}$'\n";
        let template = definition_template(text).unwrap();
        assert!(!template.contains("{{"), "{template}");
        let definition: Value = serde_json::from_str(&template).unwrap();
        assert_eq!(
            definition["metadata"]["annotations"]["helm.sh/resource-policy"],
            "keep"
        );
        assert_eq!(definition["spec"]["pattern"], "^[{]{2}$");
        assert_eq!(definition_template("spec: {}").unwrap_err(), "it has no metadata");
    }
}
