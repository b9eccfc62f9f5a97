//! What plumbline does with history: merge, revert, ask who descends from whom.

use super::{
    import::Edit,
    program::refused,
    repository::{Repository, Revision, check_reference},
};
use crate::ServerError;
use std::collections::HashMap;

/// A path that a commit changed: mode and object before and after; a mode of zeros means that it was not there.
struct Change {
    before: (String, String),
    after: (String, String),
    path: String,
}

const ABSENT: &str = "000000";

impl Repository {
    /// Undoes what `revision` changed, by a new commit on `branch`. Files that were changed again since are a conflict.
    pub async fn revert(&self, branch: &str, revision: &Revision) -> Result<Revision, ServerError> {
        let mut writing = self.writing().await?;
        let head = self.head(branch).await?;
        let action = format!("revert {revision} on {branch}");
        let range = [format!("{revision}^1"), revision.to_string()];
        let arguments = [
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-renames",
            "--end-of-options",
            &range[0],
            &range[1],
        ];
        let changes = self.succeed(&action, &arguments, None).await?.stdout.text();
        let changes = read_changes(&changes)
            .ok_or_else(|| refused(self.name(), &action, "diff-tree answered something else".into()))?;
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", head.as_str()];
        let tree = self.succeed(&action, &arguments, None).await?.stdout.text();
        let now = read_tree(&tree);
        let mut edits = Vec::new();
        for Change { before, after, path } in &changes {
            let expected = (after.0 != ABSENT).then_some((after.0.as_str(), after.1.as_str()));
            if now.get(path.as_str()).copied() != expected {
                return Err(ServerError::Conflict {
                    action,
                    repository: self.name().to_owned(),
                    reason: format!("{path} was changed again since"),
                });
            }
            edits.push(match before.0.as_str() {
                ABSENT => Edit::Remove(path),
                mode => Edit::Place {
                    mode,
                    object: &before.1,
                    path,
                },
            });
        }
        let message = format!("Revert {revision}");
        self.commit_edits(&mut writing, branch, &[head.as_str()], &message, edits)
            .await
    }

    /// Merges the branch `from` into the branch `into` by a merge commit, as a pull request is completed.
    pub async fn merge(&self, from: &str, into: &str) -> Result<Revision, ServerError> {
        let mut writing = self.writing().await?;
        let (theirs, ours) = (self.head(from).await?, self.head(into).await?);
        if self.has_commit(theirs.as_str(), ours.as_str()).await? {
            return Err(ServerError::NothingToMerge {
                repository: self.name().to_owned(),
                from: from.to_owned(),
                into: into.to_owned(),
            });
        }
        let action = format!("merge {from} into {into}");
        let arguments = [
            "merge-tree",
            "--write-tree",
            "--name-only",
            ours.as_str(),
            theirs.as_str(),
        ];
        let merged = self.run(&action, &arguments, None).await?;
        let output = merged.stdout.text();
        let mut lines = output.lines();
        let tree = lines.next().unwrap_or_default();
        if !merged.status.success() {
            let conflicts: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
            if conflicts.is_empty() {
                let detail = merged.stderr.text().trim().to_owned();
                return Err(refused(self.name(), &action, detail));
            }
            return Err(ServerError::Conflict {
                action,
                repository: self.name().to_owned(),
                reason: format!("both changed {}", conflicts.join(", ")),
            });
        }
        let message = format!("Merge {from} into {into}");
        let parents = [ours.as_str(), theirs.as_str()];
        self.commit_edits(&mut writing, into, &parents, &message, vec![Edit::Tree(tree)])
            .await
    }

    /// Whether the commit or branch `ancestor` is part of the history of `descendant`.
    pub async fn is_ancestor(&self, ancestor: &str, descendant: &str) -> Result<bool, ServerError> {
        check_reference("revision", ancestor)?;
        check_reference("revision", descendant)?;
        let ancestor = self.resolve("revision", ancestor, ancestor).await?;
        let descendant = self.resolve("revision", descendant, descendant).await?;
        self.has_commit(ancestor.as_str(), descendant.as_str()).await
    }

    /// Whether the commit `ancestor` is part of the history of the commit `descendant`.
    async fn has_commit(&self, ancestor: &str, descendant: &str) -> Result<bool, ServerError> {
        let action = format!("compare {ancestor} with {descendant}");
        let arguments = ["merge-base", "--is-ancestor", ancestor, descendant];
        let finished = self.run(&action, &arguments, None).await?;
        match finished.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(refused(
                self.name(),
                &action,
                finished.stderr.text().trim().to_owned(),
            )),
        }
    }
}

/// Reads `:<mode> <mode> <object> <object> <letter>\0<path>\0` repeated.
fn read_changes(raw: &str) -> Option<Vec<Change>> {
    let mut fields = raw.split('\0').filter(|field| !field.is_empty());
    let mut changes = Vec::new();
    while let Some(field) = fields.next() {
        let mut words = field.strip_prefix(':')?.split(' ').map(str::to_owned);
        let (old_mode, new_mode) = (words.next()?, words.next()?);
        let (old_object, new_object) = (words.next()?, words.next()?);
        let path = fields.next()?.to_owned();
        changes.push(Change {
            before: (old_mode, old_object),
            after: (new_mode, new_object),
            path,
        });
    }
    Some(changes)
}

/// Reads `<mode> <type> <object>\t<path>\0` repeated.
fn read_tree(raw: &str) -> HashMap<&str, (&str, &str)> {
    let entries = raw.split('\0').filter_map(|entry| {
        let (description, path) = entry.split_once('\t')?;
        let mut words = description.split(' ');
        let (mode, _kind, object) = (words.next()?, words.next()?, words.next()?);
        Some((path, (mode, object)))
    });
    entries.collect()
}
