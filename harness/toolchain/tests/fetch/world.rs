//! A cache, a search path and a `clusters` folder of a test's own, with a keeper to start processes.

use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_toolchain::{Lock, Toolchain, ToolchainOptions};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A cache, a search path and a `clusters` folder of a test's own.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) keeper: Keeper,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["path", "clusters", "cache", "home", "run"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let run_directory = RunDirectory::create(folder.path().join("run")).unwrap();
        let executable = std::env::current_exe().unwrap();
        let keeper = Keeper::start(KeeperOptions {
            executable,
            run_directory,
        })
        .await
        .unwrap();
        Self { folder, keeper }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn script(&self, name: &str, text: &str) {
        let file = self.at("path").join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn toolchain(&self, programs: &str) -> Toolchain {
        self.toolchain_with(programs, |_| ())
    }

    pub(crate) fn toolchain_with(
        &self,
        programs: &str,
        change: impl FnOnce(&mut ToolchainOptions),
    ) -> Toolchain {
        // The release of the installed Go: these tests must not download another.
        let release = installed_go().map_or_else(|| "1.27.4".to_owned(), |(_, release)| release);
        let text = format!("[go]\nrelease = \"{release}\"\nminimum = \"1.21.0\"\n{programs}");
        let mut options = ToolchainOptions {
            lock: Lock::parse(&text, "lock.toml").unwrap(),
            clusters_directory: self.at("clusters"),
            cache_directory: self.at("cache"),
            search_path: vec![self.at("path")],
            environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            offline: false,
            keeper: self.keeper.clone(),
        };
        change(&mut options);
        Toolchain::new(options)
    }

    /// A toolchain with the installed Go and nothing but local modules.
    pub(crate) fn go_toolchain(&self, programs: &str) -> Toolchain {
        self.go_toolchain_with(programs, |_| ())
    }

    pub(crate) fn go_toolchain_with(
        &self,
        programs: &str,
        change: impl FnOnce(&mut ToolchainOptions),
    ) -> Toolchain {
        let (directory, _) = installed_go().unwrap();
        self.toolchain_with(programs, |options| {
            options.search_path.push(directory);
            let home = self.at("home").display().to_string();
            for (name, value) in [
                ("HOME", home.clone()),
                ("GOPATH", format!("{home}/go")),
                ("GOCACHE", shared_go_cache().display().to_string()),
                ("GOPROXY", format!("file://{}", self.at("proxy").display())),
                ("GONOSUMDB", "*".to_owned()),
                ("GOFLAGS", "-modcacherw".to_owned()),
            ] {
                options.environment.insert(name.to_owned(), value);
            }
            change(options);
        })
    }

    /// The folder of a program's go.mod, for a command in `./module` that prints what `main` says.
    pub(crate) fn go_program(&self, name: &str, main: &str) {
        let folder = self.at("clusters/go").join(name);
        fs::create_dir_all(&folder).unwrap();
        let module = self.at("modules").join(name);
        fs::create_dir_all(&module).unwrap();
        let go_mod = format!(
            "module plumbline.local/programs/{name}\n\ngo 1.21\n\nrequire example.test/{name} v1.0.0\n\n\
             replace example.test/{name} => {}\n",
            module.display()
        );
        fs::write(folder.join("go.mod"), go_mod).unwrap();
        fs::write(folder.join("go.sum"), "").unwrap();
        fs::write(
            module.join("go.mod"),
            format!("module example.test/{name}\n\ngo 1.21\n"),
        )
        .unwrap();
        fs::write(module.join("main.go"), main).unwrap();
    }
}

/// Programs of other tests have filled Go's cache with the standard library: compiling it takes a minute.
fn shared_go_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-build")
}

/// The directory and the release of the Go that is installed, if one is.
#[expect(
    clippy::disallowed_methods,
    reason = "which Go there is depends on who runs the tests"
)]
pub(crate) fn installed_go() -> Option<(PathBuf, String)> {
    let path = std::env::var_os("PATH")?;
    let directory = std::env::split_paths(&path).find(|directory| directory.join("go").is_file())?;
    let version = fs::read_to_string(directory.join("../VERSION")).ok()?;
    let release = version.lines().next()?.strip_prefix("go")?.to_owned();
    Some((directory, release))
}
