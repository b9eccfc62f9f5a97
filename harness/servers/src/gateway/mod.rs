//! The way from containers to the servers of the run, with nothing that listens beyond loopback: a unix socket.
//!
//! A container in the cluster's network bears the platform's names, and passes every connection on to this socket,
//! which is mounted into it. What a connection is for it says itself: by the server name of its TLS greeting, or by the
//! `Host` of its first request. Known names are served at their loopback addresses; anything else is closed. Each try
//! is logged, as by the [`ServiceProxy`](crate::ServiceProxy).

mod greeting;
mod server;

pub use server::{Gateway, GatewayOptions};
