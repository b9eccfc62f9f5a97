//! Pods of any cluster, as far as the harness has to do with them: what they are called, and what they log.

mod logs;
mod names;

pub use logs::PodLogs;
pub use names::workload_name;
