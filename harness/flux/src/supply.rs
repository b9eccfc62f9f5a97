//! The way of an image into the platform: made or published upstream, mirrored, signed, verified.

use crate::{
    Fixtures, KeyRing, VerbError, Versions,
    names::{KEY_VAULT, PLATFORM_SOURCE, PRIVATE_REGISTRY, SAMPLE_REPOSITORY},
    services::Services,
};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use plumbline_images::{
    Digest, Endpoints, FluxRelease, ImageName, KeyVaultAccess, KeyVaultKey, KeyVaultSigner, Mirrored,
    PackedImage, PlatformImageInputs, PlatformImages, SignOptions, Signer, TrustedKeys, Verified,
    VerifyError, VerifyOptions, VersionedProgram,
    list::COMPONENTS,
    mirror,
    pack::{self, SampleProgram},
    platform,
    sign::{self, Signed},
};
use plumbline_model::{FaultClass, Progress, Unit};
use plumbline_toolchain::{Programs, plain_name};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How many images are on their way at once.
const SIDE_BY_SIDE: usize = 4;

/// The programs that are the platform's own images: the operator, and what it deploys.
pub const PLATFORM_PROGRAMS: [&str; 7] = {
    let [source, kustomize, helm, notification, reflector, automation] = COMPONENTS;
    [
        "flux-operator",
        source,
        kustomize,
        helm,
        notification,
        reflector,
        automation,
    ]
};

/// The program that admits images; only runs that install it have it.
pub const ADMISSION_PROGRAM: &str = "kyverno";

/// The program that every sample image runs.
pub const SAMPLE_PROGRAM: &str = "greeter";

/// The images of a run and the keys that sign them.
pub struct SupplyChain {
    endpoints: Endpoints,
    keys: Arc<KeyRing>,
    vault: KeyVaultAccess,
    public_key: String,
    platform: Vec<ImageName>,
    kyverno: Option<ImageName>,
    sample_program: Option<SampleProgram>,
    releases: BTreeMap<String, Vec<ReleaseImage>>,
}

/// The image of a controller, as one release of Flux has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseImage {
    /// Its name upstream.
    pub name: ImageName,
    /// The digest that the operator deploys.
    pub digest: Digest,
}

impl ReleaseImage {
    /// The component of Flux that it is: `source-controller`.
    #[must_use]
    pub fn component(&self) -> &str {
        let repository = self.name.repository();
        repository
            .rsplit_once('/')
            .map_or(repository, |(_, component)| component)
    }
}

/// What the images of a run are made from.
pub(crate) struct Ingredients<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) versions: &'a Versions,
    /// Names of programs by the Flux release that they make up, besides that of `versions`.
    pub(crate) further_releases: &'a BTreeMap<String, Vec<String>>,
    pub(crate) fixtures: &'a Fixtures,
    pub(crate) cache: &'a Path,
}

impl SupplyChain {
    /// Makes the images (or takes them from the cache) and puts them into the upstream registry.
    ///
    /// # Errors
    /// A program is missing, or the cache or the registry cannot be written.
    pub(crate) async fn publish(
        services: &Services,
        keys: Arc<KeyRing>,
        ingredients: Ingredients<'_>,
        progress: &Progress,
    ) -> Result<Self, VerbError> {
        let Ingredients {
            programs,
            versions,
            further_releases,
            fixtures,
            cache,
        } = ingredients;
        let [operator, ..] = &PLATFORM_PROGRAMS;
        let further = further_releases
            .iter()
            .filter(|(version, _)| **version != versions.flux)
            .map(|(version, names)| release(version, names, programs));
        let certificates = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        let inputs = PlatformImageInputs {
            releases: std::iter::once(release(&versions.flux, &versions.components, programs))
                .chain(further)
                .collect(),
            operator: programs.path(operator).map(Path::to_owned),
            operator_assets: programs.assets(operator).unwrap_or(Path::new("")).to_owned(),
            operator_version: versions.operator.clone(),
            kyverno: versioned(ADMISSION_PROGRAM, programs),
            registry: PLATFORM_SOURCE.to_owned(),
            certificates: certificates.is_file().then_some(certificates),
        };
        let PlatformImages {
            releases,
            operator,
            kyverno,
            manifests,
        } = platform::images(&inputs, cache, progress).await?;
        let samples_at = format!("{PLATFORM_SOURCE}/{SAMPLE_REPOSITORY}");
        let sample_program = match versioned(SAMPLE_PROGRAM, programs) {
            Some(program) => {
                let repository = format!("{samples_at}/{SAMPLE_PROGRAM}");
                Some(SampleProgram::pack(&program, &repository, cache, progress).await?)
            }
            None => None,
        };
        let mut samples = Vec::new();
        for (name, tag, folder) in fixtures.images()? {
            let name: ImageName = format!("{samples_at}/{name}:{tag}")
                .parse()
                .map_err(|error| VerbError::environment(&error))?;
            let files = pack::folder(&folder, "")?;
            let image = pack::sample_image(&name, files, sample_program.as_ref());
            samples.push(pack::pack(&image, cache, progress).await?);
        }
        let platform = releases
            .iter()
            .flatten()
            .chain(&operator)
            .chain(&kyverno)
            .chain([&manifests]);
        let seeds = platform.chain(&samples).map(|image| {
            let tag = image.name.tag().unwrap_or("latest");
            let upstream = &services.upstream;
            upstream.seed(image.name.repository(), tag, &image.layout).boxed()
        });
        let seeds: Vec<_> = seeds.collect();
        stream::iter(seeds)
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect::<Vec<String>>()
            .await?;
        let under_test = releases.first().into_iter().flatten().chain(&operator);
        Ok(Self {
            endpoints: services.endpoints.clone(),
            vault: services.vault_access.clone(),
            public_key: keys.main().public_pem()?,
            keys,
            platform: under_test.map(|image| image.name.clone()).collect(),
            kyverno: kyverno.map(|image| image.name),
            sample_program,
            releases: inputs
                .releases
                .into_iter()
                .zip(releases)
                .map(|(release, images)| (release.version, images.iter().map(release_image).collect()))
                .collect(),
        })
    }

    /// Mirrors, signs and verifies every image of the Flux layer; sample applications are their scenarios' affair.
    ///
    /// # Errors
    /// The first image that cannot be mirrored, signed or verified.
    pub async fn admit_all(&self, progress: &Progress) -> Result<(), VerbError> {
        self.admit(&self.platform, progress).await
    }

    /// Mirrors, signs and verifies every image of a release of Flux, as the pipeline does before it is installed.
    ///
    /// # Errors
    /// The run does not have this release, or an image cannot be mirrored, signed or verified.
    pub async fn admit_release(&self, version: &str, progress: &Progress) -> Result<(), VerbError> {
        let images: Vec<_> = self
            .release(version)?
            .iter()
            .map(|image| image.name.clone())
            .collect();
        self.admit(&images, progress).await
    }

    /// Mirrors, signs and verifies the image of Kyverno, before it is installed.
    ///
    /// # Errors
    /// The run does not have it, or it cannot be mirrored, signed or verified.
    pub async fn admit_kyverno(&self, progress: &Progress) -> Result<(), VerbError> {
        match &self.kyverno {
            Some(image) => self.admit(std::slice::from_ref(image), progress).await,
            None => Err(VerbError::fault(
                FaultClass::Environment,
                format!("the program `{ADMISSION_PROGRAM}` was not fetched for this run"),
            )),
        }
    }

    async fn admit(&self, images: &[ImageName], progress: &Progress) -> Result<(), VerbError> {
        let total = u64::try_from(images.len()).unwrap_or(u64::MAX);
        let task = progress.sized_task("mirroring, signing, verifying", Some((total, Unit::Items)), None);
        let key = self.keys.main();
        let trusted = key.public_key().into();
        let jobs = images.iter().map(|image| async {
            let mirrored = self.mirror(image).await?;
            self.sign_mirrored(&mirrored, &key, SignOptions::default())
                .await?;
            match self.verify(image, &trusted, VerifyOptions::default()).await {
                Ok(_) => {}
                Err(error) => return Err(VerbError::environment(&error)),
            }
            task.advance(1);
            Ok(())
        });
        let jobs: Vec<_> = jobs.map(futures::FutureExt::boxed).collect();
        stream::iter(jobs)
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }

    /// The images of a release of Flux.
    ///
    /// # Errors
    /// The run does not have this release; it says which it has.
    pub fn release(&self, version: &str) -> Result<&[ReleaseImage], VerbError> {
        self.releases.get(version).map(Vec::as_slice).ok_or_else(|| {
            let known: Vec<_> = self.releases.keys().map(String::as_str).collect();
            VerbError::unmet(format!(
                "there are no images of Flux {version} upstream; there are those of: {}",
                known.join(", ")
            ))
        })
    }

    /// Upstream names of the images that the Flux layer consists of.
    #[must_use]
    pub fn platform_images(&self) -> &[ImageName] {
        &self.platform
    }

    /// The public half of the main environment's key, in PEM.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// What images run that scenarios build, if it was fetched.
    pub(crate) const fn sample_program(&self) -> Option<&SampleProgram> {
        self.sample_program.as_ref()
    }

    /// Every key of the run, by name.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Who signs with the key of that name.
    ///
    /// # Errors
    /// It names a key in a vault that is not there.
    pub fn signer(&self, key: &str) -> Result<Box<dyn Signer>, VerbError> {
        if !KeyVaultKey::is_meant(key) {
            return Ok(Box::new(self.keys.key(key)));
        }
        let key: KeyVaultKey = key.parse()?;
        if key.vault() != KEY_VAULT {
            let message = format!("{key}: the only key vault of a run is called `{KEY_VAULT}`");
            return Err(VerbError::unmet(message));
        }
        Ok(Box::new(KeyVaultSigner::new(key, &self.vault)?))
    }

    /// Copies an upstream image to the private registry: the whole index, byte for byte.
    ///
    /// # Errors
    /// The image is not there, or a registry does not do its part.
    pub async fn mirror(&self, image: &ImageName) -> Result<Mirrored, VerbError> {
        Ok(mirror(image, PRIVATE_REGISTRY, &self.endpoints, &Progress::silent()).await?)
    }

    /// Signs an image of the private registry by the digest that it has there now. One that is named by its upstream name is
    /// mirrored first.
    ///
    /// # Errors
    /// The image is not there, or the registry does not do its part.
    pub async fn sign(
        &self,
        image: &ImageName,
        signer: &dyn Signer,
        options: SignOptions,
    ) -> Result<Signed, VerbError> {
        if image.registry() == PRIVATE_REGISTRY {
            return Ok(sign::sign(image, signer, options, &self.endpoints).await?);
        }
        let mirrored = self.mirror(image).await?;
        self.sign_mirrored(&mirrored, signer, options).await
    }

    async fn sign_mirrored(
        &self,
        mirrored: &Mirrored,
        signer: &dyn Signer,
        options: SignOptions,
    ) -> Result<Signed, VerbError> {
        let target = mirrored.target.with_digest(mirrored.digest.clone());
        Ok(sign::sign(&target, signer, options, &self.endpoints).await?)
    }

    /// Verifies the image of that name in the private registry, upstream's name or its own there.
    ///
    /// # Errors
    /// Unsigned, signed by another key, other content, or no answer that would tell.
    pub async fn verify(
        &self,
        image: &ImageName,
        trusted: &TrustedKeys,
        options: VerifyOptions,
    ) -> Result<Verified, VerifyError> {
        let target = image.at_registry(PRIVATE_REGISTRY);
        sign::verify(&target, trusted, options, &self.endpoints).await
    }
}

/// A release whose programs are those of `names` that were fetched.
fn release<Name: AsRef<str>>(version: &str, names: &[Name], programs: &Programs) -> FluxRelease {
    let program = |name: &Name| {
        let name = name.as_ref();
        Some((plain_name(name).to_owned(), versioned(name, programs)?))
    };
    FluxRelease {
        version: version.to_owned(),
        programs: names.iter().filter_map(program).collect(),
    }
}

fn versioned(name: &str, programs: &Programs) -> Option<VersionedProgram> {
    Some(VersionedProgram {
        version: programs.version(name)?.to_owned(),
        path: programs.path(name)?.to_owned(),
    })
}

fn release_image(image: &PackedImage) -> ReleaseImage {
    ReleaseImage {
        name: image.name.clone(),
        digest: image.digest.clone(),
    }
}
