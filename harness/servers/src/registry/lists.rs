//! Lists: referrers of a manifest, tags of a repository, repositories.

use super::{
    answers::{Answer, Refusal, respond},
    names::Digest,
    server::Call,
    storage::Storage,
};
use http::{HeaderName, StatusCode, header};
use serde_json::{Map, Value, json};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Lists what refers to `digest`; nothing is an empty list, not an error.
pub(super) fn referrers(storage: &Storage, repository: &str, digest: &Digest, call: &Call) -> Answer {
    let filter = call.parameters("artifactType").next();
    let manifests: Vec<Value> = storage
        .referrers(repository, digest)
        .into_iter()
        .filter(|(_, record)| filter.is_none() || filter == record.artifact_type.as_deref())
        .map(|(digest, record)| {
            let mut descriptor = Map::new();
            descriptor.insert("mediaType".into(), record.media_type.into());
            descriptor.insert("digest".into(), digest.to_string().into());
            descriptor.insert("size".into(), record.size.into());
            descriptor.extend(
                record
                    .artifact_type
                    .map(|kind| ("artifactType".into(), kind.into())),
            );
            descriptor.extend(record.annotations.map(|map| ("annotations".into(), map.into())));
            Value::Object(descriptor)
        })
        .collect();
    let mut headers = vec![(header::CONTENT_TYPE, INDEX.to_owned())];
    if filter.is_some() {
        headers.push((FILTERS_APPLIED, "artifactType".to_owned()));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    Ok(respond(StatusCode::OK, headers, index.to_string()))
}

/// Lists the tags of `repository`.
pub(super) fn tags(storage: &Storage, repository: &str, call: &Call) -> Answer {
    let tags = storage.tags(repository).ok_or_else(|| {
        Refusal::missing(
            "NAME_UNKNOWN",
            format_args!("there is no repository {repository}"),
        )
    })?;
    Ok(page(call, json!({ "name": repository }), "tags", tags))
}

/// Lists all repositories.
pub(super) fn catalog(storage: &Storage, call: &Call) -> Answer {
    Ok(page(call, json!({}), "repositories", storage.repositories()))
}

/// One page of `all`, in the order of the specification: lexical, without regard to case.
fn page(call: &Call, mut body: Value, key: &str, mut all: Vec<String>) -> axum::response::Response {
    let order = |name: &str| (name.to_lowercase(), name.to_owned());
    all.sort_by_cached_key(|name| order(name));
    if let Some(last) = call.parameters("last").next() {
        let last = order(last);
        all.retain(|name| order(name) > last);
    }
    let mut headers = vec![(header::CONTENT_TYPE, "application/json".to_owned())];
    let limit = call
        .parameters("n")
        .next()
        .and_then(|limit| limit.parse::<usize>().ok());
    if let Some(limit) = limit.filter(|limit| *limit < all.len()) {
        all.truncate(limit);
        if let Some(last) = all.last() {
            headers.push((
                header::LINK,
                format!("<{}?n={limit}&last={last}>; rel=\"next\"", call.uri.path()),
            ));
        }
    }
    body[key] = all.into();
    respond(StatusCode::OK, headers, body.to_string())
}
