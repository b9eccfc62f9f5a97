//! One cluster of a run, whatever its nodes are: how it is reached, what it reached, and what its pods do.

mod embedded;
mod kind;

use crate::{Ground, VerbError, chain, egress::EgressCounter, site::Foundation};
use embedded::EmbeddedNodes;
pub(crate) use kind::KindGround;
use kind::KindNodes;
use plumbline_cluster::{ClusterServices, watch::Watches};
use plumbline_model::{Fault, FaultClass, Progress};
use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;

/// One cluster. Nothing of it is shared with another: neither directory, ports, addresses of pods, nor identities.
pub(crate) struct Cluster {
    pub(crate) watches: Watches,
    pub(crate) egress: EgressCounter,
    pub(crate) kubeconfig: PathBuf,
    /// Where its Services are served.
    pub(crate) names: Arc<ClusterServices>,
    pub(crate) nodes: Nodes,
}

/// What runs the pods of a cluster, and its control plane.
pub(crate) enum Nodes {
    /// Processes of ours.
    Embedded(Box<EmbeddedNodes>),
    /// Containers.
    Kind(Box<KindNodes>),
}

impl Cluster {
    /// Starts an empty cluster whose files are below `directory`; the run's first has no `number`.
    pub(crate) async fn start(
        foundation: &Foundation,
        directory: &Path,
        number: Option<u64>,
        progress: &Progress,
    ) -> Result<Self, VerbError> {
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(directory)
            .map_err(|error| VerbError::environment(&error))?;
        match &foundation.ground {
            Ground::Embedded(_) => embedded::start(foundation, directory, progress).await,
            Ground::Kind(ground) => kind::start(foundation, ground, directory, number, progress).await,
        }
    }
}

impl Nodes {
    /// Turns into a fault as soon as the cluster's control plane ends unasked.
    pub(crate) fn failed(&self) -> watch::Receiver<Option<Fault>> {
        match self {
            Self::Embedded(nodes) => nodes.control_plane.failed(),
            Self::Kind(nodes) => nodes.cluster.failed(),
        }
    }

    /// What says that the disk of a node was full a moment ago, if anything does.
    pub(crate) fn shortage(&self) -> Option<String> {
        match self {
            Self::Embedded(_) => None,
            Self::Kind(nodes) => nodes.shortage(),
        }
    }

    /// The logs of the platform's controllers, by the name of each.
    pub(crate) fn logs(&self) -> Vec<(String, PathBuf)> {
        match self {
            Self::Embedded(nodes) => nodes.node.logs(),
            Self::Kind(nodes) => nodes.logs.logs(),
        }
    }

    /// Told of every container that starts, and of every pod that goes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        match self {
            Self::Embedded(nodes) => nodes.node.changes(),
            Self::Kind(nodes) => nodes.logs.changes(),
        }
    }

    /// Ends the processes of a controller as a crash would; tells how many there were.
    pub(crate) async fn kill(&self, controller: &str) -> Result<usize, VerbError> {
        match self {
            Self::Embedded(nodes) => Ok(nodes.node.kill(controller).await),
            Self::Kind(nodes) => nodes.kill(controller).await,
        }
    }

    /// Writes what the nodes have logged to `folder`.
    pub(crate) async fn export_logs(&self, folder: &Path) -> Result<(), VerbError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Kind(nodes) => nodes
                .cluster
                .export_logs(folder)
                .await
                .map_err(|error| fault(&error)),
        }
    }

    /// Ends what does not end with the keeper.
    pub(crate) async fn let_go(self) -> Result<(), VerbError> {
        match self {
            Self::Embedded(nodes) => {
                nodes.node.stop().await;
                Ok(())
            }
            Self::Kind(nodes) => nodes.stop().await,
        }
    }

    /// Ends everything.
    pub(crate) async fn stop(self) -> Result<(), VerbError> {
        match self {
            Self::Embedded(nodes) => nodes.stop().await,
            Self::Kind(nodes) => nodes.stop().await,
        }
    }
}

fn fault(error: &dyn std::error::Error) -> VerbError {
    VerbError::fault(FaultClass::Cluster, chain(error))
}
