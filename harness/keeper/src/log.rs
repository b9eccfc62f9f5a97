//! Log files of children: opened for their owner only, read from the end.

use crate::KeeperError;
use rustix::fs::{Mode, OFlags, open};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// No more than this is read from the end of a log, however long its lines are.
const LONGEST_TAIL: u64 = 256 * 1024;

/// The last lines of a log file, and how large the whole file is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tail {
    /// The lines, oldest first, without their line ends; bytes that are no UTF-8 are replaced.
    pub lines: Vec<String>,
    /// The size of the file in bytes.
    pub size: u64,
    /// Whether the file holds more than `lines` shows.
    pub truncated: bool,
}

/// Reads the last `lines` lines of a log file.
///
/// # Errors
/// If the file cannot be read.
pub fn tail(path: impl AsRef<Path>, lines: usize) -> Result<Tail, KeeperError> {
    let path = path.as_ref();
    let mut file = File::open(path).map_err(KeeperError::file("open the log", path))?;
    let size = file
        .metadata()
        .map_err(KeeperError::file("read the log", path))?
        .len();
    let start = size.saturating_sub(LONGEST_TAIL);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.take(LONGEST_TAIL).read_to_end(&mut bytes))
        .map_err(KeeperError::file("read the log", path))?;
    Ok(last_lines(&bytes, lines, size, start > 0))
}

fn last_lines(bytes: &[u8], lines: usize, size: u64, mut truncated: bool) -> Tail {
    let text = String::from_utf8_lossy(bytes);
    let mut all: Vec<&str> = text.lines().collect();
    // The first line of a cut file is most likely only its end.
    if truncated && all.len() > 1 {
        all.remove(0);
    }
    let skipped = all.len().saturating_sub(lines);
    truncated |= skipped > 0;
    Tail {
        lines: all[skipped..].iter().map(|&line| line.to_owned()).collect(),
        size,
        truncated,
    }
}

/// Opens a log file for appending, created with mode 0600; a symbolic link is refused.
pub(crate) fn append(path: &Path) -> Result<File, KeeperError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match open(path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(descriptor) => Ok(File::from(descriptor)),
        Err(error) => Err(KeeperError::file("open the log", path)(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::{append, tail};
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn tail_shows_the_last_lines_and_the_size() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        append(&path).unwrap().write_all(b"one\ntwo\nthree\n").unwrap();
        let shown = tail(&path, 2).unwrap();
        assert_eq!(shown.lines, ["two", "three"]);
        assert_eq!((shown.size, shown.truncated), (14, true));
        assert!(!tail(&path, 3).unwrap().truncated);
    }

    #[test]
    fn tail_of_one_endless_line_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        append(&path).unwrap().write_all(&vec![b'x'; 1 << 20]).unwrap();
        let shown = tail(&path, 5).unwrap();
        assert_eq!(shown.lines[0].len() as u64, super::LONGEST_TAIL);
        assert!(shown.truncated);
    }

    #[test]
    fn log_is_private_and_no_link_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        append(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(append(&link).is_err());
    }
}
