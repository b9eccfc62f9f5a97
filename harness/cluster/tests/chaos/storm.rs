//! A cluster that is reached through a proxy of the test's own, and what the tests do with it.

use crate::trial::Cluster;
use http::StatusCode;
use plumbline_cluster::{Kubernetes, ObjectReference, Verdict, View, Watches};
use plumbline_servers::{ApiFault, ApiProxy, ApiRequests};
use serde_json::{Value, json};
use std::{
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::oneshot;

pub type Failure = Box<dyn Error + Send + Sync>;

/// The same API server twice: as it is, and through the proxy.
pub struct Storm {
    pub proxy: ApiProxy,
    /// Through the proxy.
    pub kubernetes: Kubernetes,
    /// Through the proxy.
    pub watches: Watches,
    /// Past the proxy.
    pub calm: Kubernetes,
    /// What the objects of the test are called.
    name: String,
}

impl Storm {
    pub async fn over(cluster: &Arc<Cluster>, name: &str) -> Result<Self, Failure> {
        let access = cluster.control_plane.access();
        let (proxy, access) = access.proxied(&cluster.authority).await?;
        let kubernetes = Kubernetes::connect(&access, "plumbline-test")?;
        Ok(Self {
            proxy,
            watches: Watches::new(kubernetes.clone()),
            kubernetes,
            calm: cluster.kubernetes.clone(),
            name: name.replace('_', "-"),
        })
    }

    pub fn reference(&self, part: &str) -> ObjectReference {
        format!("ConfigMap default/{}-{part}", self.name)
            .parse()
            .expect("a reference")
    }

    pub fn manifest(&self, part: &str, value: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("{}-{part}", self.name), "namespace": "default"},
            "data": {"value": value}})
    }

    /// Writes past the proxy.
    pub async fn set(&self, part: &str, value: &str) -> Result<(), Failure> {
        self.calm.apply(&self.manifest(part, value)).await?;
        Ok(())
    }

    /// Lets `fault` happen until it is cleared.
    pub fn break_all(&self, fault: ApiFault) {
        self.proxy.break_requests(ApiRequests::all(), fault);
    }

    /// Waits until the proxy has seen `more` requests from now on.
    pub async fn until_asked(&self, more: u64) {
        let enough = self.proxy.counts().total() + more;
        while self.proxy.counts().total() < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How often the proxy was asked while `work` was done.
    pub async fn requests_of<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.proxy.counts().total();
        let done = work.await;
        (done, self.proxy.counts().total() - before)
    }
}

pub fn value_of(view: &View) -> &str {
    view.object()
        .and_then(|object| object.text_at("/data/value"))
        .unwrap_or("absent")
}

pub fn is(wanted: &'static str) -> impl Fn(&View) -> Verdict + Clone {
    move |view| match value_of(view) {
        value if value == wanted => Verdict::Met,
        value => Verdict::NotYet(value.into()),
    }
}

pub fn unavailable() -> ApiFault {
    ApiFault::refuse(StatusCode::SERVICE_UNAVAILABLE)
}

/// Tells the first time that something is seen.
pub fn first() -> (impl Fn() + Send + Sync, oneshot::Receiver<()>) {
    let (sender, receiver) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let tell = move || {
        if let Some(sender) = sender.lock().expect("no panic").take() {
            let _ = sender.send(());
        }
    };
    (tell, receiver)
}
