//! A program from its Go module: modules first, then the build, both through the go.mod and go.sum of the repository.
//! The module is a published one, or the folder of the repository with go.mod and go.sum is the source itself.

use crate::{
    ToolchainError,
    cache::{Staging, copy_folder},
    go_command::{Call, GoCommand},
    lock::{GoModule, ModuleCopy, Program},
    programs::Source,
    queue::Place,
    source::Miss,
};
use plumbline_keeper::Keeper;
use plumbline_model::{Progress, Unit};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than a slow line needs for the modules of one program.
const LONGEST_DOWNLOAD: Duration = Duration::from_secs(30 * 60);

/// Longer than the largest program takes on a slow machine.
const LONGEST_BUILD: Duration = Duration::from_secs(60 * 60);

/// The build of one program.
#[derive(Clone, Debug)]
pub(crate) struct Build<'build> {
    pub(crate) keeper: &'build Keeper,
    pub(crate) go: &'build GoCommand,
    pub(crate) program: &'build Program,
    pub(crate) module: &'build GoModule,
    /// The folder of the repository with go.mod and go.sum.
    pub(crate) folder: &'build Path,
    pub(crate) log: &'build Path,
    pub(crate) progress: &'build Progress,
}

/// A build whose modules are all there.
#[derive(Debug)]
pub(crate) struct Prepared {
    directory: PathBuf,
    packages: u64,
}

/// What `go mod download -json` says.
#[derive(Deserialize)]
struct Downloaded {
    #[serde(rename = "Dir", default)]
    directory: PathBuf,
    #[serde(rename = "Sum", default)]
    sum: String,
    #[serde(rename = "Error", default)]
    error: String,
}

impl Build<'_> {
    /// Fetches every module that the build needs.
    pub(crate) async fn prepare(&self, staging: &Staging) -> Result<Prepared, Miss> {
        let Program { name, version, .. } = self.program;
        let task = self
            .progress
            .task(format!("fetching the modules of {name} {version}"));
        let note = |line: &str| {
            if let Some(module) = line.strip_prefix("go: downloading ") {
                task.note(module);
            }
        };
        let directory = staging.scratch("build").map_err(self.unwritable(staging))?;
        fs::write(self.log, "").map_err(ToolchainError::file("write", self.log))?;
        if let Some(module) = &self.module.module {
            self.copy_module_files(module, &directory)?;
            if let Some(copy) = &self.module.copy {
                // Outside of `directory`: its go.mod already names the copy that is only about to be made.
                let outside = staging.scratch("outside").map_err(self.unwritable(staging))?;
                self.copy_module(module, copy, &outside, &directory.join("module"), note)
                    .await?;
            }
        } else {
            // Built from a copy, so that Go finds no module of the repository around it, and writes nothing there.
            copy_folder(self.folder, &directory).map_err(ToolchainError::file("copy", self.folder))?;
        }
        let arguments = [
            "list",
            "-mod=readonly",
            "-deps",
            "-trimpath",
            self.module.package.as_str(),
        ];
        let listed = self
            .go(
                format!("go list of {name}"),
                &arguments,
                &directory,
                LONGEST_DOWNLOAD,
                note,
            )
            .await?;
        if !listed.status.success() {
            return Err(Miss::absent(
                Source::GoModule,
                format!("its modules could not be fetched:\n{}", listed.tail),
            ));
        }
        Ok(Prepared {
            directory,
            packages: listed.output.len() as u64,
        })
    }

    /// Compiles and links, and puts the program and its assets where `staging` wants them. `place` is given up as soon
    /// as the next build can compile without doing the same work again.
    pub(crate) async fn build(
        &self,
        prepared: &Prepared,
        staging: &Staging,
        place: Place<'_>,
        last_time: Option<Duration>,
    ) -> Result<(), ToolchainError> {
        let Program { name, version, .. } = self.program;
        let what = format!("building {name} {version}");
        let task = self
            .progress
            .sized_task(what, Some((prepared.packages, Unit::Items)), last_time);
        let flags = self.linker_flags();
        let target = staging.program.to_string_lossy();
        let arguments = [
            "build",
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-tags=",
            "-v",
            "-ldflags",
            &flags,
            "-o",
            &target,
            &self.module.package,
        ];
        let mut place = Some(place);
        let directory = &prepared.directory;
        let built = self
            .go(
                format!("go build of {name}"),
                &arguments,
                directory,
                LONGEST_BUILD,
                |line| {
                    if line == self.module.package {
                        // The command itself comes last; after it there is only the link.
                        place = None;
                        task.note("linking");
                    } else if !line.contains(' ') {
                        task.note(line);
                    }
                    task.advance(u64::from(!line.contains(' ')));
                },
            )
            .await?;
        if !built.status.success() {
            return Err(ToolchainError::GoBuild {
                name: name.clone(),
                version: version.clone(),
                status: built.status.to_string(),
                tail: built.tail,
                log: self.log.to_owned(),
            });
        }
        self.keep_assets(directory, staging).await
    }

    fn linker_flags(&self) -> String {
        let stamps = self.module.stamp.iter().map(|(variable, value)| {
            format!(
                " -X {variable}={}",
                value.replace("{version}", &self.program.version)
            )
        });
        std::iter::once("-s -w".to_owned()).chain(stamps).collect()
    }

    /// Copies go.mod and go.sum, after a look whether they are for the version that the lock has.
    fn copy_module_files(&self, module: &str, directory: &Path) -> Result<(), ToolchainError> {
        let go_mod = self.folder.join("go.mod");
        let text = fs::read_to_string(&go_mod).map_err(ToolchainError::file("read", &go_mod))?;
        let wanted = format!("{module} v{}", self.program.version);
        if !text
            .lines()
            .any(|line| line.trim().trim_start_matches("require ").trim() == wanted)
        {
            return Err(ToolchainError::GoMod {
                path: go_mod,
                message: format!("it has no `require {wanted}`"),
            });
        }
        for file in ["go.mod", "go.sum"] {
            let from = self.folder.join(file);
            fs::copy(&from, directory.join(file)).map_err(ToolchainError::file("copy", &from))?;
        }
        Ok(())
    }

    /// Copies the published module, if it is the pinned one, and adds the files that it lacks.
    async fn copy_module(
        &self,
        module: &str,
        copy: &ModuleCopy,
        outside: &Path,
        target: &Path,
        note: impl FnMut(&str),
    ) -> Result<(), Miss> {
        let module = format!("{module}@v{}", self.program.version);
        let arguments = ["mod", "download", "-json", &module];
        let what = format!("go mod download {module}");
        let ended = self.go(what, &arguments, outside, LONGEST_DOWNLOAD, note).await?;
        let downloaded: Downloaded = serde_json::from_str(&ended.output.join("\n")).map_err(|error| {
            Miss::absent(
                Source::GoModule,
                format!("its module could not be fetched: {error}\n{}", ended.tail),
            )
        })?;
        if !ended.status.success() || !downloaded.error.is_empty() {
            return Err(Miss::absent(
                Source::GoModule,
                format!("its module could not be fetched: {}", downloaded.error),
            ));
        }
        if downloaded.sum != copy.sum {
            let (pinned, found) = (copy.sum.clone(), downloaded.sum);
            return Err(ToolchainError::NotAsPinned {
                what: module,
                pinned,
                found,
            }
            .into());
        }
        let (target, added) = (target.to_owned(), copy.add.clone());
        let path = target.clone();
        let copied = tokio::task::spawn_blocking(move || {
            copy_folder(&downloaded.directory, &target)?;
            added.iter().try_for_each(|(name, text)| {
                let file = target.join(name);
                fs::create_dir_all(file.parent().unwrap_or(&target))?;
                fs::write(file, text)
            })
        });
        let copied = copied.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        copied.map_err(|error| ToolchainError::file("copy the module to", &path)(error).into())
    }

    async fn keep_assets(&self, directory: &Path, staging: &Staging) -> Result<(), ToolchainError> {
        let Some(module) = self
            .module
            .module
            .as_deref()
            .filter(|_| !self.module.assets.is_empty())
        else {
            return Ok(());
        };
        let arguments = ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module];
        let what = format!("go list of {module}");
        let listed = self
            .go(what, &arguments, directory, LONGEST_DOWNLOAD, |_| ())
            .await?;
        let module = PathBuf::from(listed.output.join(""));
        for asset in &self.module.assets {
            let from = module.join(asset);
            copy_folder(&from, &staging.assets().join(asset)).map_err(ToolchainError::file("copy", &from))?;
        }
        Ok(())
    }

    async fn go(
        &self,
        what: String,
        arguments: &[&str],
        directory: &Path,
        deadline: Duration,
        each: impl FnMut(&str),
    ) -> Result<crate::go_command::Ended, ToolchainError> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let call = Call {
            what,
            arguments,
            directory,
            module: self.module,
            log: self.log,
            deadline,
        };
        self.go.run(self.keeper, call, each).await
    }

    fn unwritable(&self, staging: &Staging) -> impl FnOnce(io::Error) -> ToolchainError {
        ToolchainError::file("create a folder beside", &staging.program)
    }
}
