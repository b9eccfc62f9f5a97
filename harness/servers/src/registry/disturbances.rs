//! What is wrong with single repositories, on purpose: answers that do not come, come late, or have other content than
//! they are asked for. All other repositories are served as ever.

use super::{
    answers::{Answer, CONTENT_DIGEST, Refusal},
    content::Content,
    names::Digest,
    routes::{Reference, Route},
};
use crate::{
    Availability,
    availability::{ClientConnection, hold_back},
};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The requests to a repository that an outage is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepositoryPart {
    /// Every request.
    Whole,
    /// Those that ask what is attached to an image: the referrers API, and tags made of a digest, with or without `.sig`.
    Attachments,
}

/// What is served under a digest in place of its content, while the digest is still announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// The content with one byte changed. A manifest stays one that can be parsed.
    OneByte,
    /// The content of another digest of the same repository.
    ContentOf(String),
    /// These bytes.
    Bytes(Bytes),
}

/// More than this of altered content is not held in memory.
const LARGEST: usize = 64 << 20;

/// The disturbances of one registry, by repository.
#[derive(Default)]
pub(super) struct Disturbances {
    repositories: Mutex<BTreeMap<String, Disturbance>>,
}

#[derive(Default)]
struct Disturbance {
    availabilities: BTreeMap<RepositoryPart, watch::Sender<Availability>>,
    alterations: BTreeMap<Digest, Alteration>,
}

impl Disturbances {
    pub(super) fn set_availability(
        &self,
        repository: &str,
        part: RepositoryPart,
        availability: Availability,
    ) {
        self.locked()
            .entry(repository.to_owned())
            .or_default()
            .availabilities
            .entry(part)
            .or_default()
            .send_replace(availability);
    }

    pub(super) fn alter(&self, repository: &str, digest: Digest, alteration: Alteration) {
        self.locked()
            .entry(repository.to_owned())
            .or_default()
            .alterations
            .insert(digest, alteration);
    }

    /// Serves a repository as ever; what is held back goes on.
    pub(super) fn mend(&self, repository: &str) {
        let Some(disturbance) = self.locked().remove(repository) else {
            return;
        };
        for availability in disturbance.availabilities.values() {
            availability.send_replace(Availability::Up);
        }
    }

    /// The answer to a request for content, with other content in it if that of its digest is altered.
    pub(super) async fn altered(&self, repository: &str, answer: Response, content: &Content) -> Answer {
        let digest = answer.headers().get(CONTENT_DIGEST);
        let digest = digest.and_then(|digest| Digest::parse(digest.to_str().ok()?));
        let alteration = digest.and_then(|digest| self.alteration(repository, &digest));
        let Some(alteration) = alteration else {
            return Ok(answer);
        };
        let (mut parts, body) = answer.into_parts();
        let served = match alteration {
            Alteration::OneByte => {
                let content = axum::body::to_bytes(body, LARGEST).await;
                with_one_byte_changed(
                    &content
                        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", error))?,
                )
            }
            Alteration::ContentOf(other) => {
                let stored = content.stored(repository, &other).await?.ok_or_else(|| {
                    Refusal::missing("MANIFEST_UNKNOWN", format_args!("{repository} has no {other}"))
                })?;
                let media_type = stored.media_type.map(HeaderValue::try_from);
                if let Some(Ok(media_type)) = media_type {
                    parts.headers.insert(header::CONTENT_TYPE, media_type);
                }
                stored.content
            }
            Alteration::Bytes(bytes) => bytes,
        };
        parts.headers.insert(header::CONTENT_LENGTH, served.len().into());
        Ok(Response::from_parts(parts, Body::from(served)))
    }

    fn alteration(&self, repository: &str, digest: &Digest) -> Option<Alteration> {
        self.locked().get(repository)?.alterations.get(digest).cloned()
    }

    /// Holds a request back as long as its repository is slow; where it is down the connection is reset, and this never ends.
    pub(super) async fn admit(&self, route: &Route, connection: Option<&ClientConnection>) {
        for availability in self.met_by(route) {
            if *availability.borrow() == Availability::Down {
                if let Some(connection) = connection {
                    connection.reset();
                }
                std::future::pending::<()>().await;
            }
            hold_back(availability).await;
        }
    }

    fn met_by(&self, route: &Route) -> Vec<watch::Receiver<Availability>> {
        let repositories = self.locked();
        let disturbance = route.repository().and_then(|name| repositories.get(name));
        let availabilities = disturbance.into_iter().flat_map(|known| &known.availabilities);
        availabilities
            .filter(|(part, _)| part.has(route))
            .map(|(_, availability)| availability.subscribe())
            .collect()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Disturbance>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RepositoryPart {
    fn has(self, route: &Route) -> bool {
        match (self, route) {
            (Self::Whole, _) | (Self::Attachments, Route::Referrers { .. }) => true,
            (
                Self::Attachments,
                Route::Manifest {
                    reference: Reference::Tag(tag),
                    ..
                },
            ) => tag.starts_with("sha256-"),
            (Self::Attachments, _) => false,
        }
    }
}

/// The content with one byte changed: its last digit, so that JSON stays JSON, or the last byte where the content is no text.
pub(super) fn with_one_byte_changed(content: &[u8]) -> Bytes {
    let mut changed = content.to_vec();
    let text = std::str::from_utf8(content).is_ok();
    let digit = changed.iter().rposition(u8::is_ascii_digit).filter(|_| text);
    let at = digit.unwrap_or(changed.len().saturating_sub(1));
    if let Some(byte) = changed.get_mut(at) {
        // The neighbour of a digit in ASCII that differs in the last bit is a digit too.
        *byte ^= 1;
    }
    changed.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn a_manifest_with_one_byte_changed_is_another_manifest() {
        let manifest = br#"{"layers":[{"digest":"sha256:0a","size":19}]}"#;
        let changed = with_one_byte_changed(manifest);
        let changed: Value = serde_json::from_slice(&changed).unwrap();
        assert_eq!(changed["layers"][0]["size"], 18);
    }

    proptest! {
        #[test]
        fn one_byte_is_changed_and_no_more(content in prop::collection::vec(any::<u8>(), 1..64)) {
            let changed = with_one_byte_changed(&content);
            prop_assert_eq!(changed.len(), content.len());
            prop_assert_eq!(changed.iter().zip(&content).filter(|(one, other)| one != other).count(), 1);
        }
    }

    #[test]
    fn attachments_are_what_is_asked_for_by_the_digest_of_an_image() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let tag = digest.replace(':', "-");
        let has = |path: &str| RepositoryPart::Attachments.has(&Route::parse(path).unwrap());
        assert!(has(&format!("/v2/a/b/referrers/{digest}")));
        assert!(has(&format!("/v2/a/b/manifests/{tag}")));
        assert!(has(&format!("/v2/a/b/manifests/{tag}.sig")));
        assert!(!has(&format!("/v2/a/b/manifests/{digest}")));
        assert!(!has("/v2/a/b/manifests/1.0.0"));
        assert!(!has(&format!("/v2/a/b/blobs/{digest}")));
    }
}
