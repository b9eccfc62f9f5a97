//! Deterministic images out of programs and folders.
//!
//! The same inputs give the same bytes on every machine: entries are sorted, owned by root and without time, and
//! the gzip header names neither. An image is an index with one linux/amd64 child, as the official ones are, with
//! one layer. It is kept as an OCI layout in a cache under the digest of its inputs, so that a second run neither
//! archives nor compresses.

mod artifact;
mod cached;
mod files;
mod layer;
mod program;

pub use artifact::{Artifact, find_artifact, pack_artifact};
pub use cached::PackedImage;
pub use files::{FileSource, ImageFile, folder};
pub use program::{ProgramImage, fixture_image, pack, pack_all};
