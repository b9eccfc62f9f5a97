//! All watches of a cluster: at most one per kind, started when somebody first asks.

use super::{error::WaitError, feed::Feed};
use crate::kubernetes::{KindReference, Kubernetes, KubernetesError, Object};
use plumbline_model::Fault;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// The shared watches of a cluster. Cheap to clone; the watches end with the last clone.
#[derive(Clone)]
pub struct Watches {
    kubernetes: Kubernetes,
    feeds: Arc<Mutex<HashMap<KindReference, Arc<Feed>>>>,
    fault: watch::Receiver<Option<Fault>>,
    // Keeps `fault` open where nobody reports any.
    _no_fault: Option<Arc<watch::Sender<Option<Fault>>>>,
}

impl fmt::Debug for Watches {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watches")
    }
}

impl Watches {
    /// Watches of a cluster that nobody looks after: waits end at their deadlines only.
    #[must_use]
    pub fn new(kubernetes: Kubernetes) -> Self {
        let (sender, fault) = watch::channel(None);
        Self {
            kubernetes,
            feeds: Arc::default(),
            fault,
            _no_fault: Some(Arc::new(sender)),
        }
    }

    /// Watches of a cluster whose programs are looked after: when one dies, every wait ends at once with the fault.
    #[must_use]
    pub fn guarded(kubernetes: Kubernetes, fault: watch::Receiver<Option<Fault>>) -> Self {
        Self {
            kubernetes,
            feeds: Arc::default(),
            fault,
            _no_fault: None,
        }
    }

    /// The cluster.
    #[must_use]
    pub const fn kubernetes(&self) -> &Kubernetes {
        &self.kubernetes
    }

    /// A store of all objects of a kind, kept up to date by the shared watch; complete when this returns.
    ///
    /// # Errors
    /// An unknown kind, or a cluster that cannot be asked; [`WaitError::Fault`] when it died.
    pub async fn store(&self, kind: &KindReference) -> Result<Store, WaitError> {
        let feed = self.feed(kind).await?;
        let mut fault = self.fault.clone();
        tokio::select! {
            biased;
            fault = died(&mut fault) => Err(WaitError::Fault(Box::new(fault))),
            () = feed.synced() => Ok(Store { feed }),
        }
    }

    pub(crate) async fn feed(&self, kind: &KindReference) -> Result<Arc<Feed>, KubernetesError> {
        let resource = self.kubernetes.resource(kind).await?;
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let feed = feeds
            .entry(resource.kind())
            .or_insert_with(|| Arc::new(Feed::start(self.kubernetes.client().clone(), resource)));
        Ok(feed.clone())
    }

    pub(crate) fn fault(&self) -> watch::Receiver<Option<Fault>> {
        self.fault.clone()
    }
}

/// Ends when the cluster has died; never, if nobody would tell.
pub(crate) async fn died(fault: &mut watch::Receiver<Option<Fault>>) -> Fault {
    loop {
        if let Some(fault) = fault.borrow_and_update().clone() {
            return fault;
        }
        if fault.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// All objects of a kind as the shared watch saw them last. May be some milliseconds behind the API server.
#[derive(Clone, Debug)]
pub struct Store {
    feed: Arc<Feed>,
}

impl Store {
    /// The object of this namespace and name.
    #[must_use]
    pub fn get(&self, namespace: Option<&str>, name: &str) -> Option<Object> {
        self.feed.get(namespace, name)
    }

    /// All objects, sorted by namespace and name.
    #[must_use]
    pub fn all(&self) -> Vec<Object> {
        self.feed.all()
    }
}
