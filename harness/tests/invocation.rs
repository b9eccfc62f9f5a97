//! How every test starts the program: in a folder of its own, and without the settings of whoever runs the tests.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Settings that would change what the program does; the cache is not among them.
const SETTINGS: [&str; 7] = [
    "PLUMBLINE_PROJECT",
    "PLUMBLINE_RUNS",
    "PLUMBLINE_OFFLINE",
    "PLUMBLINE_ON",
    "KUBECONFIG",
    "NO_COLOR",
    "COLUMNS",
];

/// The program, about to start in `folder`.
#[expect(
    clippy::disallowed_methods,
    reason = "these tests are the user of the program, who starts it from outside"
)]
pub fn plumbline(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plumbline"));
    command.current_dir(folder).stdin(Stdio::null());
    for setting in SETTINGS {
        command.env_remove(setting);
    }
    command
}

/// Another program that these tests look through, about to start.
#[expect(
    clippy::disallowed_methods,
    reason = "a look from outside, at what the program made"
)]
#[allow(dead_code, reason = "not every test needs one")]
pub fn program(path: &Path) -> Command {
    Command::new(path)
}

/// The project that these tests belong to.
pub fn project() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    project
        .canonicalize()
        .expect("the project is where the tests were built")
}

/// Where `git` is: the one program that no cache provides.
#[expect(clippy::disallowed_methods, reason = "the tests need what the machine has")]
pub fn git() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("git"));
    found
        .find(|git| git.is_file())
        .expect("these tests need git on PATH")
}
