//! What a request asks of the API server, read from its method and URI.

use http::{Method, Uri};
use std::fmt;

/// What a request does, in the words of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiVerb {
    /// Reads one object, or something that is no object.
    Get,
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// Creates an object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes an object; server-side apply is a patch too.
    Patch,
    /// Deletes an object or a collection.
    Delete,
    /// Something else.
    Other,
}

impl fmt::Display for ApiVerb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Other => "other",
        })
    }
}

/// One request, as far as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiRequest {
    /// What it does.
    pub verb: ApiVerb,
    /// With what: the path, without a query.
    pub path: String,
}

impl ApiRequest {
    /// Reads a request.
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let verb = match *method {
            Method::GET if is_watch(uri.query().unwrap_or_default()) => ApiVerb::Watch,
            Method::GET if is_collection(uri.path()) => ApiVerb::List,
            Method::GET | Method::HEAD => ApiVerb::Get,
            Method::POST => ApiVerb::Create,
            Method::PUT => ApiVerb::Update,
            Method::PATCH => ApiVerb::Patch,
            Method::DELETE => ApiVerb::Delete,
            _ => ApiVerb::Other,
        };
        Self {
            verb,
            path: uri.path().to_owned(),
        }
    }
}

fn is_watch(query: &str) -> bool {
    query
        .split('&')
        .any(|parameter| matches!(parameter, "watch=true" | "watch=1"))
}

/// Whether the path is that of a collection: `/api/v1/pods`, `/apis/apps/v1/namespaces/shop/deployments`.
fn is_collection(path: &str) -> bool {
    let mut parts = path.trim_matches('/').split('/');
    let below_version = match parts.next() {
        Some("api") => parts.next(),
        Some("apis") => parts.next().and_then(|_group| parts.next()),
        _ => None,
    };
    if below_version.is_none() {
        return false;
    }
    match parts.collect::<Vec<_>>().as_slice() {
        // Below a namespace are its own subresources too.
        ["namespaces", _, "status" | "finalize"] => false,
        ["namespaces", _, _resource] | [_resource] => true,
        _ => false,
    }
}

/// Which requests are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiRequests {
    verb: Option<ApiVerb>,
    part: String,
}

impl ApiRequests {
    /// Every request.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Every request of a verb.
    #[must_use]
    pub fn of(verb: ApiVerb) -> Self {
        Self {
            verb: Some(verb),
            part: String::new(),
        }
    }

    /// Of these, only those whose path has `part` in it.
    #[must_use]
    pub fn at(self, part: impl Into<String>) -> Self {
        Self {
            part: part.into(),
            ..self
        }
    }

    /// Whether `request` is one of them.
    #[must_use]
    pub fn include(&self, request: &ApiRequest) -> bool {
        self.verb.is_none_or(|verb| verb == request.verb) && request.path.contains(&self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: Method, uri: &str) -> ApiVerb {
        ApiRequest::of(&method, &uri.parse().unwrap()).verb
    }

    #[test]
    fn the_verb_is_told_by_method_path_and_query() {
        for (uri, verb) in [
            ("/api/v1/pods", ApiVerb::List),
            (
                "/api/v1/pods?limit=500&watch=true&resourceVersion=7",
                ApiVerb::Watch,
            ),
            ("/api/v1/pods?watch=false", ApiVerb::List),
            ("/api/v1/namespaces", ApiVerb::List),
            ("/api/v1/namespaces/shop", ApiVerb::Get),
            ("/api/v1/namespaces/shop/status", ApiVerb::Get),
            ("/api/v1/namespaces/shop/pods", ApiVerb::List),
            ("/api/v1/namespaces/shop/pods/web", ApiVerb::Get),
            ("/api/v1/namespaces/shop/pods/web/log", ApiVerb::Get),
            ("/apis/apps/v1/deployments", ApiVerb::List),
            (
                "/apis/apps/v1/namespaces/shop/deployments/web/scale",
                ApiVerb::Get,
            ),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin",
                ApiVerb::Get,
            ),
            ("/apis", ApiVerb::Get),
            ("/apis/apps/v1", ApiVerb::Get),
            ("/version", ApiVerb::Get),
            ("/", ApiVerb::Get),
        ] {
            assert_eq!(read(Method::GET, uri), verb, "{uri}");
        }
        assert_eq!(read(Method::PATCH, "/api/v1/namespaces/shop"), ApiVerb::Patch);
        assert_eq!(read(Method::DELETE, "/api/v1/namespaces/shop"), ApiVerb::Delete);
        assert_eq!(read(Method::OPTIONS, "/api"), ApiVerb::Other);
    }

    #[test]
    fn requests_are_chosen_by_verb_and_by_a_part_of_their_path() {
        let request = ApiRequest {
            verb: ApiVerb::List,
            path: "/api/v1/namespaces/shop/pods".into(),
        };
        assert!(ApiRequests::all().include(&request));
        assert!(ApiRequests::of(ApiVerb::List).at("/pods").include(&request));
        assert!(!ApiRequests::of(ApiVerb::Watch).include(&request));
        assert!(!ApiRequests::all().at("/secrets").include(&request));
    }
}
