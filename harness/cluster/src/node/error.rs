//! What can go wrong with the node agent itself; what goes wrong with a pod is told in its status and events.

use std::{io, path::PathBuf};

/// Why the node agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The API server does not accept the node.
    #[error("cannot register node {node} with the API server; see the API server's log")]
    Register {
        /// The node.
        node: String,
        /// What the API server said last.
        #[source]
        source: Box<kube::Error>,
    },
    /// The kubelet's interface cannot listen.
    #[error("cannot serve the kubelet's interface of the node agent")]
    Listen {
        /// Why not.
        #[source]
        source: Box<plumbline_servers::ServerError>,
    },
    /// The directory for pods cannot be made.
    #[error("cannot make the directory {} for pods; check its parent's permissions and free space", path.display())]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
