//! Files of manifests that a step applies, beside the file that names them.

use crate::{
    Located, Source,
    document::{self, Content},
    findings::Findings,
    scenario_step::AppliedFile,
};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// Where a file is that `from` names; `None` if the path leads out of the folder.
pub(crate) fn locate(path: &str, from: &Source) -> Option<PathBuf> {
    let relative = Path::new(path);
    let is_inside = !path.is_empty()
        && !path.contains(['\\', '\0', '\n'])
        && relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
    let folder = from.path().parent().unwrap_or(Path::new(""));
    is_inside.then(|| plain(&folder.join(relative)))
}

/// A path without its `.`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

/// Reads the objects of a file, and notes that it is one.
pub(crate) fn read(
    path: &Located<String>,
    applied: &mut BTreeMap<PathBuf, Option<Arc<Source>>>,
    findings: &mut Findings<'_>,
) -> Option<AppliedFile> {
    let Some(file) = locate(path, findings.source) else {
        findings.note(
            path.span,
            format!("`{path}` is not a path inside the folder of this file"),
            "write it relative to this file, without `..`",
        );
        return None;
    };
    let read = findings.source.read_beside(path).and_then(|source| {
        document::parse_all(&source)
            .map(|objects| (Arc::clone(&source), objects))
            .map_err(|error| error.with_related(findings.source, path.span, "it is applied here"))
    });
    applied.insert(file, read.as_ref().ok().map(|(source, _)| Arc::clone(source)));
    match read {
        Ok((source, objects)) => Some(AppliedFile {
            objects: objects
                .into_iter()
                .filter(|object| !matches!(object.content, Content::Null))
                .collect(),
            source,
        }),
        Err(diagnostic) => {
            findings.diagnostics.push(diagnostic);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_beside_the_one_that_names_them() {
        let source = Source::from_bytes(Path::new("scenarios/gitops/x.yaml"), "a".into()).unwrap();
        assert_eq!(
            locate("manifests/a.yaml", &source),
            Some("scenarios/gitops/manifests/a.yaml".into())
        );
        for path in ["", "/etc/passwd", "../a.yaml", "a/../../b", "./a", "a\\..\\b"] {
            assert_eq!(locate(path, &source), None, "{path}");
        }
    }
}
