//! The node agent's own gate: only images of the private registry whose signature verifies may run.

use crate::{VerbError, names::PRIVATE_REGISTRY};
use futures::{FutureExt as _, future::BoxFuture};
use plumbline_cluster::node::ImagePolicy;
use plumbline_images::{Digest, Endpoints, Resolved, sign};
use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError},
};

/// Admits signed images of the private registry. A digest that was verified once stays verified for the run.
pub(crate) struct SignedImages {
    public_key: String,
    endpoints: Endpoints,
    verified: Mutex<HashSet<Digest>>,
}

impl SignedImages {
    pub(crate) fn new(public_key: String, endpoints: Endpoints) -> Self {
        Self {
            public_key,
            endpoints,
            verified: Mutex::default(),
        }
    }

    async fn check(&self, image: &Resolved) -> Result<(), String> {
        if image.name.registry() != PRIVATE_REGISTRY {
            return Err(format!("{} does not come from {PRIVATE_REGISTRY}", image.name));
        }
        let known = |digest| {
            self.verified
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(digest)
        };
        if known(&image.digest) {
            return Ok(());
        }
        let name = image.name.with_digest(image.digest.clone());
        sign::verify(&name, &self.public_key, &self.endpoints)
            .await
            .map_err(|error| crate::error::chain(&error))?;
        self.verified
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(image.digest.clone());
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
