//! The data of an operator, as its module and its image have it.

use super::{
    ImageList, ListError, ListedImage, Wanted,
    version::{nearest_first, numbers, plain},
};
use crate::error::ImageError;
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

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

fn names(folder: &Path) -> Result<Vec<String>, ImageError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(ImageError::file("read", folder))? {
        let entry = entry.map_err(ImageError::file("read", folder))?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}
