//! trivy's vulnerability database, made of advisories of one's own and packed as trivy looks for it in a registry.

use crate::{
    error::ImageError,
    name::{Digest, ImageName},
    pack::{Artifact, FileSource, ImageFile, PackedImage, find_artifact, folder, pack_artifact},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Changes whenever the same database is packed otherwise than before.
const FORMAT: &str = "plumbline vulnerability database 1";

/// The collections of advisories that are built in, as trivy's builder calls them.
const SOURCES: [&str; 3] = ["alpine", "debian", "nvd"];

/// The type by which trivy's authors publish the artifact, and that of its only layer, by which trivy knows it.
const ARTIFACT: &str = "application/vnd.aquasec.trivy.config.v1+json";
const LAYER: &str = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip";
const TITLE: &str = "db.tar.gz";

/// What the builder writes.
const DATABASE: &str = "trivy.db";
const METADATA: &str = "metadata.json";

/// When the database says that it was made, and when the next one is due: always and never, so that it neither depends
/// on the day on which it was built nor grows old.
const MADE: &str = "2026-01-01T00:00:00Z";
const DUE: &str = "2100-01-01T00:00:00Z";

/// A vulnerability database of the advisories in a folder, which is laid out as the builder of trivy's own wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VulnerabilityDatabase {
    advisories: PathBuf,
    /// The digest of everything that the content depends on. The builder writes the same content in another order each
    /// time, so only the cache makes its bytes stay the same.
    key: String,
}

impl VulnerabilityDatabase {
    /// The database that the builder of version `builder` makes of `advisories`. Nothing is built yet.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn new(advisories: &Path, builder: &str) -> Result<Self, ImageError> {
        let mut hasher = Sha256::new_with_prefix(FORMAT);
        hasher.update(json!([builder, SOURCES, MADE, DUE]).to_string());
        for file in folder(advisories, "")? {
            hasher.update(json!([file.path, hex::encode(file.content_digest()?)]).to_string());
        }
        Ok(Self {
            advisories: advisories.to_owned(),
            key: Digest::from_hasher(hasher).hexadecimal().to_owned(),
        })
    }

    /// The database as `name`, if it is in the cache.
    #[must_use]
    pub fn cached(&self, name: &ImageName, cache: &Path) -> Option<PackedImage> {
        find_artifact(name, &self.key, cache)
    }

    /// The arguments with which the builder makes the database in the folder `target`.
    #[must_use]
    pub fn builder_arguments(&self, target: &Path) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut arguments = vec![
            "build".to_owned(),
            "--cache-dir".to_owned(),
            text(&self.advisories),
            "--output-dir".to_owned(),
            text(target),
        ];
        for source in SOURCES {
            arguments.extend(["--only-update".to_owned(), source.to_owned()]);
        }
        arguments
    }

    /// Packs what the builder has made in `built`, into the cache.
    ///
    /// # Errors
    /// The builder has not made a database, or the cache cannot be written.
    pub async fn pack(
        &self,
        built: &Path,
        name: &ImageName,
        cache: &Path,
    ) -> Result<PackedImage, ImageError> {
        let metadata = built.join(METADATA);
        let text = fs::read(&metadata).map_err(ImageError::file("read", &metadata))?;
        let artifact = Artifact {
            name: name.clone(),
            artifact_type: ARTIFACT,
            layer_type: LAYER,
            title: TITLE,
            files: vec![
                ImageFile {
                    path: METADATA.to_owned(),
                    source: FileSource::Bytes(
                        timeless(&text).map_err(|error| ImageError::malformed(metadata.display(), error))?,
                    ),
                    mode: 0o644,
                },
                ImageFile::copied(DATABASE, built.join(DATABASE), 0o644),
            ],
        };
        pack_artifact(artifact, self.key.clone(), cache).await
    }
}

/// The database's description of itself without the time of day.
fn timeless(metadata: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut metadata: serde_json::Map<String, Value> = serde_json::from_slice(metadata)?;
    metadata.insert("UpdatedAt".to_owned(), MADE.into());
    metadata.insert("NextUpdate".to_owned(), DUE.into());
    serde_json::to_vec(&metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisories() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("one.json"), "{}").unwrap();
        folder
    }

    #[test]
    fn another_advisory_or_builder_makes_another_database() {
        let folder = advisories();
        let of = |builder| VulnerabilityDatabase::new(folder.path(), builder).unwrap().key;
        let before = of("1");
        assert_eq!(of("1"), before);
        assert_ne!(of("2"), before);
        fs::write(folder.path().join("one.json"), "[]").unwrap();
        assert_ne!(of("1"), before);
    }

    #[tokio::test]
    async fn what_was_packed_once_is_found_again_and_has_no_time_of_day() {
        let (folder, cache, built) = (
            advisories(),
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
        );
        let database = VulnerabilityDatabase::new(folder.path(), "1").unwrap();
        let name: ImageName = "ghcr.io/aquasecurity/trivy-db:2".parse().unwrap();
        assert_eq!(database.cached(&name, cache.path()), None);
        assert!(database.pack(built.path(), &name, cache.path()).await.is_err());

        fs::write(built.path().join(DATABASE), "bolt").unwrap();
        let metadata =
            r#"{"Version":2,"NextUpdate":"2026-11-22T18:20:00.68Z","UpdatedAt":"2026-11-21T18:20:00.68Z"}"#;
        fs::write(built.path().join(METADATA), metadata).unwrap();
        let packed = database.pack(built.path(), &name, cache.path()).await.unwrap();
        assert_eq!(database.cached(&name, cache.path()), Some(packed));
        let told: Value = serde_json::from_slice(&timeless(metadata.as_bytes()).unwrap()).unwrap();
        assert_eq!(told, json!({"Version": 2, "NextUpdate": DUE, "UpdatedAt": MADE}));
    }
}
