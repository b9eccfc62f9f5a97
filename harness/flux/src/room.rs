//! The room on the disk that a run itself writes to: what breaks for want of it is the machine's fault.

use plumbline_keeper::free_space;
use std::path::Path;

/// With less than this, in megabytes, a run cannot go on: the API server's database takes 64 at once.
const LEAST: u64 = 64;

/// Why nothing can work that writes below `directory`, the run's own, if so.
pub(crate) fn shortage(directory: &Path) -> Option<String> {
    below(directory, LEAST)
}

fn below(directory: &Path, least: u64) -> Option<String> {
    // A file system that does not tell has room.
    let free = free_space(directory).ok()? / 1_000_000;
    let place = directory.parent().unwrap_or(directory).display();
    (free < least).then(|| {
        format!(
            "the disk that the run writes to is full, with {free} MB free in {place}: make room there, or name another place with \
             --runs, and run again; what goes wrong meanwhile says nothing about the platform"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_the_place_that_the_user_can_name() {
        let runs = tempfile::tempdir().unwrap();
        let run = runs.path().join("0123456789abcdef");
        std::fs::create_dir(&run).unwrap();
        assert_eq!(below(&run, 0), None);
        let told = below(&run, u64::MAX).unwrap();
        let place = format!(
            " MB free in {}: make room there, or name another place with --runs",
            runs.path().display()
        );
        assert!(told.contains(&place), "{told}");
        assert_eq!(below(&runs.path().join("gone"), u64::MAX), None);
    }
}
