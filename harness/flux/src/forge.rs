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

/// A branch or a tag of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GitReference {
    /// For example `k8s-gitops`.
    pub repository: String,
    /// For example `refs/heads/dev`.
    pub name: String,
}

impl GitReference {
    /// A branch.
    #[must_use]
    pub fn branch(repository: &str, branch: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            name: format!("{BRANCHES}{branch}"),
        }
    }

    /// A tag.
    #[must_use]
    pub fn tag(repository: &str, tag: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            name: format!("{TAGS}{tag}"),
        }
    }

    /// The name of the branch or tag alone, for example `dev`.
    #[must_use]
    pub fn short(&self) -> &str {
        let short = [BRANCHES, TAGS]
            .iter()
            .find_map(|prefix| self.name.strip_prefix(prefix));
        short.unwrap_or(&self.name)
    }
}

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

/// Every push of a run goes through here, so the order of revisions is known without asking Git.
pub struct Forge {
    /// Held from a push until it is recorded: what was pushed later must also stand later.
    pushing: tokio::sync::Mutex<()>,
    pushed: Mutex<HashMap<GitReference, Vec<Revision>>>,
    repositories: Mutex<HashMap<String, Arc<OnceCell<Repository>>>>,
}

impl Forge {
    /// Knows of no repository yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pushing: tokio::sync::Mutex::default(),
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
            self.record(GitReference::branch(name, &branch), revision);
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
        let _pushing = self.pushing.lock().await;
        let revision = self.repository(name)?.commit(branch, &changes, message).await?;
        self.record(GitReference::branch(name, branch), revision.clone());
        Ok(revision)
    }

    /// Reverts the head of a branch.
    ///
    /// # Errors
    /// As for [`Forge::commit`].
    pub async fn revert(&self, name: &str, branch: &str) -> Result<Revision, VerbError> {
        let repository = self.repository(name)?;
        let _pushing = self.pushing.lock().await;
        let head = repository.head(branch).await?;
        let revision = repository.revert(branch, &head).await?;
        self.record(GitReference::branch(name, branch), revision.clone());
        Ok(revision)
    }

    /// Makes a branch at the head of another.
    ///
    /// # Errors
    /// As for [`Forge::commit`], or there is such a branch already.
    pub async fn branch(&self, name: &str, new: &str, from: &str) -> Result<Revision, VerbError> {
        let repository = self.repository(name)?;
        let _pushing = self.pushing.lock().await;
        let head = repository.head(from).await?;
        let revision = repository.branch(new, head.as_str()).await?;
        self.record(GitReference::branch(name, new), revision.clone());
        Ok(revision)
    }

    /// Tags the head of a branch. A tag that is there is moved only if `moves` says so.
    ///
    /// # Errors
    /// As for [`Forge::commit`], or there is such a tag already.
    pub async fn tag(&self, name: &str, tag: &str, branch: &str, moves: bool) -> Result<Revision, VerbError> {
        let repository = self.repository(name)?;
        let _pushing = self.pushing.lock().await;
        let head = repository.head(branch).await?;
        let revision = match moves {
            true => repository.move_tag(tag, head.as_str()).await?,
            false => repository.tag(tag, head.as_str()).await?,
        };
        self.record(GitReference::tag(name, tag), revision.clone());
        Ok(revision)
    }

    /// Merges a branch into another, as a pull request is completed.
    ///
    /// # Errors
    /// As for [`Forge::commit`], or both changed the same, or there is nothing to merge.
    pub async fn merge(&self, name: &str, from: &str, into: &str) -> Result<Revision, VerbError> {
        let _pushing = self.pushing.lock().await;
        let revision = self.repository(name)?.merge(from, into).await?;
        self.record(GitReference::branch(name, into), revision.clone());
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
    pub fn head(&self, reference: &GitReference) -> Option<Revision> {
        lock(&self.pushed).get(reference)?.last().cloned()
    }

    /// Whether `shown`, a revision as Flux writes it, is `asked` or was pushed after it.
    #[must_use]
    pub fn has_reached(&self, reference: &GitReference, shown: &str, asked: &Revision) -> bool {
        let pushed = lock(&self.pushed);
        let Some(revisions) = pushed.get(reference) else {
            return false;
        };
        let at = |wanted: &dyn Fn(&Revision) -> bool| revisions.iter().rposition(wanted);
        let shown = at(&|revision: &Revision| shown.ends_with(&format!("sha1:{revision}")));
        let asked = at(&|revision: &Revision| revision == asked);
        matches!((shown, asked), (Some(shown), Some(asked)) if shown >= asked)
    }

    fn record(&self, reference: GitReference, revision: Revision) {
        lock(&self.pushed).entry(reference).or_default().push(revision);
    }
}

impl Default for Forge {
    fn default() -> Self {
        Self::new()
    }
}

/// The branch or tag that a GitRepository's URL and `ref` name, if it is one of ours. Source-controller asks the fields
/// of `ref` in this order; a commit and a range of versions name neither.
#[must_use]
pub fn followed_by_source(url: &str, reference: &serde_json::Value) -> Option<GitReference> {
    let path = url.strip_prefix(&format!("https://{GIT_SERVER}/"))?;
    let repository = path.strip_suffix(".git").unwrap_or(path);
    let field = |name: &str| reference[name].as_str().filter(|value| !value.is_empty());
    if field("commit").is_some() {
        return None;
    }
    if let Some(name) = field("name") {
        return Some(GitReference {
            repository: repository.to_owned(),
            name: name.to_owned(),
        });
    }
    if field("semver").is_some() {
        return None;
    }
    Some(match (field("tag"), field("branch")) {
        (Some(tag), _) => GitReference::tag(repository, tag),
        (None, branch) => GitReference::branch(repository, branch.unwrap_or("master")),
    })
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
    fn sources_follow_what_source_controller_would() {
        let followed = |reference| {
            followed_by_source("https://git.plumbline.test/k8s-a.git", &reference)
                .map(|found| format!("{} {}", found.repository, found.name))
        };
        for (reference, expected) in [
            (json!({"branch": "dev"}), Some("k8s-a refs/heads/dev")),
            (json!({}), Some("k8s-a refs/heads/master")),
            (
                json!({"name": "refs/heads/master"}),
                Some("k8s-a refs/heads/master"),
            ),
            (json!({"branch": "dev", "tag": "v1"}), Some("k8s-a refs/tags/v1")),
            (json!({"tag": "v1", "semver": ">=1"}), None),
            (
                json!({"branch": "dev", "name": "refs/tags/v2", "semver": "1"}),
                Some("k8s-a refs/tags/v2"),
            ),
            (json!({"branch": "dev", "commit": "0123"}), None),
        ] {
            assert_eq!(followed(reference.clone()).as_deref(), expected, "{reference}");
        }
        assert_eq!(
            followed_by_source("https://example.com/k8s-a.git", &json!({})),
            None
        );
    }
}
