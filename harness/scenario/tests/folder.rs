//! What is read from a folder lies in it, is a file, and is not too large; what it says is told where it is named.

use plumbline_scenario::{FileError, Folder, Located, Source, Vocabulary, load, scenario_files};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::{
    fs::{self, File},
    os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

const SCENARIO: &str = "claim: x\nrequirements: [GITOPS-05]\nneeds: cluster\nsteps:\n  - expect: {object: v1/Namespace a, absent: true}\n";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("below a folder")).expect("an empty folder");
    fs::write(path, text).expect("an empty folder");
}

/// What is said when every scenario of the folder is loaded, with the folder called `scenarios`.
fn said(folder: &Path) -> String {
    let files = scenario_files(folder).expect("a folder of files");
    let refused = load(&files, folder, &Vocabulary::default()).expect_err("something is wrong");
    refused
        .render()
        .replace(&folder.display().to_string(), "scenarios")
}

#[test]
fn what_is_no_scenario_file_is_refused_without_waiting() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("scenarios");
    write(&folder, "good.yaml", SCENARIO);
    write(
        &folder,
        "folder.yaml/good-too.yaml",
        &SCENARIO.replace("claim: x", "claim: z"),
    );
    write(place.path(), "outside.yaml", SCENARIO);
    mknodat(CWD, folder.join("fifo.yaml"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(folder.join("socket.yaml")).unwrap();
    File::create(folder.join("huge.yaml"))
        .unwrap()
        .set_len(100 << 20)
        .unwrap();
    for (link, target) in [
        ("device", "/dev/zero"),
        ("to-folder", "folder.yaml"),
        ("to-nothing", "nothing.yaml"),
        ("to-itself", "to-itself.yaml"),
        ("to-outside", "../outside.yaml"),
        (
            "to-outside-whole",
            &place.path().join("outside.yaml").display().to_string(),
        ),
    ] {
        symlink(target, folder.join(format!("{link}.yaml"))).unwrap();
    }
    let began = Instant::now();
    insta::assert_snapshot!("no-scenario-files", said(&folder));
    // A hundred megabytes are not read, and nobody ever writes into the FIFO.
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_link_that_stays_inside_is_followed_and_has_a_name_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), ".kept/one.yaml", SCENARIO);
    symlink(".kept/one.yaml", place.path().join("two.yaml")).unwrap();
    symlink(".kept", place.path().join("again")).unwrap();
    let files = scenario_files(place.path()).unwrap();
    let suite = load(&files, place.path(), &Vocabulary::default()).unwrap();
    let ids: Vec<&str> = suite
        .scenarios()
        .iter()
        .map(|scenario| scenario.id.as_str())
        .collect();
    assert_eq!(ids, ["two"]);
}

#[test]
fn files_are_listed_in_order_and_hidden_ones_are_not() {
    let place = tempfile::tempdir().unwrap();
    for name in [
        "b/x.yaml",
        "a.yaml",
        "b/a/z.txt",
        ".hidden/x.yaml",
        "b/.x.yaml",
        "b.yaml",
    ] {
        write(place.path(), name, "");
    }
    let odd = std::ffi::OsStr::from_bytes(b"odd-\xff.yaml");
    fs::write(place.path().join(odd), SCENARIO).unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let expected: [PathBuf; 5] = ["a.yaml", "b/a/z.txt", "b/x.yaml", "b.yaml", "odd"].map(PathBuf::from);
    let mut files = folder.files().unwrap();
    assert_eq!(files.pop().unwrap(), Path::new(odd));
    assert_eq!(files, expected[..4]);
    assert!(folder.read(Path::new(odd)).is_ok());
}

#[test]
fn a_folder_that_is_too_deep_is_told() {
    let place = tempfile::tempdir().unwrap();
    let deepest = place.path().join("a/".repeat(Folder::DEEPEST));
    fs::create_dir_all(&deepest).unwrap();
    fs::write(deepest.join("x.yaml"), SCENARIO).unwrap();
    assert_eq!(scenario_files(place.path()).unwrap().len(), 1);
    fs::create_dir(deepest.join("b")).unwrap();
    assert!(matches!(scenario_files(place.path()), Err(FileError::TooDeep(_))));
}

#[test]
fn a_file_that_grows_while_it_is_read_is_still_bounded() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("growing");
    fs::write(&path, "x").unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let mut file = File::options().append(true).open(&path).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..2_000 {
                std::io::Write::write_all(&mut file, &[b'x'; 100]).unwrap();
            }
        });
        for _ in 0..200 {
            match folder.bytes(Path::new("growing"), 50_000) {
                Ok(bytes) => assert!(bytes.len() <= 50_000),
                Err(error) => assert!(matches!(error, FileError::TooLarge(50_000)), "{error}"),
            }
        }
    });
}

/// A step names a file beside its scenario: the place of the name, in a scenario that lies in `gitops/`.
fn reference(source: &Arc<Source>, value: &str) -> Located<String> {
    let offset = source.text().find("absent").expect("the scenario has it");
    Located {
        value: value.to_owned(),
        span: source.span_at(offset, 6),
    }
}

#[test]
fn a_file_beside_a_scenario_is_read_and_nothing_else_is() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("scenarios");
    write(&root, "gitops/x.yaml", SCENARIO);
    write(&root, "gitops/manifests/a.yaml", "kind: A\n");
    write(&root, "gitops/manifests/broken.yaml", "kind: \u{1b}[2J\n");
    write(&root, "gitops/image/usr/bin/program", "#!/bin/sh\n");
    write(&root, "other/b.yaml", "kind: B\n");
    symlink("../other/b.yaml", root.join("gitops/b.yaml")).unwrap();
    let folder = Folder::open(&root).unwrap();
    let source = folder.read(Path::new("gitops/x.yaml")).unwrap();
    let at = |value: &str| reference(&source, value);

    let read = source.read_beside(&at("manifests/a.yaml")).unwrap();
    assert_eq!(read.text(), "kind: A\n");
    assert_eq!(read.path(), root.join("gitops/manifests/a.yaml"));
    assert_eq!(
        source
            .read_beside(&at("./manifests/../manifests/a.yaml"))
            .unwrap()
            .text(),
        "kind: A\n"
    );
    let files = source.folder_beside(&at("image")).unwrap().files().unwrap();
    assert_eq!(files, [Path::new("usr/bin/program")]);
    // A file that was read beside another one has files beside itself.
    assert_eq!(read.bytes_beside(&at("a.yaml"), 8).unwrap(), b"kind: A\n");

    let mut said = String::new();
    for name in [
        "manifests/none.yaml",
        "manifests",
        "../other/b.yaml",
        "b.yaml",
        "/etc/passwd",
        "",
        "manifests/broken.yaml",
    ] {
        said += &source.read_beside(&at(name)).expect_err(name).render();
        said.push('\n');
    }
    said += &source
        .bytes_beside(&at("manifests/a.yaml"), 7)
        .unwrap_err()
        .render();
    said.push('\n');
    said += &source.folder_beside(&at("../other")).unwrap_err().render();
    insta::assert_snapshot!("beside", said.replace(&root.display().to_string(), "scenarios"));
}

#[test]
fn a_text_that_came_from_nowhere_has_nothing_beside_it() {
    let source = Source::from_bytes(Path::new("x.yaml"), SCENARIO.into()).unwrap();
    let refused = source.read_beside(&reference(&source, "a.yaml")).unwrap_err();
    assert_eq!(
        refused.message(),
        "`a.yaml` cannot be read: this scenario did not come from a folder"
    );
}
