//! A cluster that was there before, and that others live on: a context of a kubeconfig, named on purpose, through which nothing is
//! written, or, on request, nothing outside of namespaces that the run itself has made.
//!
//! [`Kubeconfigs`] are read and a [`Context`] is chosen by its name, never the current one; [`Context::connect`] gives a handle whose
//! client refuses everything that is not a look, nor inside [`OwnNamespaces`]; [`rights`] asks what this user may do.

mod credential;
mod error;
mod guard;
mod kubeconfig;
mod namespaces;
mod rights;

pub use credential::{Credential, CredentialPlugin};
pub use error::ExistingError;
pub use guard::{Beyond, WouldWrite, is_look};
pub use kubeconfig::{Context, Kubeconfigs};
pub use namespaces::{OwnNamespaces, Owner, PREFIX, RUN};
pub use rights::{Access, Right, ask, whoami};
