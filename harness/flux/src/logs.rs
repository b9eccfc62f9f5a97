//! Following what a controller of the platform logs, from a remembered moment on, across its restarts.

use crate::{Platform, cluster::Nodes};
use plumbline_cluster::node::FileChanges;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};
use tokio::sync::watch;

/// How much of a file is read before its lines are handed over.
const BLOCK: u64 = 256 * 1024;
/// A line that is longer is handed over in pieces.
const LONGEST_LINE: usize = 64 * 1024;

/// How long each log was at one moment; logs that are not named began later.
#[derive(Clone, Debug, Default)]
pub struct LogMarks(BTreeMap<PathBuf, u64>);

impl Platform {
    /// Remembers how long the logs of all controllers are now.
    #[must_use]
    pub fn log_marks(&self) -> LogMarks {
        let folders: BTreeSet<PathBuf> = self
            .controller_logs()
            .into_iter()
            .filter_map(|(_, path)| Some(path.parent()?.to_owned()))
            .collect();
        let sizes = folders
            .iter()
            .flat_map(|folder| logs_in(folder))
            .filter_map(|path| {
                let size = fs::metadata(&path).ok()?.len();
                Some((path, size))
            });
        LogMarks(sizes.collect())
    }

    /// Follows what `controller` has logged since `marks`.
    ///
    /// # Errors
    /// The kernel has no inotify instance left.
    pub fn follow_log(&self, controller: &str, marks: &LogMarks) -> io::Result<LogFollower<'_>> {
        Ok(LogFollower {
            nodes: self.nodes(),
            controller: controller.to_owned(),
            changes: self.nodes().changes(),
            written: FileChanges::new()?,
            folders: BTreeSet::new(),
            reading: Reading {
                positions: marks.0.clone(),
                partial: BTreeMap::new(),
            },
        })
    }
}

/// The lines that a controller logs, as they come.
pub struct LogFollower<'platform> {
    nodes: &'platform Nodes,
    controller: String,
    changes: watch::Receiver<u64>,
    written: FileChanges,
    /// Those that are watched: one for each container, with a file for each of its starts.
    folders: BTreeSet<PathBuf>,
    reading: Reading,
}

impl LogFollower<'_> {
    /// The next lines; waits until there are some, so give it a deadline.
    ///
    /// # Errors
    /// A log that is there cannot be read.
    pub async fn next(&mut self) -> io::Result<Vec<String>> {
        loop {
            // In this order: what is written after the look is told of.
            self.changes.borrow_and_update();
            self.watch_new_folders();
            for folder in &self.folders {
                for path in logs_in(folder) {
                    let lines = self.reading.lines(&path)?;
                    if !lines.is_empty() {
                        return Ok(lines);
                    }
                }
            }
            tokio::select! {
                changed = self.changes.changed() => if changed.is_err() {
                    // The nodes are gone, and nothing will be written any more.
                    std::future::pending::<()>().await;
                },
                written = self.written.next() => written?,
            }
        }
    }

    fn watch_new_folders(&mut self) {
        for (name, path) in self.nodes.logs() {
            let Some(folder) = path.parent().filter(|_| name == self.controller) else {
                continue;
            };
            if self.folders.contains(folder) {
                continue;
            }
            // A folder that is not there yet is announced by a change of the nodes.
            if self.written.watch(folder).is_ok() {
                self.folders.insert(folder.to_owned());
            }
        }
    }
}

/// The logs of a container, oldest first.
fn logs_in(folder: &Path) -> Vec<PathBuf> {
    let number = |path: &Path| path.file_stem()?.to_str()?.parse::<u32>().ok();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut logs: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.path();
            Some((number(&path)?, path))
        })
        .collect();
    logs.sort();
    logs.into_iter().map(|(_, path)| path).collect()
}

/// How far each file has been read.
struct Reading {
    positions: BTreeMap<PathBuf, u64>,
    /// What was read of a line whose end is not written yet.
    partial: BTreeMap<PathBuf, Vec<u8>>,
}

impl Reading {
    /// The complete lines that were not read yet; some of them if there are many.
    fn lines(&mut self, path: &Path) -> io::Result<Vec<String>> {
        let position = self.positions.entry(path.to_owned()).or_default();
        let partial = self.partial.entry(path.to_owned()).or_default();
        let mut file = match File::open(path) {
            Ok(file) => file,
            // It went with its pod.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(*position))?;
        let mut lines = Vec::new();
        loop {
            let read = file.by_ref().take(BLOCK).read_to_end(partial)?;
            *position += read as u64;
            while let Some(end) = partial.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = partial.drain(..=end).collect();
                lines.push(text(&line[..end]));
            }
            if partial.len() > LONGEST_LINE {
                lines.push(text(&std::mem::take(partial)));
            }
            if read == 0 || !lines.is_empty() {
                return Ok(lines);
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn lines_are_read_once_and_when_they_are_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"before\none\ntw").unwrap();
        let mut reading = Reading {
            positions: BTreeMap::from([(path.clone(), 7)]),
            partial: BTreeMap::new(),
        };
        assert_eq!(reading.lines(&path).unwrap(), ["one"]);
        assert_eq!(reading.lines(&path).unwrap(), Vec::<String>::new());
        file.write_all(b"o\nthree\n").unwrap();
        assert_eq!(reading.lines(&path).unwrap(), ["two", "three"]);
        fs::remove_file(&path).unwrap();
        assert_eq!(reading.lines(&path).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_line_without_end_is_handed_over_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        fs::write(&path, vec![b'x'; LONGEST_LINE * 3]).unwrap();
        let mut reading = Reading {
            positions: BTreeMap::new(),
            partial: BTreeMap::new(),
        };
        assert_eq!(reading.lines(&path).unwrap()[0].len(), LONGEST_LINE * 3);
        assert_eq!(reading.lines(&path).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn logs_are_read_in_the_order_of_the_starts() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["10.log", "2.log", "0.log", "other"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let logs = logs_in(folder.path());
        let names: Vec<_> = logs
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        assert_eq!(names, ["0.log", "2.log", "10.log"]);
        assert_eq!(logs_in(Path::new("/nowhere")), Vec::<PathBuf>::new());
    }
}
