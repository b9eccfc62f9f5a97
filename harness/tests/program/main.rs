//! The program from outside: what it prints and how it ends, without a cluster.

#[path = "../invocation.rs"]
mod invocation;

mod agreement;
mod conformance;
mod machine;
mod output;
mod readme;
mod recorded;
mod scenario_files;
mod usage;
mod world;
