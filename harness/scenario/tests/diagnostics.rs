//! One golden answer per kind of error: `cases/<name>.yaml`, or all files of `cases/<name>/`, and what is said about them in
//! `cases/<name>.snap`. Each was read by a person; after a change of words run `cargo insta review`.

mod vocabulary;

use plumbline_scenario::load;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use vocabulary::vocabulary;

/// The files of each case, relative to this crate so that goldens are the same everywhere.
fn cases() -> BTreeMap<String, Vec<PathBuf>> {
    let mut cases: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir("tests/cases").expect("the cases can be read") {
        let path = entry.expect("the cases can be read").path();
        let name = path
            .file_stem()
            .expect("the cases can be read")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            let mut files: Vec<PathBuf> = fs::read_dir(&path)
                .expect("the cases can be read")
                .map(|file| file.expect("the cases can be read").path())
                .collect();
            files.sort();
            cases.insert(name, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            cases.insert(name, vec![path]);
        }
    }
    cases
}

#[test]
fn every_error_is_said_as_its_golden_file_has_it() {
    let cases = cases();
    assert!(cases.len() > 30, "{} cases", cases.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("cases");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, files) in cases {
            let diagnostics = load(&files, Path::new("tests/cases"), &vocabulary()).expect_err(&name);
            for diagnostic in diagnostics.iter() {
                let span = diagnostic.span();
                assert!(
                    span.line >= 1 && span.column >= 1,
                    "{name}: {diagnostic} has no place"
                );
            }
            insta::assert_snapshot!(name, diagnostics.render());
        }
    });
}
