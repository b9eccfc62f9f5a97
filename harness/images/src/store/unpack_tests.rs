//! Layers that try to get out, and layers that are ordinary.

use super::unpack::{Budget, Compression, Unpacker};
use crate::error::ImageError;
use proptest::prelude::*;
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};
use tar::{EntryType, Header};

/// One entry: kind, path, content or link target.
type Item<'a> = (EntryType, &'a str, &'a str);

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;
const SYMLINK: EntryType = EntryType::Symlink;
const LINK: EntryType = EntryType::Link;

/// A layer whose names are written as they are: the tar crate refuses to write hostile ones.
fn layer(items: &[Item<'_>]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (kind, path, content) in items {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if *kind == FILE { 0o644 } else { 0o755 });
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        let body: &[u8] = if *kind == FILE {
            content.as_bytes()
        } else {
            header.as_old_mut().linkname[..content.len()].copy_from_slice(content.as_bytes());
            &[]
        };
        header.set_size(body.len() as u64);
        header.set_cksum();
        archive.append(&header, body).unwrap();
    }
    archive.into_inner().unwrap()
}

fn unpack_with(root: &Path, budget: Budget, layers: &[&[Item<'_>]]) -> Result<(), ImageError> {
    let mut unpacker = Unpacker::new("image", root, budget)?;
    for items in layers {
        unpacker.layer("layer", Compression::None, layer(items).as_slice())?;
    }
    unpacker.finish()
}

fn unpack(root: &Path, layers: &[&[Item<'_>]]) -> Result<(), ImageError> {
    unpack_with(root, Budget::DEFAULT, layers)
}

/// A root with a neighbour that nothing may touch.
fn place() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::create_dir(directory.path().join("outside")).unwrap();
    fs::write(directory.path().join("outside/file"), "untouched").unwrap();
    (directory, root)
}

fn files(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                pending.push(path);
            } else if metadata.is_file() {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

fn is_unsafe(result: Result<(), ImageError>) -> bool {
    matches!(result, Err(ImageError::UnsafeEntry { .. }))
}

#[test]
fn upper_layers_replace_and_hide_lower_ones() {
    let (_directory, root) = place();
    let lower: &[Item<'_>] = &[
        (DIRECTORY, "etc/", ""),
        (FILE, "etc/a", "1"),
        (FILE, "etc/b", "1"),
        (FILE, "var/lib/deep/x", "1"),
        (FILE, "opaque/old", "1"),
        (FILE, "kind", "file"),
    ];
    let upper: &[Item<'_>] = &[
        (FILE, "etc/a", "2"),
        (FILE, "etc/.wh.b", ""),
        (FILE, "var/.wh.lib", ""),
        (FILE, "opaque/new", "2"),
        (FILE, "opaque/.wh..wh..opq", ""),
        (FILE, "never/.wh.there", ""),
        (FILE, "kind/inside", "directory"),
    ];
    // A directory can't be made implicitly where a lower layer has a file: it needs an entry of its own.
    let kind: &[Item<'_>] = &[(DIRECTORY, "kind/", "")];
    unpack(&root, &[lower, kind, upper]).unwrap();
    let expected = [("etc/a", "2"), ("kind/inside", "directory"), ("opaque/new", "2")];
    assert_eq!(
        files(&root),
        expected
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into()
    );
}

#[test]
fn a_path_that_leads_out_is_refused() {
    for path in ["../outside/file", "/outside/file", "a/../../outside/file", ".."] {
        let (directory, root) = place();
        assert!(is_unsafe(unpack(&root, &[&[(FILE, path, "taken")]])), "{path}");
        assert_eq!(files(&directory.path().join("outside"))["file"], "untouched");
    }
}

#[test]
fn a_link_does_not_redirect_what_is_written_after_it() {
    let (directory, root) = place();
    let outside = directory.path().join("outside");
    for target in ["../outside", outside.to_str().unwrap(), "/../outside"] {
        let _ = unpack(
            &root,
            &[&[(SYMLINK, "way", target)], &[(FILE, "way/file", "taken")]],
        );
        let _ = unpack(&root, &[&[(SYMLINK, "file", target), (FILE, "file", "own")]]);
        let _ = unpack(
            &root,
            &[&[(SYMLINK, "way", target)], &[(FILE, "way/.wh.file", "")]],
        );
        let _ = unpack(
            &root,
            &[&[(SYMLINK, "way", target)], &[(FILE, "way/.wh..wh..opq", "")]],
        );
        assert_eq!(files(&outside)["file"], "untouched", "{target}");
    }
}

#[test]
fn a_link_that_leads_out_is_refused_in_the_end() {
    let climbing: &[Item<'_>] = &[(SYMLINK, "a/b", "../../outside/file")];
    // Each of these looks harmless: only together do they climb.
    let chained: &[Item<'_>] = &[
        (DIRECTORY, "s/t/", ""),
        (SYMLINK, "s/t/u", "../.."),
        (SYMLINK, "way", "s/t/u/../outside/file"),
    ];
    for items in [climbing, chained] {
        let (_directory, root) = place();
        assert!(is_unsafe(unpack(&root, &[items])), "{items:?}");
    }
}

#[test]
fn an_absolute_link_means_the_root_of_the_image() {
    let (_directory, root) = place();
    let items: &[Item<'_>] = &[
        (FILE, "usr/bin/program", "elf"),
        (SYMLINK, "opt/x/program", "/usr/bin/program"),
        (SYMLINK, "all", "/"),
    ];
    unpack(&root, &[items]).unwrap();
    assert_eq!(fs::read_to_string(root.join("opt/x/program")).unwrap(), "elf");
    assert!(root.join("all/usr").is_dir());
}

#[test]
fn a_hard_link_reaches_only_what_is_in_the_image() {
    let (directory, root) = place();
    unpack(&root, &[&[(FILE, "one", "1"), (LINK, "two", "one")]]).unwrap();
    assert_eq!(fs::read_to_string(root.join("two")).unwrap(), "1");
    assert!(is_unsafe(unpack(&root, &[&[(LINK, "three", "../outside/file")]])));
    let through: &[Item<'_>] = &[(SYMLINK, "way", "../outside"), (LINK, "four", "way/file")];
    assert!(unpack(&root, &[through]).is_err());
    assert!(!root.join("four").exists());
    assert_eq!(files(&directory.path().join("outside"))["file"], "untouched");
}

#[test]
fn devices_are_refused() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let (_directory, root) = place();
        assert!(is_unsafe(unpack(&root, &[&[(kind, "dev/null", "")]])), "{kind:?}");
    }
}

#[test]
fn permissions_are_kept_but_not_those_that_give_rights_away() {
    let (_directory, root) = place();
    let mut unpacker = Unpacker::new("image", &root, Budget::DEFAULT).unwrap();
    let mut archive = tar::Builder::new(Vec::new());
    for (kind, path, mode) in [
        (DIRECTORY, "tmp/", 0o1777),
        (FILE, "tmp/x", 0o6755),
        (DIRECTORY, "closed/", 0o000),
    ] {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(0);
        archive.append_data(&mut header, path, std::io::empty()).unwrap();
    }
    unpacker
        .layer(
            "layer",
            Compression::None,
            archive.into_inner().unwrap().as_slice(),
        )
        .unwrap();
    unpacker.finish().unwrap();
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode("tmp"), mode("tmp/x"), mode("closed")),
        (0o1777, 0o755, 0o700)
    );
}

#[test]
fn an_image_beyond_its_budget_is_refused() {
    let (_directory, root) = place();
    let items: &[Item<'_>] = &[(FILE, "a", "12345"), (FILE, "b", "12345")];
    let within = Budget {
        bytes: 10,
        entries: 2,
    };
    unpack_with(&root, within, &[items]).unwrap();
    for budget in [Budget { bytes: 9, ..within }, Budget { entries: 1, ..within }] {
        assert!(matches!(
            unpack_with(&root, budget, &[items]),
            Err(ImageError::TooLarge { .. })
        ));
    }
    // The budget is that of the image, not of each layer.
    assert!(matches!(
        unpack_with(&root, within, &[items, items]),
        Err(ImageError::TooLarge { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_entries_gets_out(
        items in proptest::collection::vec(
            (0..4_usize, "(\\.\\./|/)?([abw]|\\.\\.|\\.wh\\.a)(/([abw]|\\.\\.|\\.wh\\.file|file)){0,3}",
             "(/)?([abw]|\\.\\.|outside)(/([abw]|\\.\\.|outside|file)){0,4}"),
            0..12,
        ),
    ) {
        let (directory, root) = place();
        let kinds = [FILE, DIRECTORY, SYMLINK, LINK];
        let items = items.iter().map(|(kind, path, other)| (kinds[*kind], path.as_str(), other.as_str()));
        let items = items.collect::<Vec<_>>();
        let (lower, upper) = items.split_at(items.len() / 2);
        let result = unpack(&root, &[lower, upper]);
        let outside = directory.path().join("outside");
        prop_assert_eq!(files(&outside), BTreeMap::from([("file".to_owned(), "untouched".to_owned())]));
        let around = fs::read_dir(directory.path()).unwrap().count();
        prop_assert_eq!(around, 2);
        if result.is_ok() {
            let mut pending = vec![root.clone()];
            while let Some(path) = pending.pop() {
                for entry in fs::read_dir(&path).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_symlink() {
                        if let Ok(real) = fs::canonicalize(&path) {
                            prop_assert!(real.starts_with(fs::canonicalize(&root).unwrap()), "{}", path.display());
                        }
                    } else if path.is_dir() {
                        pending.push(path);
                    }
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let (_directory, root) = place();
        let mut unpacker = Unpacker::new("image", &root, Budget::DEFAULT).unwrap();
        let _ = unpacker.layer("layer", Compression::None, bytes.as_slice());
        let _ = unpacker.layer("layer", Compression::Gzip, bytes.as_slice());
    }
}
