//! Sigstore bundles: the signed text, its signature and the key's name in one file, which refers to the image. cosign 3 writes
//! them, and Flux looks for them first.
//!
//! What is signed is an in-toto statement in a DSSE envelope. Statements also say other things of images than that they are
//! signed: what was built into them, what a scan found. Only the kind that cosign signs with counts here.

use super::{
    evidence::{Broken, Claim, Evidence},
    public_key::PublicKey,
};
use crate::{error::ImageError, name::Digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The media type of a bundle, and the kind of artifact that brings it.
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The kind of statement that is a signature and nothing else.
pub(super) const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PAYLOAD: &str = "application/vnd.in-toto+json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    /// A bundle may hold the signature of a file instead; that is no signature of an image.
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default)]
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// A statement that is to be signed.
pub(super) struct Unsigned {
    statement: Vec<u8>,
}

impl Unsigned {
    /// The statement that the image with this digest is signed.
    pub(super) fn about(digest: &Digest) -> Result<Self, ImageError> {
        let statement = Statement {
            kind: STATEMENT.to_owned(),
            subject: vec![Subject {
                digest: BTreeMap::from([("sha256".to_owned(), digest.hexadecimal().to_owned())]),
            }],
            predicate_type: SIGNED.to_owned(),
            predicate: json!({}),
        };
        let statement = serde_json::to_vec(&statement)
            .map_err(|error| ImageError::malformed("a statement to be signed", error))?;
        Ok(Self { statement })
    }

    /// The bytes that are signed.
    pub(super) fn message(&self) -> Vec<u8> {
        message(PAYLOAD, &self.statement)
    }

    /// The bundle with the signature, in DER, of the key's owner.
    pub(super) fn signed(&self, key: &PublicKey, signature: &[u8]) -> Result<Vec<u8>, ImageError> {
        let bundle = json!({
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": key.hint()?}},
            "dsseEnvelope": {
                "payload": STANDARD.encode(&self.statement),
                "payloadType": PAYLOAD,
                "signatures": [{"sig": STANDARD.encode(signature)}],
            },
        });
        Ok(bundle.to_string().into_bytes())
    }
}

/// What a bundle holds; nothing if that is no signature of an image but something else that is in order.
pub(super) fn read(text: &[u8]) -> Result<Option<Evidence>, Broken> {
    let malformed = |reason: &str| Broken::Malformed(format!("a bundle {reason}"));
    let bundle: Bundle =
        serde_json::from_slice(text).map_err(|error| malformed(&format!("is unreadable: {error}")))?;
    let Some(envelope) = bundle.dsse_envelope else {
        return Ok(None);
    };
    if envelope.payload_type != PAYLOAD {
        return Ok(None);
    }
    let decode = |text: &str| {
        STANDARD
            .decode(text)
            .map_err(|_| malformed("has a part that is not base64"))
    };
    let payload = decode(&envelope.payload)?;
    let statement: Statement = serde_json::from_slice(&payload)
        .map_err(|error| malformed(&format!("has an unreadable statement: {error}")))?;
    if statement.predicate_type != SIGNED {
        return Ok(None);
    }
    let signatures = envelope.signatures.iter().map(|signature| decode(&signature.sig));
    Ok(Some(Evidence {
        message: message(PAYLOAD, &payload),
        signatures: signatures.collect::<Result<_, _>>()?,
        claim: claim(&statement),
    }))
}

fn claim(statement: &Statement) -> Option<Claim> {
    let digests = statement.subject.iter().filter_map(|subject| {
        let hexadecimal = subject.digest.get("sha256")?;
        format!("sha256:{hexadecimal}").parse().ok()
    });
    let digests: Vec<_> = digests.collect();
    (!digests.is_empty()).then_some(Claim {
        digests,
        repository: None,
    })
}

/// What DSSE signs: the payload and its type, each behind its length.
fn message(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPair;
    use proptest::prelude::*;

    fn bundle(statement: &Value) -> Vec<u8> {
        let payload = STANDARD.encode(statement.to_string());
        let envelope = json!({"payload": payload, "payloadType": PAYLOAD, "signatures": [{"sig": "AAAA"}]});
        json!({"mediaType": BUNDLE, "dsseEnvelope": envelope})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn a_bundle_says_what_was_signed() {
        let (key, digest) = (KeyPair::generate(), Digest::of(b"image"));
        let unsigned = Unsigned::about(&digest).unwrap();
        let signature = key.sign(&unsigned.message()).to_der();
        let text = unsigned.signed(&key.public_key(), signature.as_bytes()).unwrap();
        let evidence = read(&text).unwrap().unwrap();
        assert!(
            key.public_key()
                .has_signed(&evidence.message, &evidence.signatures[0])
        );
        assert_eq!(evidence.claim.unwrap().digests, [digest]);
    }

    #[test]
    fn the_message_is_that_of_the_specification() {
        // The example of the DSSE specification.
        assert_eq!(
            message("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn other_statements_about_an_image_are_no_signatures_of_it() {
        let statement =
            |predicate: &str| json!({"_type": STATEMENT, "subject": [], "predicateType": predicate});
        assert!(
            read(&bundle(&statement("https://spdx.dev/Document")))
                .unwrap()
                .is_none()
        );
        assert!(
            read(&bundle(&statement(SIGNED)))
                .unwrap()
                .unwrap()
                .claim
                .is_none()
        );
        assert!(read(br#"{"messageSignature": {}}"#).unwrap().is_none());
    }

    #[test]
    fn what_is_no_bundle_is_said() {
        for text in [&b"{"[..], b"[]", br#"{"dsseEnvelope": {"payload": "!", "payloadType": "application/vnd.in-toto+json", "signatures": []}}"#] {
            assert!(read(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        assert!(read(&bundle(&json!("no statement"))).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
        }
    }
}
