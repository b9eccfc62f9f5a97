//! Names of images and digests of content.

use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// The registry that a name without one refers to.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The tag of a name that has neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// A text that is not the name of an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image name: {reason}; write it as registry/repository[:tag][@sha256:…]")]
pub struct NameError {
    text: String,
    reason: &'static str,
}

/// The SHA-256 digest of some content, printed as `sha256:<64 hexadecimal digits>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    hexadecimal: String,
}

impl Digest {
    /// The digest of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self::from_hasher(Sha256::new_with_prefix(content))
    }

    pub(crate) fn from_hasher(hasher: Sha256) -> Self {
        Self {
            hexadecimal: hex::encode(hasher.finalize()),
        }
    }

    /// The digits alone, as they are used in file names.
    #[must_use]
    pub fn hexadecimal(&self) -> &str {
        &self.hexadecimal
    }

    /// The tag `sha256-<hex><suffix>` under which cosign and the referrers fallback keep what belongs to this digest.
    pub(crate) fn tag(&self, suffix: &str) -> String {
        format!("sha256-{}{suffix}", self.hexadecimal)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hexadecimal)
    }
}

impl FromStr for Digest {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = text.strip_prefix("sha256:").filter(|digits| {
            digits.len() == 64
                && digits
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        });
        match digits {
            Some(digits) => Ok(Self {
                hexadecimal: digits.to_owned(),
            }),
            None => {
                let reason = "a digest is `sha256:` and 64 lower-case hexadecimal digits";
                Err(NameError {
                    text: text.to_owned(),
                    reason,
                })
            }
        }
    }
}

/// The name of an image: `registry/repository[:tag][@digest]`.
///
/// The registry is a stable name, never an address; [`crate::Endpoints`] knows where it is served in this run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ImageName {
    /// The name of the registry, for example `ghcr.io`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry, for example `fluxcd/source-controller`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where one is written or implied: a name without tag and digest means `latest`.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (None, None) => Some(DEFAULT_TAG),
            (tag, _) => tag.as_deref(),
        }
    }

    /// The digest, where the name has one.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same image in another registry: only the host is swapped.
    #[must_use]
    pub fn at_registry(&self, registry: impl Into<String>) -> Self {
        Self {
            registry: registry.into(),
            ..self.clone()
        }
    }

    /// The same repository and tag, fixed to `digest`.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// The same repository with `tag` and no digest.
    ///
    /// # Errors
    ///
    /// The tag has characters that no tag may have.
    pub fn with_tag(&self, tag: &str) -> Result<Self, NameError> {
        if !is_tag(tag) {
            let reason =
                "a tag is up to 128 letters, digits, `_`, `.` and `-`, and starts with none of the last two";
            return Err(NameError {
                text: tag.to_owned(),
                reason,
            });
        }
        Ok(Self {
            tag: Some(tag.to_owned()),
            digest: None,
            ..self.clone()
        })
    }

    /// `registry/repository`, without tag and digest.
    #[must_use]
    pub fn without_reference(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What the registry is asked for: the digest if there is one, else the tag.
    pub(crate) fn reference(&self) -> String {
        match &self.digest {
            Some(digest) => digest.to_string(),
            None => self.tag.clone().unwrap_or_else(|| DEFAULT_TAG.to_owned()),
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |reason| NameError {
            text: text.to_owned(),
            reason,
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (
                name,
                Some(digest.parse::<Digest>().map_err(|error| refuse(error.reason))?),
            ),
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            // A colon before the last slash is the port of the registry.
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(refuse("the tag has characters that no tag may have"));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest.to_owned()),
            Some(_) => (DEFAULT_REGISTRY, name.to_owned()),
            None => (DEFAULT_REGISTRY, format!("library/{name}")),
        };
        if !is_host(registry) {
            return Err(refuse("the registry is not a host name"));
        }
        if !repository.split('/').all(is_component) {
            return Err(refuse(
                "a repository consists of lower-case letters and digits, separated by `.`, `_`, `-` and `/`",
            ));
        }
        let tag = tag.map(str::to_owned);
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest,
        })
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = host
        .rsplit_once(':')
        .map_or((host, None), |(name, port)| (name, Some(port)));
    let port_is_number = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    port_is_number && name.split('.').all(is_label)
}

fn is_component(component: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes
            .iter()
            .all(|byte| alphanumeric(byte) || b"._-".contains(byte))
}

fn is_tag(tag: &str) -> bool {
    let bytes = tag.as_bytes();
    bytes.len() <= 128
        && bytes
            .first()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> ImageName {
        text.parse().unwrap()
    }

    #[test]
    fn short_names_mean_docker_hub() {
        assert_eq!(name("alpine").to_string(), "docker.io/library/alpine");
        assert_eq!(name("alpine").tag(), Some("latest"));
        assert_eq!(name("bitnami/redis:7").to_string(), "docker.io/bitnami/redis:7");
        assert_eq!(name("localhost/a").registry(), "localhost");
        assert_eq!(name("registry:5000/a/b:1").registry(), "registry:5000");
    }

    #[test]
    fn a_digest_implies_no_tag() {
        let digest = Digest::of(b"x");
        let pinned = name(&format!("ghcr.io/a/b@{digest}"));
        assert_eq!((pinned.tag(), pinned.digest()), (None, Some(&digest)));
        assert_eq!(pinned.reference(), digest.to_string());
    }

    #[test]
    fn only_the_host_is_swapped() {
        let text = format!("ghcr.io/a/b:1@{}", Digest::of(b"x"));
        let moved = name(&text).at_registry("registry.plumbline.test");
        assert_eq!(
            moved.to_string(),
            text.replace("ghcr.io", "registry.plumbline.test")
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long_tag = format!("a:{}", "t".repeat(129));
        let wrong = [
            "",
            "/",
            "a//b",
            "A/b",
            "a:",
            "a@sha256:12",
            "a/../b",
            "a b",
            "ghcr.io/",
            "-.io/a",
            "x:99999/a",
            &long_tag,
        ];
        for text in wrong {
            assert!(text.parse::<ImageName>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed_again(
            registry in "[a-z][a-z0-9]{0,8}\\.[a-z]{2,5}(:[1-9][0-9]{0,3})?",
            repository in "[a-z0-9]{1,6}([._-][a-z0-9]{1,4})?(/[a-z0-9]{1,6}){0,3}",
            tag in proptest::option::of("[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20}"),
            pinned in any::<bool>(),
        ) {
            let tag = tag.map_or_else(String::new, |tag| format!(":{tag}"));
            let digest = if pinned { format!("@{}", Digest::of(repository.as_bytes())) } else { String::new() };
            let text = format!("{registry}/{repository}{tag}{digest}");
            prop_assert_eq!(name(&text).to_string(), text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<ImageName>();
            let _ = text.parse::<Digest>();
        }
    }
}
