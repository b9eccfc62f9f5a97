//! The images of the platform, Flux and Kyverno, made from programs that were built on this machine.
//!
//! They stand in for the published images where those can't be pulled: same names and tags, same users, same
//! layout of the operator's image. The operator deploys its controllers by the digests in its own data, so that data
//! is rewritten to the digests of the images made here.

use crate::{
    error::ImageError,
    list::{OperatorData, PinnedImage, UPSTREAM},
    name::ImageName,
    pack::{ImageFile, PackedImage, ProgramImage, folder, pack, pack_all},
};
use plumbline_model::Progress;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// The operator's program, and the last part of its repository.
const OPERATOR: &str = "flux-operator";

/// The operator looks in its image for a base that it supports; its official base is this one.
const OS_RELEASE: &str = "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\nVERSION_ID=\"12\"\n\
    VERSION=\"Debian GNU/Linux 12 (bookworm)\"\nHOME_URL=\"https://github.com/GoogleContainerTools/distroless\"\n";

/// What the platform's images are made from.
#[derive(Clone, Debug)]
pub struct PlatformImageInputs {
    /// The Flux releases whose images the operator is to know.
    pub releases: Vec<FluxRelease>,
    /// The operator's program; without it there is no image of the operator.
    pub operator: Option<PathBuf>,
    /// The folder that has `config/data` of the operator's module, `data`, or the data itself.
    pub operator_assets: PathBuf,
    /// The version of the operator, the tag of its image.
    pub operator_version: String,
    /// Kyverno's program; without it there is no image of Kyverno.
    pub kyverno: Option<VersionedProgram>,
    /// The registry of the names, `ghcr.io`.
    pub registry: String,
    /// The certificate authorities that the programs trust, `/etc/ssl/certs/ca-certificates.crt` of this machine.
    pub certificates: Option<PathBuf>,
}

/// One release of Flux, as far as its programs are there.
#[derive(Clone, Debug)]
pub struct FluxRelease {
    /// With or without a leading `v`: it selects the operator's data.
    pub version: String,
    /// Any of its controllers, by name.
    pub programs: BTreeMap<String, VersionedProgram>,
}

/// A program, and which version of it this is.
#[derive(Clone, Debug)]
pub struct VersionedProgram {
    /// Without a leading `v`.
    pub version: String,
    /// Its file.
    pub path: PathBuf,
}

/// The images of the platform.
#[derive(Clone, Debug)]
pub struct PlatformImages {
    /// The controllers of each release, in the order of [`PlatformImageInputs::releases`].
    pub releases: Vec<Vec<PackedImage>>,
    /// The operator, which deploys exactly these.
    pub operator: Option<PackedImage>,
    /// Kyverno.
    pub kyverno: Option<PackedImage>,
    /// The operator's data alone: what its command line builds a FluxInstance from.
    pub manifests: PackedImage,
}

/// Makes the images of the controllers and, with their digests, that of the operator.
///
/// # Errors
///
/// The operator's data does not know a Flux release, a release has a program of another version than the one that is
/// here, or of none, or the cache can't be written.
pub async fn images(
    inputs: &PlatformImageInputs,
    cache: &Path,
    progress: &Progress,
) -> Result<PlatformImages, ImageError> {
    let data = OperatorData::below(&inputs.operator_assets)?;
    let mut releases = Vec::new();
    let mut rewritten = BTreeMap::new();
    for release in &inputs.releases {
        let list = ReleaseImages::read(&data, release)?;
        let packed = pack_all(&list.images(release, inputs)?, cache, progress).await?;
        rewritten.insert(list.file.clone(), list.rewritten(&packed));
        releases.push(packed);
    }
    let data = rewritten_data(data.folder(), &rewritten)?;
    let operator = match &inputs.operator {
        Some(program) => {
            let image = operator_image(inputs, program, &data)?;
            Some(pack(&image, cache, progress).await?)
        }
        None => None,
    };
    let kyverno = match &inputs.kyverno {
        Some(program) => Some(pack(&kyverno_image(inputs, program)?, cache, progress).await?),
        None => None,
    };
    let manifests = pack(&manifests_image(inputs, data)?, cache, progress).await?;
    Ok(PlatformImages {
        releases,
        operator,
        kyverno,
        manifests,
    })
}

/// The list of one release's images in the operator's data.
struct ReleaseImages {
    /// The file, relative to the data.
    file: String,
    images: Vec<PinnedImage>,
}

impl ReleaseImages {
    fn read(data: &OperatorData, release: &FluxRelease) -> Result<Self, ImageError> {
        Ok(Self {
            file: OperatorData::file(&release.version, UPSTREAM),
            images: data.pinned(&release.version, UPSTREAM)?,
        })
    }

    fn images(
        &self,
        release: &FluxRelease,
        inputs: &PlatformImageInputs,
    ) -> Result<Vec<ProgramImage>, ImageError> {
        let wrong = |reason| ImageError::malformed(format!("the Flux release {}", release.tag()), reason);
        let mut images = Vec::new();
        for entry in &self.images {
            let Some(program) = release.programs.get(entry.component()) else {
                continue;
            };
            // Else one release's program would run under the other's name, and an upgrade prove nothing.
            if entry.new_tag.trim_start_matches('v') != program.version {
                let (name, tag, version) = (entry.component(), &entry.new_tag, &program.version);
                return Err(wrong(format!(
                    "it has {name} {tag}, but the program here is {version}"
                )));
            }
            let name = entry
                .name
                .parse::<ImageName>()?
                .at_registry(&inputs.registry)
                .with_tag(&entry.new_tag)?;
            images.push(controller_image(
                name,
                entry.component(),
                &program.path,
                inputs.certificates.as_deref(),
            ));
        }
        if images.is_empty() {
            let names = release.programs.keys();
            return Err(wrong(format!("none of its programs is among {names:?}")));
        }
        Ok(images)
    }

    /// The text of the file with the digests of `packed`. Entries without a program here keep their own.
    fn rewritten(&self, packed: &[PackedImage]) -> String {
        let mut text = "images:\n".to_owned();
        for entry in &self.images {
            let built = packed.iter().find(|image| {
                let repository = entry
                    .name
                    .split_once('/')
                    .map_or("", |(_, repository)| repository);
                image.name.repository() == repository
            });
            let digest = built.map_or_else(|| entry.digest.clone(), |image| image.digest.to_string());
            // Writing to a string can't fail.
            let _ = write!(
                text,
                "  - name: {}\n    newTag: {}\n    digest: {digest}\n",
                entry.name, entry.new_tag
            );
        }
        text
    }
}

impl FluxRelease {
    /// The release as Flux tags it.
    fn tag(&self) -> String {
        format!("v{}", self.version.trim_start_matches('v'))
    }
}

/// What every image has besides its program.
fn base(certificates: Option<&Path>) -> Vec<ImageFile> {
    let mut files = vec![
        ImageFile::directory("tmp", 0o1777),
        ImageFile::written("etc/os-release", OS_RELEASE),
        ImageFile::written(
            "etc/passwd",
            "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
        ),
        ImageFile::written("etc/group", "root:x:0:\nnogroup:x:65534:\nnonroot:x:65532:\n"),
    ];
    files
        .extend(certificates.map(|path| ImageFile::copied("etc/ssl/certs/ca-certificates.crt", path, 0o644)));
    files
}

fn labels(name: &ImageName) -> BTreeMap<String, String> {
    let title = name.repository().rsplit('/').next().unwrap_or_default();
    [
        ("org.opencontainers.image.title", title),
        ("org.opencontainers.image.version", name.tag().unwrap_or_default()),
        // A report must be able to tell that this is not the published image.
        ("test.plumbline.origin", "built-from-source"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn controller_image(
    name: ImageName,
    program: &str,
    source: &Path,
    certificates: Option<&Path>,
) -> ProgramImage {
    let path = format!("/usr/local/bin/{program}");
    let mut files = base(certificates);
    files.push(ImageFile::copied(&path, source, 0o755));
    ProgramImage {
        labels: labels(&name),
        name,
        files,
        above: None,
        entrypoint: vec![path],
        user: "65534:65534".to_owned(),
        environment: environment(&[]),
    }
}

/// The operator's data, with the digests that were built.
fn rewritten_data(data: &Path, rewritten: &BTreeMap<String, String>) -> Result<Vec<ImageFile>, ImageError> {
    let mut files = folder(data, "")?;
    for file in &mut files {
        if let Some(text) = rewritten.get(&file.path) {
            *file = ImageFile::written(file.path.clone(), text.as_bytes());
        }
    }
    Ok(files)
}

/// The artifact that upstream publishes the data as; what pulls it unpacks its first layer, whatever its type.
fn manifests_image(inputs: &PlatformImageInputs, data: Vec<ImageFile>) -> Result<ProgramImage, ImageError> {
    let name = format!(
        "{}/controlplaneio-fluxcd/{OPERATOR}-manifests:latest",
        inputs.registry
    );
    Ok(ProgramImage {
        name: name.parse()?,
        files: data,
        above: None,
        entrypoint: Vec::new(),
        user: String::new(),
        environment: BTreeMap::new(),
        labels: BTreeMap::new(),
    })
}

fn operator_image(
    inputs: &PlatformImageInputs,
    program: &Path,
    data: &[ImageFile],
) -> Result<ProgramImage, ImageError> {
    let tag = format!("v{}", inputs.operator_version.trim_start_matches('v'));
    let name = format!("{}/controlplaneio-fluxcd/{OPERATOR}:{tag}", inputs.registry).parse::<ImageName>()?;
    let mut files = base(inputs.certificates.as_deref());
    files.push(ImageFile::copied(OPERATOR, program, 0o755));
    files.extend(data.iter().cloned().map(|file| ImageFile {
        path: format!("data/{}", file.path),
        ..file
    }));
    Ok(ProgramImage {
        labels: labels(&name),
        name,
        files,
        above: None,
        entrypoint: vec![format!("/{OPERATOR}")],
        user: "65532:65532".to_owned(),
        // The official build has FIPS mode linked in, and the program refuses to start without it.
        environment: environment(&[("GODEBUG", "fips140=on")]),
    })
}

/// As the published one is made: its program lies where the tool that makes it puts programs.
fn kyverno_image(
    inputs: &PlatformImageInputs,
    program: &VersionedProgram,
) -> Result<ProgramImage, ImageError> {
    let name = format!("{}/kyverno/kyverno:v{}", inputs.registry, program.version).parse::<ImageName>()?;
    let path = "/ko-app/kyverno";
    let mut files = base(inputs.certificates.as_deref());
    files.push(ImageFile::copied(path, &program.path, 0o755));
    Ok(ProgramImage {
        labels: labels(&name),
        name,
        files,
        above: None,
        entrypoint: vec![path.to_owned()],
        user: "65532:65532".to_owned(),
        environment: environment(&[]),
    })
}

fn environment(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let path = (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    let certificates = ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    [path, certificates]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layout::Layout, manifest::Manifest};
    use std::fs;

    const LIST: &str = "images:\n  - name: ghcr.io/fluxcd/source-controller\n    newTag: v1.9.3\n    digest: sha256:aa\n  \
        - name: ghcr.io/fluxcd/source-watcher\n    newTag: v2.2.2\n    digest: sha256:bb\n";

    fn inputs(directory: &Path) -> PlatformImageInputs {
        let images = directory.join("assets/config/data/flux-images/v2.9.2");
        fs::create_dir_all(&images).unwrap();
        fs::write(images.join("upstream-alpine.yaml"), LIST).unwrap();
        fs::write(images.join("../VERSION"), "v0.59.0").unwrap();
        let program = |name: &str| {
            let path = directory.join(name);
            fs::write(&path, name).unwrap();
            path
        };
        let source = VersionedProgram {
            version: "1.9.3".into(),
            path: program("source-controller"),
        };
        PlatformImageInputs {
            releases: vec![FluxRelease {
                version: "2.9.2".into(),
                programs: [("source-controller".to_owned(), source)].into(),
            }],
            operator: Some(program(OPERATOR)),
            operator_assets: directory.join("assets"),
            operator_version: "0.59.0".into(),
            kyverno: Some(VersionedProgram {
                version: "1.18.2".into(),
                path: program("kyverno"),
            }),
            registry: "ghcr.io".into(),
            certificates: None,
        }
    }

    fn layer_files(image: &PackedImage) -> BTreeMap<String, String> {
        let layout = Layout::at(&image.layout);
        let index = layout.manifest(&image.digest).unwrap();
        let child = index.children.unwrap().remove(0).digest().unwrap();
        let manifest: Manifest = layout.manifest(&child).unwrap();
        let layer = fs::File::open(layout.blob(&manifest.layers[0].digest().unwrap())).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(layer));
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, std::io::read_to_string(&mut entry).unwrap())
        });
        entries.collect()
    }

    #[tokio::test]
    async fn the_operator_carries_the_digests_that_were_built() {
        let directory = tempfile::tempdir().unwrap();
        let mut inputs = inputs(directory.path());
        let older = directory.path().join("assets/config/data/flux-images/v2.9.0");
        fs::create_dir_all(&older).unwrap();
        fs::write(
            older.join("upstream-alpine.yaml"),
            LIST.replace("v1.9.3", "v1.9.1"),
        )
        .unwrap();
        let mut release = inputs.releases[0].clone();
        release.version = "v2.9.0".into();
        release.programs.get_mut("source-controller").unwrap().version = "1.9.1".into();
        inputs.releases.push(release);
        let made = images(&inputs, directory.path(), &Progress::silent())
            .await
            .unwrap();
        let (operator, releases) = (made.operator.unwrap(), made.releases);
        assert_eq!(
            releases
                .iter()
                .flatten()
                .chain([&operator])
                .map(|image| image.name.to_string())
                .collect::<Vec<_>>(),
            [
                "ghcr.io/fluxcd/source-controller:v1.9.3",
                "ghcr.io/fluxcd/source-controller:v1.9.1",
                "ghcr.io/controlplaneio-fluxcd/flux-operator:v0.59.0"
            ]
        );
        let files = layer_files(&operator);
        let list = |index: usize| LIST.replace("sha256:aa", &releases[index][0].digest.to_string());
        assert_eq!(
            files[&format!("data/flux-images/v2.9.2/{UPSTREAM}.yaml")],
            list(0)
        );
        assert_eq!(
            files[&format!("data/flux-images/v2.9.0/{UPSTREAM}.yaml")],
            list(1).replace("v1.9.3", "v1.9.1")
        );
        assert_eq!(files["data/flux-images/VERSION"], "v0.59.0");
        assert_eq!(files["flux-operator"], "flux-operator");
        let kyverno = made.kyverno.unwrap();
        assert_eq!(kyverno.name.to_string(), "ghcr.io/kyverno/kyverno:v1.18.2");
        assert_eq!(layer_files(&kyverno)["ko-app/kyverno"], "kyverno");
    }

    #[tokio::test]
    async fn an_unknown_release_is_an_error_that_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let mut inputs = inputs(directory.path());
        inputs.releases[0].version = "2.99.0".into();
        let error = images(&inputs, directory.path(), &Progress::silent())
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("flux-images/v2.99.0/upstream-alpine.yaml"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_program_of_another_version_is_not_passed_off_as_the_release_s() {
        let directory = tempfile::tempdir().unwrap();
        let mut inputs = inputs(directory.path());
        let programs = &mut inputs.releases[0].programs;
        programs.get_mut("source-controller").unwrap().version = "1.9.1".into();
        let error = images(&inputs, directory.path(), &Progress::silent())
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("it has source-controller v1.9.3, but the program here is 1.9.1"),
            "{error}"
        );
    }
}
