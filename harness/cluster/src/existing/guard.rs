//! The guard before an existing cluster: only looks pass it, whoever sends them.

use futures::future::{Either, Ready, err};
use http::{Method, Request};
use std::{
    error::Error,
    task::{self, Poll},
};
use tower::{Layer, Service};

type BoxError = Box<dyn Error + Send + Sync>;

/// The questions about oneself that are asked by POST and leave nothing: what may I, who am I.
const QUESTIONS: [&str; 2] = [
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
];
/// Below an object of the core group: what leads through the API server to somewhere else, where a GET may do anything.
const TUNNELS: [&str; 4] = ["attach", "exec", "portforward", "proxy"];

/// A request that was not sent, for the cluster is only looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path} is more than a look, and this cluster is only looked at: it was not sent")]
pub struct WouldWrite {
    /// The method.
    pub method: Method,
    /// The path of the URL.
    pub path: String,
}

/// Whether a request changes nothing, whatever the cluster makes of it.
#[must_use]
pub fn is_look(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET | Method::HEAD => !is_tunnel(path),
        Method::POST => QUESTIONS.contains(&path),
        _ => false,
    }
}

/// `/api/v1[/namespaces/<namespace>]/<resource>/<name>/<subresource>[/…]`, and the old way of writing `/api/v1/proxy/…`.
fn is_tunnel(path: &str) -> bool {
    let Some(below) = path.strip_prefix("/api/v1/") else {
        return false;
    };
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
    let parts = match parts[..] {
        ["namespaces", _, ref rest @ ..] if !rest.is_empty() => rest,
        ref whole => whole,
    };
    match parts {
        ["proxy", ..] => true,
        [_, _, subresource, ..] => TUNNELS.contains(subresource),
        _ => false,
    }
}

/// Puts the guard before a client's way to the cluster.
pub(super) struct Guard;

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner }
    }
}

/// A way to a cluster that only looks pass.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Error: Into<BoxError>>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<Ready<Result<S::Response, BoxError>>, IntoBoxed<S::Future>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (method, path) = (request.method(), request.uri().path());
        if !is_look(method, path) {
            let refused = WouldWrite {
                method: method.clone(),
                path: path.to_owned(),
            };
            return Either::Left(err(refused.into()));
        }
        use futures::TryFutureExt as _;
        Either::Right(self.inner.call(request).err_into())
    }
}

type IntoBoxed<F> = futures::future::ErrInto<F, BoxError>;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        convert::Infallible,
        future::ready,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    #[test]
    fn looks_pass_and_nothing_else() {
        let get = |path: &str| is_look(&Method::GET, path);
        for path in [
            "/version",
            "/apis",
            "/api/v1/namespaces/proxy/pods",
            "/api/v1/namespaces/exec",
            "/api/v1/namespaces/a/pods/attach",
            "/api/v1/namespaces/a/pods/x/log",
            "/apis/apps/v1/namespaces/a/deployments/x/scale",
            "/apis/example.com/v1/proxies/x/proxy",
        ] {
            assert!(get(path), "{path}");
        }
        for path in [
            "/api/v1/namespaces/a/pods/x/exec",
            "/api/v1/namespaces/a/pods/x/portforward",
            "/api/v1/namespaces/a/services/https:x:/proxy/api",
            "/api/v1/nodes/x/proxy/run/a/b/c",
            "/api/v1/proxy/nodes/x",
        ] {
            assert!(!get(path), "{path}");
        }
        for question in QUESTIONS {
            assert!(is_look(&Method::POST, question));
            assert!(!is_look(&Method::PUT, question));
        }
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::CONNECT,
        ] {
            assert!(!is_look(&method, "/api/v1/namespaces"), "{method}");
        }
        assert!(!is_look(
            &Method::POST,
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        ));
    }

    /// Counts what gets to the cluster.
    #[derive(Clone, Default)]
    struct Cluster(Arc<AtomicUsize>);

    impl Service<Request<()>> for Cluster {
        type Response = ();
        type Error = Infallible;
        type Future = std::future::Ready<Result<(), Infallible>>;

        fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            self.0.fetch_add(1, Ordering::Relaxed);
            ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_not_sent() {
        let cluster = Cluster::default();
        let mut guarded = Guard.layer(cluster.clone());
        let request = |method: Method| {
            Request::builder()
                .method(method)
                .uri("/api/v1/nodes/x?dryRun=All")
        };
        guarded
            .call(request(Method::GET).body(()).unwrap())
            .await
            .unwrap();
        let refused = guarded.call(request(Method::DELETE).body(()).unwrap()).await;
        let refused = refused.unwrap_err().downcast::<WouldWrite>().unwrap();
        assert_eq!(refused.path, "/api/v1/nodes/x");
        assert_eq!(cluster.0.load(Ordering::Relaxed), 1);
    }
}
