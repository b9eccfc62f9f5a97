//! Names of repositories and tags, and digests: what the specification allows.

use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;

/// The hash functions that the specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A digest that is well-formed: an algorithm we know and its number of lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest {
    algorithm: Algorithm,
    hex: String,
}

impl Digest {
    /// Reads `algorithm:hex`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.split_once(':')
            .and_then(|(algorithm, hex)| Self::from_parts(algorithm, hex))
    }

    /// Reads a name made by [`Self::file_name`].
    pub(super) fn from_file_name(name: &str) -> Option<Self> {
        name.split_once('-')
            .and_then(|(algorithm, hex)| Self::from_parts(algorithm, hex))
    }

    fn from_parts(algorithm: &str, hex: &str) -> Option<Self> {
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|known| known.name() == algorithm)?;
        let valid = hex.len() == algorithm.hex_length()
            && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| Self {
            algorithm,
            hex: hex.to_owned(),
        })
    }

    /// The digest of `content` by `algorithm`.
    pub(super) fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let hex = match algorithm {
            Algorithm::Sha256 => hex::encode(Sha256::digest(content)),
            Algorithm::Sha512 => hex::encode(Sha512::digest(content)),
        };
        Self { algorithm, hex }
    }

    /// The digest that a finished SHA-256 gives.
    pub(super) fn from_sha256(hash: Sha256) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: hex::encode(hash.finalize()),
        }
    }

    /// The digest that a finished SHA-512 gives.
    pub(super) fn from_sha512(hash: Sha512) -> Self {
        Self {
            algorithm: Algorithm::Sha512,
            hex: hex::encode(hash.finalize()),
        }
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of a file about this digest.
    pub(super) fn file_name(&self) -> String {
        format!("{}-{}", self.algorithm.name(), self.hex)
    }

    /// Where an image layout, and the registry's own store, keep the content below their `blobs` directory.
    pub(super) fn blob_path(&self) -> String {
        format!("{}/{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.name(), self.hex)
    }
}

/// Whether `name` can be a repository: path components of lower-case letters and digits, separated inside by `.`,
/// `_`, `__` or dashes.
pub(super) fn is_repository(name: &str) -> bool {
    name.len() <= 255 && name.split('/').all(is_component)
}

fn is_component(component: &str) -> bool {
    let is_word = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let separators = component.split(is_word).filter(|separator| !separator.is_empty());
    component.starts_with(is_word)
        && component.ends_with(is_word)
        && separators.into_iter().all(|separator| {
            matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

/// Whether `name` can be a tag.
pub(super) fn is_tag(name: &str) -> bool {
    let first = name.bytes().next();
    name.len() <= 128
        && first.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repositories_follow_the_grammar_of_the_specification() {
        for valid in [
            "a",
            "a/b/c",
            "a.b",
            "a_b",
            "a__b",
            "a---b",
            "fluxcd/source-controller",
            "1/2",
        ] {
            assert!(is_repository(valid), "{valid}");
        }
        for invalid in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", "_a", "a/../b", "ä",
        ] {
            assert!(!is_repository(invalid), "{invalid}");
        }
        assert!(!is_repository(&"a".repeat(256)));
    }

    #[test]
    fn tags_are_checked() {
        for valid in ["v1.0", "_x", "A-b_c", "sha256-00.sig"] {
            assert!(is_tag(valid), "{valid}");
        }
        for invalid in ["", ".", "-x", "a/b", "a:b", "a b"] {
            assert!(!is_tag(invalid), "{invalid}");
        }
        assert!(!is_tag(&"x".repeat(129)));
    }

    #[test]
    fn digests_are_of_known_algorithms_and_lower_case() {
        let hex = "0".repeat(64);
        assert!(Digest::parse(&format!("sha256:{hex}")).is_some());
        for invalid in [
            "",
            "sha256",
            "sha256:",
            "sha256:00",
            &format!("sha512:{hex}"),
            &format!("md5:{hex}"),
        ] {
            assert!(Digest::parse(invalid).is_none(), "{invalid}");
        }
        assert!(Digest::parse(&format!("sha256:{}", "A".repeat(64))).is_none());
    }

    proptest! {
        #[test]
        fn digests_survive_text_and_file_names(content: Vec<u8>) {
            for algorithm in Algorithm::ALL {
                let digest = Digest::of(algorithm, &content);
                prop_assert_eq!(Digest::parse(&digest.to_string()), Some(digest.clone()));
                prop_assert_eq!(Digest::from_file_name(&digest.file_name()), Some(digest));
            }
        }

        #[test]
        fn no_repository_name_leaves_its_directory(name in "[a-z./_-]{0,12}") {
            if is_repository(&name) {
                prop_assert!(!name.split('/').any(|component| component.starts_with(['.', '_'])));
            }
        }
    }
}
