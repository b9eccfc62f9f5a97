//! One registry as a client sees it: the requests that are needed, with retries and sorted errors.
//!
//! Content is handled as bytes and never trusted: manifests are bounded, and what has a digest is checked against it. Credentials are sent only
//! where the registry asks for them, and never over a connection that is less safe than the registry's own.
//!
//! - [`Place`] says where a registry is and how it is reached;
//! - `connection` sends requests and gets the tokens for them (`authorization`, `challenge`);
//! - `answer` understands refusals;
//! - `manifests`, `blobs`, `uploads` and `referrers` are the requests themselves.

mod answer;
mod authorization;
mod blobs;
mod challenge;
mod connection;
mod manifests;
mod place;
mod referrers;
mod uploads;

pub(crate) use answer::Answer;
pub(crate) use connection::Registry;
pub(crate) use place::Place;
pub(crate) use referrers::Referrers;
