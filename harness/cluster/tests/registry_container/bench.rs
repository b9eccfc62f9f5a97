//! An engine, a network in it, and two registries of ours that stand before containers.

use crate::{Outcome, support::Site};
use plumbline_cluster::{
    docker::Docker,
    kind::{KindSettings, Network, NetworkOptions, RegistryContainer, RegistryContainerOptions},
};
use plumbline_keeper::{Keeper, KeeperOptions, RunDirectory};
use plumbline_servers::RegistryContent;
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    path::Path,
};

/// What the engine must have.
pub struct Images {
    pub node: String,
    pub registry: String,
}

/// Two registries and what is behind them.
pub struct Bench {
    pub site: Site,
    pub docker: Docker,
    pub containers: [RegistryContainer; 2],
    network: Network,
    keeper: Keeper,
}

/// The environment of this process, as the client needs it.
fn environment() -> BTreeMap<String, String> {
    std::env::vars().collect()
}

async fn keeper(folder: &Path) -> Result<Keeper, Box<dyn Error + Send + Sync>> {
    let options = KeeperOptions {
        executable: std::env::current_exe()?,
        run_directory: RunDirectory::create(folder.join("runs"))?,
    };
    Ok(Keeper::start(options).await?)
}

fn docker(keeper: &Keeper) -> Result<Docker, Box<dyn Error + Send + Sync>> {
    let environment = environment();
    let path = environment.get("PATH").map(String::as_str).unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(path).collect();
    Ok(Docker::find(keeper, &folders, &environment)?)
}

impl Images {
    /// The images of the project's settings, if an engine has them.
    pub async fn find() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clusters/kind.yaml");
        let settings = KindSettings::read(&settings)?;
        let registry = settings.registry.ok_or("clusters/kind.yaml names no registry")?;
        let folder = tempfile::tempdir()?;
        let keeper = keeper(folder.path()).await?;
        let docker = docker(&keeper)?;
        for image in [&settings.image, &registry] {
            let found = docker.image_id(image).await?;
            found.ok_or_else(|| format!("the engine has no image {image}"))?;
        }
        keeper.stop().await?;
        Ok(Self {
            node: settings.image,
            registry,
        })
    }
}

impl Bench {
    pub async fn start(images: &Images) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let site = Site::with_content(|_| RegistryContent::Another).await;
        let folder = site.directory.path();
        let keeper = keeper(folder).await?;
        let docker = docker(&keeper)?;
        let network = Network::start(NetworkOptions {
            docker: docker.clone(),
            image: images.node.clone(),
            names: HashMap::new(),
            directory: folder.to_owned(),
        })
        .await?;
        let start = async |name| {
            RegistryContainer::start(RegistryContainerOptions {
                network: &network,
                image: &images.registry,
                name,
                hosts: &["registry.plumbline.test"],
                authority: &site.authority,
                directory: folder,
            })
            .await
        };
        let (upstream, private) = futures::try_join!(start("upstream"), start("private"))?;
        site.upstream.stand_before(upstream.registry())?;
        site.private.stand_before(private.registry())?;
        Ok(Self {
            containers: [upstream, private],
            site,
            docker,
            network,
            keeper,
        })
    }

    /// Everything that the engine holds for this bench, by name.
    pub async fn held(&self) -> Result<String, Box<dyn Error + Send + Sync>> {
        let filter = format!("name=^{}", self.network.name());
        let listing = ["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"];
        Ok(self.docker.ask("list containers", listing).await?)
    }

    /// Removes it in order, after which nothing is there.
    pub async fn stop(self) -> Outcome {
        for container in &self.containers {
            container.stop().await?;
        }
        self.network.stop().await?;
        assert_eq!(self.held().await?, "");
        self.keeper.stop().await?;
        Ok(())
    }
}
