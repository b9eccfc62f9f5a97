//! Manifests: what is read from them, and the requests about them.

use super::{
    answers::{Answer, CONTENT_DIGEST, Refusal, created, respond},
    names::{self, Digest},
    routes::Reference,
    server::Call,
    storage::Storage,
};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value};

/// The largest manifest that is accepted; the specification asks for 4 MiB at least.
const LARGEST: usize = 8 << 20;
pub(super) const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAG: HeaderName = HeaderName::from_static("oci-tag");

/// What the registry knows about a manifest without reading it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ManifestRecord {
    pub(super) media_type: String,
    pub(super) size: usize,
    pub(super) subject: Option<String>,
    pub(super) artifact_type: Option<String>,
    /// Only kept for referrers, which list them.
    pub(super) annotations: Option<Map<String, Value>>,
}

impl ManifestRecord {
    /// Reads `body`; the record and the digests of the content that must be there before it.
    pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<(Self, Vec<String>), Refusal> {
        let invalid = |reason: String| Refusal::bad("MANIFEST_INVALID", reason);
        let manifest: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| invalid(format!("not a JSON object: {error}")))?;
        let own = text(&manifest, "mediaType");
        let given = content_type.filter(|given| !given.is_empty());
        let media_type = match (given, own) {
            (Some(given), Some(own)) if given != own => {
                return Err(invalid(format!("sent as {given}, but its mediaType is {own}")));
            }
            (Some(media_type), _) | (None, Some(media_type)) => media_type.to_owned(),
            (None, None) => return Err(invalid("neither content-type nor mediaType".into())),
        };
        if media_type.contains(['\n', '\r']) {
            return Err(invalid("the mediaType has a line break".into()));
        }
        let subject = manifest
            .get("subject")
            .and_then(|subject| digest_of(subject))
            .map(str::to_owned);
        let config_type = manifest
            .get("config")
            .and_then(|config| config.get("mediaType")?.as_str());
        let artifact_type = text(&manifest, "artifactType").or(config_type).map(str::to_owned);
        let annotations = subject
            .as_ref()
            .and_then(|_| manifest.get("annotations")?.as_object().cloned());
        let required = required(&manifest);
        Ok((
            Self {
                media_type,
                size: body.len(),
                subject,
                artifact_type,
                annotations,
            },
            required,
        ))
    }

    /// Reads a stored file: media type, line feed, manifest.
    pub(super) fn from_file(stored: &[u8]) -> Option<Self> {
        let end = stored.iter().position(|byte| *byte == b'\n')?;
        let media_type = std::str::from_utf8(&stored[..end]).ok()?;
        let body = &stored[end + 1..];
        match Self::parse(Some(media_type), body) {
            Ok((record, _)) => Some(record),
            // Damaged: still served, so that clients can notice.
            Err(_) => Some(Self {
                media_type: media_type.to_owned(),
                size: body.len(),
                subject: None,
                artifact_type: None,
                annotations: None,
            }),
        }
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn digest_of(descriptor: &Value) -> Option<&str> {
    descriptor.get("digest")?.as_str()
}

/// The digests of config, layers and children; not of layers that live elsewhere.
fn required(manifest: &Map<String, Value>) -> Vec<String> {
    let lists = ["layers", "manifests"]
        .into_iter()
        .filter_map(|key| manifest.get(key)?.as_array())
        .flatten();
    lists
        .chain(manifest.get("config"))
        .filter(|descriptor| {
            let media_type = descriptor
                .get("mediaType")
                .and_then(Value::as_str)
                .unwrap_or_default();
            descriptor.get("urls").is_none() && !media_type.contains("nondistributable")
        })
        .filter_map(digest_of)
        .map(str::to_owned)
        .collect()
}

/// Answers a request about one manifest.
pub(super) async fn answer(
    storage: &Storage,
    referrers: bool,
    repository: &str,
    reference: &Reference,
    call: Call,
) -> Answer {
    match call.method {
        Method::PUT => put(storage, referrers, repository, reference, call).await,
        Method::DELETE => {
            if storage.remove_manifest(repository, reference)? {
                Ok(respond(StatusCode::ACCEPTED, [], Body::empty()))
            } else {
                Err(unknown(repository, reference))
            }
        }
        Method::GET | Method::HEAD => {
            let (digest, record, body) = storage
                .manifest(repository, reference)?
                .ok_or_else(|| unknown(repository, reference))?;
            let headers = [
                (header::CONTENT_TYPE, record.media_type),
                (header::CONTENT_LENGTH, body.len().to_string()),
                (header::ETAG, format!("\"{digest}\"")),
                (CONTENT_DIGEST, digest.to_string()),
            ];
            let body = if call.method == Method::HEAD {
                Body::empty()
            } else {
                Body::from(body)
            };
            Ok(respond(StatusCode::OK, headers, body))
        }
        method => Err(Refusal::method(&method)),
    }
}

fn unknown(repository: &str, reference: &Reference) -> Refusal {
    Refusal::missing(
        "MANIFEST_UNKNOWN",
        format_args!("{repository} has no manifest {reference}"),
    )
}

async fn put(
    storage: &Storage,
    referrers: bool,
    repository: &str,
    reference: &Reference,
    call: Call,
) -> Answer {
    let mut tags: Vec<String> = call.parameters("tag").map(str::to_owned).collect();
    if let Some(tag) = tags.iter().find(|tag| !names::is_tag(tag)) {
        return Err(Refusal::bad(
            "MANIFEST_INVALID",
            format_args!("{tag} cannot be a tag"),
        ));
    }
    let content_type = call
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_owned());
    let body = axum::body::to_bytes(call.body, LARGEST)
        .await
        .map_err(|error| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", error))?;
    let (record, required) = ManifestRecord::parse(content_type.as_deref(), &body)?;
    let subject = record.subject.clone();
    let digest = match reference {
        Reference::Digest(digest) => {
            let real = Digest::of(digest.algorithm(), &body);
            if real != *digest {
                return Err(Refusal::bad(
                    "DIGEST_INVALID",
                    format_args!("the manifest is {real}, not {digest}"),
                ));
            }
            real
        }
        Reference::Tag(tag) => {
            tags.push(tag.clone());
            Digest::of(names::Algorithm::Sha256, &body)
        }
    };
    if let Some(missing) = storage.put_manifest(repository, &digest, record, &body, &tags, &required)? {
        return Err(Refusal::missing(
            "MANIFEST_BLOB_UNKNOWN",
            format_args!("{repository} lacks {missing}, which the manifest names; push it first"),
        ));
    }
    let mut response = created(repository, "manifests", &digest);
    let named = tags
        .iter()
        .filter(|_| matches!(reference, Reference::Digest(_)))
        .map(|tag| (TAG, tag));
    let subject = subject
        .iter()
        .filter(|_| referrers)
        .map(|subject| (SUBJECT, subject));
    for (name, value) in named.chain(subject) {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(manifest: &Value) -> (ManifestRecord, Vec<String>) {
        ManifestRecord::parse(None, manifest.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn layers_that_live_elsewhere_are_not_required() {
        let (_, required) = parse(&json!({
            "mediaType": "m",
            "config": { "digest": "c" },
            "layers": [
                { "digest": "l" },
                { "digest": "elsewhere", "urls": ["https://example.test"] },
                { "digest": "forbidden", "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar" },
            ],
        }));
        assert_eq!(required, ["l", "c"]);
    }

    #[test]
    fn the_artifact_type_falls_back_to_the_type_of_the_config() {
        let config = json!({ "mediaType": "application/config" });
        let of = |artifact_type: &str| {
            parse(&json!({ "mediaType": "m", "artifactType": artifact_type, "config": config }))
                .0
                .artifact_type
        };
        assert_eq!(of("own").as_deref(), Some("own"));
        assert_eq!(of("").as_deref(), Some("application/config"));
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for (content_type, body) in [
            (None, "[]"),
            (None, "{}"),
            (Some("a"), "nonsense"),
            (Some("a"), r#"{"mediaType":"b"}"#),
        ] {
            assert_eq!(
                ManifestRecord::parse(content_type, body.as_bytes())
                    .unwrap_err()
                    .status,
                400,
                "{body}"
            );
        }
    }

    #[test]
    fn a_stored_file_gives_the_same_record() {
        let manifest = json!({ "mediaType": "m", "subject": { "digest": "s" }, "annotations": { "a": "b" } });
        let (record, _) = parse(&manifest);
        assert_eq!(
            ManifestRecord::from_file(format!("m\n{manifest}").as_bytes()),
            Some(record)
        );
        assert_eq!(ManifestRecord::from_file(b"no line break"), None);
    }
}
