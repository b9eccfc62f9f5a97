//! The way from containers to the servers of the run, with nothing that listens beyond loopback: unix sockets.
//!
//! A container in the cluster's network passes on what comes to it, through sockets that are mounted into it, and whatever
//! the cluster sends outside comes to it: it is the name server and the default route of every node.
//!
//! * [`CONNECTIONS`]: connections to the container's own address, which the platform's names lead to. What one is for it says
//!   itself: by the server name of its TLS greeting, or by the `Host` of its first request. Known names are served at
//!   their loopback addresses; anything else is closed.
//! * [`QUESTIONS`] and [`LONG_QUESTIONS`]: what DNS asks over UDP and TCP. Every name outside gets an address of its own
//!   that nobody has, so that a try to reach it names it, whatever its protocol is.
//! * [`REPORTS`]: what the container itself has to say. Once `here ADDRESS`, and `try ADDRESS PORT` for each connection to
//!   an address that is not its own, which it has closed.
//!
//! Each try is logged, as by the [`ServiceProxy`](crate::ServiceProxy).

mod greeting;
mod questions;
mod report;
mod server;
mod sockets;
mod strangers;

pub use server::{ContainerDirectory, Gateway, GatewayOptions};

/// The socket for connections to the platform's names.
pub const CONNECTIONS: &str = "connections.sock";
/// The socket for questions by datagram: one for each connection.
pub const QUESTIONS: &str = "questions.sock";
/// The socket for questions by stream, each behind its length.
pub const LONG_QUESTIONS: &str = "long-questions.sock";
/// The socket for the container's own reports, a line each.
pub const REPORTS: &str = "reports.sock";
