//! The registry as its clients see it: raw HTTP requests against a running one.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that failed")]

#[path = "../support/both.rs"]
mod both;
mod content;
mod interference;
mod listings;
mod logins;
#[path = "../support/stand.rs"]
mod stand;
mod storage;
mod world;
