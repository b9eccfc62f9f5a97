//! Undoing in Git what an on-boarding did there.

use crate::{
    Platform, VerbError,
    names::{GITOPS_REPOSITORY, branch_of},
    onboard::registration_path,
};
use plumbline_servers::{Changes, ServerError, TreeEntry};
use std::collections::BTreeSet;

impl Platform {
    /// Removes the registration of a system, if it is there, and waits for nothing: for a cluster that is about to end.
    ///
    /// # Errors
    /// Git does not do its part.
    pub async fn withdraw(&self, name: &str, environment: &str) -> Result<(), VerbError> {
        let branch = branch_of(GITOPS_REPOSITORY, environment);
        let path = registration_path(environment, name);
        let registrations = self.forge().repository(GITOPS_REPOSITORY)?;
        match registrations.read(branch, &path).await {
            Ok(_) => {}
            Err(ServerError::Missing { what: "file", .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let changes = Changes {
            write: Vec::new(),
            remove: vec![path],
        };
        self.forge()
            .commit(GITOPS_REPOSITORY, branch, changes, &format!("withdraw {name}"))
            .await?;
        Ok(())
    }

    /// Gives the repository of a system the content that it had when it was made, on the branch of `environment`.
    ///
    /// # Errors
    /// Git does not do its part.
    pub async fn restore_repository(
        &self,
        system: &str,
        name: &str,
        environment: &str,
    ) -> Result<(), VerbError> {
        let repository_name = format!("k8s-{name}");
        let branch = branch_of(&repository_name, environment);
        let tree = self.fixtures().system_repository(system, name)?;
        let repository = self.forge().repository(&repository_name)?;
        let there: BTreeSet<String> = repository.files(branch, "").await?.into_iter().collect();
        let mut changes = Changes {
            write: Vec::new(),
            remove: there
                .iter()
                .filter(|path| !tree.contains_key(*path))
                .cloned()
                .collect(),
        };
        for (path, file) in &tree {
            if !there.contains(path) || repository.read(branch, path).await? != file.content {
                changes.write.push(TreeEntry {
                    path: path.clone(),
                    content: file.content.clone(),
                    executable: file.executable,
                });
            }
        }
        if !changes.write.is_empty() || !changes.remove.is_empty() {
            self.forge()
                .commit(&repository_name, branch, changes, "as it was in the beginning")
                .await?;
        }
        Ok(())
    }
}
