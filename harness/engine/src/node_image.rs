//! The images that kind's nodes and registries are made of, where they are plumbline's own and nobody has made them yet.

use crate::{RunRequest, set_up::environment};
use plumbline_cluster::{
    docker::Docker,
    node_image::{BuildOptions, Mirrors, Recipe, build},
};
use plumbline_flux::GroundSettings;
use plumbline_model::{Fault, Progress};
use plumbline_toolchain::Toolchain;

/// Images that the engine lacks, and how they are made.
pub(crate) struct MissingImages {
    recipe: Recipe,
    options: BuildOptions,
}

impl MissingImages {
    /// Looks whether the engine lacks an image that `plumbline node-image build` makes; one that is there is taken as it is. Without
    /// the network none can be made, and the cluster says what it lacks.
    pub(crate) async fn find(
        request: &RunRequest,
        ground: &GroundSettings,
        toolchain: Toolchain,
    ) -> Result<Option<Self>, Fault> {
        let GroundSettings::Kind { settings, docker } = ground else {
            return Ok(None);
        };
        let recipe =
            Recipe::of(&toolchain, &request.project.join("clusters")).map_err(|error| environment(&error))?;
        let own = [recipe.node(), recipe.registry()];
        let wanted = [Some(&settings.image), settings.registry.as_ref()];
        let mut wanted = wanted.into_iter().flatten().filter(|image| own.contains(image));
        if request.offline || !lacks_any(docker, &mut wanted).await? {
            return Ok(None);
        }
        Ok(Some(Self {
            recipe,
            options: BuildOptions {
                docker: docker.clone(),
                toolchain,
                mirrors: Mirrors::default(),
                cache: request.cache.clone(),
                search_path: request.search_path.clone(),
                environment: request.environment.clone(),
            },
        }))
    }

    /// Makes them.
    pub(crate) async fn make(self, progress: &Progress) -> Result<(), Fault> {
        let made = build(&self.recipe, &self.options, progress).await;
        made.map_err(|error| environment(&error))
    }
}

async fn lacks_any(docker: &Docker, images: &mut impl Iterator<Item = &String>) -> Result<bool, Fault> {
    for image in images {
        let id = docker.image_id(image).await;
        if id.map_err(|error| environment(&error))?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
