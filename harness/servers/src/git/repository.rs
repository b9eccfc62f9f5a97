//! What plumbline does to a repository: create it, commit to it, read it.

use super::{
    import::{Changes, Commit, Edit, Stream, TreeEntry},
    paths,
    program::{Git, refused},
};
use crate::ServerError;
use plumbline_keeper::Finished;
use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};
use tokio::sync::{Mutex, MutexGuard};

/// The id of a commit: 40 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(String);

impl Revision {
    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A repository of the server, which need not exist yet. Clones are the same repository; one writes at a time.
#[derive(Clone)]
pub struct Repository {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) git: Git,
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// How many commits plumbline made, once that is known.
    pub(super) commits: Mutex<Option<u64>>,
}

/// The right to write.
pub(super) struct Writing<'a> {
    count: MutexGuard<'a, Option<u64>>,
}

impl Writing<'_> {
    pub(super) fn number(&self) -> u64 {
        self.count.unwrap_or_default()
    }

    pub(super) fn advance(&mut self, commits: u64) {
        *self.count = Some(self.number() + commits);
    }
}

impl Repository {
    /// Its name, without `.git`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Creates the repository with one commit on each of `branches`; the result names them. Branches with the same tree
    /// begin at the same commit, so that they can be merged.
    pub async fn create_from_tree(
        &self,
        branches: &BTreeMap<String, Vec<TreeEntry>>,
        message: &str,
    ) -> Result<BTreeMap<String, Revision>, ServerError> {
        for (branch, entries) in branches {
            check_reference("branch", branch)?;
            check_files(entries.iter().map(|entry| entry.path.as_str()))?;
        }
        let mut count = self.shared.commits.lock().await;
        let path = self.shared.path.clone();
        if path.exists() {
            return Err(refused(
                self.name(),
                "create the repository",
                "it is there already".into(),
            ));
        }
        std::fs::create_dir_all(&path).map_err(ServerError::storage("create", path))?;
        let head = if branches.contains_key("main") {
            Some("main")
        } else {
            None
        };
        let head = head
            .or_else(|| branches.keys().next().map(String::as_str))
            .unwrap_or("main");
        let head = format!("--initial-branch={head}");
        self.succeed(
            "create the repository",
            &["init", "--quiet", "--bare", "--template=", &head],
            None,
        )
        .await?;
        let mut stream = Stream::default();
        let mut trees: Vec<&Vec<TreeEntry>> = Vec::new();
        let mut commits = Vec::new();
        for (branch, entries) in branches {
            let same = trees.iter().position(|tree| *tree == entries);
            let commit = same.unwrap_or(trees.len());
            match same {
                Some(_) => stream.point(branch, commit),
                None => {
                    stream.commit(&Commit {
                        branch,
                        number: trees.len() as u64,
                        message,
                        parents: &[],
                        edits: entries.iter().map(Edit::Write).collect(),
                    });
                    trees.push(entries);
                }
            }
            commits.push((branch.clone(), commit));
        }
        *count = Some(trees.len() as u64);
        let revisions = self.import("commit the first trees", stream).await?;
        let heads = commits
            .into_iter()
            .filter_map(|(branch, commit)| Some((branch, revisions.get(commit)?.clone())));
        Ok(heads.collect())
    }

    /// Commits `changes` on top of `branch`.
    pub async fn commit(
        &self,
        branch: &str,
        changes: &Changes,
        message: &str,
    ) -> Result<Revision, ServerError> {
        check_files(changes.write.iter().map(|entry| entry.path.as_str()))?;
        check_files(changes.remove.iter().map(String::as_str))?;
        let mut writing = self.writing().await?;
        let head = self.head(branch).await?;
        let removed = changes.remove.iter().map(|path| Edit::Remove(path));
        let edits = removed.chain(changes.write.iter().map(Edit::Write)).collect();
        self.commit_edits(&mut writing, branch, &[&head.0], message, edits)
            .await
    }

    /// The newest commit of `branch`.
    pub async fn head(&self, branch: &str) -> Result<Revision, ServerError> {
        check_reference("branch", branch)?;
        self.resolve("branch", branch, &format!("refs/heads/{branch}"))
            .await
    }

    /// The content of the file at `path` of `branch`; at most 1 MiB.
    pub async fn read(&self, branch: &str, path: &str) -> Result<Vec<u8>, ServerError> {
        check_files([path])?;
        check_reference("branch", branch)?;
        let object = format!("refs/heads/{branch}:{path}");
        let action = format!("read {path} of {branch}");
        let finished = self.run(&action, &["cat-file", "blob", &object], None).await?;
        let complaint = finished.stderr.text();
        if finished.status.success() {
            Ok(finished.stdout.bytes())
        } else if complaint.contains("does not exist") {
            Err(self.missing("file", path, &format!("branch {branch} of ")))
        } else {
            Err(refused(self.name(), &action, complaint.trim().to_owned()))
        }
    }

    /// The paths of all files of `branch` that start with `prefix`.
    pub async fn files(&self, branch: &str, prefix: &str) -> Result<Vec<String>, ServerError> {
        let head = self.head(branch).await?;
        let arguments = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", &head.0];
        let listed = self.succeed("list files", &arguments, None).await?.stdout.bytes();
        let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    /// Starts the branch `new` at `from`: a branch or the id of a commit.
    pub async fn branch(&self, new: &str, from: &str) -> Result<Revision, ServerError> {
        let reference = format!("refs/heads/{new}");
        self.refer("branch", &reference, new, from, false).await
    }

    /// Creates the tag `new` at `from`: a branch or the id of a commit.
    pub async fn tag(&self, new: &str, from: &str) -> Result<Revision, ServerError> {
        let reference = format!("refs/tags/{new}");
        self.refer("tag", &reference, new, from, false).await
    }

    /// Puts `tag` at `from`, a branch or the id of a commit, wherever it was before.
    pub async fn move_tag(&self, tag: &str, from: &str) -> Result<Revision, ServerError> {
        let reference = format!("refs/tags/{tag}");
        self.refer("tag", &reference, tag, from, true).await
    }

    async fn refer(
        &self,
        what: &'static str,
        reference: &str,
        name: &str,
        from: &str,
        may_move: bool,
    ) -> Result<Revision, ServerError> {
        check_reference(what, name)?;
        check_reference("revision", from)?;
        let _writing = self.writing().await?;
        let revision = self.resolve("revision", from, from).await?;
        if !may_move && self.resolve(what, name, reference).await.is_ok() {
            return Err(ServerError::Exists {
                what,
                name: name.to_owned(),
                place: format!("repository {}", self.name()),
            });
        }
        let mut arguments = vec!["update-ref", "--end-of-options", reference, &revision.0];
        if !may_move {
            // The empty old value means: only if there is no such reference, whoever else may push one now.
            arguments.push("");
        }
        self.succeed(&format!("write {what} {name}"), &arguments, None)
            .await?;
        Ok(revision)
    }

    /// Waits until nobody else writes, and learns how many commits there are.
    pub(super) async fn writing(&self) -> Result<Writing<'_>, ServerError> {
        let mut count = self.shared.commits.lock().await;
        if count.is_none() {
            self.check_exists()?;
            let counted = self
                .succeed("count commits", &["rev-list", "--all", "--count"], None)
                .await?;
            let text = counted.stdout.text();
            let number = text.trim().parse().map_err(|_| {
                refused(
                    self.name(),
                    "count commits",
                    format!("it answered {:?}", text.trim()),
                )
            })?;
            *count = Some(number);
        }
        Ok(Writing { count })
    }

    pub(super) async fn commit_edits(
        &self,
        writing: &mut Writing<'_>,
        branch: &str,
        parents: &[&str],
        message: &str,
        edits: Vec<Edit<'_>>,
    ) -> Result<Revision, ServerError> {
        let mut stream = Stream::default();
        stream.commit(&Commit {
            branch,
            number: writing.number(),
            message,
            parents,
            edits,
        });
        let action = format!("commit to {branch}");
        let revision = self.import(&action, stream).await?.pop();
        writing.advance(1);
        revision.ok_or_else(|| refused(self.name(), &action, "fast-import named no commit".into()))
    }

    async fn import(&self, action: &str, stream: Stream) -> Result<Vec<Revision>, ServerError> {
        let arguments = ["fast-import", "--quiet", "--done", "--date-format=raw"];
        let finished = self.succeed(action, &arguments, Some(stream.finish())).await?;
        Ok(finished
            .stdout
            .text()
            .lines()
            .map(|line| Revision(line.to_owned()))
            .collect())
    }

    pub(super) async fn resolve(
        &self,
        what: &'static str,
        name: &str,
        revision: &str,
    ) -> Result<Revision, ServerError> {
        self.check_exists()?;
        let commit = format!("{revision}^{{commit}}");
        let arguments = ["rev-parse", "--quiet", "--verify", "--end-of-options", &commit];
        let finished = self.run(&format!("find {what} {name}"), &arguments, None).await?;
        if finished.status.success() {
            Ok(Revision(finished.stdout.text().trim().to_owned()))
        } else {
            Err(self.missing(what, name, ""))
        }
    }

    fn check_exists(&self) -> Result<(), ServerError> {
        if self.shared.path.exists() {
            return Ok(());
        }
        let (name, place) = (self.name().to_owned(), "the Git server".to_owned());
        Err(ServerError::Missing {
            what: "repository",
            name,
            place,
        })
    }

    pub(super) fn missing(&self, what: &'static str, name: &str, part: &str) -> ServerError {
        let place = format!("{part}repository {}", self.name());
        ServerError::Missing {
            what,
            name: name.to_owned(),
            place,
        }
    }

    pub(super) async fn run(
        &self,
        action: &str,
        arguments: &[&str],
        input: Option<Vec<u8>>,
    ) -> Result<Finished, ServerError> {
        self.shared
            .git
            .run(self.name(), &self.shared.path, action, arguments, input)
            .await
    }

    /// Runs git, whose failure is an error.
    pub(super) async fn succeed(
        &self,
        action: &str,
        arguments: &[&str],
        input: Option<Vec<u8>>,
    ) -> Result<Finished, ServerError> {
        let finished = self.run(action, arguments, input).await?;
        if finished.status.success() {
            return Ok(finished);
        }
        let complaint = finished.stderr.text();
        let detail = format!("{} ({})", complaint.trim(), finished.status);
        Err(refused(self.name(), action, detail))
    }
}

pub(super) fn check_reference(what: &'static str, name: &str) -> Result<(), ServerError> {
    if paths::is_reference(name) {
        return Ok(());
    }
    let reason = "use words of letters, digits, dots and dashes, separated by slashes";
    Err(ServerError::Name {
        what,
        name: name.to_owned(),
        reason,
    })
}

fn check_files<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<(), ServerError> {
    match paths.into_iter().find(|path| !paths::is_file(path)) {
        None => Ok(()),
        Some(path) => Err(ServerError::Name {
            what: "file",
            name: path.to_owned(),
            reason: "a path is relative, without . or .. or .git in it",
        }),
    }
}
