//! Deterministic images out of programs and folders.
//!
//! The same inputs give the same bytes on every machine: entries are sorted, owned by root and without time, and
//! the gzip header names neither. An image is an index with one linux/amd64 child, as the official ones are, with
//! one layer, or two if it shares a program with others. It is kept as an OCI layout in a cache under the digest of its inputs, so that a second run neither
//! archives nor compresses.

mod artifact;
mod cached;
mod files;
mod layer;
mod program;
mod sample;

pub use artifact::{Artifact, find_artifact, pack_artifact};
pub use cached::PackedImage;
pub use files::{FileSource, ImageFile, folder};
pub use program::{ProgramImage, pack, pack_all};
pub use sample::{SampleProgram, sample_image};
