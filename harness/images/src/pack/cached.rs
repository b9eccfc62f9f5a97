//! The cache of images: each lies as an OCI layout below the digest of what it was made from.

use crate::{
    error::ImageError,
    layout::Layout,
    name::{Digest, ImageName},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// An image in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedImage {
    /// Its name with the tag, without a digest.
    pub name: ImageName,
    /// The folder of its OCI layout.
    pub layout: PathBuf,
    /// The digest of its index, or of its manifest where it has no index.
    pub digest: Digest,
    /// The size of all its parts in bytes, compressed.
    pub size: u64,
}

/// The image `key`, if it is there and whole.
pub(super) fn find(name: &ImageName, cache: &Path, key: &str) -> Option<PackedImage> {
    open(name, &folder(cache).join(key)).ok()
}

/// The image `key`, which `make` writes into an empty folder unless it is there.
pub(super) fn find_or_make(
    name: &ImageName,
    cache: &Path,
    key: &str,
    make: impl FnOnce(&Path) -> Result<(), ImageError>,
) -> Result<PackedImage, ImageError> {
    if let Some(packed) = find(name, cache, key) {
        return Ok(packed);
    }
    let images = folder(cache);
    let directory = images.join(key);
    fs::create_dir_all(&images).map_err(ImageError::file("create", &images))?;
    let staging = tempfile::Builder::new()
        .prefix(".packing-")
        .tempdir_in(&images)
        .map_err(ImageError::file("create", &images))?;
    make(staging.path())?;
    if fs::rename(staging.path(), &directory).is_err() {
        // Another plumbline has just made the same image, or what is there is broken and has to go first.
        if let Some(packed) = find(name, cache, key) {
            return Ok(packed);
        }
        fs::remove_dir_all(&directory).map_err(ImageError::file("remove", &directory))?;
        fs::rename(staging.path(), &directory).map_err(ImageError::file("write", &directory))?;
    }
    open(name, &directory)
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("images")
}

fn open(name: &ImageName, directory: &Path) -> Result<PackedImage, ImageError> {
    let layout = Layout::at(directory);
    let digest = layout.image()?.digest()?;
    let size = layout.checked_size(&layout.manifest(&digest)?)?;
    Ok(PackedImage {
        name: name.clone(),
        layout: directory.to_owned(),
        digest,
        size,
    })
}
