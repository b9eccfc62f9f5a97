//! Which images an operator deploys for a release of Flux: read from the operator's own data, as it does itself.
//!
//! The list is what a pipeline mirrors before the release is installed, so it names the images where they are
//! published. The operator pins each controller by digest; nothing pins the operator's own image.

mod block;
mod data;
mod error;
#[cfg(test)]
mod tests;
mod values;
mod version;

pub use block::{ImageList, ListedImage};
pub use data::OperatorData;
pub(crate) use data::PinnedImage;
pub use error::ListError;
pub use values::OperatorValues;

use crate::name::ImageName;
use version::plain;

/// The variant of the images that upstream publishes.
pub const UPSTREAM: &str = "upstream-alpine";

/// Where upstream publishes the controllers.
pub const UPSTREAM_REGISTRY: &str = "ghcr.io/fluxcd";

/// The controllers of the platform.
pub const COMPONENTS: [&str; 6] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
];

/// The operator's repository, in the registry in which it is published.
const OPERATOR: &str = "controlplaneio-fluxcd/flux-operator";

/// Which list is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The release of Flux, with or without a leading `v`.
    pub flux: String,
    /// The version of the operator, with or without a leading `v`.
    pub operator: String,
    /// What the operator is installed with.
    pub values: Option<OperatorValues>,
    /// Which of the published images: [`UPSTREAM`].
    pub variant: String,
    /// Where the controllers are published, a registry and the path in it: [`UPSTREAM_REGISTRY`].
    pub registry: String,
    /// Which controllers: [`COMPONENTS`].
    pub components: Vec<String>,
}

impl Wanted {
    /// The operator's image where it is published: the values name its copy in the private registry.
    fn operator_image(&self) -> Result<ListedImage, ListError> {
        let values = self.values.as_ref();
        let repository = values.and_then(|values| values.repository.as_deref());
        let host = self
            .registry
            .split_once('/')
            .map_or(self.registry.as_str(), |(host, _)| host);
        let name: ImageName = match repository {
            Some(repository) => repository.parse::<ImageName>()?.at_registry(host),
            None => format!("{host}/{OPERATOR}").parse()?,
        };
        let tag = values.and_then(|values| values.tag.as_deref());
        if let Some(tag) = tag
            && plain(tag) != plain(&self.operator)
        {
            return Err(ListError::OtherOperator {
                of_values: tag.to_owned(),
                asked: self.operator.clone(),
            });
        }
        let published = format!("v{}", plain(&self.operator));
        Ok(ListedImage {
            name: name.with_tag(tag.unwrap_or(&published))?,
            digest: None,
        })
    }
}
