//! The image of kind's nodes, made where no image can be pulled: of Debian packages and the programs of the toolchain.
//!
//! A [`Recipe`] knows what the images are called and everything that they are made of, as one digest; that digest is a
//! label of the images, so that [`Recipe::is_built`] is one question to the engine. [`build`] makes them: a minimal Debian,
//! unpacked by debootstrap, becomes a container in which the scripts of `clusters/node/` do the rest, and the container
//! becomes the image. Beside the node's there is the image of a registry, of Debian's package.

mod bootstrap;
mod build;
mod container;
mod error;
mod follow;
mod recipe;
mod sweep;
mod workplace;

pub use build::{BuildOptions, Mirrors, build};
pub use error::NodeImageError;
pub use recipe::Recipe;
pub use sweep::sweep;
