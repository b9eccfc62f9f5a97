//! The images that the operator deploys, by the data of the operator that an environment really installs.

use crate::{
    Platform, VerbError, chain,
    names::{GITOPS_REPOSITORY, OPERATOR_CHART, PLATFORM_SOURCE, branch_of},
};
use plumbline_images::{
    ImageName,
    list::{ImageList, OperatorData, OperatorValues, UPSTREAM, Wanted},
};

impl Platform {
    /// Lists the images of a release of Flux and of the operator that the values of an environment name. The operator's data
    /// come out of its image in the private registry.
    ///
    /// # Errors
    /// There are no such values or no such image, or the operator does not know the release.
    pub async fn list_images(&self, flux: &str, environment: &str) -> Result<ImageList, VerbError> {
        let path = format!("clusters/{environment}/{OPERATOR_CHART}-values.yaml");
        let repository = self.forge().repository(GITOPS_REPOSITORY)?;
        let values = repository
            .read(branch_of(GITOPS_REPOSITORY, environment), &path)
            .await?;
        let refused = |error: &dyn std::error::Error| VerbError::unmet(format!("{path}: {}", chain(error)));
        let values =
            OperatorValues::parse(&String::from_utf8_lossy(&values)).map_err(|error| refused(&error))?;
        let (Some(repository), Some(tag)) = (&values.repository, &values.tag) else {
            return Err(VerbError::unmet(format!(
                "{path} names no operator; give it image.repository and image.tag"
            )));
        };
        let image: ImageName = repository.parse().map_err(|error| refused(&error))?;
        let image = image.with_tag(tag).map_err(|error| refused(&error))?;
        let store = self.images();
        let extracted = store.extract(&store.resolve(&image).await?).await?;
        let data = OperatorData::below(&extracted)?;
        let wanted = Wanted {
            flux: flux.to_owned(),
            operator: tag.clone(),
            variant: UPSTREAM.to_owned(),
            registry: format!("{PLATFORM_SOURCE}/fluxcd"),
            components: self.versions().components.clone(),
            values: Some(values),
        };
        data.list(&wanted)
            .map_err(|error| VerbError::unmet(chain(&error)))
    }
}
