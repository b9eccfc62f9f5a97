//! Opening what lies below a folder and nothing else, whatever the path and the links on it say.
//!
//! The kernel is asked to stay below the folder (`openat2`). Where it cannot be asked, the path is walked part by part, each opened in the
//! folder before it: nothing is decided by looking at a path, so nothing changes between the look and the opening.

use rustix::{
    fd::{AsFd as _, BorrowedFd, OwnedFd},
    fs::{self, Mode, OFlags, ResolveFlags},
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt as _,
    path::{Component, Path, PathBuf},
};

/// Opens `path` below `folder`. Neither waits for the other end of a FIFO nor takes over a terminal.
///
/// # Errors
/// [`Errno::XDEV`] if the path leads out of the folder; otherwise those of `open`.
pub(crate) fn open(folder: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    match ask_kernel(folder, path, flags) {
        // An older kernel; a sandbox that does not know the call; a machine on which something is renamed while `..` is followed.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => walk(folder, path, flags),
        answer => answer,
    }
}

fn ask_kernel(folder: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    fs::openat2(folder, path, flags, Mode::empty(), beneath)
}

/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

fn walk(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    if path.as_os_str().is_empty() {
        return Err(Errno::NOENT);
    }
    // The folders between the root and here; `..` leaves the last one, so that no rename can lead above the root.
    let mut folders: Vec<OwnedFd> = Vec::new();
    let mut ahead = Vec::new();
    push_parts(&mut ahead, path);
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        let here = folders.last().map_or(root, |folder| folder.as_fd());
        let name = match &part {
            Part::Root => return Err(Errno::XDEV),
            Part::Up => {
                folders.pop().ok_or(Errno::XDEV)?;
                continue;
            }
            Part::Name(name) => name,
        };
        let opened = if ahead.is_empty() {
            fs::openat(here, name, flags | OFlags::NOFOLLOW, Mode::empty())
        } else {
            let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            fs::openat(here, name, folder, Mode::empty())
        };
        match opened {
            Ok(descriptor) if ahead.is_empty() => return Ok(descriptor),
            Ok(folder) => folders.push(folder),
            // What a link is answered with depends on the flags.
            Err(error @ (Errno::LOOP | Errno::NOTDIR)) => {
                let target = link_at(here, name).ok_or(error)?;
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::LOOP);
                }
                push_parts(&mut ahead, &target);
            }
            Err(error) => return Err(error),
        }
    }
    // The path ended with `..`, or named the folder itself.
    let here = folders.last().map_or(root, |folder| folder.as_fd());
    fs::openat(here, ".", flags, Mode::empty())
}

enum Part {
    Root,
    Up,
    Name(OsString),
}

/// Puts the parts of `path` ahead of what is already ahead; the next one is the last.
fn push_parts(ahead: &mut Vec<Part>, path: &Path) {
    ahead.extend(path.components().rev().filter_map(|component| match component {
        Component::RootDir | Component::Prefix(_) => Some(Part::Root),
        Component::ParentDir => Some(Part::Up),
        Component::Normal(name) => Some(Part::Name(name.to_owned())),
        Component::CurDir => None,
    }));
}

/// Where a link leads; `None` if it is none.
fn link_at(folder: BorrowedFd<'_>, name: &OsStr) -> Option<PathBuf> {
    let target = fs::readlinkat(folder, name, Vec::new()).ok()?;
    Some(OsString::from_vec(target.into_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{File, create_dir_all, write},
        io::Read as _,
        os::unix::fs::symlink,
    };

    /// A folder `inside` with files and links, and beside it what must not be reached.
    fn tree() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        create_dir_all(inside.join("a/b")).unwrap();
        create_dir_all(place.path().join("inside-too")).unwrap();
        for (file, content) in [
            ("secret", "secret"),
            ("inside-too/secret", "secret"),
            ("inside/top", "top"),
            ("inside/a/file", "file"),
            ("inside/a/b/deep", "deep"),
        ] {
            write(place.path().join(file), content).unwrap();
        }
        for (link, target) in [
            ("to-file", "a/file"),
            ("to-folder", "a"),
            ("a/b/up", ".."),
            ("a/b/to-top", "../../top"),
            ("a/b/round-about", "./../../a/./b/../file"),
            ("out", ".."),
            ("out-to-file", "../secret"),
            ("out-to-neighbour", "../inside-too/secret"),
            ("a/out-and-in", "../../inside/top"),
            ("absolute", "/etc/passwd"),
            ("a/b/chain", "chain-2"),
            ("a/b/chain-2", "../../out-to-file"),
            ("loop", "loop"),
            ("one", "two"),
            ("two", "one"),
            ("dangling", "nowhere"),
            ("a/slash", "b/"),
        ] {
            symlink(target, inside.join(link)).unwrap();
        }
        let itself = inside.join("top").canonicalize().unwrap();
        symlink(itself, inside.join("absolute-inside")).unwrap();
        place
    }

    const CASES: [(&str, Result<&str, Errno>); 34] = [
        ("top", Ok("top")),
        ("./top", Ok("top")),
        ("a/file", Ok("file")),
        ("a//b/./deep", Ok("deep")),
        ("a/../top", Ok("top")),
        ("a/b/../../top", Ok("top")),
        ("to-file", Ok("file")),
        ("to-folder/file", Ok("file")),
        ("to-folder/b/deep", Ok("deep")),
        ("to-folder/../top", Ok("top")),
        ("a/b/up/file", Ok("file")),
        ("a/b/to-top", Ok("top")),
        ("a/b/round-about", Ok("file")),
        ("a/slash/deep", Ok("deep")),
        ("../secret", Err(Errno::XDEV)),
        ("../inside/top", Err(Errno::XDEV)),
        ("a/../../secret", Err(Errno::XDEV)),
        ("a/b/../../../inside-too/secret", Err(Errno::XDEV)),
        ("..", Err(Errno::XDEV)),
        ("/etc/passwd", Err(Errno::XDEV)),
        ("/", Err(Errno::XDEV)),
        ("out", Err(Errno::XDEV)),
        ("out/secret", Err(Errno::XDEV)),
        ("out/inside/top", Err(Errno::XDEV)),
        ("out-to-file", Err(Errno::XDEV)),
        ("out-to-neighbour", Err(Errno::XDEV)),
        ("a/out-and-in", Err(Errno::XDEV)),
        ("absolute", Err(Errno::XDEV)),
        ("absolute-inside", Err(Errno::XDEV)),
        ("a/b/chain", Err(Errno::XDEV)),
        ("loop", Err(Errno::LOOP)),
        ("one", Err(Errno::LOOP)),
        ("dangling", Err(Errno::NOENT)),
        ("top/file", Err(Errno::NOTDIR)),
    ];

    type Open = fn(BorrowedFd<'_>, &Path, OFlags) -> Result<OwnedFd, Errno>;

    fn every_case_is_answered_by(open: Open) {
        let place = tree();
        let root = File::open(place.path().join("inside")).unwrap();
        for (path, expected) in CASES {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let answer = open(root.as_fd(), Path::new(path), flags).map(|descriptor| {
                let mut text = String::new();
                File::from(descriptor).read_to_string(&mut text).unwrap();
                text
            });
            assert_eq!(answer.as_deref(), expected.as_ref().copied(), "{path}");
        }
        for path in ["a/..", ".", "a/b/up/.."] {
            assert!(
                open(root.as_fd(), Path::new(path), OFlags::RDONLY | OFlags::DIRECTORY).is_ok(),
                "{path}"
            );
        }
        assert_eq!(
            open(root.as_fd(), Path::new(""), OFlags::RDONLY).unwrap_err(),
            Errno::NOENT
        );
    }

    #[test]
    fn the_walk_stays_below_its_folder() {
        every_case_is_answered_by(walk);
    }

    #[test]
    fn the_kernel_and_the_walk_agree() {
        let root = File::open(".").unwrap();
        let asked = ask_kernel(root.as_fd(), Path::new("."), OFlags::RDONLY);
        if matches!(asked, Err(Errno::NOSYS | Errno::PERM)) {
            return;
        }
        every_case_is_answered_by(|folder, path, flags| {
            // A rename anywhere on the machine, of another test for one, makes the kernel unsure of `..` for a moment.
            for _ in 0..100 {
                match ask_kernel(folder, path, flags) {
                    Err(Errno::AGAIN) => {}
                    answer => return answer,
                }
            }
            Err(Errno::AGAIN)
        });
    }

    #[test]
    fn either_way_is_taken() {
        every_case_is_answered_by(open);
    }

    /// Someone exchanges a folder for a link that leads out, again and again, while files are opened through it.
    #[test]
    fn an_exchange_during_the_walk_leads_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        create_dir_all(inside.join("folder")).unwrap();
        create_dir_all(place.path().join("outside")).unwrap();
        write(inside.join("folder/file"), "ours").unwrap();
        write(place.path().join("outside/file"), "theirs").unwrap();
        symlink("../outside", inside.join("link")).unwrap();
        let root = File::open(&inside).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let exchange = fs::RenameFlags::EXCHANGE;
                    fs::renameat_with(&root, "folder", &root, "link", exchange).unwrap();
                }
            });
            for round in 0..2_000 {
                let open: Open = if round % 2 == 0 { walk } else { open };
                let opened = open(root.as_fd(), Path::new("folder/file"), OFlags::RDONLY);
                if let Ok(descriptor) = opened {
                    let mut text = String::new();
                    File::from(descriptor).read_to_string(&mut text).unwrap();
                    assert_eq!(text, "ours");
                }
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
