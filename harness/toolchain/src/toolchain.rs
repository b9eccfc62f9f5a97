//! The toolchain: what is there, and how what is not there is fetched.

use crate::{
    ToolchainError,
    cache::{Found, Slot},
    digest,
    error::{Attempt, Unavailable},
    go_command::GoCommand,
    lock::{Lock, Program},
    programs::{Fact, Programs, Ready, Source},
    search::search,
    workshop::Workshop,
};
use futures::future::join_all;
use plumbline_keeper::Keeper;
use plumbline_model::Progress;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// What a [`Toolchain`] works with.
#[derive(Clone, Debug)]
pub struct ToolchainOptions {
    /// Which programs there are.
    pub lock: Lock,
    /// The folder `clusters/` of the repository: the Go modules are in its `go/<program>/`.
    pub clusters_directory: PathBuf,
    /// Where programs are kept between runs; made when it is needed.
    pub cache_directory: PathBuf,
    /// The directories of PATH.
    pub search_path: Vec<PathBuf>,
    /// The caller's environment: Go's settings, the proxies, HOME.
    pub environment: BTreeMap<String, String>,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// What starts processes.
    pub keeper: Keeper,
}

/// Programs by name, from the sources of the lock.
#[derive(Clone, Debug)]
pub struct Toolchain {
    pub(crate) options: ToolchainOptions,
}

/// Whether a program is there, for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramState {
    /// The program.
    pub program: String,
    /// The version of the lock.
    pub version: String,
    /// Where it would be taken from without a download or a build, if anywhere.
    pub available: Option<Source>,
    /// How long its last build on this machine took.
    pub estimated: Option<Duration>,
    /// Whether only few runs need it.
    pub on_demand: bool,
}

/// A program that is asked for, its place in the lock, and its place in the cache.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'lock> {
    pub(crate) place: usize,
    pub(crate) program: &'lock Program,
    pub(crate) slot: Slot,
}

impl Toolchain {
    /// A toolchain; nothing is looked at before it is asked for.
    #[must_use]
    pub fn new(mut options: ToolchainOptions) -> Self {
        // Programs are started in directories of their own, where a relative path would mean something else.
        for directory in [&mut options.clusters_directory, &mut options.cache_directory] {
            if let Ok(absolute) = std::path::absolute(&*directory) {
                *directory = absolute;
            }
        }
        Self { options }
    }

    /// The version of a program that the lock names.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&str> {
        let program = self.options.lock.program(name)?;
        Some(&program.version)
    }

    /// The version of Kubernetes that the lock names: that of its API server.
    #[must_use]
    pub fn kubernetes(&self) -> &str {
        self.version("kube-apiserver").unwrap_or_default()
    }

    /// Everything that decides what these programs are, and all that is in `folder`, as one digest: for what is made of
    /// both. Nothing is fetched.
    ///
    /// # Errors
    /// If a name is unknown, or the folder cannot be read.
    pub fn digest_of_parts<Name: AsRef<str>>(
        &self,
        names: &[Name],
        folder: &Path,
    ) -> Result<String, ToolchainError> {
        let files = digest::folder(folder).map_err(ToolchainError::file("read", folder))?;
        let wanted = self.all_wanted(names)?;
        let keys = wanted.iter().map(|wanted| wanted.slot.key().as_bytes());
        Ok(digest::texts(keys.chain([files.as_bytes()])))
    }

    /// The state of every program of the lock, in its order. Cached programs are not read, only those that may be taken
    /// from PATH are asked for their version.
    pub async fn states(&self) -> Vec<ProgramState> {
        let state = async |(place, program)| {
            let slot = self.wanted(place, program).slot;
            let available = if slot.seems_there() {
                Some(Source::Cache)
            } else {
                self.search(program).await.is_ok().then_some(Source::Path)
            };
            ProgramState {
                program: program.name.clone(),
                version: program.version.clone(),
                available,
                estimated: slot.last_time(),
                on_demand: program.on_demand,
            }
        };
        join_all(self.options.lock.programs.iter().enumerate().map(state)).await
    }

    /// Makes sure that the programs of these names are there, and hands them over. Each is compared with its digest
    /// before it is handed over, however it was come by.
    ///
    /// # Errors
    /// If a name is unknown, or a program can be had from no source: then the error names all such programs.
    pub async fn fetch<Name: AsRef<str>>(
        &self,
        names: &[Name],
        progress: &Progress,
    ) -> Result<Programs, ToolchainError> {
        let mut ready = Vec::new();
        let mut missing = Vec::new();
        let wanted = self.all_wanted(names)?;
        let looked = join_all(wanted.into_iter().map(|wanted| self.look(wanted))).await;
        for result in looked {
            match result? {
                Ok(found) => ready.push(found),
                Err(other) => missing.push(other),
            }
        }
        if !missing.is_empty() {
            let go = self.go().await;
            let workshop = Workshop::new(self, go, progress);
            ready.extend(workshop.make(missing).await?);
        }
        Ok(ready.into_iter().collect())
    }

    fn all_wanted<Name: AsRef<str>>(&self, names: &[Name]) -> Result<Vec<Wanted<'_>>, ToolchainError> {
        let lock = &self.options.lock;
        for name in names.iter().map(AsRef::as_ref) {
            if lock.program(name).is_none() {
                let similar = lock.similar(name).map(str::to_owned);
                return Err(ToolchainError::Unknown {
                    name: name.to_owned(),
                    similar,
                });
            }
        }
        let asked_for = |program: &Program| names.iter().any(|name| name.as_ref() == program.name);
        let programs = lock
            .programs
            .iter()
            .enumerate()
            .filter(|(_, program)| asked_for(program));
        Ok(programs
            .map(|(place, program)| self.wanted(place, program))
            .collect())
    }

    fn wanted<'lock>(&'lock self, place: usize, program: &'lock Program) -> Wanted<'lock> {
        let folder = self.module_folder(program);
        // A file that is not there is told where it is needed: not every program has to be built.
        let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
        let own_source = program.go.as_ref().is_some_and(|go| go.module.is_none());
        let files = if own_source {
            vec![digest::folder(&folder).unwrap_or_default().into_bytes()]
        } else {
            vec![read("go.mod"), read("go.sum")]
        };
        let release = self.options.lock.go.release.as_bytes();
        let inputs: Vec<_> = std::iter::once(release)
            .chain(files.iter().map(Vec::as_slice))
            .collect();
        Wanted {
            place,
            program,
            slot: Slot::new(&self.options.cache_directory, program, &inputs),
        }
    }

    pub(crate) fn module_folder(&self, program: &Program) -> PathBuf {
        self.options.clusters_directory.join("go").join(&program.folder)
    }

    /// Looks into the cache and then on PATH; hands `wanted` back, with what was seen, if it is in neither.
    async fn look<'lock>(
        &self,
        wanted: Wanted<'lock>,
    ) -> Result<Result<Ready, (Wanted<'lock>, Vec<Attempt>)>, ToolchainError> {
        let reason = match self.cached(&wanted).await {
            Ok(ready) => return Ok(Ok(ready)),
            Err(reason) => reason,
        };
        let mut attempts = vec![Attempt {
            source: Source::Cache,
            reason,
        }];
        match self.search(wanted.program).await {
            Ok((path, version)) => Ok(Ok(found_on_path(wanted.program, path, version).await?)),
            Err(reason) => {
                attempts.push(Attempt {
                    source: Source::Path,
                    reason,
                });
                Ok(Err((wanted, attempts)))
            }
        }
    }

    /// The program from the cache; else why not.
    pub(crate) async fn cached(&self, wanted: &Wanted<'_>) -> Result<Ready, String> {
        let slot = wanted.slot.clone();
        let found = tokio::task::spawn_blocking(move || slot.find()).await;
        match found.map_err(|error| format!("it could not be checked: {error}"))? {
            Found::Nothing => Err("not there".to_owned()),
            Found::Damaged(reason) => Err(format!("refused: {reason}")),
            Found::Intact(manifest) => Ok(Ready {
                path: wanted.slot.program(),
                assets: manifest.assets_sha256.map(|_| wanted.slot.assets()),
                fact: Fact {
                    name: manifest.name,
                    version: manifest.version,
                    source: manifest.source,
                    sha256: manifest.sha256,
                },
            }),
        }
    }

    async fn search(&self, program: &Program) -> Result<(PathBuf, String), String> {
        let ToolchainOptions {
            keeper,
            search_path,
            environment,
            ..
        } = &self.options;
        search(keeper, program, search_path, environment).await
    }

    async fn go(&self) -> Result<GoCommand, String> {
        let ToolchainOptions {
            keeper,
            search_path,
            environment,
            offline,
            lock,
            ..
        } = &self.options;
        GoCommand::find(keeper, &lock.go, search_path, environment, *offline).await
    }

    /// What a person can do about a program that no source has.
    pub(crate) fn unavailable(&self, wanted: &Wanted<'_>, attempts: Vec<Attempt>, go: bool) -> Unavailable {
        let program = wanted.program;
        let mut remedies = Vec::new();
        if let Some(path) = &program.path {
            let later = match path.accept {
                crate::lock::Accept::Exact => "",
                crate::lock::Accept::Minimum => " or later",
            };
            remedies.push(format!(
                "put {} {}{later} on PATH",
                program.plain_name(),
                program.version
            ));
        }
        let (release, offline) = (
            program.release_for_this_platform().is_some(),
            self.options.offline,
        );
        if program.go.is_some() && !go {
            let network = if offline {
                ", with its modules in Go's cache or the network allowed"
            } else {
                ""
            };
            remedies.push(format!(
                "install Go {} or later{network}",
                self.options.lock.go.minimum
            ));
        }
        if release || (program.go.is_some() && go) {
            let network = if offline {
                "allow the network"
            } else {
                "make the network reachable (for Go, see GOPROXY)"
            };
            remedies.push(network.to_owned());
        }
        if release || program.go.is_some() {
            let folder = wanted.slot.folder().display();
            remedies.push(format!("copy the folder {folder} from a machine that has it"));
        }
        Unavailable {
            name: program.name.clone(),
            version: program.version.clone(),
            attempts,
            remedies,
        }
    }
}

async fn found_on_path(program: &Program, path: PathBuf, version: String) -> Result<Ready, ToolchainError> {
    let file = path.clone();
    let sha256 = tokio::task::spawn_blocking(move || digest::file(&file)).await;
    let sha256 = sha256.unwrap_or_else(|error| Err(io::Error::other(error)));
    let sha256 = sha256.map_err(ToolchainError::file("read", Path::new(&path)))?;
    let fact = Fact {
        name: program.name.clone(),
        version,
        source: Source::Path,
        sha256,
    };
    Ok(Ready {
        path,
        assets: None,
        fact,
    })
}
