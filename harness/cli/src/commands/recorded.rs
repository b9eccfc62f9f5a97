//! Event logs of runs that are over.

use super::CommandError;
use plumbline_model::read_log;
use plumbline_report::{Summary, merge};
use std::path::{Path, PathBuf};

/// Reads one log; one that breaks off gives what there is, and is never green.
///
/// # Errors
/// It cannot be read, or is no event log.
pub fn read(path: &Path) -> Result<Summary, CommandError> {
    let unusable = |why: String| CommandError::Usage(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path)
        .map_err(|error| CommandError::Usage(format!("cannot read {}: {error}", path.display())))?;
    // The bytes of a torn last line need not be text.
    let log = read_log(&String::from_utf8_lossy(&bytes)).map_err(|error| unusable(error.to_string()))?;
    Summary::recorded(&log).map_err(|error| unusable(error.to_string()))
}

/// Reads the logs of the shards of one run as one.
///
/// # Errors
/// Those of [`read`], and logs that do not belong together.
pub fn read_all(paths: &[PathBuf]) -> Result<Summary, CommandError> {
    if let [path] = paths {
        return read(path);
    }
    let parts = paths
        .iter()
        .map(|path| Ok((path.display().to_string(), read(path)?)));
    let parts = parts.collect::<Result<Vec<_>, CommandError>>()?;
    merge(parts).map_err(|error| CommandError::Usage(error.to_string()))
}
