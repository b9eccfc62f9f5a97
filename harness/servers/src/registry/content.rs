//! Where the content of a registry is: in a directory of its own, or in another registry that it is the front of.

use super::{
    answers::{Answer, Refusal, respond_json},
    blobs,
    front::Front,
    lists, manifests,
    routes::Route,
    seed::Plan,
    server::Call,
    storage::Storage,
    uploads::Uploads,
};
use crate::ServerError;
use bytes::Bytes;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a registry has its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryContent {
    /// In this directory, which is created if it is not there.
    Directory(PathBuf),
    /// In another registry, which [`Registry::stand_before`](super::Registry::stand_before) names; until then requests wait.
    Another,
}

/// The content, as requests are answered from it.
pub(super) enum Content {
    Own { storage: Arc<Storage>, uploads: Uploads },
    Another(Front),
}

/// What is stored under a digest.
pub(super) struct Stored {
    /// The media type of a manifest; a blob has none.
    pub(super) media_type: Option<String>,
    pub(super) content: Bytes,
}

impl Content {
    pub(super) fn open(content: RegistryContent) -> Result<Self, ServerError> {
        Ok(match content {
            RegistryContent::Directory(directory) => Self::Own {
                storage: Arc::new(Storage::open(&directory)?),
                uploads: Uploads::default(),
            },
            RegistryContent::Another => Self::Another(Front::default()),
        })
    }

    /// Answers a request that may be made; `referrers` tells whether there is a referrers API.
    pub(super) async fn answer(&self, route: &Route, call: Call, referrers: bool) -> Answer {
        if !referrers && matches!(route, Route::Referrers { .. }) && call.reads() {
            return Err(Refusal::missing(
                "UNSUPPORTED",
                "the referrers API is switched off",
            ));
        }
        let (storage, uploads) = match self {
            Self::Own { storage, uploads } => (storage, uploads),
            Self::Another(front) => return front.answer(call, referrers).await,
        };
        match route {
            Route::NewUpload { repository } => uploads.start(storage, repository, call).await,
            Route::Upload { repository, id } => uploads.answer(storage, repository, id, call).await,
            Route::Blob { repository, digest } => blobs::answer(storage, repository, digest, call).await,
            Route::Manifest {
                repository,
                reference,
            } => manifests::answer(storage, referrers, repository, reference, call).await,
            _ if !call.reads() => Err(Refusal::method(&call.method)),
            Route::Tags { repository } => lists::tags(storage, repository, &call),
            Route::Catalog => lists::catalog(storage, &call),
            Route::Referrers { repository, digest } => lists::referrers(storage, repository, digest, &call),
            Route::Base | Route::Token => Ok(respond_json(&json!({}))),
        }
    }

    /// What `repository` has under a digest, if anything; `digest` may be any text.
    pub(super) async fn stored(&self, repository: &str, digest: &str) -> Result<Option<Stored>, Refusal> {
        match self {
            Self::Own { storage, .. } => Ok(storage.content(repository, digest)?),
            Self::Another(front) => front.stored(repository, digest).await,
        }
    }

    /// Stores the image of an image layout as `repository:tag`, and returns its digest.
    pub(super) async fn seed(
        &self,
        repository: &str,
        tag: &str,
        layout: &Path,
    ) -> Result<String, ServerError> {
        let storage = match self {
            Self::Own { storage, .. } => Some(storage.clone()),
            Self::Another(_) => None,
        };
        let (path, name, tag) = (layout.to_owned(), repository.to_owned(), tag.to_owned());
        // Without a storage of our own the files are only read and counted here.
        let planned = tokio::task::spawn_blocking(move || {
            let plan = Plan::read(&path, &tag)?;
            if let Some(storage) = storage {
                plan.store(&storage, &name)?;
            }
            Ok(plan)
        });
        let plan = planned.await.unwrap_or_else(|error| {
            Err(ServerError::Layout {
                path: layout.to_owned(),
                reason: error.to_string(),
            })
        })?;
        if let Self::Another(front) = self {
            front.push(repository, &plan).await?;
        }
        Ok(plan.digest())
    }
}
