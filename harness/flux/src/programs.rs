//! Running the platform's command-line programs as its people do: helm, kubectl, crane, cosign, git.

use crate::{
    Platform, VerbError,
    keys::{KeySafe, SigningKey},
    names::{PRIVATE_REGISTRY, PUBLIC_REGISTRIES},
};
use plumbline_keeper::{Command, Finished, Output};
use plumbline_model::FaultClass;
use plumbline_toolchain::Programs;
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// How much of a program's output a failure shows.
const SHOWN_LINES: usize = 12;

/// The variables that tell a program how to reach the servers of the run, and whom to trust there.
const NETWORK: [&str; 5] = [
    "SSL_CERT_FILE",
    "GIT_SSL_CAINFO",
    "GIT_CONFIG_NOSYSTEM",
    "HTTPS_PROXY",
    "HTTP_PROXY",
];

/// What every program of a run finds in its environment, whichever cluster it is for.
pub(crate) struct Workbench {
    directory: PathBuf,
    environment: BTreeMap<String, String>,
    safe: KeySafe,
    scratches: AtomicU64,
}

impl Workbench {
    /// Makes the home of the run's programs: the registry logins and the authority's certificate, readable by
    /// nobody else.
    pub(crate) fn prepare(
        directory: &Path,
        services: &crate::Services,
        safe: KeySafe,
        search_path: &str,
    ) -> io::Result<Self> {
        let home = directory.join("home");
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(home.join(".docker"))?;
        let login = serde_json::json!({
            "username": services.credentials.user,
            "password": services.credentials.password.reveal(),
        });
        let mut registries = vec![PRIVATE_REGISTRY.to_owned()];
        registries.extend(PUBLIC_REGISTRIES.map(str::to_owned));
        registries.extend([
            services.private.address().to_string(),
            services.upstream.address().to_string(),
        ]);
        let logins: BTreeMap<_, _> = registries.into_iter().map(|name| (name, login.clone())).collect();
        write_private(
            &home.join(".docker/config.json"),
            &serde_json::json!({"auths": logins}).to_string(),
        )?;
        let authority = home.join("ca.pem");
        fs::write(&authority, services.authority.pem())?;
        let proxy = format!("http://{}", services.tool_proxy.address());
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let environment = BTreeMap::from([
            ("HOME".to_owned(), text(&home)),
            ("TMPDIR".to_owned(), text(directory)),
            ("PATH".to_owned(), search_path.to_owned()),
            ("DOCKER_CONFIG".to_owned(), text(&home.join(".docker"))),
            ("SSL_CERT_FILE".to_owned(), text(&authority)),
            ("GIT_SSL_CAINFO".to_owned(), text(&authority)),
            ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
            ("HTTPS_PROXY".to_owned(), proxy.clone()),
            ("HTTP_PROXY".to_owned(), proxy),
            ("TUF_ROOT".to_owned(), text(&home.join(".sigstore"))),
        ]);
        Ok(Self {
            directory: directory.to_owned(),
            environment,
            safe,
            scratches: AtomicU64::new(0),
        })
    }

    /// What any program needs to reach the servers of the run, whoever it is.
    pub(crate) fn network(&self) -> BTreeMap<String, String> {
        let wanted = |name: &str| NETWORK.contains(&name);
        let variables = self.environment.iter().filter(|(name, _)| wanted(name));
        variables
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// `PATH` of the programs that scenarios run.
    pub(crate) fn search_path(&self) -> &str {
        self.environment.get("PATH").map_or("", String::as_str)
    }

    /// The key of an environment, for a program that signs with it.
    pub(crate) async fn signing_key(&self, environment: &str) -> Result<SigningKey, VerbError> {
        self.safe.signing_key(environment).await
    }
}

impl Platform {
    /// Runs a program of the lock with exactly these arguments and gives what it printed.
    ///
    /// # Errors
    /// The program was not fetched, or cannot be started.
    pub async fn execute(&self, program: &str, arguments: &[String]) -> Result<Finished, VerbError> {
        let folder = self.scratch().map_err(|error| VerbError::environment(&error))?;
        let finished = self.execute_in(program, arguments, &folder).await;
        // It goes with the run's directory at the latest.
        let _ = fs::remove_dir_all(&folder);
        finished
    }

    pub(crate) async fn execute_in(
        &self,
        program: &str,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Finished, VerbError> {
        let path = path_of(self.programs(), program)?;
        let mut environment = self.program_environment();
        environment.extend(self.workbench().safe.variables(arguments).await?);
        let command = Command::new(program, path)
            .arguments(arguments.iter().cloned())
            .environment(environment)
            .directory(folder)
            .output(Output::Captured);
        Ok(self.keeper().output(command).await?)
    }

    /// What a program finds in its environment.
    pub(crate) fn program_environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.workbench().environment.clone();
        let kubeconfig = self.kubeconfig().to_string_lossy().into_owned();
        environment.insert("KUBECONFIG".to_owned(), kubeconfig);
        environment
    }

    /// A new empty folder in the run's directory.
    pub(crate) fn scratch(&self) -> io::Result<PathBuf> {
        let workbench = self.workbench();
        let number = workbench.scratches.fetch_add(1, Ordering::Relaxed);
        let folder = workbench.directory.join(format!("scratch-{number}"));
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(folder)
    }
}

/// Where a program of the run is.
pub(crate) fn path_of(programs: &Programs, name: &str) -> Result<PathBuf, VerbError> {
    let path = programs.path(name).map(Path::to_owned);
    path.ok_or_else(|| {
        VerbError::fault(
            FaultClass::Environment,
            format!("the program `{name}` was not fetched for this run"),
        )
    })
}

/// The end of what a program printed, for a failure.
#[must_use]
pub fn last_lines(output: &str) -> String {
    let lines: Vec<_> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_shown() {
        let printed = (0..40).map(|line| format!("line {line}\n\n")).collect::<String>();
        let shown = last_lines(&printed);
        assert!(
            shown.starts_with("line 28") && shown.ends_with("line 39"),
            "{shown}"
        );
        assert_eq!(last_lines("\n \n"), "");
    }
}
