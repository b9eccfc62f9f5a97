//! Content and names on disk, with an index in memory.
//!
//! ```text
//! blobs/sha256/<hex>                            content, as in an image layout
//! uploads/<id>                                  content on its way in
//! repositories/<name>/_blobs/<digest>           this repository has that blob (empty file)
//! repositories/<name>/_manifests/<digest>       media type, line feed, manifest
//! repositories/<name>/_tags/<tag>               the digest it names
//! ```
//! No component of a repository name starts with an underscore, so names never clash. Files appear by rename; nothing
//! is synced, because a lost registry is filled again.

use super::{content::Stored, manifests::ManifestRecord, names::Digest, routes::Reference};
use crate::ServerError;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The registry's directory and what is in it.
pub(super) struct Storage {
    root: PathBuf,
    index: Mutex<Index>,
}

type Index = BTreeMap<String, RepositoryIndex>;

#[derive(Default)]
struct RepositoryIndex {
    blobs: BTreeSet<Digest>,
    manifests: BTreeMap<Digest, ManifestRecord>,
    tags: BTreeMap<String, Digest>,
}

impl Storage {
    /// Opens `root`, which is created if it is not there; interrupted uploads in it are forgotten.
    pub(super) fn open(root: &Path) -> Result<Self, ServerError> {
        let uploads = root.join("uploads");
        match fs::remove_dir_all(&uploads) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ServerError::Storage {
                    action: "empty",
                    path: uploads,
                    source: error,
                });
            }
            _ => {}
        }
        for directory in ["uploads", "blobs/sha256", "blobs/sha512", "repositories"] {
            let directory = root.join(directory);
            fs::create_dir_all(&directory).map_err(ServerError::storage("create", directory))?;
        }
        let mut index = Index::new();
        let repositories = root.join("repositories");
        load(&repositories, "", &mut index).map_err(ServerError::storage("read", repositories))?;
        Ok(Self {
            root: root.to_owned(),
            index: Mutex::new(index),
        })
    }

    /// Where the content of `digest` is, or would be.
    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.blob_path())
    }

    /// A path for content on its way in, on the same file system as its end.
    pub(super) fn upload_path(&self, id: &str) -> PathBuf {
        self.root.join("uploads").join(id)
    }

    pub(super) fn has_blob(&self, repository: &str, digest: &Digest) -> bool {
        self.index()
            .get(repository)
            .is_some_and(|index| index.blobs.contains(digest))
    }

    /// Moves the file at `upload`, whose digest was checked, to its place and gives it to `repository`.
    pub(super) fn adopt_blob(&self, repository: &str, digest: &Digest, upload: &Path) -> io::Result<()> {
        let mut index = self.index();
        fs::rename(upload, self.blob_path(digest))?;
        self.give(&mut index, repository, digest)
    }

    /// Gives `repository` a blob that `from`, or any repository, has; false if there is none.
    pub(super) fn mount_blob(
        &self,
        repository: &str,
        digest: &Digest,
        from: Option<&str>,
    ) -> io::Result<bool> {
        let mut index = self.index();
        let has = match from {
            Some(from) => index.get(from).is_some_and(|index| index.blobs.contains(digest)),
            None => index.values().any(|index| index.blobs.contains(digest)),
        };
        if has {
            self.give(&mut index, repository, digest)?;
        }
        Ok(has)
    }

    fn give(&self, index: &mut Index, repository: &str, digest: &Digest) -> io::Result<()> {
        let marker = self.place(repository, "_blobs", &digest.file_name());
        create_parent(&marker)?;
        fs::write(marker, b"")?;
        index
            .entry(repository.to_owned())
            .or_default()
            .blobs
            .insert(digest.clone());
        Ok(())
    }

    /// Takes a blob from `repository`; its content goes with the last repository that has it.
    pub(super) fn remove_blob(&self, repository: &str, digest: &Digest) -> io::Result<bool> {
        let mut index = self.index();
        let Some(entry) = index.get_mut(repository) else {
            return Ok(false);
        };
        if !entry.blobs.remove(digest) {
            return Ok(false);
        }
        remove(&self.place(repository, "_blobs", &digest.file_name()))?;
        if !index.values().any(|index| index.blobs.contains(digest)) {
            remove(&self.blob_path(digest))?;
        }
        Ok(true)
    }

    /// Stores a manifest with its tags. `required` is what must already be in the repository; the first that is
    /// missing is returned, and nothing is stored.
    pub(super) fn put_manifest(
        &self,
        repository: &str,
        digest: &Digest,
        record: ManifestRecord,
        body: &[u8],
        tags: &[String],
        required: &[String],
    ) -> io::Result<Option<String>> {
        let mut index = self.index();
        let entry = index.get(repository);
        let is_here = |text: &String| {
            Digest::parse(text).is_some_and(|digest| {
                entry.is_some_and(|entry| {
                    entry.blobs.contains(&digest) || entry.manifests.contains_key(&digest)
                })
            })
        };
        if let Some(missing) = required.iter().find(|text| !is_here(text)) {
            return Ok(Some(missing.clone()));
        }
        self.write_manifest(repository, digest, &record, body)?;
        let name = digest.to_string();
        for tag in tags {
            self.write(&self.place(repository, "_tags", tag), &[name.as_bytes()])?;
        }
        let entry = index.entry(repository.to_owned()).or_default();
        entry.manifests.insert(digest.clone(), record);
        entry
            .tags
            .extend(tags.iter().map(|tag| (tag.clone(), digest.clone())));
        Ok(None)
    }

    /// The manifest that `reference` names: its digest, what is known about it, and its bytes.
    pub(super) fn manifest(
        &self,
        repository: &str,
        reference: &Reference,
    ) -> io::Result<Option<(Digest, ManifestRecord, Vec<u8>)>> {
        let index = self.index();
        let Some(entry) = index.get(repository) else {
            return Ok(None);
        };
        let digest = match reference {
            Reference::Digest(digest) => Some(digest),
            Reference::Tag(tag) => entry.tags.get(tag),
        };
        let Some((digest, record)) = digest.and_then(|digest| entry.manifests.get_key_value(digest)) else {
            return Ok(None);
        };
        let mut stored = fs::read(self.place(repository, "_manifests", &digest.file_name()))?;
        stored.drain(..=record.media_type.len().min(stored.len().saturating_sub(1)));
        Ok(Some((digest.clone(), record.clone(), stored)))
    }

    /// What `repository` has under a digest, if anything.
    pub(super) fn content(&self, repository: &str, digest: &str) -> io::Result<Option<Stored>> {
        let Some(digest) = Digest::parse(digest) else {
            return Ok(None);
        };
        let reference = Reference::Digest(digest.clone());
        if let Some((_, record, body)) = self.manifest(repository, &reference)? {
            return Ok(Some(Stored {
                media_type: Some(record.media_type),
                content: body.into(),
            }));
        }
        Ok(match self.has_blob(repository, &digest) {
            true => Some(Stored {
                media_type: None,
                content: fs::read(self.blob_path(&digest))?.into(),
            }),
            false => None,
        })
    }

    /// Removes a tag, or a manifest with every tag that names it; false if it is not there.
    pub(super) fn remove_manifest(&self, repository: &str, reference: &Reference) -> io::Result<bool> {
        let mut index = self.index();
        let Some(entry) = index.get_mut(repository) else {
            return Ok(false);
        };
        match reference {
            Reference::Tag(tag) => {
                if entry.tags.remove(tag).is_none() {
                    return Ok(false);
                }
                remove(&self.place(repository, "_tags", tag))?;
            }
            Reference::Digest(digest) => {
                if entry.manifests.remove(digest).is_none() {
                    return Ok(false);
                }
                let (gone, kept) = std::mem::take(&mut entry.tags)
                    .into_iter()
                    .partition(|(_, named)| named == digest);
                entry.tags = kept;
                let gone: BTreeMap<String, Digest> = gone;
                for tag in gone.keys() {
                    remove(&self.place(repository, "_tags", tag))?;
                }
                remove(&self.place(repository, "_manifests", &digest.file_name()))?;
            }
        }
        Ok(true)
    }

    /// The repository's tags, if there is such a repository.
    pub(super) fn tags(&self, repository: &str) -> Option<Vec<String>> {
        self.index()
            .get(repository)
            .map(|entry| entry.tags.keys().cloned().collect())
    }

    /// The names of all repositories.
    pub(super) fn repositories(&self) -> Vec<String> {
        self.index().keys().cloned().collect()
    }

    /// The manifests of `repository` whose subject is `digest`.
    pub(super) fn referrers(&self, repository: &str, digest: &Digest) -> Vec<(Digest, ManifestRecord)> {
        let subject = digest.to_string();
        let index = self.index();
        let manifests = index
            .get(repository)
            .into_iter()
            .flat_map(|entry| &entry.manifests);
        manifests
            .filter(|(_, record)| record.subject.as_ref() == Some(&subject))
            .map(|(digest, record)| (digest.clone(), record.clone()))
            .collect()
    }

    fn write_manifest(
        &self,
        repository: &str,
        digest: &Digest,
        record: &ManifestRecord,
        body: &[u8],
    ) -> io::Result<()> {
        let path = self.place(repository, "_manifests", &digest.file_name());
        self.write(&path, &[record.media_type.as_bytes(), b"\n", body])
    }

    fn write(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        create_parent(path)?;
        let temporary = self.upload_path(&format!("write-{:032x}", rand::random::<u128>()));
        let written = fs::write(&temporary, parts.concat()).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // The first error is the one worth reporting; the leftover goes when the directory is opened again.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn place(&self, repository: &str, kind: &str, name: &str) -> PathBuf {
        self.root
            .join("repositories")
            .join(repository)
            .join(kind)
            .join(name)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what is below `directory`, the repository called `name`, into `index`.
fn load(directory: &Path, name: &str, index: &mut Index) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(component) = entry.file_name().into_string() else {
            continue;
        };
        let path = entry.path();
        match component.as_str() {
            "_blobs" => {
                let blobs = names_in(&path)?
                    .into_iter()
                    .filter_map(|name| Digest::from_file_name(&name));
                index.entry(name.to_owned()).or_default().blobs.extend(blobs);
            }
            "_manifests" => {
                for file in names_in(&path)? {
                    let Some(digest) = Digest::from_file_name(&file) else {
                        continue;
                    };
                    if let Some(record) = ManifestRecord::from_file(&fs::read(path.join(file))?) {
                        index
                            .entry(name.to_owned())
                            .or_default()
                            .manifests
                            .insert(digest, record);
                    }
                }
            }
            "_tags" => {
                for tag in names_in(&path)? {
                    if let Some(digest) = Digest::parse(&fs::read_to_string(path.join(&tag))?) {
                        index.entry(name.to_owned()).or_default().tags.insert(tag, digest);
                    }
                }
            }
            _ if name.is_empty() => load(&path, &component, index)?,
            _ => load(&path, &format!("{name}/{component}"), index)?,
        }
    }
    Ok(())
}

fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries
        .into_iter()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect())
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Removes a file; one that is already gone is no error.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
