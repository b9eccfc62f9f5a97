//! The installed Go: found, asked for its version, and run with an environment that leaves nothing to chance.

use crate::{
    ToolchainError,
    lock::{GoModule, GoRelease},
    process::follow,
    search::{ask, candidates},
    version::compare,
};
use plumbline_keeper::{Command, Keeper, Line};
use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

/// Variables that would change what is built; the lock alone decides that.
const DECIDED_BY_THE_LOCK: [&str; 7] = [
    "GOOS",
    "GOARCH",
    "GOEXPERIMENT",
    "GOFIPS140",
    "GOAMD64",
    "GOARM64",
    "GOROOT",
];

/// How much of Go's output an error quotes.
const QUOTED_LINES: usize = 12;

/// A Go that can build what the lock asks for.
#[derive(Clone, Debug)]
pub(crate) struct GoCommand {
    program: PathBuf,
    environment: BTreeMap<String, String>,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: Vec<String>,
    /// The last lines of its standard error.
    pub(crate) tail: String,
}

impl GoCommand {
    /// The first Go of the search path that is new enough; else why there is none.
    pub(crate) async fn find(
        keeper: &Keeper,
        release: &GoRelease,
        search_path: &[PathBuf],
        environment: &BTreeMap<String, String>,
        offline: bool,
    ) -> Result<Self, String> {
        let mut asked = environment.clone();
        asked.insert("GOTOOLCHAIN".into(), "local".into());
        let mut reasons = Vec::new();
        for program in candidates(search_path, "go") {
            match ask(
                keeper,
                &program,
                &["version".to_owned()],
                "go version go{version}",
                &asked,
            )
            .await
            {
                Ok(version) if compare(&version, &release.minimum).is_ge() => {
                    return Ok(Self {
                        program,
                        environment: building(environment, release, offline),
                    });
                }
                Ok(version) => {
                    reasons.push(format!(
                        "{} is Go {version}, older than {}",
                        program.display(),
                        release.minimum
                    ));
                }
                Err(reason) => reasons.push(format!("{} {reason}", program.display())),
            }
        }
        if reasons.is_empty() {
            Err("no Go on PATH".to_owned())
        } else {
            Err(reasons.join("\n"))
        }
    }

    /// Runs `go` in `directory`. Each line goes to `each`, and to the end of `log`, so that a person can read all of it
    /// later.
    pub(crate) async fn run(
        &self,
        keeper: &Keeper,
        call: Call<'_>,
        mut each: impl FnMut(&str),
    ) -> Result<Ended, ToolchainError> {
        let mut environment = self.environment.clone();
        environment.extend(call.module.environment.clone());
        // Go's scratch folder would outlive a Go that is killed; here it is removed with the rest of the staging folder.
        let scratch = call.directory.join("tmp");
        std::fs::create_dir_all(&scratch).map_err(ToolchainError::file("create", &scratch))?;
        environment.insert("GOTMPDIR".into(), scratch.to_string_lossy().into_owned());
        let command = Command::new(call.what, &self.program)
            .arguments(&call.arguments)
            .environment(&environment)
            .directory(call.directory);
        let mut log = File::options()
            .create(true)
            .append(true)
            .open(call.log)
            .map_err(ToolchainError::file("open", call.log))?;
        let (mut output, mut tail) = (Vec::new(), VecDeque::new());
        let mut unwritten = Ok(());
        let status = follow(keeper, command, call.deadline, |line| match line {
            Line::Output(line) => output.push(line.to_owned()),
            Line::Error(line) => {
                if unwritten.is_ok() {
                    unwritten = writeln!(log, "{line}");
                }
                each(line);
                tail.push_back(line.to_owned());
                if tail.len() > QUOTED_LINES {
                    tail.pop_front();
                }
            }
        })
        .await?;
        unwritten.map_err(ToolchainError::file("write", call.log))?;
        let tail = Vec::from(tail).join("\n");
        if !status.success() && tail.contains("no space left on device") {
            return Err(ToolchainError::DiskFull {
                path: call.directory.to_owned(),
            });
        }
        Ok(Ended { status, output, tail })
    }
}

/// One run of `go`.
#[derive(Clone, Debug)]
pub(crate) struct Call<'call> {
    /// In words, for messages.
    pub(crate) what: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) directory: &'call Path,
    pub(crate) module: &'call GoModule,
    pub(crate) log: &'call Path,
    pub(crate) deadline: Duration,
}

/// The caller's environment (its module proxy, its caches, its credentials), except for what decides the result.
fn building(
    environment: &BTreeMap<String, String>,
    release: &GoRelease,
    offline: bool,
) -> BTreeMap<String, String> {
    let mut building = environment.clone();
    building.retain(|name, _| !DECIDED_BY_THE_LOCK.contains(&name.as_str()));
    building.insert("CGO_ENABLED".into(), "0".into());
    building.insert("GOTOOLCHAIN".into(), format!("go{}", release.release));
    building.insert("GOWORK".into(), "off".into());
    if offline {
        building.insert("GOPROXY".into(), "off".into());
    }
    building
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_decides_where_modules_come_from_and_the_lock_what_is_built() {
        let release = GoRelease {
            release: "1.27.4".into(),
            minimum: "1.21.0".into(),
        };
        let given = [
            ("GOPROXY", "https://proxy.example"),
            ("GOOS", "plan9"),
            ("HOME", "/home/x"),
            ("GOTOOLCHAIN", "local"),
        ];
        let given = given
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let online = building(&given, &release, false);
        assert_eq!(online["GOPROXY"], "https://proxy.example");
        assert_eq!(online["HOME"], "/home/x");
        assert_eq!(online["GOTOOLCHAIN"], "go1.27.4");
        assert!(!online.contains_key("GOOS"));
        assert_eq!(building(&given, &release, true)["GOPROXY"], "off");
    }
}
