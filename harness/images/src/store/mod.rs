//! What a node does with images: resolve a reference, and extract a root file system.

mod extract;
mod resolve;
mod rootfs;
mod unpack;
#[cfg(test)]
mod unpack_tests;

pub use extract::ImageStore;
pub use resolve::{ImageConfig, Resolved};
