//! The kinds of content that the specification knows.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const NOTE: &str = "application/vnd.example.note";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ABROAD: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What is stored together: blobs, then manifests in the order in which they may come.
#[derive(Default)]
pub struct Content {
    pub blobs: Vec<Bytes>,
    pub manifests: Vec<Stored>,
    pub sha512: bool,
}

/// A manifest on its way.
pub struct Stored {
    pub media_type: &'static str,
    pub bytes: Bytes,
    pub tag: Option<&'static str>,
    pub digest: String,
    pub value: Value,
}

impl Content {
    pub fn digest(&self, content: &[u8]) -> String {
        match self.sha512 {
            true => format!("sha512:{}", hex::encode(Sha512::digest(content))),
            false => format!("sha256:{}", hex::encode(Sha256::digest(content))),
        }
    }

    fn described(&self, media_type: &str, content: &[u8]) -> Value {
        json!({"mediaType": media_type, "digest": self.digest(content), "size": content.len()})
    }

    fn blob(&mut self, media_type: &str, content: impl Into<Bytes>) -> Value {
        let content = content.into();
        let described = self.described(media_type, &content);
        if !self.blobs.contains(&content) {
            self.blobs.push(content);
        }
        described
    }

    fn manifest(&mut self, media_type: &'static str, tag: Option<&'static str>, value: Value) -> Value {
        let bytes = Bytes::from(value.to_string());
        let described = self.described(media_type, &bytes);
        let digest = self.digest(&bytes);
        self.manifests.push(Stored {
            media_type,
            bytes,
            tag,
            digest,
            value,
        });
        described
    }

    /// An image with a layer of this content, and with more fields.
    fn image(&mut self, tag: Option<&'static str>, layer: &str, more: Value) -> Value {
        let config = self.blob(CONFIG, r#"{"architecture":"amd64","os":"linux"}"#);
        let layer = self.blob(LAYER, layer.to_owned());
        let mut image = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]});
        image
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.manifest(IMAGE, tag, image)
    }

    fn index(&mut self, tag: Option<&'static str>, children: &[&Value], more: Value) -> Value {
        let mut index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children});
        index
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.manifest(INDEX, tag, index)
    }

    /// Something that is no image, and that may refer to something.
    fn artifact(&mut self, tag: Option<&'static str>, subject: Option<&Value>) -> Value {
        let empty = self.blob(EMPTY, "{}");
        let note = self.blob(NOTE, "a note");
        let mut artifact = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": NOTE, "config": empty, "layers": [note],
            "annotations": {"org.example.note": "yes"},
        });
        if let Some(subject) = subject {
            artifact["subject"] = subject.clone();
        }
        self.manifest(IMAGE, tag, artifact)
    }
}

/// Every kind of content, by name.
pub fn kinds() -> Vec<(&'static str, Content)> {
    type Kind = (&'static str, fn(&mut Content));
    let kinds: [Kind; 15] = [
        ("an image", |content| {
            content.image(Some("v1"), "a layer", json!({}));
        }),
        ("an image with a large manifest", |content| {
            let annotations = (0..390).map(|number| (format!("a{number}"), "A".repeat(10_000).into()));
            let annotations = Value::Object(annotations.collect());
            content.image(Some("v1"), "a layer", json!({"annotations": annotations}));
        }),
        ("an index", |content| {
            let children = ["one", "two"].map(|layer| content.image(None, layer, json!({})));
            content.index(Some("v1"), &children.each_ref(), json!({}));
        }),
        ("an index of indexes", |content| {
            let inner = ["one", "two"].map(|layer| {
                let image = content.image(None, layer, json!({}));
                content.index(None, &[&image], json!({}))
            });
            content.index(Some("v1"), &inner.each_ref(), json!({}));
        }),
        ("an empty index", |content| {
            content.index(Some("v1"), &[], json!({}));
        }),
        ("an artifact", |content| {
            content.artifact(Some("v1"), None);
        }),
        ("an index of artifacts", |content| {
            let artifact = content.artifact(None, None);
            content.index(Some("v1"), &[&artifact], json!({"artifactType": NOTE}));
        }),
        ("an image with a referrer", |content| {
            let image = content.image(Some("v1"), "a layer", json!({}));
            content.artifact(Some("note"), Some(&image));
        }),
        ("an index with an index as its referrer", |content| {
            let index = content.index(Some("v1"), &[], json!({}));
            content.index(Some("note"), &[], json!({"artifactType": NOTE, "subject": index}));
        }),
        ("a referrer of what is not there", |content| {
            let missing = content.described(IMAGE, b"missing");
            content.artifact(Some("note"), Some(&missing));
        }),
        ("an image with data in a descriptor", |content| {
            let mut config = content.blob(CONFIG, "{}");
            config["data"] = STANDARD.encode("{}").into();
            content.image(Some("v1"), "a layer", json!({"config": config}));
        }),
        ("an image with a layer that is elsewhere", |content| {
            let mut layer = content.described(ABROAD, b"elsewhere");
            layer["urls"] = json!(["https://example.com/layer"]);
            content.image(Some("v1"), "a layer", json!({"layers": [layer]}));
        }),
        ("an image with fields that nobody knows", |content| {
            content.image(
                Some("v1"),
                "a layer",
                json!({"org.example.unknown": [1, {"a": null}]}),
            );
        }),
        ("an image without layers", |content| {
            content.image(Some("v1"), "a layer", json!({"layers": []}));
        }),
        ("an image with an empty layer", |content| {
            content.image(Some("v1"), "", json!({}));
        }),
    ];
    let made = |sha512: bool| {
        kinds.map(|(name, make)| {
            let mut content = Content {
                sha512,
                ..Content::default()
            };
            make(&mut content);
            (name, content)
        })
    };
    made(false).into_iter().chain(made(true)).collect()
}
