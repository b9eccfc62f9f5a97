//! Which images an operator deploys for a release of Flux: read from the operator's own data, as it does itself.
//!
//! The list is what a pipeline mirrors before the release is installed, so it names the images where they are
//! published. The operator pins each controller by digest; nothing pins the operator's own image.

use crate::{
    error::ImageError,
    name::{Digest, ImageName, NameError},
};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

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

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The operator does not know the release.
    #[error(
        "the operator knows no Flux {version}; it knows, the nearest first: {}",
        known.join(", ")
    )]
    UnknownRelease {
        /// What was asked for.
        version: String,
        /// What is there, the nearest first.
        known: Vec<String>,
    },
    /// The release is there, but not in this variant.
    #[error("Flux {version} has no variant `{variant}`; it has: {}", known.join(", "))]
    UnknownVariant {
        /// The release.
        version: String,
        /// What was asked for.
        variant: String,
        /// What is there.
        known: Vec<String>,
    },
    /// The release has no such controller.
    #[error("Flux {version} has no component `{component}`; it has: {}", known.join(", "))]
    UnknownComponent {
        /// The release.
        version: String,
        /// What was asked for.
        component: String,
        /// What is there.
        known: Vec<String>,
    },
    /// The Helm values are of another operator than the one that was asked for.
    #[error(
        "the values install the operator {of_values}, but the list is to be that of {asked}; change one of them"
    )]
    OtherOperator {
        /// The tag in the values.
        of_values: String,
        /// The version that was asked for.
        asked: String,
    },
    /// The Helm values can't be understood.
    #[error("the operator's values cannot be read: {0}")]
    Values(String),
    /// A registry or a repository that no image can be in.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The data can't be read.
    #[error(transparent)]
    Data(#[from] ImageError),
}

/// The data of an operator: the releases of Flux that it knows, and the images of each.
#[derive(Clone, Debug)]
pub struct OperatorData {
    folder: PathBuf,
}

/// An image of a release in the operator's data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PinnedImage {
    pub(crate) name: String,
    pub(crate) new_tag: String,
    pub(crate) digest: String,
}

impl PinnedImage {
    /// The last part of the name: the controller's.
    pub(crate) fn component(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinnedImages {
    images: Vec<PinnedImage>,
}

impl OperatorData {
    /// The data below `folder`: the operator's module has it in `config/data`, its image in `data`.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn below(folder: &Path) -> Result<Self, ImageError> {
        let candidates = [folder.join("config/data"), folder.join("data"), folder.to_owned()];
        let found = candidates
            .into_iter()
            .find(|folder| folder.join("flux-images").is_dir());
        found.map(|folder| Self { folder }).ok_or_else(|| {
            let reason = "it has no `config/data/flux-images`; fetch the operator's assets again";
            ImageError::malformed(folder.display(), reason)
        })
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with the images of a release, relative to the folder.
    pub(crate) fn file(version: &str, variant: &str) -> String {
        format!("flux-images/v{}/{variant}.yaml", plain(version))
    }

    /// The images of a release, in the order of the data.
    pub(crate) fn pinned(&self, version: &str, variant: &str) -> Result<Vec<PinnedImage>, ImageError> {
        let path = self.folder.join(Self::file(version, variant));
        let text = fs::read_to_string(&path).map_err(ImageError::file("read", &path))?;
        let list: PinnedImages =
            serde_saphyr::from_str(&text).map_err(|error| ImageError::malformed(path.display(), error))?;
        Ok(list.images)
    }

    /// The releases that the operator knows, without a leading `v`, the newest first.
    ///
    /// # Errors
    ///
    /// The data can't be read.
    pub fn releases(&self) -> Result<Vec<String>, ImageError> {
        let mut releases: Vec<_> = names(&self.folder.join("flux-images"))?
            .into_iter()
            .filter_map(|name| Some((numbers(&name)?, plain(&name).to_owned())))
            .collect();
        releases.sort();
        Ok(releases.into_iter().rev().map(|(_, name)| name).collect())
    }

    /// The images that the operator deploys, itself first.
    ///
    /// # Errors
    ///
    /// The data knows no such release, variant or component, or the values name another operator.
    pub fn list(&self, wanted: &Wanted) -> Result<ImageList, ListError> {
        let version = plain(&wanted.flux);
        let releases = self.releases()?;
        if !releases.iter().any(|release| release == version) {
            return Err(ListError::UnknownRelease {
                version: version.to_owned(),
                known: nearest_first(version, releases),
            });
        }
        let mut variants = names(&self.folder.join(format!("flux-images/v{version}")))?;
        variants.retain_mut(|name| match name.strip_suffix(".yaml") {
            Some(variant) => {
                *name = variant.to_owned();
                true
            }
            None => false,
        });
        if !variants.contains(&wanted.variant) {
            variants.sort();
            return Err(ListError::UnknownVariant {
                version: version.to_owned(),
                variant: wanted.variant.clone(),
                known: variants,
            });
        }
        let pinned = self.pinned(version, &wanted.variant)?;
        let mut images = vec![wanted.operator_image()?];
        for component in &wanted.components {
            let image = pinned.iter().find(|image| image.component() == component);
            let image = image.ok_or_else(|| ListError::UnknownComponent {
                version: version.to_owned(),
                component: component.clone(),
                known: pinned.iter().map(|image| image.component().to_owned()).collect(),
            })?;
            images.push(ListedImage {
                name: format!("{}/{component}:{}", wanted.registry, image.new_tag).parse()?,
                digest: Some(image.digest.parse()?),
            });
        }
        Ok(ImageList {
            flux: version.to_owned(),
            operator: plain(&wanted.operator).to_owned(),
            variant: wanted.variant.clone(),
            images,
        })
    }
}

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

/// What the Helm values of the operator's chart say about its image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OperatorValues {
    /// `image.repository`.
    pub repository: Option<String>,
    /// `image.tag`; without it, the chart's own version.
    pub tag: Option<String>,
}

impl OperatorValues {
    /// Reads a values file; what it says about other things is not looked at.
    ///
    /// # Errors
    ///
    /// It is not YAML, or its image is not a mapping of texts.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        #[derive(Deserialize)]
        struct Values {
            #[serde(default)]
            image: OperatorValues,
        }
        let values: Values =
            serde_saphyr::from_str(text).map_err(|error| ListError::Values(error.to_string()))?;
        Ok(values.image)
    }
}

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

/// A version without its `v`.
fn plain(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// The three numbers of a release.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = plain(version).split('.').map(str::parse);
    let numbers = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    parts.next().is_none().then_some(numbers)
}

/// The releases by how far they are from `version`; those that are as far, the newest first.
fn nearest_first(version: &str, mut releases: Vec<String>) -> Vec<String> {
    let given = plain(version)
        .split('.')
        .map(|part| part.parse::<u64>().unwrap_or(0));
    let given: Vec<u64> = given.chain(std::iter::repeat(0)).take(3).collect();
    // A stable sort leaves the order of those that are as far.
    releases.sort_by_key(|release| {
        let numbers = numbers(release).unwrap_or_default();
        let distance: Vec<u64> = numbers
            .iter()
            .zip(&given)
            .map(|(number, given)| number.abs_diff(*given))
            .collect();
        distance
    });
    releases
}

fn names(folder: &Path) -> Result<Vec<String>, ImageError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(ImageError::file("read", folder))? {
        let entry = entry.map_err(ImageError::file("read", folder))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(directory: &Path) -> OperatorData {
        let entry = |name: &str, tag: &str, digit: &str| {
            let digest = digit.repeat(64);
            format!("  - name: ghcr.io/fluxcd/{name}\n    newTag: {tag}\n    digest: sha256:{digest}\n")
        };
        for version in ["v2.8.10", "v2.8.9", "v2.9.0", "v2.9.2", "v1.0.0"] {
            let folder = directory.join("data/flux-images").join(version);
            fs::create_dir_all(&folder).unwrap();
            let list = ["images:\n".to_owned()]
                .into_iter()
                .chain([
                    entry("source-controller", "v1.9.3", "a"),
                    entry("helm-controller", "v1.6.2", "b"),
                ])
                .collect::<String>();
            fs::write(folder.join("upstream-alpine.yaml"), list).unwrap();
        }
        fs::write(directory.join("data/flux-images/VERSION"), "v2.9.2").unwrap();
        OperatorData::below(directory).unwrap()
    }

    fn wanted() -> Wanted {
        Wanted {
            flux: "v2.9.2".into(),
            operator: "0.59.0".into(),
            values: None,
            variant: UPSTREAM.into(),
            registry: UPSTREAM_REGISTRY.into(),
            components: vec!["helm-controller".into(), "source-controller".into()],
        }
    }

    #[test]
    fn the_block_names_the_operator_and_then_the_controllers_that_were_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let list = data(directory.path()).list(&wanted()).unwrap();
        assert_eq!(
            list.block(false),
            "containerImages:\n  - ghcr.io/controlplaneio-fluxcd/flux-operator:v0.59.0\n  \
             - ghcr.io/fluxcd/helm-controller:v1.6.2\n  - ghcr.io/fluxcd/source-controller:v1.9.3\n"
        );
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        assert!(list.block(true).ends_with(&format!(
            "flux-operator:v0.59.0\n  - ghcr.io/fluxcd/helm-controller:v1.6.2@sha256:{b}\n  \
                 - ghcr.io/fluxcd/source-controller:v1.9.3@sha256:{a}\n"
        )));
        assert_eq!(
            list.json(false)["containerImages"][1]["digest"],
            format!("sha256:{b}")
        );
    }

    #[test]
    fn the_values_name_a_copy_and_the_list_the_source() {
        let directory = tempfile::tempdir().unwrap();
        let data = data(directory.path());
        let text =
            "image:\n  repository: registry.example/mirror/flux-operator\n  tag: v0.59.0\nreplicas: 2\n";
        let mut wanted = wanted();
        wanted.values = Some(OperatorValues::parse(text).unwrap());
        let list = data.list(&wanted).unwrap();
        assert_eq!(
            list.images[0].name.to_string(),
            "ghcr.io/mirror/flux-operator:v0.59.0"
        );
        wanted.operator = "0.60.0".into();
        assert!(matches!(data.list(&wanted), Err(ListError::OtherOperator { .. })));
        wanted.values = Some(OperatorValues::parse("replicas: 2").unwrap());
        let list = data.list(&wanted).unwrap();
        assert_eq!(
            list.images[0].name.to_string(),
            "ghcr.io/controlplaneio-fluxcd/flux-operator:v0.60.0"
        );
        assert!(matches!(
            OperatorValues::parse("image: [1]"),
            Err(ListError::Values(_))
        ));
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let directory = tempfile::tempdir().unwrap();
        let data = data(directory.path());
        let refused = |change: &dyn Fn(&mut Wanted)| {
            let mut wanted = wanted();
            change(&mut wanted);
            data.list(&wanted).unwrap_err().to_string()
        };
        assert_eq!(
            refused(&|wanted| wanted.flux = "2.9.9".into()),
            "the operator knows no Flux 2.9.9; it knows, the nearest first: 2.9.2, 2.9.0, 2.8.9, 2.8.10, 1.0.0"
        );
        assert_eq!(
            refused(&|wanted| wanted.flux = "../..".into()),
            "the operator knows no Flux ../..; it knows, the nearest first: 1.0.0, 2.8.9, 2.8.10, 2.9.0, 2.9.2"
        );
        assert_eq!(
            refused(&|wanted| wanted.variant = "upstream".into()),
            "Flux 2.9.2 has no variant `upstream`; it has: upstream-alpine"
        );
        assert_eq!(
            refused(&|wanted| wanted.components = vec!["source-watcher".into()]),
            "Flux 2.9.2 has no component `source-watcher`; it has: source-controller, helm-controller"
        );
    }

    #[test]
    fn a_folder_without_data_is_said() {
        let directory = tempfile::tempdir().unwrap();
        assert!(OperatorData::below(directory.path()).is_err());
    }
}
