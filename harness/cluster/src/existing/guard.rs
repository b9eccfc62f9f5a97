//! The guard before an existing cluster: only looks pass it, and what is about namespaces of the run's own, whoever sends them.

use super::OwnNamespaces;
use futures::{
    FutureExt as _,
    future::{Either, Ready, err},
};
use http::{Method, Request};
use kube::client::Body;
use serde_json::Value;
use std::{
    error::Error,
    fmt,
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

/// A request that was not sent, for it goes beyond what is done on this cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {path} is {beyond}: it was not sent")]
pub struct WouldWrite {
    /// The method.
    pub method: Method,
    /// The path of the URL.
    pub path: String,
    /// What it goes beyond.
    pub beyond: Beyond,
}

/// What is done on a cluster, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It is only looked at.
    Looks,
    /// Besides, the run writes in namespaces of its own.
    OwnNamespaces,
}

impl fmt::Display for Beyond {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Looks => "more than a look, and this cluster is only looked at",
            Self::OwnNamespaces => {
                "not inside a namespace of this run, and nothing else is written on this cluster"
            }
        })
    }
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
pub(super) struct Guard {
    /// Where the run may write, if that was asked for.
    pub(super) own: Option<OwnNamespaces>,
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            own: self.own.clone(),
        }
    }
}

/// A way to a cluster that nothing passes but looks, and writes in the namespaces of the run.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    inner: S,
    own: Option<OwnNamespaces>,
}

impl<S> Guarded<S> {
    fn refusal(&self, request: &Request<Body>) -> Option<WouldWrite> {
        let (method, path) = (request.method(), request.uri().path());
        if is_look(method, path) {
            return None;
        }
        let beyond = match &self.own {
            None => Beyond::Looks,
            Some(own) if own.permit(method, path, || content(request.body())) => return None,
            Some(_) => Beyond::OwnNamespaces,
        };
        Some(WouldWrite {
            method: method.clone(),
            path: path.to_owned(),
            beyond,
        })
    }
}

/// What a request says, if it is said in JSON and at once.
fn content(body: &Body) -> Option<Value> {
    let bytes = body.try_clone()?.collect_bytes().now_or_never()?.ok()?;
    serde_json::from_slice(&bytes).ok()
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Error: Into<BoxError>>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<Ready<Result<S::Response, BoxError>>, IntoBoxed<S::Future>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(refused) = self.refusal(&request) {
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

    impl Service<Request<Body>> for Cluster {
        type Response = ();
        type Error = Infallible;
        type Future = std::future::Ready<Result<(), Infallible>>;

        fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            self.0.fetch_add(1, Ordering::Relaxed);
            ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_not_sent() {
        let cluster = Cluster::default();
        let mut guarded = Guard { own: None }.layer(cluster.clone());
        let request = |method: Method| {
            let request = Request::builder()
                .method(method)
                .uri("/api/v1/nodes/x?dryRun=All");
            request.body(Body::empty()).unwrap()
        };
        guarded.call(request(Method::GET)).await.unwrap();
        let refused = guarded.call(request(Method::DELETE)).await;
        let refused = refused.unwrap_err().downcast::<WouldWrite>().unwrap();
        assert_eq!(refused.path, "/api/v1/nodes/x");
        assert_eq!(cluster.0.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn on_request_the_namespace_that_was_announced_can_be_made_and_nothing_else() {
        let cluster = Cluster::default();
        let own = OwnNamespaces::of("4711", std::path::Path::new("/run/4711"));
        own.announce("plumbline-a");
        let mut guarded = Guard { own: Some(own) }.layer(cluster.clone());
        let mut post = async |path: &str, name: &str| {
            let body = serde_json::json!({"metadata": {"name": name}})
                .to_string()
                .into_bytes();
            let request = Request::post(path).body(Body::from(body)).unwrap();
            guarded.call(request).await
        };
        post("/api/v1/namespaces", "plumbline-a").await.unwrap();
        for (path, name) in [
            ("/api/v1/namespaces", "plumbline-b"),
            ("/api/v1/namespaces/default/configmaps", "plumbline-a"),
        ] {
            let refused = post(path, name).await.unwrap_err();
            let refused = refused.downcast::<WouldWrite>().unwrap();
            assert_eq!(refused.beyond, Beyond::OwnNamespaces);
        }
        assert_eq!(cluster.0.load(Ordering::Relaxed), 1);
    }
}
