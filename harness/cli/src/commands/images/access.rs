//! From flags and the user's own files to registries that can be talked to.

use super::arguments::Registries;
use crate::{commands::CommandError, directories::variable};
use plumbline_images::{Access, Endpoints, ImageError, ImageName, Logins};
use plumbline_model::ExitCode;
use std::{
    io,
    path::{Path, PathBuf},
};

impl Registries {
    /// The registries that these flags, and the logins of the user, reach.
    ///
    /// # Errors
    /// A file that is named cannot be read or is not what it should be.
    pub fn endpoints(&self) -> Result<Endpoints, CommandError> {
        let authorities = self.ca_file.as_deref().map(read).transpose()?;
        for registry in &self.plain_http {
            check_registry("--plain-http", registry)?;
        }
        Ok(Endpoints::everywhere(Access {
            authorities,
            plain_http: self.plain_http.iter().cloned().collect(),
            logins: self.logins()?,
        }))
    }

    fn logins(&self) -> Result<Logins, CommandError> {
        match registry_config(self.registry_config.as_deref())? {
            Some((path, text)) => Ok(Logins::parse(&path.display().to_string(), &text)?),
            None => Ok(Logins::default()),
        }
    }
}

/// The file with the user's logins, the one that is named or else the usual one, and what is in it.
pub(super) fn registry_config(named: Option<&Path>) -> Result<Option<(PathBuf, String)>, CommandError> {
    if let Some(path) = named {
        return Ok(Some((path.to_owned(), read(path)?)));
    }
    let folder = variable("DOCKER_CONFIG").or_else(|| variable("HOME").map(|home| home.join(".docker")));
    let Some(path) = folder.map(|folder| folder.join("config.json")) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CommandError::Unreadable { path, source }),
    }
}

/// The image that is named.
pub(super) fn named(text: &str) -> Result<ImageName, CommandError> {
    text.parse()
        .map_err(|error| CommandError::Image(ImageError::Name(error)))
}

/// Refuses, in the words of its flag, what is not `host[:port]`.
pub(super) fn check_registry(flag: &str, registry: &str) -> Result<(), CommandError> {
    let name = format!("{registry}/a").parse::<ImageName>();
    if name.is_ok_and(|name| name.registry() == registry && name.repository() == "a") {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "{flag} {registry}: write the registry alone, as host[:port], such as registry.example.com"
    )))
}

pub(super) fn read(path: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path)
        .map_err(|error| CommandError::Usage(format!("cannot read {}: {error}", path.display())))
}

/// What could not be done, in one line. Errors that tell the innermost cause themselves need no chain behind that.
pub(in crate::commands) fn words(error: &ImageError) -> String {
    match error {
        ImageError::Unreachable { .. } | ImageError::Untrusted { .. } | ImageError::Refused { .. } => {
            error.to_string()
        }
        _ => plumbline_flux::chain(error),
    }
}

/// Whose fault it is that something could not be done with an image.
pub(in crate::commands) const fn exit_code(error: &ImageError) -> ExitCode {
    match error {
        ImageError::Name(_)
        | ImageError::UnknownRegistry { .. }
        | ImageError::CredentialHelper { .. }
        | ImageError::Key { .. } => ExitCode::Usage,
        ImageError::Client { .. }
        | ImageError::Untrusted { .. }
        | ImageError::Unreachable { .. }
        | ImageError::KeyUnreachable { .. }
        | ImageError::Overwritten { .. }
        | ImageError::TimedOut { .. }
        | ImageError::Worker { .. }
        | ImageError::File { .. } => ExitCode::Environment,
        _ => ExitCode::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_host_and_nothing_else() {
        for registry in [
            "registry.example.com",
            "localhost",
            "127.0.0.1:5000",
            "mirror:5000",
        ] {
            assert!(check_registry("--to", registry).is_ok(), "{registry}");
        }
        for registry in [
            "",
            "example",
            "https://registry.example.com",
            "registry.example.com/team",
            "a b.c",
        ] {
            assert!(check_registry("--to", registry).is_err(), "{registry}");
        }
    }
}
