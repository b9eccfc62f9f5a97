//! The program from outside: what it prints and how it ends, without a cluster.

#[path = "../invocation.rs"]
mod invocation;

mod agreement;
mod conformance;
mod environments;
mod images;
mod listing;
mod machine;
mod nightly;
mod output;
mod plan;
mod readme;
mod recorded;
mod scanning;
mod scenario_files;
mod schemas;
mod services;
mod shards;
mod signing;
mod templates;
mod usage;
mod world;
