//! `plumbline node-image build`: the image of kind's nodes, where none can be pulled.

use super::{CommandError, toolchain::with_toolchain_for};
use crate::{
    arguments::{BuildNodeImage, NodeImage, Places},
    directories::Directories,
    outputs,
};
use plumbline_cluster::{
    docker::Docker,
    node_image::{BuildOptions, Mirrors, NodeImageError, Recipe, build},
};
use plumbline_flux::chain;
use plumbline_model::ExitCode;

/// Builds, unless the engine has just this image.
pub fn node_image(places: &Places, image: &NodeImage) -> Result<ExitCode, CommandError> {
    let NodeImage::Build(arguments) = image;
    let directories = Directories::resolve(places)?;
    let said = with_toolchain_for(
        places,
        &arguments.kubernetes,
        async |toolchain, keeper, progress| {
            let failed = |error: NodeImageError| CommandError::Engine(chain(&error));
            let recipe = Recipe::of(toolchain, &directories.project.join("clusters")).map_err(failed)?;
            let docker = Docker::find(keeper, &directories.search_path, &directories.environment)
                .map_err(|error| failed(error.into()))?;
            docker.engine().await.map_err(|error| failed(error.into()))?;
            let images = format!("{} and {}", recipe.node(), recipe.registry());
            let built = recipe.is_built(&docker).await;
            if built.map_err(|error| failed(error.into()))? && !arguments.again {
                return Ok(format!(
                    "{images} are there, made of just what they would be made of now\n"
                ));
            }
            if places.offline {
                return Err(CommandError::Usage(
                    "the node image is made of Debian packages, which --offline does not let be fetched"
                        .to_owned(),
                ));
            }
            let options = BuildOptions {
                docker,
                toolchain: toolchain.clone(),
                mirrors: mirrors(arguments),
                cache: directories.cache.clone(),
                search_path: directories.search_path.clone(),
                environment: directories.environment.clone(),
            };
            build(&recipe, &options, progress).await.map_err(failed)?;
            Ok(format!("made {images}\n"))
        },
    )?;
    outputs::print(&said);
    Ok(ExitCode::Passed)
}

fn mirrors(arguments: &BuildNodeImage) -> Mirrors {
    Mirrors {
        debian: arguments.mirror.clone(),
        security: arguments.security_mirror.clone(),
    }
}
