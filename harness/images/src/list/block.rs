//! The list itself, as people and programs take it.

use crate::name::{Digest, ImageName};
use serde::Serialize;
use std::fmt::Write as _;

/// The images of an operator and a release of Flux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageList {
    /// The release of Flux.
    pub flux: String,
    /// The version of the operator.
    pub operator: String,
    /// Which of the published images.
    pub variant: String,
    /// The operator, then the controllers.
    pub images: Vec<ListedImage>,
}

/// One image of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// Where it is published, with its tag.
    pub name: ImageName,
    /// The digest by which the operator deploys it.
    pub digest: Option<Digest>,
}

impl ListedImage {
    /// The name, with the digest where it is asked for and there is one.
    fn shown(&self, digests: bool) -> String {
        match &self.digest {
            Some(digest) if digests => self.name.with_digest(digest.clone()).to_string(),
            _ => self.name.to_string(),
        }
    }
}

impl ImageList {
    /// The block of YAML that a pipeline takes.
    #[must_use]
    pub fn block(&self, digests: bool) -> String {
        let mut block = "containerImages:\n".to_owned();
        for image in &self.images {
            // Writing to a String cannot fail.
            let _ = writeln!(block, "  - {}", image.shown(digests));
        }
        block
    }

    /// The list for programs: every digest that there is, whether or not it is a part of the names.
    #[must_use]
    pub fn json(&self, digests: bool) -> serde_json::Value {
        #[derive(Serialize)]
        struct Entry {
            image: String,
            repository: String,
            tag: Option<String>,
            digest: Option<String>,
        }
        let entries: Vec<_> = self
            .images
            .iter()
            .map(|image| Entry {
                image: image.shown(digests),
                repository: image.name.without_reference(),
                tag: image.name.tag().map(str::to_owned),
                digest: image.digest.as_ref().map(ToString::to_string),
            })
            .collect();
        serde_json::json!({
            "flux": self.flux,
            "operator": self.operator,
            "variant": self.variant,
            "containerImages": entries,
        })
    }
}
