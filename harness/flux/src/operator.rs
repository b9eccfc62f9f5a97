//! Installing a chart of `k8s-gitops` by the real Helm, as the pipeline does.

use crate::{
    FixtureError, Patience, Platform, VerbError,
    definitions::{definitions_of, namespace_of},
    names::{FLUX_NAMESPACE, GITOPS_REPOSITORY, KYVERNO_NAMESPACE, branch_of},
    programs::last_lines,
};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

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
        self.add_definitions(chart, &checkout)?;
        if namespace_of(chart) == KYVERNO_NAMESPACE {
            self.prepare_admission().await?;
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
            namespace_of(chart),
            "--create-namespace",
            "--values",
            &values,
            "--wait",
            "--timeout",
            &format!("{}s", timeout.as_secs().max(1)),
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
        revision(&finished.stdout.text()).ok_or_else(|| {
            VerbError::unmet(format!(
                "helm installed {chart} and named no revision: {}",
                last_lines(&finished.stdout.text())
            ))
        })
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

    /// Lays the definitions of a chart, which Git does not hold, among its templates.
    pub(crate) fn add_definitions(&self, chart: &str, checkout: &Path) -> Result<(), VerbError> {
        for (name, template) in definitions_of(chart, self.programs())? {
            let file = checkout.join(chart).join("templates/definitions").join(name);
            write_below(&file, template.as_bytes())
                .map_err(|source| VerbError::environment(&FixtureError::Unreadable { path: file, source }))?;
        }
        Ok(())
    }

    /// Makes the namespace of the Flux layer with the logins that it names: the platform team's part before any
    /// pipeline runs.
    pub(crate) async fn bootstrap(&self) -> Result<(), VerbError> {
        use crate::names::GIT_SECRET;
        let credentials = &self.services().credentials;
        self.prepare_namespace(FLUX_NAMESPACE).await?;
        let git = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": GIT_SECRET, "namespace": FLUX_NAMESPACE},
            "stringData": {
                "username": credentials.user,
                "password": credentials.password.reveal(),
                "ca.crt": self.services().authority.pem(),
            },
        });
        self.kubernetes().apply(&git).await?;
        Ok(())
    }

    /// Makes a namespace with the login of the private registry.
    pub(crate) async fn prepare_namespace(&self, namespace: &str) -> Result<(), VerbError> {
        use crate::names::{PRIVATE_REGISTRY, REGISTRY_SECRET};
        let credentials = &self.services().credentials;
        tracing::debug!(namespace, "preparing a namespace of the platform");
        let login = json!({"auths": {PRIVATE_REGISTRY: {
            "username": credentials.user, "password": credentials.password.reveal(),
        }}});
        let manifests = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": {"name": REGISTRY_SECRET, "namespace": namespace},
                "stringData": {".dockerconfigjson": login.to_string()},
            }),
        ];
        for manifest in manifests {
            self.kubernetes().apply(&manifest).await?;
        }
        Ok(())
    }
}

/// The revision of the release in what Helm prints about it.
fn revision(printed: &str) -> Option<u64> {
    let mut lines = printed.lines();
    lines.find_map(|line| line.strip_prefix("REVISION: ")?.trim().parse().ok())
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
    fn the_revision_is_in_what_helm_prints() {
        let printed = "Release \"a\" has been upgraded. Happy Helming!\nNAME: a\nSTATUS: deployed\nREVISION: 2\nTEST SUITE: None\n";
        assert_eq!(revision(printed), Some(2));
        assert_eq!(revision("NAME: a\n"), None);
    }
}
