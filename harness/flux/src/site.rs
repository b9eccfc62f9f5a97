//! What the clusters of a run share: servers, repositories, images, keys, programs.

use crate::{
    Fixtures, Forge, Ground, GroundSettings, KeyRing, PlatformOptions, Services, SupplyChain, VerbError,
    Versions,
    cluster::KindGround,
    database,
    egress::EgressCounter,
    fixtures::PLATFORM_REPOSITORIES,
    keys::{KeySafe, fill_vault},
    names::MAIN_ENVIRONMENT,
    policy::NodePolicy,
    programs::{Workbench, path_of},
    room,
    supply::Ingredients,
    trusted_keys, versions,
};
use plumbline_images::ImageStore;
use plumbline_keeper::Keeper;
use plumbline_model::Progress;
use plumbline_toolchain::Programs;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How much of a cluster's name is seen in the name of its directory.
const LONGEST_NAME: usize = 40;

/// What a cluster needs before anything is mirrored or pushed: so that its start waits for neither.
pub(crate) struct Foundation {
    pub(crate) keeper: Keeper,
    pub(crate) programs: Programs,
    pub(crate) services: Services,
    /// Images as the nodes see them; extracted once for all of them.
    pub(crate) images: Arc<ImageStore>,
    /// What the nodes admit.
    pub(crate) policy: Arc<NodePolicy>,
    /// What its clusters are.
    pub(crate) ground: Ground,
    /// The authority's certificate, for the processes of pods.
    pub(crate) certificates: PathBuf,
    /// Counts for all clusters together.
    pub(crate) egress: EgressCounter,
    directory: PathBuf,
    /// Who signs.
    keys: Arc<KeyRing>,
    further_clusters: AtomicU64,
}

impl Foundation {
    /// Starts the servers. Beside them come the signing keys as programs take them, which takes its time.
    pub(crate) async fn lay(options: &PlatformOptions) -> Result<(Self, KeySafe), VerbError> {
        let (keeper, programs) = (options.keeper.clone(), options.programs.clone());
        let directory = keeper.run_directory().path().to_owned();
        let keys = Arc::new(KeyRing::default());
        let git = path_of(&programs, "git")?;
        let (services, safe) = futures::try_join!(
            Services::start(&keeper, git, &directory, options.ground.has_registry()),
            KeySafe::with_main_key(keys.clone())
        )?;
        fill_vault(&services.vault, &keys)?;
        let certificates = directory.join("ca.pem");
        fs::write(&certificates, services.authority.pem()).map_err(|error| VerbError::environment(&error))?;
        let trusted = trusted_keys::from_fixtures(&options.fixtures, MAIN_ENVIRONMENT, &keys)?;
        let egress = EgressCounter::default();
        let node = options.ground.embedded().node;
        let ground = match &options.ground {
            GroundSettings::Embedded(settings) => Ground::Embedded(*settings),
            GroundSettings::Kind { settings, docker } => {
                let (settings, docker) = (settings.clone(), docker.clone());
                let laid =
                    KindGround::lay(settings, docker, &programs, &services, &directory, &egress).await?;
                Ground::Kind(Box::new(laid))
            }
        };
        let foundation = Self {
            images: Arc::new(ImageStore::new(
                options.cache.join("rootfs"),
                services.endpoints.clone(),
            )),
            policy: Arc::new(NodePolicy::new(trusted, services.endpoints.clone(), node)),
            ground,
            egress,
            further_clusters: AtomicU64::new(0),
            keeper,
            programs,
            services,
            certificates,
            directory,
            keys,
        };
        Ok((foundation, safe))
    }

    /// The directory of the run, in which the first cluster lives.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Why nothing works now whatever the platform does, if so: a disk is full that it stands on.
    pub(crate) fn shortage(&self) -> Option<String> {
        self.ground.shortage().or_else(|| room::shortage(&self.directory))
    }

    /// The same, and what else may be wrong with that which clusters are made on.
    pub(crate) async fn trouble(&self) -> Option<String> {
        match self.shortage() {
            None => self.ground.trouble().await,
            shortage => shortage,
        }
    }

    /// Starts the registries that ours stand before, if there are to be any.
    async fn open_registries(&self) -> Result<(), VerbError> {
        match &self.ground {
            Ground::Embedded(_) => Ok(()),
            Ground::Kind(ground) => ground.open_registries(&self.services, &self.directory).await,
        }
    }

    /// Removes what no keeper ends, once the last cluster is gone.
    pub(crate) async fn clear(&self) -> Result<(), VerbError> {
        match &self.ground {
            Ground::Embedded(_) => Ok(()),
            Ground::Kind(ground) => ground.clear().await,
        }
    }

    /// A number and a directory for one more cluster. The number makes it unique: two scenarios may use the same name,
    /// which may hold anything.
    pub(crate) fn number_further(&self, name: &str) -> (u64, PathBuf) {
        let number = self.further_clusters.fetch_add(1, Ordering::Relaxed) + 1;
        let plain = |character: char| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        };
        let name: String = name.chars().map(plain).take(LONGEST_NAME).collect();
        (
            number,
            self.directory.join("clusters").join(format!("{number}-{name}")),
        )
    }
}

/// What the clusters of a run share.
pub(crate) struct Site {
    pub(crate) foundation: Arc<Foundation>,
    pub(crate) fixtures: Fixtures,
    pub(crate) versions: Versions,
    pub(crate) forge: Forge,
    pub(crate) supply: SupplyChain,
    pub(crate) workbench: Workbench,
}

impl Site {
    /// Fills the servers: repositories on the Git server, the platform's images mirrored, signed and verified.
    pub(crate) async fn fill(
        foundation: Arc<Foundation>,
        safe: KeySafe,
        options: PlatformOptions,
        progress: &Progress,
    ) -> Result<Self, VerbError> {
        let PlatformOptions {
            cache,
            fixtures,
            further_releases,
            search_path,
            ..
        } = options;
        let versions = versions::read(&fixtures)?;
        let Foundation {
            services,
            programs,
            keys,
            ..
        } = &*foundation;
        let images = async {
            let ingredients = Ingredients {
                programs,
                versions: &versions,
                further_releases: &further_releases,
                fixtures: &fixtures,
                cache: &cache,
            };
            let supply = SupplyChain::publish(services, keys.clone(), ingredients, progress).await?;
            supply.admit_all(progress).await?;
            Ok::<_, VerbError>(supply)
        };
        let repositories = async {
            let forge = Forge::new();
            for name in PLATFORM_REPOSITORIES {
                forge
                    .create(&services.git, name, &fixtures.platform_repository(name)?)
                    .await?;
            }
            Ok::<_, VerbError>(forge)
        };
        let database = database::publish(&foundation, &fixtures, &cache, &search_path);
        let registries = foundation.open_registries();
        let (supply, forge, (), ()) = futures::try_join!(images, repositories, database, registries)?;
        let workbench = Workbench::prepare(foundation.directory(), services, safe, &search_path)
            .map_err(|error| VerbError::environment(&error))?;
        Ok(Self {
            foundation,
            fixtures,
            versions,
            forge,
            supply,
            workbench,
        })
    }
}
