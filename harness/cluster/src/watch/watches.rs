//! All watches of a cluster: at most one per kind, started when somebody first asks.

use super::{
    error::{WaitError, WaitTimeout},
    feed::{Change, Feed},
    target::{Target, View},
};
use crate::kubernetes::{KindReference, KindSelector, Kubernetes, KubernetesError, Object};
use plumbline_model::Fault;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How long a store may take until it is complete.
const SYNCED_WITHIN: Duration = Duration::from_secs(30);

/// The shared watches of a cluster. Cheap to clone; the watches end with the last clone.
#[derive(Clone)]
pub struct Watches {
    kubernetes: Kubernetes,
    /// Tells each failure at once: waits try again themselves, and remember why.
    impatient: Kubernetes,
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
            impatient: kubernetes.with_patience(Duration::ZERO),
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
            impatient: kubernetes.with_patience(Duration::ZERO),
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

    pub(crate) const fn impatient(&self) -> &Kubernetes {
        &self.impatient
    }

    /// A store of all objects of a kind, kept up to date by the shared watch; complete when this returns.
    ///
    /// # Errors
    /// An unknown kind; [`WaitError::TimedOut`] when the cluster cannot be asked, [`WaitError::Fault`] when it died.
    pub async fn store(&self, kind: &KindReference) -> Result<Store, WaitError> {
        let start = Instant::now();
        self.kubernetes.resource(kind).await?;
        let feed = self.feed(kind).await?;
        let mut changes = feed.subscribe(None, None);
        let mut fault = self.fault.clone();
        let mut last_error = None;
        loop {
            tokio::select! {
                biased;
                fault = died(&mut fault) => return Err(WaitError::Fault(Box::new(fault))),
                () = feed.synced() => return Ok(Store { feed }),
                Some(change) = changes.recv() => if let Change::Interrupted(error) = change {
                    last_error = Some(error);
                },
                () = tokio::time::sleep_until(start + SYNCED_WITHIN) => {
                    return Err(WaitError::TimedOut(Box::new(WaitTimeout {
                        target: Target::Set(KindSelector::all(kind.clone())),
                        seen: String::new(),
                        last_error,
                        is_blind: true,
                        elapsed: start.elapsed(),
                        last: View::default(),
                    })));
                }
            }
        }
    }

    pub(crate) async fn feed(&self, kind: &KindReference) -> Result<Arc<Feed>, KubernetesError> {
        let resource = self.impatient.resource(kind).await?;
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let feed = feeds
            .entry(resource.kind())
            .or_insert_with(|| Arc::new(Feed::start(&self.impatient, resource)));
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
