//! The Git server: smart HTTP by the real `git http-backend`, and what plumbline itself does to the repositories.
//!
//! Every commit of plumbline has a fixed author and date, so that its id is the same on every machine. Each needs one
//! process, `git fast-import`; the keeper starts it.

mod backend;
mod history;
mod import;
mod paths;
mod program;
mod repository;
mod server;

pub use import::{Changes, TreeEntry};
pub use repository::{Repository, Revision};
pub use server::{GitServer, GitServerOptions};
