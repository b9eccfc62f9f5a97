//! One table of several environments: what each found of each requirement.
//!
//! The same scenarios run on simulated pods, on real nodes and, looking only, on a live platform. Each column is the [`Summary`] of
//! one run; what its own reports say of a requirement, the table says too.

mod column;
mod notes;
mod table;

pub use table::render_table;

use crate::Summary;
use plumbline_model::Shard;

/// Logs that make no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATable {
    /// There is no run.
    #[error("there is no run to put into the table: name the log of one run of each environment")]
    Nothing,
    /// Two runs of one environment.
    #[error(
        "{log} and {first} are both runs on {provider}: the table has one run of each environment; the shards of one run are reported by `plumbline report`"
    )]
    Twice {
        /// Which.
        log: String,
        /// The log of the same environment.
        first: String,
        /// The environment.
        provider: String,
    },
    /// A part of a run: what the other parts prove would stand there as not run.
    #[error(
        "{log} is shard {shard} of a run, and the table is of whole runs: report its shards together by `plumbline report`, and name a run without --shard here"
    )]
    Part {
        /// Which.
        log: String,
        /// Its shard.
        shard: Shard,
    },
}

/// One run of each environment, in the order of the table's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Environments {
    runs: Vec<Summary>,
}

impl Environments {
    /// Puts runs side by side; each comes with the name of its log, for errors.
    ///
    /// # Errors
    /// Names the first log that has no column of its own, and why.
    pub fn new(runs: Vec<(String, Summary)>) -> Result<Self, NotATable> {
        if runs.is_empty() {
            return Err(NotATable::Nothing);
        }
        let mut taken: Vec<(String, Summary)> = Vec::new();
        for (log, run) in runs {
            if let Some(shard) = run.options.shard {
                return Err(NotATable::Part { log, shard });
            }
            if let Some((first, _)) = taken.iter().find(|(_, other)| other.provider == run.provider) {
                return Err(NotATable::Twice {
                    log,
                    first: first.clone(),
                    provider: run.provider,
                });
            }
            taken.push((log, run));
        }
        let runs = taken.into_iter().map(|(_, run)| run).collect();
        Ok(Self { runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(provider: &str) -> Summary {
        let mut run = Summary::default();
        run.provider = provider.to_owned();
        run
    }

    fn refused(runs: Vec<(&str, Summary)>) -> String {
        let runs = runs.into_iter().map(|(log, run)| (log.to_owned(), run));
        Environments::new(runs.collect()).unwrap_err().to_string()
    }

    #[test]
    fn a_run_without_a_column_of_its_own_is_refused_by_its_log() {
        let mut part = run("kind");
        part.options.shard = Some("2/4".parse().unwrap());
        insta::assert_snapshot!(
            [
                refused(vec![]),
                refused(vec![("a.ndjson", run("kind")), ("b.ndjson", run("embedded")), ("c.ndjson", run("kind"))]),
                refused(vec![("a.ndjson", run("embedded")), ("b.ndjson", part)]),
            ]
            .join("\n"),
            @r"
        there is no run to put into the table: name the log of one run of each environment
        c.ndjson and a.ndjson are both runs on kind: the table has one run of each environment; the shards of one run are reported by `plumbline report`
        b.ndjson is shard 2/4 of a run, and the table is of whole runs: report its shards together by `plumbline report`, and name a run without --shard here
        "
        );
    }

    #[test]
    fn columns_stand_as_the_runs_were_given() {
        let runs = ["kind", "embedded"].map(|provider| (format!("{provider}.ndjson"), run(provider)));
        let environments = Environments::new(runs.into()).unwrap();
        let providers: Vec<_> = environments.runs.iter().map(|run| &run.provider).collect();
        assert_eq!(providers, ["kind", "embedded"]);
    }
}
