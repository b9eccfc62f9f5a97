//! Which request is meant by a method and a path. Repository names contain slashes, so paths are read from their end.

use super::{
    answers::Refusal,
    names::{self, Digest},
};

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Base,
    Token,
    Catalog,
    Tags {
        repository: String,
    },
    NewUpload {
        repository: String,
    },
    Upload {
        repository: String,
        id: String,
    },
    Blob {
        repository: String,
        digest: Digest,
    },
    Manifest {
        repository: String,
        reference: Reference,
    },
    Referrers {
        repository: String,
        digest: Digest,
    },
}

/// A manifest by its tag or by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Tag(String),
    Digest(Digest),
}

impl Route {
    /// Reads `path`.
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::missing("NAME_UNKNOWN", format_args!("{path} is not a path of this API"));
        match path {
            "/v2" | "/v2/" => return Ok(Self::Base),
            "/token" => return Ok(Self::Token),
            "/v2/_catalog" => return Ok(Self::Catalog),
            _ => {}
        }
        let rest = path.strip_prefix("/v2/").ok_or_else(unknown)?;
        let (head, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
        let (repository, kind) = head.rsplit_once('/').ok_or_else(unknown)?;
        match kind {
            "tags" if last == "list" => Ok(Self::Tags {
                repository: checked(repository)?,
            }),
            "blobs" if last == "uploads" => Ok(Self::NewUpload {
                repository: checked(repository)?,
            }),
            "uploads" => {
                let repository = checked(repository.strip_suffix("/blobs").ok_or_else(unknown)?)?;
                if last.is_empty() {
                    Ok(Self::NewUpload { repository })
                } else {
                    Ok(Self::Upload {
                        repository,
                        id: last.to_owned(),
                    })
                }
            }
            "blobs" => Ok(Self::Blob {
                repository: checked(repository)?,
                digest: digest(last)?,
            }),
            "manifests" => Ok(Self::Manifest {
                repository: checked(repository)?,
                reference: Reference::parse(last)?,
            }),
            "referrers" => Ok(Self::Referrers {
                repository: checked(repository)?,
                digest: digest(last)?,
            }),
            _ => Err(unknown()),
        }
    }

    /// The repository that the route is about, if it is about one.
    pub(super) fn repository(&self) -> Option<&str> {
        match self {
            Self::Base | Self::Token | Self::Catalog => None,
            Self::Tags { repository }
            | Self::NewUpload { repository }
            | Self::Upload { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Manifest { repository, .. }
            | Self::Referrers { repository, .. } => Some(repository),
        }
    }
}

impl Reference {
    fn parse(text: &str) -> Result<Self, Refusal> {
        if text.contains(':') {
            digest(text).map(Self::Digest)
        } else if names::is_tag(text) {
            Ok(Self::Tag(text.to_owned()))
        } else {
            Err(Refusal::bad(
                "MANIFEST_INVALID",
                format_args!("{text} is neither a tag nor a digest"),
            ))
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => formatter.write_str(tag),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// Reads a digest from a request.
pub(super) fn digest(text: &str) -> Result<Digest, Refusal> {
    Digest::parse(text).ok_or_else(|| Refusal::bad("DIGEST_INVALID", format_args!("{text} is not a digest")))
}

fn checked(repository: &str) -> Result<String, Refusal> {
    if names::is_repository(repository) {
        Ok(repository.to_owned())
    } else {
        Err(Refusal::bad(
            "NAME_INVALID",
            format_args!("{repository} cannot be a repository's name"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_of_the_api_may_be_parts_of_names() {
        let repository = "blobs/uploads/tags/manifests".to_owned();
        assert_eq!(
            Route::parse("/v2/blobs/uploads/tags/manifests/tags/list").unwrap(),
            Route::Tags {
                repository: repository.clone()
            }
        );
        assert_eq!(
            Route::parse("/v2/blobs/uploads/tags/manifests/blobs/uploads/").unwrap(),
            Route::NewUpload {
                repository: repository.clone()
            }
        );
        assert_eq!(
            Route::parse("/v2/blobs/uploads/tags/manifests/blobs/uploads/7f").unwrap(),
            Route::Upload {
                repository,
                id: "7f".into()
            }
        );
    }

    #[test]
    fn bad_paths_say_what_is_bad() {
        for (path, status) in [
            ("/", 404),
            ("/v2/x", 404),
            ("/v3/a/tags/list", 404),
            ("/v2/a/uploads/1", 404),
            ("/v2/A/tags/list", 400),
            ("/v2/a/../b/tags/list", 400),
            ("/v2/a/blobs/sha256:xyz", 400),
            ("/v2/a/manifests/-no", 400),
            ("/v2//manifests/x", 400),
        ] {
            assert_eq!(Route::parse(path).unwrap_err().status, status, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_read_or_refused(path in "(/v2)?(/(blobs|uploads|tags|list|a|\\PC{0,3})){0,6}") {
            if let Ok(route) = Route::parse(&path) {
                prop_assert!(route.repository().is_none_or(names::is_repository));
            }
        }
    }
}
