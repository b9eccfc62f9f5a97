//! A registry in a container of the run's network: a published image of the CNCF's distribution registry, with a certificate of
//! the run's authority and a login that is made for it. Its content goes with it.

use super::{
    KindError, Network,
    network::labels,
    node_files::{PRIVATE, write},
};
use crate::docker::{Docker, DockerError, Removal};
use plumbline_model::Secret;
use plumbline_servers::{CertificateAuthority, Credentials, OtherRegistry};
use std::{fs::DirBuilder, net::SocketAddr, os::unix::fs::DirBuilderExt as _, path::Path, time::Duration};

/// How long a registry may take to answer; half a second on an idle machine.
const ANSWERS_WITHIN: Duration = Duration::from_secs(90);
/// How soon one that does not answer yet is asked again; nothing else tells that it listens.
const ASKED_EVERY: Duration = Duration::from_millis(50);
/// How much of what it logged is told.
const LOG_LINES: &str = "6";
/// Where the container finds our files.
const FILES: &str = "/run/plumbline";
/// The port of the images.
const PORT: &str = "5000/tcp";
/// What bcrypt costs at least. The password is too random to be guessed, and is hashed again for every single request.
const HASH_COST: u32 = 4;

/// How to start a [`RegistryContainer`].
pub struct RegistryContainerOptions<'a> {
    /// Where it is to be.
    pub network: &'a Network,
    /// Its image.
    pub image: &'a str,
    /// Which of the run's registries it is, in one word.
    pub name: &'a str,
    /// Names by which it is known too.
    pub hosts: &'a [&'a str],
    /// Who certifies it.
    pub authority: &'a CertificateAuthority,
    /// Below this its certificate and its login are written.
    pub directory: &'a Path,
}

/// A registry that answers. Dropping it leaves the container to the keeper, with all that is in the network.
pub struct RegistryContainer {
    docker: Docker,
    container: String,
    version: String,
    other: OtherRegistry,
}

impl RegistryContainer {
    /// Starts it and returns when it answers.
    ///
    /// # Errors
    /// The engine does not do its part, or what is in the image is no registry.
    pub async fn start(options: RegistryContainerOptions<'_>) -> Result<Self, KindError> {
        let RegistryContainerOptions {
            network,
            image,
            name,
            hosts,
            authority,
            directory,
        } = options;
        let docker = network.docker().clone();
        let container = format!("{}-registry-{name}", network.name());
        let files = directory.join(format!("registry-{name}"));
        let names = [hosts, &["127.0.0.1", &container]].concat();
        let credentials = Credentials::generate("front");
        write_files(&files, authority, &names, &credentials)?;
        run(&docker, network.name(), &container, image, &files).await?;
        let other = OtherRegistry {
            address: published(&docker, &container).await?,
            authority_pem: Some(authority.pem().to_owned()),
            credentials: Some(credentials),
        };
        answers(&docker, &container, &other).await?;
        let asked = docker.ask(
            "ask the registry for its version",
            ["exec", &container, "registry", "--version"],
        );
        // What it is called is for the report only.
        let said = asked.await.unwrap_or_default();
        Ok(Self {
            version: version(&said).unwrap_or(image).to_owned(),
            docker,
            container,
            other,
        })
    }

    /// Where it is, and how to log in.
    #[must_use]
    pub const fn registry(&self) -> &OtherRegistry {
        &self.other
    }

    /// What it calls its version; the name of its image if it has none.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Removes it, with its content.
    ///
    /// # Errors
    /// The engine does not do it.
    pub async fn stop(&self) -> Result<(), KindError> {
        Removal::of_container(&self.container)
            .perform(&self.docker)
            .await?;
        Ok(())
    }
}

/// Writes what the container is given; nobody but us and root may read it.
fn write_files(
    folder: &Path,
    authority: &CertificateAuthority,
    names: &[&str],
    credentials: &Credentials,
) -> Result<(), KindError> {
    DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .map_err(KindError::file(folder))?;
    let identity = authority.issue_server(names)?;
    for (file, text) in [
        ("certificate.pem", identity.certificate_pem.as_str()),
        ("key.pem", identity.key_pem.reveal()),
        ("htpasswd", password_file(credentials)?.reveal()),
    ] {
        write(&folder.join(file), text, PRIVATE)?;
    }
    Ok(())
}

/// The line of a file of logins as Apache's, which the registry reads.
fn password_file(credentials: &Credentials) -> Result<Secret<String>, KindError> {
    let hash = bcrypt::hash(credentials.password.reveal(), HASH_COST).map_err(KindError::Login)?;
    Ok(Secret::new(format!("{}:{hash}\n", credentials.user)))
}

async fn run(
    docker: &Docker,
    network: &str,
    container: &str,
    image: &str,
    files: &Path,
) -> Result<(), KindError> {
    let mut arguments: Vec<String> = ["run", "--detach", "--name", container, "--network", network]
        .map(str::to_owned)
        .into();
    arguments.extend(labels(docker));
    // Reached as the API servers of kind's clusters are: by a port of this machine, wherever the engine has its networks.
    arguments.push("--publish=127.0.0.1::5000".to_owned());
    arguments.push(format!("--volume={}:{FILES}:ro", files.display()));
    for setting in [
        "HTTP_ADDR=:5000".to_owned(),
        format!("HTTP_TLS_CERTIFICATE={FILES}/certificate.pem"),
        format!("HTTP_TLS_KEY={FILES}/key.pem"),
        "AUTH=htpasswd".to_owned(),
        "AUTH_HTPASSWD_REALM=plumbline".to_owned(),
        format!("AUTH_HTPASSWD_PATH={FILES}/htpasswd"),
        "STORAGE_DELETE_ENABLED=true".to_owned(),
    ] {
        arguments.push(format!("--env=REGISTRY_{setting}"));
    }
    arguments.push(image.to_owned());
    docker.ask("start a registry container", arguments).await?;
    Ok(())
}

/// Where the container's port is on this machine.
async fn published(docker: &Docker, container: &str) -> Result<SocketAddr, KindError> {
    let what = "tell the port of a registry container";
    let listed = match docker.ask(what, ["port", container, PORT]).await {
        Ok(listed) => listed,
        // A container that has ended has none, and says more about it.
        Err(DockerError::Failed { .. }) => String::new(),
        Err(error) => return Err(error.into()),
    };
    match listed.lines().find_map(|line| line.trim().parse().ok()) {
        Some(address) => Ok(address),
        None => {
            let why = format!("serves no port {PORT} on this machine");
            Err(useless(docker, container, why).await)
        }
    }
}

/// Returns when the registry answers; it fails as soon as its container has ended.
async fn answers(docker: &Docker, container: &str, registry: &OtherRegistry) -> Result<(), KindError> {
    let mut last = "nothing".to_owned();
    let answer = async {
        while let Err(error) = registry.ask().await {
            last = error.to_string();
            tokio::time::sleep(ASKED_EVERY).await;
        }
    };
    let ended = docker.ask_within(
        ANSWERS_WITHIN,
        "wait for the registry container",
        docker.command(["wait", container]),
    );
    let ended = tokio::select! {
        () = answer => return Ok(()),
        ended = ended => ended,
    };
    let why = match ended {
        Ok(code) => format!("has ended (exit code {code})"),
        Err(DockerError::Silent { .. }) => {
            let seconds = ANSWERS_WITHIN.as_secs();
            format!("did not answer within {seconds} s (last: {last})")
        }
        Err(error) => return Err(error.into()),
    };
    Err(useless(docker, container, why).await)
}

/// The error about a registry, with the end of what it logged.
async fn useless(docker: &Docker, container: &str, why: String) -> KindError {
    let command = docker.command(["logs", "--tail", LOG_LINES, container]);
    let logged = match docker.keeper().output(command).await {
        Ok(logged) => [logged.stdout.bytes(), logged.stderr.bytes()].concat(),
        Err(error) => return error.into(),
    };
    KindError::Registry {
        container: container.to_owned(),
        why,
        said: String::from_utf8_lossy(&logged).trim().to_owned(),
    }
}

/// The version in what the program says of itself: `registry github.com/docker/distribution v2.8.3`.
fn version(said: &str) -> Option<&str> {
    let last = said.split_whitespace().last()?;
    let version = last.strip_prefix('v').unwrap_or(last);
    version
        .starts_with(|first: char| first.is_ascii_digit())
        .then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    #[test]
    fn the_version_is_the_last_word_if_it_is_one() {
        for (said, expected) in [
            ("registry github.com/docker/distribution v2.8.3\n", Some("2.8.3")),
            (
                "/usr/bin/registry github.com/docker/distribution 2.8.2+ds1",
                Some("2.8.2+ds1"),
            ),
            (
                "/bin/registry github.com/distribution/distribution/v3 v3.0.0",
                Some("3.0.0"),
            ),
            ("registry", None),
            ("", None),
        ] {
            assert_eq!(version(said), expected, "{said}");
        }
    }

    #[test]
    fn the_files_are_ours_alone_and_the_password_is_in_none() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("registry");
        let authority = CertificateAuthority::new("test").unwrap();
        let credentials = Credentials::generate("front");
        write_files(&files, &authority, &["127.0.0.1"], &credentials).unwrap();
        for entry in fs::read_dir(&files).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, PRIVATE);
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains(credentials.password.reveal().as_str()));
        }
        let logins = fs::read_to_string(files.join("htpasswd")).unwrap();
        let hash = logins.trim().strip_prefix("front:").unwrap();
        assert!(bcrypt::verify(credentials.password.reveal(), hash).unwrap());
    }
}
