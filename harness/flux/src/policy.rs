//! The node agent's own gate: only images of the private registry whose signature verifies may run.

use crate::{VerbError, names::PRIVATE_REGISTRY};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_cluster::node::ImagePolicy;
use plumbline_images::{Endpoints, ImageName, Resolved, TrustedKeys, VerifyOptions, sign};
use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError},
};

/// Admits signed images of the private registry. A digest of a repository that was verified once stays verified for the run.
pub(crate) struct SignedImages {
    trusted: TrustedKeys,
    endpoints: Endpoints,
    verified: Mutex<HashSet<ImageName>>,
}

impl SignedImages {
    pub(crate) fn new(trusted: TrustedKeys, endpoints: Endpoints) -> Self {
        Self {
            trusted,
            endpoints,
            verified: Mutex::default(),
        }
    }

    async fn check(&self, image: &Resolved) -> Result<(), String> {
        if image.name.registry() != PRIVATE_REGISTRY {
            return Err(format!("{} does not come from {PRIVATE_REGISTRY}", image.name));
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

impl fmt::Debug for SignedImages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignedImages")
    }
}

impl ImagePolicy for SignedImages {
    fn admit<'a>(&'a self, image: &'a Resolved) -> BoxFuture<'a, Result<(), String>> {
        self.check(image).boxed()
    }
}

impl From<sign::VerifyError> for VerbError {
    fn from(error: sign::VerifyError) -> Self {
        Self::unmet(crate::error::chain(&error))
    }
}
