//! A cluster that was there before, and that others live on: a context of a kubeconfig, named on purpose, through which nothing is
//! written.
//!
//! [`Kubeconfigs`] are read and a [`Context`] is chosen by its name, never the current one; [`Context::connect`] gives a handle whose
//! client refuses everything that is not a look; [`rights`] asks what this user may see.

mod credential;
mod error;
mod guard;
mod kubeconfig;
mod rights;

pub use credential::{Credential, CredentialPlugin};
pub use error::ExistingError;
pub use guard::{WouldWrite, is_look};
pub use kubeconfig::{Context, Kubeconfigs};
pub use rights::{Access, Right, ask, whoami};
