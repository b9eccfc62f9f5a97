//! The disk that the engine keeps everything on: images, containers, and what the programs in them write.

use super::{Docker, DockerError};
use plumbline_keeper::free_space;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// With less than this, in megabytes, what is written is refused before long: etcd alone takes 64 at once, and ends if it does
/// not get them.
const LEAST: u64 = 100;

/// How often the disk is looked at; nothing tells of one that fills up.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// What every program says when a disk is full; whether it begins in upper case depends on the program's language.
const NO_SPACE: &str = "o space left on device";

/// The engine's disk. One that is not of this machine cannot be looked at, and is taken for one with room. Clones know what one
/// of them has seen.
#[derive(Clone, Debug)]
pub struct EngineDisk {
    root: Option<PathBuf>,
    seen: Arc<OnceLock<Shortage>>,
}

/// A disk on which nothing works any more as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    root: PathBuf,
    free: u64,
}

impl EngineDisk {
    /// Asks the engine where it keeps everything.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn find(docker: &Docker) -> Result<Self, DockerError> {
        let arguments = ["info", "--format", "{{.DockerRootDir}}"];
        let root = docker.ask("tell where it keeps everything", arguments).await?;
        Ok(Self::at(Path::new(&root)))
    }

    pub(crate) fn at(root: &Path) -> Self {
        // The folder itself is root's alone, but its disk can be asked about by everyone.
        let is_here = root.is_absolute() && root.is_dir();
        Self {
            root: is_here.then(|| root.to_owned()),
            seen: Arc::default(),
        }
    }

    /// Refuses a disk with less room than `wanted` megabytes.
    ///
    /// # Errors
    /// [`DockerError::NoRoom`].
    pub fn require(&self, wanted: u64) -> Result<(), DockerError> {
        match self.below(wanted) {
            None => Ok(()),
            Some(Shortage { root, free }) => Err(DockerError::NoRoom { root, free, wanted }),
        }
    }

    /// Whether it is full, or was when somebody looked: what broke then does not mend by room that comes later.
    #[must_use]
    pub fn shortage(&self) -> Option<Shortage> {
        if let Some(shortage) = self.seen.get() {
            return Some(shortage.clone());
        }
        let shortage = self.below(LEAST)?;
        Some(self.seen.get_or_init(|| shortage).clone())
    }

    /// Returns when it is full.
    pub async fn runs_out(&self) -> Shortage {
        loop {
            if let Some(shortage) = self.shortage() {
                return shortage;
            }
            tokio::time::sleep(LOOKED_EVERY).await;
        }
    }

    /// Whether an ordinary user could write less than so many megabytes. A file system that does not tell has room.
    fn below(&self, least: u64) -> Option<Shortage> {
        let root = self.root.as_ref()?;
        let free = free_space(root).ok()? / 1_000_000;
        (free < least).then(|| Shortage {
            root: root.clone(),
            free,
        })
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { root, free } = self;
        write!(
            formatter,
            "the disk of the Docker engine is full, with {free} MB free in {}: make room there (`docker system df` shows what takes \
             it) and run again; what goes wrong meanwhile says nothing about the platform",
            root.display()
        )
    }
}

/// Whether a program says that a disk is full.
#[must_use]
pub fn tells_of_full_disk(said: &str) -> bool {
    said.contains(NO_SPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_when_less_than_the_least_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let disk = EngineDisk::at(folder.path());
        assert_eq!(disk.below(0), None);
        assert_eq!(disk.seen.get(), None);
        let shortage = disk.below(u64::MAX).unwrap();
        let words = Shortage { free: 35, ..shortage }.to_string();
        let here = format!(
            "the disk of the Docker engine is full, with 35 MB free in {}: make room there",
            folder.path().display()
        );
        assert!(words.starts_with(&here), "{words}");
    }

    #[test]
    fn a_disk_with_too_little_room_is_refused_in_words_that_say_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let disk = EngineDisk::at(folder.path());
        assert!(disk.require(0).is_ok());
        let refused = disk.require(u64::MAX).unwrap_err();
        assert!(matches!(refused, DockerError::NoRoom { .. }), "{refused}");
        for words in [
            folder.path().to_str().unwrap(),
            " MB free",
            &u64::MAX.to_string(),
            "docker system df",
        ] {
            assert!(refused.to_string().contains(words), "{refused}");
        }
    }

    #[test]
    fn a_disk_of_another_machine_is_taken_for_one_with_room() {
        for root in ["/no/such/folder", "", "relative"] {
            let disk = EngineDisk::at(Path::new(root));
            assert!(disk.require(u64::MAX).is_ok(), "{root}");
            assert_eq!(disk.shortage(), None, "{root}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_told_at_once() {
        // A file system without blocks has none free.
        let full = EngineDisk::at(Path::new("/proc"));
        let clone = full.clone();
        assert_eq!(full.runs_out().await.free, 0);
        assert_eq!(clone.seen.get(), full.shortage().as_ref());
    }

    #[test]
    fn programs_of_every_language_say_it() {
        assert!(tells_of_full_disk("write /var/lib/x: no space left on device"));
        assert!(tells_of_full_disk(
            "cannot copy: No space left on device (os error 28)"
        ));
        assert!(!tells_of_full_disk("no such file or directory"));
    }
}
