//! Programs on the search path: which there are, and which version they say they are.

use crate::{
    lock::{Accept, Program},
    process::capture,
    version::{compare, find_version},
};
use plumbline_keeper::{Command, Keeper};
use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than any program thinks about its version, shorter than a person waits.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);

/// The executables called `name`, in the order of the search path. Directories that depend on the working directory
/// are passed over: what stands there is anybody's.
pub(crate) fn candidates(search_path: &[PathBuf], name: &str) -> Vec<PathBuf> {
    let absolute = search_path.iter().filter(|directory| directory.is_absolute());
    absolute
        .map(|directory| directory.join(name))
        .filter(|file| is_executable(file))
        .collect()
}

fn is_executable(file: &Path) -> bool {
    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The first program on the search path that says it is the wanted version, and that version; else why there is none.
pub(crate) async fn search(
    keeper: &Keeper,
    program: &Program,
    search_path: &[PathBuf],
    environment: &BTreeMap<String, String>,
) -> Result<(PathBuf, String), String> {
    let Some(source) = &program.path else {
        return Err("it cannot tell its version, so that one found there could be any".to_owned());
    };
    let mut reasons = Vec::new();
    for file in candidates(search_path, program.plain_name()) {
        match ask(keeper, &file, &source.ask, &source.pattern, environment).await {
            Ok(version) if accepts(source.accept, &program.version, &version) => return Ok((file, version)),
            Ok(version) => reasons.push(format!("{} is {version}", file.display())),
            Err(reason) => reasons.push(format!("{} {reason}", file.display())),
        }
    }
    if reasons.is_empty() {
        Err("not found".to_owned())
    } else {
        Err(reasons.join("\n"))
    }
}

/// The version that a program says it is; else what it did instead, as the end of a sentence.
pub(crate) async fn ask(
    keeper: &Keeper,
    file: &Path,
    arguments: &[String],
    pattern: &str,
    environment: &BTreeMap<String, String>,
) -> Result<String, String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let command = Command::new(format!("{name} (asked for its version)"), file)
        .arguments(arguments)
        .environment(environment);
    let finished = capture(keeper, command, LONGEST_ANSWER)
        .await
        .map_err(|error| format!("does not answer: {error}"))?;
    let (output, error) = (finished.stdout.text(), finished.stderr.text());
    find_version(&output, pattern)
        .or_else(|| find_version(&error, pattern))
        .map(str::to_owned)
        .ok_or_else(|| format!("does not say which version it is ({})", finished.status))
}

fn accepts(accept: Accept, wanted: &str, found: &str) -> bool {
    match accept {
        Accept::Exact => found == wanted,
        Accept::Minimum => compare(found, wanted).is_ge(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_executable_files_in_absolute_directories_are_candidates() {
        let one = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(one.path().join("tool"), "").unwrap();
        fs::write(other.path().join("tool"), "").unwrap();
        fs::set_permissions(other.path().join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = [
            PathBuf::from("."),
            PathBuf::new(),
            one.path().to_owned(),
            other.path().to_owned(),
        ];
        assert_eq!(candidates(&path, "tool"), [other.path().join("tool")]);
        assert!(candidates(&path, "absent").is_empty());
    }

    #[test]
    fn the_very_version_or_at_least_the_version() {
        assert!(accepts(Accept::Exact, "1.34.4", "1.34.4"));
        assert!(!accepts(Accept::Exact, "1.34.4", "1.34.5"));
        assert!(accepts(Accept::Minimum, "2.34.0", "2.39.5"));
        assert!(!accepts(Accept::Minimum, "2.34.0", "2.9.0"));
    }
}
