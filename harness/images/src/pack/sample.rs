//! Sample images: a few files, and above them the one program that all of them run.
//!
//! The program is a layer of its own, which is compressed once, and kept and sent once by whoever has it already.

use super::{
    cached::PackedImage,
    files::ImageFile,
    program::{ProgramImage, pack},
};
use crate::{error::ImageError, name::ImageName, platform::VersionedProgram};
use plumbline_model::Progress;
use std::{collections::BTreeMap, path::Path};

/// Where the program is in a sample image.
const ENTRYPOINT: &str = "/greeter";

/// Whom it runs as: a number, which `runAsNonRoot` asks for.
const USER: &str = "65534:65534";

/// The program of sample images, packed.
#[derive(Clone, Debug)]
pub struct SampleProgram {
    image: PackedImage,
}

impl SampleProgram {
    /// Packs the program as an image of that repository, tagged with its version; or takes that from the cache.
    ///
    /// # Errors
    ///
    /// The program can't be read, or the cache not be written.
    pub async fn pack(
        program: &VersionedProgram,
        repository: &str,
        cache: &Path,
        progress: &Progress,
    ) -> Result<Self, ImageError> {
        let image = ProgramImage {
            name: format!("{repository}:{}", program.version).parse()?,
            files: vec![ImageFile::copied(ENTRYPOINT, &program.path, 0o755)],
            above: None,
            entrypoint: vec![ENTRYPOINT.to_owned()],
            user: USER.to_owned(),
            environment: BTreeMap::new(),
            labels: BTreeMap::new(),
        };
        Ok(Self {
            image: pack(&image, cache, progress).await?,
        })
    }

    /// The image of nothing but the program.
    #[must_use]
    pub const fn image(&self) -> &PackedImage {
        &self.image
    }
}

/// An image of `files` that runs `program`; without one it has no command, and no container can be made of it.
#[must_use]
pub fn sample_image(
    name: &ImageName,
    files: Vec<ImageFile>,
    program: Option<&SampleProgram>,
) -> ProgramImage {
    ProgramImage {
        name: name.clone(),
        files,
        above: program.map(|program| program.image.clone()),
        entrypoint: program.iter().map(|_| ENTRYPOINT.to_owned()).collect(),
        user: USER.to_owned(),
        environment: BTreeMap::new(),
        labels: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    use std::fs;

    async fn program(directory: &Path, content: &str) -> SampleProgram {
        let path = directory.join("greeter");
        fs::write(&path, content).unwrap();
        let version = "1.0.0".into();
        let program = VersionedProgram { version, path };
        SampleProgram::pack(&program, "ghcr.io/a/greeter", directory, &Progress::silent())
            .await
            .unwrap()
    }

    async fn layers(image: &ProgramImage, cache: &Path) -> Vec<String> {
        let packed = pack(image, cache, &Progress::silent()).await.unwrap();
        let layout = Layout::at(&packed.layout);
        let index = layout.manifest(&packed.digest).unwrap();
        let child = index.children.unwrap().remove(0).digest().unwrap();
        let manifest = layout.manifest(&child).unwrap();
        let configuration = manifest.config.unwrap().digest().unwrap();
        assert_eq!(
            layout.diff_ids(&configuration).unwrap().len(),
            manifest.layers.len()
        );
        manifest.layers.into_iter().map(|layer| layer.digest).collect()
    }

    #[tokio::test]
    async fn the_program_is_a_layer_that_images_share_above_their_files() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = program(folder.path(), "elf").await;
        let files = |content: &str| vec![ImageFile::written("etc/a/version", content)];
        let image =
            |content: &str, program| sample_image(&"ghcr.io/a/b:1".parse().unwrap(), files(content), program);
        let one = layers(&image("1", Some(&program)), folder.path()).await;
        // Another cache, and so perhaps another file system.
        let other = layers(&image("2", Some(&program)), elsewhere.path()).await;
        let bare = layers(&image("1", None), folder.path()).await;
        assert_eq!((one.len(), other.len(), bare.len()), (2, 2, 1));
        assert_eq!(one[1], other[1]);
        assert_ne!(one[0], other[0]);
        assert_eq!(one[0], bare[0]);
    }

    #[tokio::test]
    async fn another_program_makes_another_image() {
        let folder = tempfile::tempdir().unwrap();
        let name = "ghcr.io/a/b:1".parse().unwrap();
        let one = program(folder.path(), "elf").await;
        let other = program(folder.path(), "fle").await;
        let image = |program| sample_image(&name, Vec::new(), Some(program));
        assert_ne!(
            layers(&image(&one), folder.path()).await,
            layers(&image(&other), folder.path()).await
        );
        assert_eq!(image(&one).entrypoint, ["/greeter"]);
    }
}
