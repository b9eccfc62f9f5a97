//! One table of several environments: what each found of each requirement.
//!
//! The same scenarios run on simulated pods, on real nodes and, looking only, on a live platform, and there with one version of
//! Kubernetes and Flux or another. Each column is the [`Summary`] of one run; what its own reports say of a requirement, the table says
//! too.

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
    /// Two runs of one environment, with the same versions as far as both tell.
    #[error(
        "{log} and {first} are both runs on {environment}: the table has one run of each environment with the same versions; the shards of one run are reported by `plumbline report`"
    )]
    Twice {
        /// Which.
        log: String,
        /// The log of the same environment.
        first: String,
        /// The environment.
        environment: String,
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
    /// What each column is called.
    names: Vec<String>,
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
            let is_same =
                |other: &Summary| other.provider == run.provider && versions(other) == versions(&run);
            if let Some((first, _)) = taken.iter().find(|(_, other)| is_same(other)) {
                return Err(NotATable::Twice {
                    log,
                    first: first.clone(),
                    environment: run.provider,
                });
            }
            taken.push((log, run));
        }
        let runs: Vec<Summary> = taken.into_iter().map(|(_, run)| run).collect();
        let names = runs.iter().map(|run| name(run, &runs)).collect();
        Ok(Self { runs, names })
    }
}

/// The environment of a run, with the versions if another run is of the same one.
fn name(run: &Summary, runs: &[Summary]) -> String {
    let of_provider = runs.iter().filter(|other| other.provider == run.provider);
    if of_provider.count() < 2 {
        return run.provider.clone();
    }
    let (kubernetes, flux) = versions(run);
    let [kubernetes, flux] = [kubernetes, flux].map(|version| version.map_or("not told", String::as_str));
    format!("{}, Kubernetes {kubernetes}, Flux {flux}", run.provider)
}

/// Of Kubernetes and of Flux, as far as they were seen.
fn versions(run: &Summary) -> (Option<&String>, Option<&String>) {
    let subject = run.subject.as_ref();
    let told = |version: &&String| !version.is_empty();
    (
        subject.map(|subject| &subject.kubernetes.version).filter(told),
        subject
            .and_then(|subject| Some(&subject.flux.as_ref()?.version))
            .filter(told),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use plumbline_model::{KubernetesIdentity, Subject};

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
        c.ndjson and a.ndjson are both runs on kind: the table has one run of each environment with the same versions; the shards of one run are reported by `plumbline report`
        b.ndjson is shard 2/4 of a run, and the table is of whole runs: report its shards together by `plumbline report`, and name a run without --shard here
        "
        );
    }

    #[test]
    fn columns_stand_as_the_runs_were_given() {
        let runs = ["kind", "embedded"].map(|provider| (format!("{provider}.ndjson"), run(provider)));
        let environments = Environments::new(runs.into()).unwrap();
        assert_eq!(environments.names, ["kind", "embedded"]);
    }

    #[test]
    fn runs_of_one_environment_are_told_apart_by_their_versions() {
        let mut newer = run("kind");
        newer.subject = Some(Subject {
            kubernetes: KubernetesIdentity {
                version: "v1.36.3".into(),
                ..KubernetesIdentity::default()
            },
            ..Subject::default()
        });
        let runs = [("a", run("kind")), ("b", newer), ("c", run("embedded"))];
        let runs = runs.map(|(log, run)| (log.to_owned(), run));
        assert_eq!(
            Environments::new(runs.into()).unwrap().names,
            [
                "kind, Kubernetes not told, Flux not told",
                "kind, Kubernetes v1.36.3, Flux not told",
                "embedded"
            ]
        );
    }
}
