//! What clients may ask for, and names that are safe as paths.

use http::{Method, StatusCode};

/// A request of the smart protocol, checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GitRequest {
    /// The repository, without `.git`.
    pub(super) repository: String,
    /// `info/refs`, `git-upload-pack` or `git-receive-pack`.
    pub(super) action: &'static str,
    /// The query to hand on.
    pub(super) query: String,
}

const SERVICES: [&str; 2] = ["git-upload-pack", "git-receive-pack"];

impl GitRequest {
    /// Reads a request, or gives the status that refuses it.
    pub(super) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Self, StatusCode> {
        let rest = path.strip_prefix('/').ok_or(StatusCode::BAD_REQUEST)?;
        let (repository, action, query, expected) = if let Some(repository) = rest.strip_suffix("/info/refs")
        {
            let service = query.and_then(|query| query.strip_prefix("service="));
            // The old protocol without a service would read files of the repository directly.
            let service = SERVICES
                .into_iter()
                .find(|known| Some(*known) == service)
                .ok_or(StatusCode::FORBIDDEN)?;
            (repository, "info/refs", format!("service={service}"), Method::GET)
        } else {
            let (repository, last) = rest.rsplit_once('/').ok_or(StatusCode::NOT_FOUND)?;
            let service = SERVICES
                .into_iter()
                .find(|known| *known == last)
                .ok_or(StatusCode::NOT_FOUND)?;
            (repository, service, String::new(), Method::POST)
        };
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        if !is_repository(repository) {
            return Err(StatusCode::BAD_REQUEST);
        }
        if *method != expected {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        Ok(Self {
            repository: repository.to_owned(),
            action,
            query,
        })
    }
}

/// Whether `name` can be a repository: words separated by slashes, none of which starts with a dot or a dash.
pub(super) fn is_repository(name: &str) -> bool {
    name.len() <= 200
        && !name.ends_with(".git")
        && name.split('/').all(|component| {
            component
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
                && component.starts_with(|first: char| first.is_ascii_alphanumeric())
        })
}

/// Whether `name` can be a branch or a tag; stricter than Git.
pub(super) fn is_reference(name: &str) -> bool {
    name.len() <= 200
        && !name.contains("..")
        && name.split('/').all(|component| {
            component
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
                && component.starts_with(|first: char| first.is_ascii_alphanumeric())
                && !component.ends_with(['.'])
                && !component.ends_with(".lock")
        })
}

/// Whether `path` can be a file in a repository.
pub(super) fn is_file(path: &str) -> bool {
    !path.contains('\0')
        && path
            .split('/')
            .all(|component| !matches!(component, "" | "." | "..") && !component.eq_ignore_ascii_case(".git"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(method: &Method, path: &str, query: Option<&str>) -> u16 {
        GitRequest::parse(method, path, query).map_or_else(|status| status.as_u16(), |_| 200)
    }

    #[test]
    fn the_smart_protocol_is_read() {
        for path in [
            "/platform/k8s-gitops.git/info/refs",
            "/platform/k8s-gitops/info/refs",
        ] {
            assert_eq!(
                GitRequest::parse(&Method::GET, path, Some("service=git-upload-pack")).unwrap(),
                GitRequest {
                    repository: "platform/k8s-gitops".into(),
                    action: "info/refs",
                    query: "service=git-upload-pack".into()
                }
            );
        }
        assert_eq!(status(&Method::POST, "/a.git/git-receive-pack", None), 200);
    }

    #[test]
    fn everything_else_is_refused() {
        let service = Some("service=git-upload-pack");
        for (method, path, query, expected) in [
            (Method::GET, "/a.git/info/refs", None, 403),
            (Method::GET, "/a.git/info/refs", Some("service=git-evil"), 403),
            (
                Method::GET,
                "/a.git/info/refs",
                Some("service=git-upload-pack&x"),
                403,
            ),
            (Method::POST, "/a.git/info/refs", service, 405),
            (Method::GET, "/a.git/git-upload-pack", None, 405),
            (Method::GET, "/a.git/HEAD", None, 404),
            (Method::GET, "/a.git/objects/info/packs", None, 404),
            (Method::GET, "/../a.git/info/refs", service, 400),
            (Method::GET, "/x/%2e%2e/a.git/info/refs", service, 400),
            (Method::GET, "//a.git/info/refs", service, 400),
            (Method::GET, "/a%00.git/info/refs", service, 400),
            (Method::GET, "/.git/info/refs", service, 400),
            (Method::GET, "/-a/info/refs", service, 400),
            (Method::GET, "/a.git.git/info/refs", service, 400),
            (Method::GET, "*", None, 400),
            (Method::GET, "/", None, 404),
        ] {
            assert_eq!(status(&method, path, query), expected, "{method} {path}");
        }
    }

    #[test]
    fn references_and_files_are_checked() {
        assert!(
            ["main", "feature/x-1", "v1.2.3+build"]
                .into_iter()
                .all(is_reference)
        );
        assert!(
            !["", "-x", "a..b", "a/", "a.lock", ".a", "a b", "HEAD^", "a."]
                .into_iter()
                .any(is_reference)
        );
        assert!(["a", ".github/x", "a b/ü"].into_iter().all(is_file));
        assert!(
            !["", "/a", "a/", "a/../b", ".git/config", "a/.GIT/x", "a\0"]
                .into_iter()
                .any(is_file)
        );
    }

    proptest! {
        #[test]
        fn no_path_leaves_the_directory(path in "[/.%a-z0-9\\\\-]{0,30}") {
            let path = format!("/{path}/git-upload-pack");
            if let Ok(request) = GitRequest::parse(&Method::POST, &path, None) {
                prop_assert!(request.repository.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
            }
        }
    }
}
