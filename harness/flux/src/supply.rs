//! The way of an image into the platform: made or published upstream, mirrored, signed, verified.

use crate::{
    Fixtures, VerbError, Versions,
    names::{PLATFORM_SOURCE, PRIVATE_REGISTRY, SAMPLE_REPOSITORY},
    services::Services,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use plumbline_images::{
    Endpoints, ImageName, KeyPair, Mirrored, PlatformImageInputs, Verified, VerifyError, mirror, pack,
    platform, sign,
};
use plumbline_model::{Progress, Unit};
use plumbline_toolchain::Programs;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How many images are on their way at once.
const SIDE_BY_SIDE: usize = 4;

/// The programs that are the platform's own images.
pub const PLATFORM_PROGRAMS: [&str; 7] = [
    "flux-operator",
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
];

/// The images of a run and the key that signs them.
pub struct SupplyChain {
    endpoints: Endpoints,
    key: KeyPair,
    public_key: String,
    platform: Vec<ImageName>,
}

impl SupplyChain {
    /// Makes the images (or takes them from the cache) and puts them into the upstream registry.
    ///
    /// # Errors
    /// A program is missing, or the cache or the registry cannot be written.
    pub async fn publish(
        services: &Services,
        key: &KeyPair,
        programs: &Programs,
        versions: &Versions,
        fixtures: &Fixtures,
        cache: &Path,
        progress: &Progress,
    ) -> Result<Self, VerbError> {
        let paths: BTreeMap<String, PathBuf> = PLATFORM_PROGRAMS
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), programs.path(name)?.to_owned())))
            .collect();
        let certificates = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        let inputs = PlatformImageInputs {
            flux_version: versions.flux.clone(),
            programs: paths,
            operator_assets: programs
                .assets("flux-operator")
                .unwrap_or(Path::new(""))
                .to_owned(),
            operator_version: versions.operator.clone(),
            registry: PLATFORM_SOURCE.to_owned(),
            certificates: certificates.is_file().then_some(certificates),
        };
        let platform = platform::images(&inputs, cache, progress).await?;
        let mut samples = Vec::new();
        for (name, tag, folder) in fixtures.images()? {
            let name: ImageName = format!("{PLATFORM_SOURCE}/{SAMPLE_REPOSITORY}/{name}:{tag}")
                .parse()
                .map_err(|error| VerbError::environment(&error))?;
            samples.push(pack::pack(&pack::fixture_image(&folder, &name)?, cache, progress).await?);
        }
        for image in platform.iter().chain(&samples) {
            let tag = image.name.tag().unwrap_or("latest");
            services
                .upstream
                .seed(image.name.repository(), tag, &image.layout)
                .await?;
        }
        Ok(Self {
            endpoints: services.endpoints.clone(),
            public_key: key.public_pem()?,
            key: key.clone(),
            platform: platform.iter().map(|image| image.name.clone()).collect(),
        })
    }

    /// Mirrors, signs and verifies every image of the Flux layer; sample applications are their scenarios' affair.
    ///
    /// # Errors
    /// The first image that cannot be mirrored, signed or verified.
    pub async fn admit_all(&self, progress: &Progress) -> Result<(), VerbError> {
        let images = self.platform.clone();
        let total = u64::try_from(images.len()).unwrap_or(u64::MAX);
        let task = progress.sized_task("mirroring, signing, verifying", Some((total, Unit::Items)), None);
        let jobs = images.into_iter().map(|image| async {
            let image = image;
            let mirrored = self.mirror(&image).await?;
            self.sign_digest(&mirrored).await?;
            match self.verify(&image).await {
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

    /// Upstream names of the images that the Flux layer consists of.
    #[must_use]
    pub fn platform_images(&self) -> &[ImageName] {
        &self.platform
    }

    /// The public half of the key that signs, in PEM.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The key itself, for programs that sign with it.
    #[must_use]
    pub const fn key(&self) -> &KeyPair {
        &self.key
    }

    /// Copies an upstream image to the private registry: the whole index, byte for byte.
    ///
    /// # Errors
    /// The image is not there, or a registry does not do its part.
    pub async fn mirror(&self, image: &ImageName) -> Result<Mirrored, VerbError> {
        Ok(mirror(image, PRIVATE_REGISTRY, &self.endpoints, &Progress::silent()).await?)
    }

    /// Signs the private copy of an upstream image by the digest that it has there now.
    ///
    /// # Errors
    /// The image is not there, or the registry does not do its part.
    pub async fn sign(&self, image: &ImageName) -> Result<(), VerbError> {
        let mirrored = self.mirror(image).await?;
        self.sign_digest(&mirrored).await
    }

    async fn sign_digest(&self, mirrored: &Mirrored) -> Result<(), VerbError> {
        let target = mirrored.target.with_digest(mirrored.digest.clone());
        sign::sign(&target, &self.key, &self.endpoints).await?;
        Ok(())
    }

    /// Verifies the private copy of an upstream image with the public key.
    ///
    /// # Errors
    /// Unsigned, signed by another key, other content, or no answer that would tell.
    pub async fn verify(&self, image: &ImageName) -> Result<Verified, VerifyError> {
        let target = image.at_registry(PRIVATE_REGISTRY);
        sign::verify(&target, &self.public_key, &self.endpoints).await
    }
}
