//! From files to a suite, or to every error of every file.

use crate::{
    Diagnostic, Diagnostics, Source, Suite, applied_file,
    document::{self, Node},
    files::Folders,
    group::{self, Group, Groups},
    reader::{self, Loaded},
    rules,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The names that scenario files may use and that only the caller knows.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// The systems of the reference platform.
    pub systems: Vec<String>,
    /// The programs that `exec` may run.
    pub programs: Vec<String>,
    /// The environments.
    pub environments: Vec<String>,
    /// The repositories that all systems share; changing one needs `exclusive: true`.
    pub repositories: Vec<String>,
    /// The controllers of the platform.
    pub controllers: Vec<String>,
}

/// Loads scenario files, with the step groups and the manifests that are among them; `root` is the folder that their ids are relative to.
///
/// # Errors
/// Every error of every file, sorted by file and place.
pub fn load(paths: &[PathBuf], root: &Path, vocabulary: &Vocabulary) -> Result<Suite, Diagnostics> {
    let mut folders = Folders::default();
    let files: Vec<File> = paths
        .iter()
        .map(|path| File::read(&mut folders, path, root))
        .collect();
    let mut diagnostics = Vec::new();
    let groups = groups(&files, &mut diagnostics);
    let mut read: Vec<(&File, Loaded)> = files
        .iter()
        .filter(|file| !groups.contains_key(&file.id))
        .map(|file| {
            let loaded = match &file.content {
                Ok((source, node)) => reader::read(node, source, &file.id, &groups, vocabulary),
                Err(diagnostic) => Loaded {
                    diagnostics: vec![diagnostic.clone()],
                    ..Loaded::default()
                },
            };
            (file, loaded)
        })
        .collect();
    // Manifests lie beside the scenarios that apply them, and are no scenarios.
    let mut applied: BTreeMap<PathBuf, Option<Arc<Source>>> = BTreeMap::new();
    for (_, loaded) in &mut read {
        applied.append(&mut loaded.applied);
    }
    read.retain(|(file, _)| !applied.contains_key(&applied_file::plain(&file.path)));
    let complete = read.iter().all(|(_, loaded)| loaded.complete);
    let mut scenarios = Vec::new();
    for (_, mut loaded) in read {
        diagnostics.append(&mut loaded.diagnostics);
        scenarios.extend(loaded.scenarios.into_iter().map(Arc::new));
    }
    scenarios.sort_by(|one, other| one.id.cmp(&other.id));
    rules::together(&scenarios, complete, &mut diagnostics);
    if !diagnostics.is_empty() {
        return Err(Diagnostics::new(diagnostics));
    }
    let groups = groups.into_iter().map(|(name, group)| (name, group.source));
    let root = applied_file::plain(root);
    let applied = applied.into_iter().filter_map(|(path, source)| {
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy();
        Some((name.into_owned(), source?))
    });
    Ok(Suite::new(scenarios, groups.chain(applied).collect()))
}

/// One file as a document.
struct File {
    path: PathBuf,
    id: String,
    content: Result<(Arc<Source>, Node), Diagnostic>,
}

impl File {
    fn read(folders: &mut Folders, path: &Path, root: &Path) -> Self {
        Self {
            path: path.to_owned(),
            id: identity(path, root),
            content: folders
                .read(path, root)
                .and_then(|source| document::parse(&source).map(|node| (source, node))),
        }
    }
}

/// The step groups among the files.
fn groups(files: &[File], diagnostics: &mut Vec<Diagnostic>) -> Groups {
    let mut groups: BTreeMap<String, Group> = files
        .iter()
        .filter_map(|file| {
            let (source, node) = file.content.as_ref().ok()?;
            let group = group::is_group(node).then(|| group::read(node, source, diagnostics))?;
            Some((file.id.clone(), group))
        })
        .collect();
    group::check_circles(&mut groups, diagnostics);
    groups
}

/// The path below the root, with `/` and without `.yaml`.
fn identity(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let parts: Vec<_> = below
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}
