//! The store of extracted images: content-addressed, shared between runs and processes.

use super::{
    resolve::{Resolved, resolve},
    unpack::{Budget, Compression, Unpacker},
};
use crate::{
    endpoint::Endpoints, error::ImageError, name::ImageName, patience::Patience, registry::Registry,
};
use bytes::{Buf, Bytes};
use futures::{FutureExt, StreamExt};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};

/// How long another process may take with the same image.
const LOCK_DEADLINE: Duration = Duration::from_secs(300);

/// How many chunks of a layer wait to be unpacked.
const QUEUE: usize = 16;

/// Resolves images in the registries of a run, and keeps their extracted root file systems.
///
/// The directory may be shared between runs and processes: what is in it is named by the digest of its content.
#[derive(Clone, Debug)]
pub struct ImageStore {
    directory: PathBuf,
    endpoints: Endpoints,
    budget: Budget,
}

impl ImageStore {
    /// A store in `directory`, which is made when it is needed.
    pub fn new(directory: impl Into<PathBuf>, endpoints: Endpoints) -> Self {
        Self {
            directory: directory.into(),
            endpoints,
            budget: Budget::DEFAULT,
        }
    }

    /// Asks the registry what `name` is at this moment. Transient failures are outlasted for some seconds only:
    /// a node asks again by itself.
    ///
    /// # Errors
    ///
    /// [`ImageError::NotFound`], [`ImageError::Unauthorized`], [`ImageError::Unreachable`],
    /// [`ImageError::DigestMismatch`] and [`ImageError::NoPlatform`] are what a node tells apart.
    pub async fn resolve(&self, name: &ImageName) -> Result<Resolved, ImageError> {
        resolve(name, &self.endpoints.registry(name)?).await
    }

    /// The root file system of an image; extracted now if it is not in the store yet.
    ///
    /// # Errors
    ///
    /// A layer can't be pulled, is not what its digest says, is too large, or has an entry that leads out of it.
    pub async fn extract(&self, image: &Resolved) -> Result<PathBuf, ImageError> {
        let directory = self.directory.join(image.manifest_digest.hexadecimal());
        let rootfs = directory.join("rootfs");
        if rootfs.is_dir() {
            return Ok(rootfs);
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(ImageError::file("create", &directory))?;
        let _lock = lock(&directory.join("lock"), &image.name).await?;
        if rootfs.is_dir() {
            return Ok(rootfs);
        }
        // Under the lock, anything that is there was left behind by an extraction that was killed.
        let partial = directory.join("partial");
        remove(&partial)?;
        fs::create_dir(&partial).map_err(ImageError::file("create", &partial))?;
        let result = self.unpack(image, &partial).await;
        if result.is_err() {
            remove(&partial)?;
        }
        result?;
        fs::rename(&partial, &rootfs).map_err(ImageError::file("write", &rootfs))?;
        Ok(rootfs)
    }

    async fn unpack(&self, image: &Resolved, target: &Path) -> Result<(), ImageError> {
        let registry = self.endpoints.registry(&image.name)?;
        let (sender, receiver) = mpsc::channel(1);
        let shown = image.name.to_string();
        let (target, budget, what) = (target.to_owned(), self.budget, shown.clone());
        let unpacking = tokio::task::spawn_blocking(move || unpack_layers(&what, &target, budget, receiver));
        let pulled = pull_layers(&registry, image, sender).await;
        let unpacked = unpacking.await.map_err(|error| ImageError::Worker {
            what: shown,
            source: Box::new(error),
        })?;
        // A failed pull also ends the unpacking; it is the cause, and the other error its consequence.
        pulled.and(unpacked)
    }
}

/// One layer on its way to the unpacking thread.
struct IncomingLayer {
    name: String,
    compression: Compression,
    chunks: mpsc::Receiver<io::Result<Bytes>>,
}

async fn pull_layers(
    registry: &Registry,
    image: &Resolved,
    layers: mpsc::Sender<IncomingLayer>,
) -> Result<(), ImageError> {
    for layer in &image.layers {
        let name = format!("the layer {} of {}", layer.digest, image.name);
        let compression = Compression::of(&layer.media_type).ok_or_else(|| {
            ImageError::malformed(
                &name,
                format!("its type `{}` can't be extracted here", layer.media_type),
            )
        })?;
        // Only the beginning is tried again: what has been unpacked can't be taken back.
        let mut content = Patience::SHORT
            .retry(|| async { registry.blob(image.name.repository(), layer).await }.boxed())
            .await?;
        let (sender, chunks) = mpsc::channel(QUEUE);
        if layers
            .send(IncomingLayer {
                name: name.clone(),
                compression,
                chunks,
            })
            .await
            .is_err()
        {
            // The unpacking has failed, and says why.
            return Ok(());
        }
        while let Some(chunk) = content.next().await {
            let (chunk, failure) = match chunk {
                Ok(chunk) => (Ok(chunk), None),
                // The end of the channel alone would look like the end of the layer.
                Err(error) => (Err(io::Error::other("the layer broke off")), Some(error)),
            };
            let unpacking = sender.send(chunk).await.is_ok();
            match failure {
                Some(error) => return Err(error),
                None if unpacking => {}
                None => return Ok(()),
            }
        }
    }
    Ok(())
}

fn unpack_layers(
    image: &str,
    target: &Path,
    budget: Budget,
    mut layers: mpsc::Receiver<IncomingLayer>,
) -> Result<(), ImageError> {
    let mut unpacker = Unpacker::new(image, target, budget)?;
    while let Some(layer) = layers.blocking_recv() {
        let content = Chunks {
            receiver: layer.chunks,
            current: Bytes::new(),
        };
        unpacker.layer(&layer.name, layer.compression, content)?;
    }
    unpacker.finish()
}

/// The chunks of a channel as something to read from.
struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// Waits until no other task and no other process works on the same image.
async fn lock(path: &Path, image: &ImageName) -> Result<File, ImageError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(ImageError::file("open", path))?;
    let what = format!("waiting for another extraction of {image}");
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    match timeout(LOCK_DEADLINE, waiting).await {
        Ok(Ok(locked)) => locked.map_err(ImageError::file("lock", path)),
        Ok(Err(error)) => Err(ImageError::Worker {
            what,
            source: Box::new(error),
        }),
        Err(_) => Err(ImageError::TimedOut {
            what,
            seconds: LOCK_DEADLINE.as_secs(),
        }),
    }
}

fn remove(directory: &Path) -> Result<(), ImageError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ImageError::file("remove", directory)(error))
        }
        _ => Ok(()),
    }
}
