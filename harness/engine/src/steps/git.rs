//! Steps that push to the Git server.

use super::ScenarioState;
use plumbline_flux::VerbError;
use plumbline_scenario::steps::{Branch, Commit, Merge, Revert, Tag};
use plumbline_servers::{Changes, Revision, TreeEntry};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) async fn commit(commit: &Commit, state: &mut ScenarioState) -> Result<(), VerbError> {
    let forge = state.platform.forge();
    let repository = forge.repository(&commit.repository.value)?;
    let mut write: BTreeMap<String, Vec<u8>> = commit
        .write
        .iter()
        .map(|(path, text)| (path.clone(), text.clone().into_bytes()))
        .collect();
    for replacement in &commit.replace {
        let path = &replacement.file.value;
        let content = match write.get(path) {
            Some(content) => content.clone(),
            None => repository.read(&commit.branch, path).await?,
        };
        let text = String::from_utf8_lossy(&content);
        if !text.contains(&replacement.from) {
            let message = format!(
                "{path} of {} does not hold the text that is to be replaced",
                commit.repository
            );
            return Err(VerbError::mismatch(message, replacement.from.clone(), text));
        }
        write.insert(
            path.clone(),
            text.replace(&replacement.from, &replacement.to).into_bytes(),
        );
    }
    let mut remove = Vec::new();
    for path in &commit.remove {
        let below = format!("{}/", path.value);
        let files = repository.files(&commit.branch, "").await?;
        let before = remove.len();
        remove.extend(
            files
                .into_iter()
                .filter(|file| *file == path.value || file.starts_with(&below)),
        );
        if remove.len() == before {
            let message = format!(
                "{} has no {} to remove on {}",
                commit.repository, path.value, commit.branch
            );
            return Err(VerbError::unmet(message));
        }
    }
    let write = write
        .into_iter()
        .map(|(path, content)| TreeEntry {
            path,
            content,
            executable: false,
        })
        .collect();
    let changes = Changes { write, remove };
    let revision = forge
        .commit(&commit.repository.value, &commit.branch, changes, &commit.message)
        .await?;
    state.leave(commit.output.as_ref(), output(&revision, &commit.branch));
    Ok(())
}

pub(super) async fn revert(revert: &Revert, state: &mut ScenarioState) -> Result<(), VerbError> {
    let forge = state.platform.forge();
    let revision = forge.revert(&revert.repository.value, &revert.branch).await?;
    state.leave(revert.output.as_ref(), output(&revision, &revert.branch));
    Ok(())
}

pub(super) async fn branch(branch: &Branch, state: &mut ScenarioState) -> Result<(), VerbError> {
    let (repository, name) = (&branch.repository.value, &branch.name.value);
    let forge = state.platform.forge();
    let revision = forge.branch(repository, name, &branch.from).await?;
    state.leave(branch.output.as_ref(), output(&revision, name));
    Ok(())
}

pub(super) async fn merge(merge: &Merge, state: &mut ScenarioState) -> Result<(), VerbError> {
    let (from, into) = (&merge.from.value, &merge.into.value);
    let forge = state.platform.forge();
    let revision = forge.merge(&merge.repository.value, from, into).await?;
    state.leave(merge.output.as_ref(), output(&revision, into));
    Ok(())
}

pub(super) async fn tag(tag: &Tag, state: &mut ScenarioState) -> Result<(), VerbError> {
    let (repository, name) = (&tag.repository.value, &tag.name.value);
    let forge = state.platform.forge();
    let revision = forge.tag(repository, name, &tag.branch, tag.moves).await?;
    state.leave(tag.output.as_ref(), output(&revision, name));
    Ok(())
}

/// The commit, and the commit as Flux writes it: after the name of the branch or tag that it was found by.
fn output(revision: &Revision, found_by: &str) -> Value {
    json!({"revision": revision.to_string(), "reference": format!("{found_by}@sha1:{revision}")})
}
