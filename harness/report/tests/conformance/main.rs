//! The conformance report of runs as they were recorded, from outside.

mod recorded;
mod report;
mod schema;
mod tampering;
mod verdict;
