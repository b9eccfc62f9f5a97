//! Builds an image or a chart and publishes it.

use crate::Located;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// Builds an image from files, or packages a chart of a repository, and pushes it. Output: `image`, `digest`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "BuildFields")]
#[schemars(with = "BuildFields", extend("oneOf" = [
    {"required": ["image"], "not": {"required": ["chart"]}},
    {"required": ["chart", "repository", "path"], "not": {"required": ["image"]}},
]))]
pub struct Build {
    /// What is built.
    pub artifact: BuiltArtifact,
    /// Its name in the registry that it is published in, with a tag: `ghcr.io/…` for upstream, `${registry}/…` for the private one.
    pub name: Located<String>,
    /// The name under which later steps find the output.
    pub output: Option<Located<String>>,
}

/// What `build` builds.
#[derive(Clone, Debug, PartialEq)]
pub enum BuiltArtifact {
    /// An image of one layer with these files.
    Image {
        /// Contents by absolute path in the image.
        files: BTreeMap<String, String>,
    },
    /// A Helm chart, as an OCI artifact.
    Chart {
        /// The repository that it is in.
        repository: Located<String>,
        /// Its branch.
        branch: String,
        /// Its folder in the repository.
        path: Located<String>,
    },
}

/// The fields of `build`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BuildFields {
    /// The image to build, with its tag.
    #[serde(default)]
    image: Option<Located<String>>,
    /// Contents by absolute path in the image.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The chart to package, with its tag.
    #[serde(default)]
    chart: Option<Located<String>>,
    /// The repository that the chart is in.
    #[serde(default)]
    repository: Option<Located<String>>,
    /// The branch of the repository.
    #[serde(default = "super::default_branch")]
    branch: String,
    /// The chart's folder in the repository.
    #[serde(default)]
    path: Option<Located<String>>,
    /// The name under which later steps find the output.
    #[serde(default, rename = "as")]
    output: Option<Located<String>>,
}

impl Build {
    /// What later steps can read: the name that it was pushed as, and its digest.
    pub const OUTPUT: &'static [&'static str] = &["image", "digest"];
}

impl TryFrom<BuildFields> for Build {
    type Error = &'static str;

    fn try_from(fields: BuildFields) -> Result<Self, Self::Error> {
        let (artifact, name) = match (fields.image, fields.chart) {
            (Some(image), None) => {
                if fields.repository.is_some() || fields.path.is_some() {
                    return Err("`repository` and `path` go with `chart`: an image is built from `files`");
                }
                (BuiltArtifact::Image { files: fields.files }, image)
            }
            (None, Some(chart)) => {
                let (Some(repository), Some(path)) = (fields.repository, fields.path) else {
                    return Err("a `chart` needs the `repository` and the `path` that it is at");
                };
                if !fields.files.is_empty() {
                    return Err("`files` goes with `image`: a chart is what its repository has at `path`");
                }
                let branch = fields.branch;
                (
                    BuiltArtifact::Chart {
                        repository,
                        branch,
                        path,
                    },
                    chart,
                )
            }
            _ => return Err("`build` needs exactly one of `image` and `chart`"),
        };
        Ok(Self {
            artifact,
            name,
            output: fields.output,
        })
    }
}

impl fmt::Display for Build {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "build {}", self.name)
    }
}
