//! The node agent's own gate: only images of the private registry run, and, unless it is told otherwise, only those whose
//! signature verifies.

use crate::{NodeSettings, VerbError, names::PRIVATE_REGISTRY};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_cluster::node::ImagePolicy;
use plumbline_images::{Endpoints, ImageName, Resolved, TrustedKeys, VerifyOptions, sign};
use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError},
};

/// Admits images of the private registry. A digest of a repository that was verified once stays verified for the run.
pub(crate) struct NodePolicy {
    trusted: TrustedKeys,
    endpoints: Endpoints,
    settings: NodeSettings,
    verified: Mutex<HashSet<ImageName>>,
}

impl NodePolicy {
    pub(crate) fn new(trusted: TrustedKeys, endpoints: Endpoints, settings: NodeSettings) -> Self {
        Self {
            trusted,
            endpoints,
            settings,
            verified: Mutex::default(),
        }
    }

    async fn check(&self, image: &Resolved) -> Result<(), String> {
        if image.name.registry() != PRIVATE_REGISTRY {
            return Err(format!("{} does not come from {PRIVATE_REGISTRY}", image.name));
        }
        if !self.settings.verify_images {
            return Ok(());
        }
        let name = image.name.with_digest(image.digest.clone());
        let is_known = self
            .verified
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&name);
        if is_known {
            return Ok(());
        }
        sign::verify(&name, &self.trusted, VerifyOptions::default(), &self.endpoints)
            .await
            .map_err(|error| crate::error::chain(&error))?;
        self.verified
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name);
        Ok(())
    }
}

impl fmt::Debug for NodePolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NodePolicy")
    }
}

impl ImagePolicy for NodePolicy {
    fn admit<'a>(&'a self, image: &'a Resolved) -> BoxFuture<'a, Result<(), String>> {
        self.check(image).boxed()
    }
}

impl From<sign::VerifyError> for VerbError {
    fn from(error: sign::VerifyError) -> Self {
        Self::unmet(crate::error::chain(&error))
    }
}
