//! On what clusters stand: nodes that are simulated, or real ones.

use crate::{EmbeddedSettings, cluster::KindGround};
use plumbline_cluster::{docker::Docker, kind::KindSettings};
use plumbline_model::Provider;

/// What the clusters of a run are to be.
#[derive(Clone, Debug)]
pub enum GroundSettings {
    /// Embedded ones.
    Embedded(EmbeddedSettings),
    /// kind's, in containers of this engine.
    Kind {
        /// How they are set up.
        settings: KindSettings,
        /// The engine.
        docker: Docker,
    },
}

/// What all clusters of a run stand on.
pub(crate) enum Ground {
    Embedded(EmbeddedSettings),
    Kind(Box<KindGround>),
}

impl GroundSettings {
    /// Whether the content of the registries is in registries of the ground.
    pub(crate) const fn has_registry(&self) -> bool {
        match self {
            Self::Embedded(_) => false,
            Self::Kind { settings, .. } => settings.registry.is_some(),
        }
    }

    /// How the node of an embedded cluster is set up; real nodes have no such settings.
    pub(crate) fn embedded(&self) -> EmbeddedSettings {
        match self {
            Self::Embedded(settings) => *settings,
            Self::Kind { .. } => EmbeddedSettings::default(),
        }
    }
}

impl Ground {
    pub(crate) const fn provider(&self) -> Provider {
        match self {
            Self::Embedded(_) => Provider::Embedded,
            Self::Kind(_) => Provider::Kind,
        }
    }

    /// Why nothing can work on the disk of the nodes now, if so.
    pub(crate) fn shortage(&self) -> Option<String> {
        match self {
            Self::Embedded(_) => None,
            Self::Kind(ground) => ground.shortage(),
        }
    }

    /// What is wrong with it besides, if anything is.
    pub(crate) async fn trouble(&self) -> Option<String> {
        match self {
            Self::Embedded(_) => None,
            Self::Kind(ground) => ground.trouble().await,
        }
    }

    /// Returns when nothing can work on the disk of the nodes any more, with the reason.
    pub(crate) async fn runs_short(&self) -> String {
        match self {
            Self::Embedded(_) => std::future::pending().await,
            Self::Kind(ground) => ground.runs_short().await,
        }
    }

    /// The version of the registry that the content of ours is in, if it is.
    pub(crate) fn registry_version(&self) -> Option<&str> {
        match self {
            Self::Embedded(_) => None,
            Self::Kind(ground) => ground.registry_version(),
        }
    }

    /// Whether a NetworkPolicy keeps anyone out.
    pub(crate) const fn enforces_network_policy(&self) -> bool {
        match self {
            Self::Embedded(_) => false,
            Self::Kind(ground) => ground.enforces_network_policy(),
        }
    }
}
