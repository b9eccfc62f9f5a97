//! Scanning images for known vulnerabilities: trivy's command line, its report, and what follows from both.
//!
//! Nothing is started here. Whoever starts trivy takes the arguments of each pass from [`passes`] (or from a pipeline of
//! the user), asks for a report by [`reported`], and hands the ends of all passes to [`Scanned::judge`]. trivy ends with
//! the same exit code when it finds something and when it could not even begin; only the report tells the two apart,
//! so a scan without a readable report is never "fine".

mod command;
mod database;
mod report;
mod verdict;

pub use command::{ScanMode, passes, reported, with_database};
pub use database::VulnerabilityDatabase;
pub use report::{Finding, Report, ReportError, Severity};
pub use verdict::{PassEnd, Scanned, Verdict};
