//! The repositories of a run on the Git server, and what was pushed to them in which order.

use crate::{
    Tree, VerbError,
    names::{ENVIRONMENTS, GIT_SERVER, branch_of},
};
use plumbline_servers::{Changes, GitServer, Repository, Revision, TreeEntry};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;

/// A branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BranchName {
    /// For example `k8s-gitops`.
    pub repository: String,
    /// For example `dev`.
    pub branch: String,
}

/// Every push of a run goes through here, so the order of revisions is known without asking Git.
pub struct Forge {
    pushed: Mutex<HashMap<BranchName, Vec<Revision>>>,
    repositories: Mutex<HashMap<String, Arc<OnceCell<Repository>>>>,
}

impl Forge {
    /// Knows of no repository yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pushed: Mutex::default(),
            repositories: Mutex::default(),
        }
    }

    /// Creates a repository with the same tree on the branch of every environment. One that is there stays as it is:
    /// a system that comes on board in its next environment has its repository already.
    ///
    /// # Errors
    /// Git does not do its part.
    pub async fn create(&self, server: &GitServer, name: &str, tree: &Tree) -> Result<(), VerbError> {
        let repository = lock(&self.repositories)
            .entry(name.to_owned())
            .or_default()
            .clone();
        repository
            .get_or_try_init(|| self.create_new(server, name, tree))
            .await?;
        Ok(())
    }

    async fn create_new(&self, server: &GitServer, name: &str, tree: &Tree) -> Result<Repository, VerbError> {
        let repository = server.repository(name)?;
        let entries: Vec<TreeEntry> = tree
            .iter()
            .map(|(path, file)| TreeEntry {
                path: path.clone(),
                content: file.content.clone(),
                executable: file.executable,
            })
            .collect();
        let branches: BTreeMap<_, _> = ENVIRONMENTS
            .iter()
            .map(|environment| (branch_of(name, environment).to_owned(), entries.clone()))
            .collect();
        let heads = repository
            .create_from_tree(&branches, "the reference platform")
            .await?;
        for (branch, revision) in heads {
            self.record(name, &branch, revision);
        }
        Ok(repository)
    }

    /// Commits to a branch and gives the revision that is its head now.
    ///
    /// # Errors
    /// There is no such repository or branch, or Git does not do its part.
    pub async fn commit(
        &self,
        name: &str,
        branch: &str,
        changes: Changes,
        message: &str,
    ) -> Result<Revision, VerbError> {
        let revision = self.repository(name)?.commit(branch, &changes, message).await?;
        self.record(name, branch, revision.clone());
        Ok(revision)
    }

    /// Reverts the head of a branch.
    ///
    /// # Errors
    /// As for [`Forge::commit`].
    pub async fn revert(&self, name: &str, branch: &str) -> Result<Revision, VerbError> {
        let repository = self.repository(name)?;
        let head = repository.head(branch).await?;
        let revision = repository.revert(branch, &head).await?;
        self.record(name, branch, revision.clone());
        Ok(revision)
    }

    /// The repository, for reading.
    ///
    /// # Errors
    /// There is none of this name; it says which there are.
    pub fn repository(&self, name: &str) -> Result<Repository, VerbError> {
        let repositories = lock(&self.repositories);
        let created = repositories.get(name).and_then(|repository| repository.get());
        created.cloned().ok_or_else(|| {
            let mut known: Vec<_> = repositories
                .iter()
                .filter(|(_, repository)| repository.initialized())
                .map(|(name, _)| name.clone())
                .collect();
            known.sort();
            VerbError::unmet(format!(
                "there is no repository `{name}` on the Git server; there are: {}",
                known.join(", ")
            ))
        })
    }

    /// The revision pushed last.
    #[must_use]
    pub fn head(&self, branch: &BranchName) -> Option<Revision> {
        lock(&self.pushed).get(branch)?.last().cloned()
    }

    /// Whether `shown`, a revision as Flux writes it, is `asked` or was pushed after it.
    #[must_use]
    pub fn has_reached(&self, branch: &BranchName, shown: &str, asked: &Revision) -> bool {
        let pushed = lock(&self.pushed);
        let Some(revisions) = pushed.get(branch) else {
            return false;
        };
        let at = |wanted: &dyn Fn(&Revision) -> bool| revisions.iter().rposition(wanted);
        let shown = at(&|revision: &Revision| shown.ends_with(&format!("sha1:{revision}")));
        let asked = at(&|revision: &Revision| revision == asked);
        matches!((shown, asked), (Some(shown), Some(asked)) if shown >= asked)
    }

    fn record(&self, name: &str, branch: &str, revision: Revision) {
        let branch = BranchName {
            repository: name.to_owned(),
            branch: branch.to_owned(),
        };
        lock(&self.pushed).entry(branch).or_default().push(revision);
    }
}

impl Default for Forge {
    fn default() -> Self {
        Self::new()
    }
}

/// The branch that a GitRepository's URL and reference name, if it is one of ours.
#[must_use]
pub fn branch_of_source(url: &str, reference: &serde_json::Value) -> Option<BranchName> {
    let path = url.strip_prefix(&format!("https://{GIT_SERVER}/"))?;
    let repository = path.strip_suffix(".git").unwrap_or(path).to_owned();
    let named = reference["name"]
        .as_str()
        .and_then(|name| name.strip_prefix("refs/heads/"));
    let branch = reference["branch"]
        .as_str()
        .or(named)
        .unwrap_or("master")
        .to_owned();
    Some(BranchName { repository, branch })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sources_name_their_branch() {
        let branch = branch_of_source("https://git.plumbline.test/k8s-a.git", &json!({"branch": "dev"}));
        assert_eq!(
            branch,
            Some(BranchName {
                repository: "k8s-a".into(),
                branch: "dev".into()
            })
        );
        let named = branch_of_source(
            "https://git.plumbline.test/k8s-a",
            &json!({"name": "refs/heads/master"}),
        );
        assert_eq!(
            named,
            Some(BranchName {
                repository: "k8s-a".into(),
                branch: "master".into()
            })
        );
        assert_eq!(
            branch_of_source("https://example.com/k8s-a.git", &json!({})),
            None
        );
    }
}
