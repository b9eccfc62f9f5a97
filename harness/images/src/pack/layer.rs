//! One layer: a tar archive, compressed and hashed as it is written.

use super::files::{FileSource, ImageFile};
use crate::{error::ImageError, name::Digest};
use flate2::{Compression, GzBuilder, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
};
use tar::{EntryType, Header};

/// A layer that has been written.
#[derive(Debug)]
pub(super) struct Layer {
    /// Of the compressed archive.
    pub digest: Digest,
    /// Of the archive itself.
    pub diff_id: Digest,
    pub size: u64,
}

/// Writes the layer with `files` to the file `target`.
pub(super) fn write(files: &BTreeMap<String, &ImageFile>, target: &Path) -> Result<Layer, ImageError> {
    let failed = |error| ImageError::file("write", target)(error);
    let file = File::create(target).map_err(failed)?;
    // The gzip header carries neither time nor system. The lowest level halves the time, for a tenth of the size.
    let compressed = Hashing::new(BufWriter::with_capacity(1 << 18, file));
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(compressed, Compression::fast());
    let mut archive = tar::Builder::new(Hashing::new(gzip));

    let mut directories = BTreeSet::new();
    for (path, file) in files {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if !files.contains_key(parent) && directories.insert(parent.to_owned()) {
                append(&mut archive, parent, EntryType::Directory, 0o755, 0, io::empty()).map_err(failed)?;
            }
        }
        match &file.source {
            FileSource::Directory => {
                append(
                    &mut archive,
                    path,
                    EntryType::Directory,
                    file.mode,
                    0,
                    io::empty(),
                )
                .map_err(failed)?;
            }
            FileSource::Bytes(bytes) => {
                append(
                    &mut archive,
                    path,
                    EntryType::Regular,
                    file.mode,
                    bytes.len() as u64,
                    bytes.as_slice(),
                )
                .map_err(failed)?;
            }
            FileSource::File(source) => {
                let content = File::open(source).map_err(ImageError::file("read", source))?;
                let size = content
                    .metadata()
                    .map_err(ImageError::file("read", source))?
                    .len();
                // Exactly the announced size, or the archive would be broken by a file that changes meanwhile.
                let exact = Exactly {
                    content,
                    remaining: size,
                };
                append(&mut archive, path, EntryType::Regular, file.mode, size, exact)
                    .map_err(ImageError::file("pack", source))?;
            }
        }
    }
    let gzip: Hashing<GzEncoder<_>> = archive.into_inner().map_err(failed)?;
    let (gzip, diff_id, _) = gzip.finish();
    let (mut file, digest, size) = gzip.finish().map_err(failed)?.finish();
    file.flush().map_err(failed)?;
    Ok(Layer {
        digest,
        diff_id,
        size,
    })
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &str,
    kind: EntryType,
    mode: u32,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let slash = if kind == EntryType::Directory { "/" } else { "" };
    archive.append_data(&mut header, format!("{path}{slash}"), content)
}

/// Reads the announced number of bytes, no fewer and no more.
struct Exactly {
    content: File,
    remaining: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.remaining == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let count = (&mut self.content).take(self.remaining).read(buffer)?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter meanwhile",
            ));
        }
        self.remaining -= count as u64;
        Ok(count)
    }
}

/// Hashes and counts what passes.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    size: u64,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            size: 0,
        }
    }

    fn finish(self) -> (W, Digest, u64) {
        (self.inner, Digest::from_hasher(self.hasher), self.size)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
